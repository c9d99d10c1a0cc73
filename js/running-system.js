'use strict';

/**
 * A system at work: the native handle, what its parts have on the JavaScript side, and the calls under way. The classes that
 * people use have one while they run; it emits their events.
 */

const args = require('./arguments.js');
const { AgentwiseError, messageOf, call, callAsync } = require('./errors.js');
const { CacheView, MAINTENANCE_MS } = require('./cache-view.js');
const { emitWaiting, heardNames, heed, hears, weakly } = require('./native-emitter.js');
const { emit } = require('./emit.js');
const { derivedFrom, emitDerived, withSources } = require('./derived-events.js');
const { settledWithin } = require('./jobs.js');
const { MemoryView } = require('./memory-view.js');
const { MonitorView } = require('./monitor-view.js');
const { OptimizeCalls } = require('./optimize-calls.js');
const { GivenOptimizer } = require('./given-optimizer.js');
const { hold } = require('./system-parts.js');
const { SystemConfiguration } = require('./system-configuration.js');
const { SystemReports } = require('./system-reports.js');
const { SystemTokens } = require('./system-tokens.js');
const { revive } = require('./revive.js');

class RunningSystem {
  #owner;
  #native;
  #plugIns;
  #given;
  #cache;
  #isMonitored = false;
  #around;
  #upkeep;
  #calls = new OptimizeCalls({
    native: () => this.#native,
    isBookedLater: () => this.tokens.isBookedLater || this.#given !== null,
    // What the caller's token optimizer makes of a filtered context, or a result that refers to the context that all agents share,
    // where there is one and it saves something.
    others: (...given) => (this.#given ? this.#given.result(...given) : this.tokens.sharedResult(...given)),
    forget: (agentId) => {
      if (this.#native) this.tokens.resetAgent(agentId);
    },
    hears: (event) => hears(this.#owner, event),
    emit: (event, data) => emit(this.#owner, event, data),
  });

  /**
   * @param {import('node:events').EventEmitter} owner whose events these are
   * @param {object} native what `openSystem` gave
   * @param plugIns functions of the user for the cache, or `null`
   * @param tokenOptimizer of the caller's, or `undefined`
   * @param {typeof import('./surroundings.js').PROCESS} around
   */
  constructor(owner, native, plugIns, tokenOptimizer, around) {
    this.#around = around;
    this.#owner = owner;
    this.#native = native;
    this.#plugIns = plugIns;
    const emitWaitingEvents = () => this.emitWaiting();
    const warn = (message) => emit(owner, 'warning', { path: 'sharedContext', message });
    this.#cache = new CacheView(
      native.cache,
      {
        isStopped: false,
        isReference: false,
        isHeard: true,
        flights: new Map(),
        refreshing: new Set(),
        plugIns,
        emitWaiting: emitWaitingEvents,
        failed: (error) => {
          throw error;
        },
      },
      { key: 'query', value: 'response' },
    );
    plugIns?.begin(native.cache);
    this.configuration = new SystemConfiguration(native, weakly(this, RunningSystem.#reconfigured));
    this.tokens = new SystemTokens(native, warn);
    this.reports = new SystemReports(native, around);
    this.memory = new MemoryView(native.memory, emitWaitingEvents, around);
    this.monitor = new MonitorView(native.monitor, emitWaitingEvents, {}, around);
    this.#given = GivenOptimizer.of(tokenOptimizer, {
      native,
      cache: this.#cache,
      memory: this.memory,
      failed: (agentId, message) => {
        const error = Object.assign(new AgentwiseError('E_INTERNAL', message), { stage: 'tokenOptimizer' });
        emit(owner, 'optimizationError', { agentId, error });
      },
    });
    this.#setMonitored(native.hasMonitor());
  }

  static #keepUp(running) {
    // Shut down meanwhile: there is nothing to remove.
    if (running.#native) callAsync(running.#native.keepUp).catch(() => {});
  }

  static #reconfigured(running) {
    running.configurationChanged();
  }

