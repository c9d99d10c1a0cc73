/**
 * What a system takes of memory, disk and processors, beside what its settings promise: `node benches/sizing.mjs`.
 *
 *   node benches/sizing.mjs                     measures, about a minute
 *   node benches/sizing.mjs --config <file>     computes the bounds of a configuration, and measures nothing
 *   node benches/sizing.mjs --json              the same as data
 *
 * Each case runs in a process of its own, in a temporary directory. The figures of docs/operations/sizing.md are from here.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MB = 2 ** 20;
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const { checkConfiguration, ProductionOptimizationSystem } = createRequire(import.meta.url)(PACKAGE);

/** Bounds that are no settings; where they stand in the sources. */
const FIXED = {
  'optimized contexts': 32, // src/orchestrator/pipeline/outcomes.rs
  'index of queries': 48 + (100_000 * 250) / MB, // src/similarity/index.rs: texts, and 250 bytes a query
  'what waits for the disk': 64, // src/cache/queue: written within moments unless the disk is slow
};
/** Vectors of an embedding, if there is one, for each model. */
const VECTORS = 128;

/** Most MB of each store of a system with these settings, by its name. */
function bounds(settings) {
  const of = (name) => settings[name].value;
  const memory = {
    'cache L1': of('cache.l1MaxSizeMB'),
    'context analyses': of('contextFilter.analysisCacheMB'),
    'context references': of('contextFilter.referenceStoreMB'),
    ...(of('tokens.encoding') === 'blocks'
      ? { 'shared texts': of('tokens.blockMemoryMB'), 'index of texts': of('tokens.blockIndexMB') }
      : {}),
    ...FIXED,
  };
  const disk = {
    'cache L2': of('cache.l2MaxSizeMB'),
    'cache L3': of('cache.l3MaxSizeMB'),
    ...(of('tokens.encoding') === 'blocks' ? { 'shared texts': of('tokens.blockStoreMB') } : {}),
  };
  return { memory, disk };
}

const sum = (rows) => Object.values(rows).reduce((total, value) => total + value, 0);
const rss = () => process.memoryUsage.rss() / MB;
const quiet = {
  environment: 'production',
  finalReport: false,
  liveSocket: false,
  watchConfig: false,
  monitoring: { console: false },
};
/** Text that nothing has seen before, as code has it: words in lines. */
const WORDS = Array.from({ length: 4096 }, () =>
  randomBytes(4)
    .toString('hex')
    .replace(/\d/g, (digit) => 'ghijklmnop'[digit]),
);
function text(bytes) {
  const chosen = new Uint16Array(randomBytes(2 * Math.ceil(bytes / 8)).buffer.slice(0, 2 * Math.ceil(bytes / 8)));
  return Array.from(chosen, (one, at) => WORDS[one & 4095] + (at % 9 === 8 ? ';\n' : ' '))
    .join('')
    .slice(0, bytes);
}

