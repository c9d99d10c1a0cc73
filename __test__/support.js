/** What several specs share: working directories of their own, systems that are shut down, and independent references. */

const { createHash } = require('node:crypto');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { AgentContextFilter, ProductionOptimizationSystem } = require('../index.js');

const { SETTINGS_PREFIX } = require('../js/variables.js');
const { removeTree } = require('./remove.js');

const ROOT = path.join(__dirname, '..');

/** Everything that this package reads of the environment, but for what Node reads too. */
const VARIABLES = [
  'ALERT_WEBHOOK_SECRET',
  'ALERT_WEBHOOK_URL',
  'CACHE_DIR',
  'EMAIL_SERVICE_API',
  'EMAIL_SERVICE_TOKEN',
  'METRICS_TOKEN',
  'OPTIMIZATION_CONFIG',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_SERVICE_NAME',
  'PAGERDUTY_EVENTS_URL',
  'PAGERDUTY_ROUTING_KEY',
  'SHARED_CONTEXT_PORT',
  'SHARED_CONTEXT_TOKEN',
  'SLACK_WEBHOOK_URL',
];

/**
 * Settings under which nothing is left out: no importance threshold, no pressure of memory or of other programs, whose load is
 * seen after five seconds; no report at the end.
 */
const KEEP_ALL = {
  environment: 'development',
  finalReport: false,
  memory: { maxMemoryUsage: 1_000_000 },
  contextFilter: { contextImportanceThreshold: 0, memoryAwareFiltering: false, adaptiveReduction: false },
};

/** The same without a disk: what leaves memory is gone, and nobody else's cache is shared. */
const IN_MEMORY = { ...KEEP_ALL, cache: { persistToDisk: false } };

/** Every test of the file runs in an empty working directory of its own, without this package's environment variables. */
function useOwnDirectory() {
  const before = process.cwd();
  const variables = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  const used = [];
  let directory;
  beforeEach(() => {
    directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-test-')));
    process.chdir(directory);
    for (const name of Object.keys(process.env)) if (name.startsWith(SETTINGS_PREFIX)) delete process.env[name];
    for (const name of VARIABLES) delete process.env[name];
  });
  afterEach(() => {
    process.chdir(before);
    used.push(directory);
    for (const name of VARIABLES) {
      delete process.env[name];
      if (variables[name] !== undefined) process.env[name] = variables[name];
    }
  });
  // Not before all systems of the file are shut down: they write what they cached.
  afterAll(() => {
    for (const name of used) removeTree(name);
  });
  return { path: (...names) => path.join(directory, ...names) };
}

/** `open(config)` creates systems that are shut down after the test; `own` takes over others. */
function useSystems() {
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((system) => system.shutdown()));
  });
  const own = (system) => {
    opened.push(system);
    return system;
  };
  return { own, open: async (config = KEEP_ALL) => own(await ProductionOptimizationSystem.create(config)) };
}

/** The error that `action` throws or rejects with; fails when it does neither. */
async function failureOf(action) {
  let value;
  try {
    value = await (typeof action === 'function' ? action() : action);
  } catch (error) {
    return error;
  }
  throw new Error(`expected a failure, got ${typeof value}`);
}

