/** All of it together: who works, what goes wrong, and the look at it every second. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Agent } from './agents.mjs';
import { CacheTraffic, ofManager, ofSystem } from './cache-traffic.mjs';
import { context } from './contexts.mjs';
import { FAULTS, hangingServer, smallDisk } from './faults.mjs';
import { bytesBelow, Figures } from './figures.mjs';
import { Ledger } from './ledger.mjs';
import { changeFile, changeSettings } from './settings.mjs';
import { median, SHORT, trends } from './trend.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const AGENTS = [
  'frontend-specialist',
  'backend-specialist',
  'database-specialist',
  'devops-specialist',
  'testing-specialist',
  'security-specialist',
  'mobile-specialist',
  'writer',
  'reviewer',
  '日本語 🤖',
];

/** Bounds small enough that everything is full long before the end. */
const SMALL = {
  environment: 'development',
  finalReport: false,
  enableProductionMonitoring: true,
  memory: { maxMemoryUsage: 1_000_000 },
  cache: { l1MaxSize: 500, l1MaxSizeMB: 4, l2MaxSizeMB: 16, l3MaxSizeMB: 16, ttlSeconds: 120 },
  contextFilter: { analysisCacheMB: 2, referenceStoreMB: 2 },
  tokens: { blockStoreMB: 8, blockMemoryMB: 2, blockIndexMB: 2 },
  monitoring: { console: false, metricsInterval: 2000, healthCheckInterval: 1000, enableWebhookAlerts: true },
};
/** Nothing is left out: what the other end has is the context itself. */
const WHOLE = { ...SMALL, enableContextFiltering: false };

export class Soak {
  #pkg;
  #opened;
  #directory;
  #die;
  #ledger = new Ledger();
  #hasFaults;
  #seed;
  #isOver = false;
  /** Settles when traffic may go on: it stops for a look that has to be exact. */
  #pause = null;

  constructor({ pkg, opened, directory, die, hasFaults, seed }) {
    this.#pkg = pkg;
    this.#opened = opened;
    this.#directory = directory;
    this.#die = die;
    this.#hasFaults = hasFaults;
    this.#seed = seed;
  }