  /** Work that begins with the system and that nobody waits for; `warmed` is called after it. */
  begin(warmed) {
    // As many entries as `cache.warmOnStart` says, and files of agents, which every filtering looks at again.
    const work = [callAsync(this.#native.cache.warmMostUsed), callAsync(this.#native.refreshAgents)];
    Promise.allSettled(work).then(warmed);
    this.listen();
    for (const warning of this.warnings()) emit(this.#owner, 'warning', warning);
  }

  /** The core begins to look after memory and health. */
  watch() {
    this.memory.turn();
    this.#native.watch();
    this.configuration.watch();
    // On a clock that is driven, the core does it when it falls due.
    if (!this.#around.isDriven) {
      this.#upkeep = setInterval(weakly(this, RunningSystem.#keepUp), MAINTENANCE_MS);
      this.#upkeep.unref();
    }
  }

  /** The core has something to say. */
  wake() {
    heed(this.#owner);
    this.emitWaiting(); // First: the core may wake again from here on.
    this.memory.turn();
    this.monitor.turn();
    this.emitWaiting();
  }

  /** Emits what the native side has queued. Called by every method, so that events come before its promise resolves. */
  emitWaiting() {
    const derive = (name, data) => emitDerived(this.#owner, name, data, () => this.reports.getOptimizationStats());
    emitWaiting(this.#owner, this.#native, derive, derivedFrom);
  }

  listen() {
    this.#native?.listen(withSources(heardNames(this.#owner)));
  }

  get native() {
    return this.#native;
  }

  get isMonitored() {
    return this.#isMonitored;
  }

  get hasMemory() {
    return this.#native.hasMemory();
  }

  #setMonitored(isMonitored) {
    if (isMonitored && !this.#isMonitored) this.monitor.renewed();
    this.#isMonitored = isMonitored;
    hold(this.#owner, isMonitored);
  }

  async optimizeAgentContext(agentId, context, options) {
    try {
      return await this.#calls.run(agentId, context, options);
    } finally {
      this.emitWaiting();
    }
  }

  resolveReference(reference) {
    return JSON.parse(call(this.#native.resolve, args.string('reference', reference)));
  }

  async cacheResponse(query, response, ttlSeconds, options) {
    await this.#inCache(() => this.#cache.set(query, response, ttlSeconds, options));
  }

  async getCachedResponse(query, agentId, options) {
    const whose =
      agentId === undefined || agentId === null ? options : { ...args.options('options', options), agentId };
    return this.#inCache(() => this.#cache.get(query, whose));
  }

  /** A failure inside the cache is a warning and a miss: callers must never fail for what only saves them time. */
  async #inCache(work) {
    try {
      return await work();
    } catch (error) {
      if (error?.code === 'E_INVALID_ARGUMENT') throw error;
      emit(this.#owner, 'warning', { path: 'cache', message: messageOf(error) });
      return null;
    }
  }

  /** Loads as many of the most used entries into memory as `cache.warmOnStart` says. */
  async warmUp() {
    const loaded = await callAsync(this.#native.cache.warmMostUsed);
    await callAsync(this.#native.refreshAgents);
    this.emitWaiting();
    return loaded;
  }

  warnings() {
    return JSON.parse(this.#native.warnings());
  }

  status() {
    return {
      ...JSON.parse(call(this.#native.status, ...this.#around.heap()), revive),
      sharedContext: this.tokens.stats(),
      warnings: this.warnings(),
    };
  }

  health() {
    return JSON.parse(call(this.#native.health, ...this.#around.heap()), revive);
  }

  async writeReport(options) {
    const path = await this.reports.generateReport(options);
    this.emitWaiting();
    return path;
  }

  /** Parts may be on or off now that were not before. */
  configurationChanged() {
    this.#setMonitored(this.#native?.hasMonitor() === true);
    if (this.#native && !this.hasMemory) this.memory.released();
    this.emitWaiting();
  }

  async maintain() {
    const expiredEntries = await callAsync(this.#native.maintain);
    if (!this.hasMemory) return { expiredEntries, garbageCollected: this.#around.collectGarbage() };
    return { expiredEntries, ...(await this.memory.performMaintenance()) };
  }

  /**
   * Ends everything in order: accepted work, plug-ins, the shared context, then the native parts. What is not done by the
   * deadline goes on by itself.
   *
   * @param {number} deadlineMs for all of it
   * @param {{ withReport?: boolean }} [options] whether the final report is written, if the configuration wants one
   * @returns {Promise<string[]>} names of what was not done
   */
  async stop(deadlineMs, { withReport = true } = {}) {
    const started = performance.now();
    const left = () => Math.max(0, deadlineMs - (performance.now() - started));
    const stragglers = [];
    this.configuration.stop();
    clearInterval(this.#upkeep);
    try {
      if (!(await settledWithin(this.#calls.pending, left()))) {
        stragglers.push(...this.#calls.agents.map((id) => `optimizeAgentContext of ${id}`));
        // They are before the end in the queue of Node's pool.
        this.#calls.abandon();
      }
      this.#given?.release();
      const steps = { plugins: () => this.#plugIns?.stop(), sharedContext: () => this.tokens.disconnect() };
      for (const [name, step] of Object.entries(steps)) {
        // What fails is over as well.
        if (!(await settledWithin([attempt(step).catch(() => {})], left()))) stragglers.push(name);
      }
      this.monitor.flush();
      const { late } = JSON.parse(
        await callAsync(this.#native.shutDown, ...this.#around.heap(), Math.ceil(left()), withReport),
      );
      stragglers.push(...late);
      this.memory.stopped();
      this.monitor.stopped();
      this.emitWaiting();
    } finally {
      this.#release();
      this.#calls.over();
    }
    return stragglers;
  }

  /** Lets go of the native side. */
  #release() {
    this.#setMonitored(false);
    this.#native.close();
    this.#native = null;
  }
}

/** A promise also of what throws at once. */
async function attempt(work) {
  await work();
}

module.exports = { RunningSystem };