/** JSON with keys in UTF-16 order on every level, written without the package. */
function canonicalJson(value) {
  const write = (part) => {
    if (Array.isArray(part)) return `[${part.map(write).join(',')}]`;
    if (part === null || typeof part !== 'object') return JSON.stringify(part);
    const entries = Object.keys(part).sort();
    return `{${entries.map((key) => `${JSON.stringify(key)}:${write(part[key])}`).join(',')}}`;
  };
  return write(JSON.parse(JSON.stringify(value)));
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** The context that a receiver has after a changed result. */
function applyChanges(base, { added, modified, removed }) {
  const next = {};
  const set = (key, value) =>
    Object.defineProperty(next, key, { value, enumerable: true, writable: true, configurable: true });
  for (const key of Object.keys(base)) if (!removed.includes(key)) set(key, base[key]);
  for (const part of [added, modified]) for (const key of Object.keys(part)) set(key, part[key]);
  return next;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const TEXTS = [
  '',
  'a',
  'currentTask',
  'React component',
  'é',
  '日本',
  '😀',
  '\u0000',
  '\u2028',
  '"\\',
  '\ud800',
  'x'.repeat(300),
];
const KEYS = [
  'a',
  'b',
  'index.ts',
  '',
  '__proto__',
  'constructor',
  '😀',
  '\uffff',
  '\ud800',
  '10',
  '9',
  'currentTask',
  'é',
];

/** A random JSON value with keys and texts that are easy to get wrong. */
function randomValue(random, depth = 3) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const kind = random();
  if (depth === 0 || kind < 0.5) {
    return pick([null, true, false, 0, -1.5, 1e21, 1e-7, 2 ** 53, pick(TEXTS), pick(TEXTS), pick(TEXTS)]);
  }
  const size = Math.floor(random() * 5);
  if (kind < 0.7) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  const object = {};
  for (let at = 0; at < size; at++) {
    const value = randomValue(random, depth - 1);
    Object.defineProperty(object, pick(KEYS), { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

/** Runs `source` with Node in `cwd` and gives what it printed as JSON. */
async function runNode(source, { cwd = ROOT, env = {}, module = false } = {}) {
  const args = [...(module ? ['--input-type=module'] : []), '-e', source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env: { ...process.env, ...env } });
  return JSON.parse(stdout);
}

/** The configuration that a system works by. */
async function effectiveConfiguration(system) {
  return JSON.parse(fs.readFileSync(await system.generateSystemReport(), 'utf8')).config;
}

let agents = 0;

/** Both ways a context goes in; each gives what is kept of a context that an agent shows for the first time. */
const contextWays = (open) => [
  [
    'filterContext',
    async () => {
      const filter = new AgentContextFilter({ contextImportanceThreshold: 0 });
      return async (context) => (await filter.filterContext('agent', context)).filtered;
    },
  ],
  [
    'optimizeAgentContext',
    async () => {
      const system = await open(KEEP_ALL);
      return (context) => system.optimizeAgentContext(`agent ${agents++}`, context);
    },
  ],
];

/** A class with a Date and a getter. */
class Point {
  constructor() {
    this.x = 1;
    this.y = new Date(0);
  }
  get sum() {
    return this.x;
  }
}

const nested = (levels) => {
  let value = 'the bottom';
  for (let level = 0; level < levels; level++) value = { deeper: value };
  return value;
};
const nestedArrays = (levels) => {
  let value = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
};

/** Every object reachable by own properties with all its descriptors, to see any change. */
function snapshot(value, seen = new Map()) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return seen;
  const entries = Reflect.ownKeys(value).map((key) => [key, Object.getOwnPropertyDescriptor(value, key)]);
  seen.set(value, { entries, prototype: Object.getPrototypeOf(value), extensible: Object.isExtensible(value) });
  for (const [, descriptor] of entries) snapshot(descriptor.value, seen);
  return seen;
}

function expectUntouched(before, after) {
  expect(after.size).toBe(before.size);
  for (const [object, { entries, prototype, extensible }] of before) {
    const now = after.get(object);
    expect(now).toBeDefined();
    expect(now.prototype).toBe(prototype);
    expect(now.extensible).toBe(extensible);
    expect(now.entries.length).toBe(entries.length);
    for (const [at, [key, descriptor]] of entries.entries()) {
      expect(now.entries[at][0]).toBe(key);
      for (const field of Object.keys(descriptor))
        expect(Object.is(now.entries[at][1][field], descriptor[field])).toBe(true);
    }
  }
}

function deepFreeze(value) {
  for (const object of snapshot(value).keys()) {
    if (!ArrayBuffer.isView(object)) Object.freeze(object);
  }
  return value;
}

/** A context, and the same after a turn: keys added, changed, gone and left as they were. */
const contextA = () => ({
  currentTask: 'Make the button of the login form responsive',
  projectStructure: { 'index.ts': 'entry', src: { 'app.tsx': 'export const App = () => <Login />;' } },
  recentChanges: [{ commit: 'c1', at: new Date(0) }],
  counter: 1,
});
const contextB = () => {
  const { recentChanges, ...rest } = contextA();
  return { ...rest, counter: 2, completedTasks: ['login'], projectStructure: { ...rest.projectStructure, 'b.ts': '' } };
};

module.exports = {
  contextA,
  contextB,
  ROOT,
  VARIABLES,
  KEEP_ALL,
  IN_MEMORY,
  useOwnDirectory,
  useSystems,
  failureOf,
  canonicalJson,
  sha256,
  applyChanges,
  seeded,
  randomValue,
  runNode,
  effectiveConfiguration,
  contextWays,
  Point,
  nested,
  nestedArrays,
  snapshot,
  expectUntouched,
  deepFreeze,
};