  #path(name) {
    const path = join(this.#directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  #listenForFailures() {
    process.on('unhandledRejection', (error) => {
      this.#ledger.violated('no rejection is unhandled', String(error?.stack ?? error));
    });
    process.on('uncaughtException', (error) => {
      if (error?.message === 'soak: a listener throws') this.#ledger.count('listeners that threw');
      else this.#ledger.violated('no exception is uncaught', String(error?.stack ?? error));
    });
    process.on('warning', (warning) => this.#ledger.violated('Node.js warns of nothing', String(warning)));
  }

  async run(seconds) {
    const [ledger, die] = [this.#ledger, this.#die];
    const started = performance.now();
    this.#listenForFailures();
    const server = await hangingServer();
    process.env.ALERT_WEBHOOK_URL = server.url;
    const mount = join(this.#directory, 'small');
    const disk = this.#hasFaults ? smallDisk(mount, 24) : null;
    if (this.#hasFaults && !disk) process.stderr.write('soak: no small file system can be made, no disk gets full\n');

    // Of modules that read it again.
    const hasFile = typeof this.#pkg.ProductionOptimizationSystem.prototype.reloadConfiguration === 'function';
    const configFile = hasFile ? join(this.#directory, 'settings.json') : undefined;
    if (configFile) writeFileSync(configFile, '{}');
    const create = (config, name) =>
      this.#pkg.ProductionOptimizationSystem.create({
        ...config,
        projectId: name,
        cache: { ...config.cache, cacheDir: this.#path(name) },
      });
    const systems = [await create({ ...SMALL, configFile }, 'filtering'), await create(WHOLE, 'whole')];
    const handles = [...this.#opened];
    const manager = (name, config) =>
      new this.#pkg.AdvancedCacheManager({ ...SMALL.cache, cacheDir: this.#path(name), ...config });
    const caches = { damaged: manager('damaged'), removed: manager('removed', { ttlSeconds: 864_000 }) };
    if (disk) caches.small = manager('small', { cacheDir: join(mount, 'cache'), l2MaxSizeMB: 64 });

    this.#count(systems, caches);
    const shared = { ledger, agents: AGENTS };
    const traffic = [
      ...systems.map((system, at) => new CacheTraffic(`system ${at}`, ofSystem(system), { ...shared, die })),
      ...Object.entries(caches).map(
        ([name, cache]) => new CacheTraffic(name, ofManager(cache), { ...shared, die, isLasting: name === 'removed' }),
      ),
    ];
    const agents = AGENTS.map((id, at) => {
      const isWhole = at % 2 === 1;
      return new Agent(id, systems[at % 2], { die, ledger, pkg: this.#pkg, isWhole });
    });
    const place = {
      systems,
      handles: () => handles,
      damaged: { directory: join(this.#directory, 'damaged') },
      removed: { directory: join(this.#directory, 'removed') },
      small: disk ? { mount } : null,
      die,
      ledger,
    };

    const work = [
      ...agents.map((agent) =>
        this.#loop(
          'an agent',
          () => agent.turn(),
          () => 20 + die.below(180),
        ),
      ),
      ...traffic.map((each) =>
        this.#loop(
          'cache traffic',
          () => each.turn(),
          () => 1 + die.below(6),
        ),
      ),
      this.#loop(
        'settings',
        () => this.#settings(systems),
        () => 500 + die.below(2000),
      ),
      this.#loop(
        'readers',
        () => this.#read(systems, caches),
        () => 50 + die.below(200),
      ),
      this.#loop(
        'short lives',
        () => this.#shortLife(create),
        () => 2000 + die.below(3000),
      ),
      this.#loop(
        'threads',
        () => this.#thread(),
        () => 5000 + die.below(5000),
      ),
    ];
    if (configFile) {
      const turn = () => changeFile(systems[0], configFile, { die, ledger });
      work.push(this.#loop('the file', turn, () => 3000 + die.below(5000)));
    }
    if (this.#hasFaults)
      work.push(
        this.#loop(
          'faults',
          () => this.#fault(place),
          () => 200 + die.below(1500),
        ),
      );

    const samples = await this.#watch(seconds, started, traffic);
    this.#isOver = true;
    await Promise.all(work);
    await this.#atTheEnd(systems, caches, traffic);
    server.close();
    disk?.remove();
    return this.#result(samples, started);
  }

  /** Counts what tells that faults arrive where they should. */
  #count(systems, caches) {
    const ledger = this.#ledger;
    for (const system of systems) {
      system.on('optimizationError', () => ledger.count('stages that failed'));
      system.on('pressureChanged', ({ step }) => ledger.count(`pressure: ${step}`));
      system.on('warning', ({ path }) => ledger.count(`warnings of ${path}`));
    }
    for (const [name, each] of [...Object.entries(systems), ...Object.entries(caches)]) {
      each.on('degraded', ({ reason }) => ledger.count(`degraded: ${name}, ${reason}`));
      each.on('recovered', ({ reason }) => ledger.count(`recovered: ${name}, ${reason}`));
    }
  }

  /** Does `turn` again and again until the soak is over. What it throws did not have to happen. */
  async #loop(name, turn, pauseMs) {
    while (!this.#isOver) {
      if (this.#pause) await this.#pause;
      try {
        await turn();
      } catch (error) {
        this.#ledger.violated(`${name}: nothing fails`, String(error?.stack ?? error));
      }
      await sleep(pauseMs());
    }
  }

  async #settings(systems) {
    const at = this.#die.below(systems.length);
    await changeSettings(systems[at], { die: this.#die, ledger: this.#ledger, isWhole: at === 1 });
  }

  async #fault(place) {
    const name = this.#die.pick(Object.keys(FAULTS));
    const made = await FAULTS[name](place);
    if (made !== false) this.#ledger.count(`fault: ${name}`);
  }

  /** What dashboards and health checks ask for; it has to make sense at any time. */
  async #read(systems, caches) {
    const ledger = this.#ledger;
    for (const system of systems) {
      const { overallScore, uptime } = system.getStatus();
      ledger.check(
        'a score is 0 to 100',
        overallScore >= 0 && overallScore <= 100 && uptime >= 0,
        String(overallScore),
      );
      const health = system.getHealthStatus();
      ledger.check('health is 0 to 100', health.score >= 0 && health.score <= 100, String(health.score));
      system.getOptimizationReport();
      system.isProductionReady();
      this.#readMonitor(system.productionMonitor);
      system.memoryManager?.getMemoryStats();
    }
    for (const cache of Object.values(caches)) cache.getHealthScore();
    ledger.count('status read');
  }

  #readMonitor(monitor) {
    try {
      monitor?.getCurrentMetrics();
      monitor?.getRecentAlerts();
      if (this.#die.chance(0.05)) monitor?.getMetricsHistory(1);
    } catch (error) {
      // It is switched off on another thread.
      if (!error?.message.includes('monitoring is off')) throw error;
      this.#ledger.count('monitors that were switched off meanwhile');
    }
  }

  /** A system that is made, used and shut down, sometimes while it works. */
  async #shortLife(create) {
    const system = await create({ ...WHOLE, monitoring: { ...WHOLE.monitoring, enableWebhookAlerts: false } }, 'short');
    const handle = this.#opened.pop();
    if (!handle) throw new Error('no handle');
    const given = context(this.#die);
    const calls = [1, 2, 3].map((at) => system.optimizeAgentContext(`agent ${at}`, given));
    if (this.#die.chance(0.5)) await Promise.all(calls);
    await system.cacheResponse('question', { at: Date.now() });
    await Promise.all([system.shutdown(), ...calls]);
    this.#ledger.count('systems made and shut down');
  }

  /** A thread with systems of its own, which ends by itself or is ended. */
  async #thread() {
    const config = { ...WHOLE, cache: { ...WHOLE.cache, cacheDir: this.#path('thread') } };
    const workerData = { config, seed: this.#seed + this.#die.below(1e6), rounds: 1 + this.#die.below(3) };
    const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData });
    const ended = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    if (this.#die.chance(0.4)) setTimeout(() => worker.terminate(), this.#die.below(1500));
    await ended;
    this.#ledger.count('threads');
  }

  async #watch(seconds, started, traffic) {
    const figures = new Figures(this.#directory);
    const samples = [];
    const isTerminal = process.stderr.isTTY;
    for (let second = 0; ; second++) {
      const elapsed = (performance.now() - started) / 1000;
      if (elapsed >= seconds) break;
      await this.#quiet(traffic);
      const sample = { seconds: elapsed, ...(await figures.take()) };
      samples.push(sample);
      if (isTerminal || second % 30 === 0) {
        const { rssMb, heapMb, fds, threads } = sample;
        const line = `${Math.round(elapsed)} s of ${Math.round(seconds)}: RSS ${Math.round(rssMb)} MB, heap ${Math.round(heapMb)} MB, ${fds} descriptors, ${threads} threads, ${Object.keys(this.#ledger.violations()).length} violated`;
        process.stderr.write(isTerminal ? `\r${line} ` : `${line}\n`);
      }
      await sleep(1000);
    }
    if (isTerminal) process.stderr.write('\n');
    figures.stop();
    return samples;
  }

  /** Stops the traffic of the caches until none is under way, compares the figures, and lets it go on. */
  async #quiet(traffic) {
    let goOn;
    this.#pause = new Promise((resolve) => {
      goOn = resolve;
    });
    try {
      const until = performance.now() + 5000;
      while (traffic.some(({ inFlight }) => inFlight > 0) && performance.now() < until) await sleep(2);
      for (const each of traffic) if (!each.checkStats()) this.#ledger.count('not looked at: busy');
    } finally {
      this.#pause = null;
      goOn();
    }
  }

  /** With nothing under way: what statistics say is what a dump finds, and everything ends in time. */
  async #atTheEnd(systems, caches, traffic) {
    const ledger = this.#ledger;
    for (const each of traffic) each.checkStats();
    await Promise.all(
      Object.values(caches).map((cache) => cache.flush().catch(() => ledger.count('at the end not flushed'))),
    );
    // The figures of the disk are at most five seconds old.
    await sleep(5500);
    for (const [name, cache] of Object.entries(caches)) {
      const { corrupt, evicted, dropped, failures } = cache.getStats().disk;
      for (const [what, by] of Object.entries({ corrupt, evicted, dropped, failures }))
        ledger.count(`${name}: ${what}`, by);
    }
    await this.#compareWithFiles(caches.removed);
    const from = performance.now();
    await Promise.all(
      [...systems, ...Object.values(caches)].map((each) => (each.shutdown ? each.shutdown() : each.stop())),
    );
    ledger.check(
      'everything ends within its deadline',
      performance.now() - from < 30_000,
      `${performance.now() - from} ms`,
    );
  }

  /** Of a cache in which no life has ended and no row was damaged both have to be the same. */
  async #compareWithFiles(cache) {
    const ledger = this.#ledger;
    const { disk } = cache.getStats();
    if (disk.state !== 'ok') {
      ledger.violated('a disk that is there is used in the end', `${disk.state} ${disk.reason}`);
      return;
    }
    const { entries } = await cache.dump(join(this.#directory, 'dump'));
    const { l2, l3 } = cache.getStats();
    ledger.check('the entries of the statistics are those that a dump finds', l2.entries + l3.entries === entries, () =>
      JSON.stringify({ dumped: entries, l2: l2.entries, l3: l3.entries }),
    );
    const bytes = bytesBelow(join(this.#directory, 'removed'));
    const most = (l2.maxSizeMB + l3.maxSizeMB) * 2 ** 20;
    ledger.check(
      'the files hold what the statistics say, within their limit',
      bytes >= l2.storedBytes + l3.storedBytes && bytes <= most,
      () => JSON.stringify({ bytes, l2: l2.storedBytes, l3: l3.storedBytes, most }),
    );
  }

  #result(samples, started) {
    const found = trends(samples);
    const isJudged = samples.at(-1).seconds >= SHORT;
    for (const [figure, { grows, second, last, growth, bound }] of Object.entries(found)) {
      if (isJudged)
        this.#ledger.check(`${figure} does not grow`, !grows, `from ${second} to ${last}, ${growth} of ${bound}`);
    }
    const delays = samples.map(({ delayMs }) => delayMs).sort((one, other) => one - other);
    const violations = this.#ledger.violations();
    return {
      seconds: (performance.now() - started) / 1000,
      ok: Object.keys(violations).length === 0,
      violations,
      trends: found,
      isJudged,
      delay: { median: median(delays), p99: delays[Math.floor(delays.length * 0.99)], max: delays.at(-1) },
      counts: this.#ledger.counts(),
      samples,
    };
  }
}