const CASES = {
  /** A system that has done next to nothing: the tables of tokens and words are there. */
  async idle() {
    const before = rss();
    const system = await ProductionOptimizationSystem.create({ ...quiet });
    await system.optimizeAgentContext('backend-specialist', { currentTask: 'nothing much', 'a.js': text(1000) });
    await system.cacheResponse('What is the first question?', 1);
    await system.getCachedResponse('Which is the first question?');
    const after = rss();
    await system.shutdown();
    return { node: before, system: after - before };
  },
  /** Every store in memory filled to its bound, with answers of 4 KB and contexts of 1 MB. */
  async full() {
    const system = await ProductionOptimizationSystem.create({
      ...quiet,
      cache: { l1MaxSize: 1_000_000, persistToDisk: false },
    });
    for (let at = 0; at < 20_000; at++) {
      await system.cacheResponse(`Question ${at} about ${text(40)}`, randomBytes(3000).toString('base64'));
    }
    for (let at = 0; at < 60; at++) {
      const files = Object.fromEntries(Array.from({ length: 50 }, (_, file) => [`src/${at}-${file}.js`, text(20_000)]));
      await system.optimizeAgentContext(
        `agent-${at % 20}`,
        { currentTask: 'Find what is slow', ...files },
        { maxTokens: 20_000 },
      );
    }
    globalThis.gc();
    const { native } = system.memoryManager.getMemoryStats();
    const parts = Object.fromEntries(Object.entries(native.parts).filter(([, held]) => held >= 1));
    const result = { rss: rss(), heap: process.memoryUsage().heapTotal / MB, held: native.accounted, parts };
    await system.shutdown();
    return result;
  },
  /** Disk tiers of 100 MB each, written until both have let go of entries. */
  async disk() {
    const cache = { l1MaxSize: 100, l2MaxSizeMB: 100, l3MaxSizeMB: 100, cacheDir: process.cwd() };
    const system = await ProductionOptimizationSystem.create({ ...quiet, cache });
    let most = 0;
    const size = () => Number(execFileSync('du', ['-sk', '.'], { encoding: 'utf8' }).split('\t')[0]) / 1024;
    for (let at = 0; at < 50_000; at++) {
      await system.cacheResponse(`Question ${at}`, { text: text(6000), at });
      if (at % 5000 === 0) most = Math.max(most, size());
    }
    await system.shutdown();
    return { limit: 200, most: Math.max(most, size()) };
  },
  /** Contexts of 1 MB of new text, one agent after the other and several at once. */
  async processors() {
    const system = await ProductionOptimizationSystem.create({ ...quiet, enableAdvancedCaching: false });
    const rows = {};
    for (const agents of [1, 2, 4]) {
      const contexts = Array.from({ length: 24 }, (_, at) => ({
        currentTask: 'Find what is slow',
        [`a-${agents}-${at}.js`]: text(MB),
      }));
      const [used, started] = [process.cpuUsage(), performance.now()];
      const lane = async (name) => {
        for (let context = contexts.pop(); context; context = contexts.pop())
          await system.optimizeAgentContext(name, context);
      };
      await Promise.all(Array.from({ length: agents }, (_, at) => lane(`agent-${at}`)));
      const seconds = (performance.now() - started) / 1000;
      const { user, system: kernel } = process.cpuUsage(used);
      rows[agents] = { mbPerSecond: 24 / seconds, processorMsPerMb: (user + kernel) / 1000 / 24 };
    }
    await system.shutdown();
    return rows;
  },
};

function measure(name) {
  const directory = mkdtempSync(join(tmpdir(), 'agentwise-sizing-'));
  try {
    const args = ['--expose-gc', fileURLToPath(import.meta.url), '--case', name];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const show = (value) =>
  typeof value === 'number'
    ? value.toFixed(1)
    : `{ ${Object.entries(value)
        .map(([name, one]) => `${name} ${show(one)}`)
        .join(', ')} }`;

async function main({ config, json }) {
  const given = config ? { configFile: config } : { cwd: tmpdir(), env: {} };
  const { problems, warnings, explanation } = checkConfiguration({ environment: 'production', ...given });
  problems.push(...warnings.filter(({ path }) => path === 'configFile'));
  if (problems.length > 0) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  const { memory, disk } = bounds(explanation.settings);
  const report = {
    bounds: { memory: { ...memory, together: sum(memory) }, disk: { ...disk, together: sum(disk) }, vectors: VECTORS },
  };
  if (!config) {
    report.machine = {
      processors: cpus().length,
      memory: totalmem() / MB,
      node: Number(process.versions.node.split('.')[0]),
    };
    for (const name of Object.keys(CASES)) report[name] = measure(name);
  }
  if (json) console.log(JSON.stringify(report, null, 2));
  else for (const [name, value] of Object.entries(report)) console.log(`${name}: ${show(value)}`);
}

const { values } = parseArgs({
  options: { config: { type: 'string' }, json: { type: 'boolean' }, case: { type: 'string' } },
});
if (values.case) console.log(JSON.stringify(await CASES[values.case]()));
else await main(values);
