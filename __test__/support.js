'use strict';

/** What several specs share: working directories of their own, systems that are shut down, and independent references. */

const { createHash } = require('node:crypto');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { ProductionOptimizationSystem } = require('../index.js');

const ROOT = path.join(__dirname, '..');
const VARIABLES = ['SLACK_WEBHOOK_URL', 'EMAIL_SERVICE_API', 'CACHE_DIR', 'OPTIMIZATION_CONFIG'];

/** Settings under which nothing is left out: no importance threshold, no memory pressure, no report at the end. */
const KEEP_ALL = {
  environment: 'development',
  finalReport: false,
  memory: { maxMemoryUsage: 1_000_000 },
  contextFilter: { contextImportanceThreshold: 0, memoryAwareFiltering: false },
};

/** Every test of the file runs in an empty working directory of its own, without this package's environment variables. */
function useOwnDirectory() {
  const before = process.cwd();
  const variables = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  let directory;
  beforeEach(() => {
    directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-test-')));
    process.chdir(directory);
    for (const name of VARIABLES) delete process.env[name];
  });
  afterEach(() => {
    process.chdir(before);
    fs.rmSync(directory, { recursive: true, force: true });
    for (const name of VARIABLES) {
      delete process.env[name];
      if (variables[name] !== undefined) process.env[name] = variables[name];
    }
  });
  return { path: (...names) => path.join(directory, ...names) };
}

/** `open(config)` creates systems that are shut down after the test, before its directory goes. */
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
  const set = (key, value) => Object.defineProperty(next, key, { value, enumerable: true, writable: true, configurable: true });
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

const TEXTS = ['', 'a', 'currentTask', 'React component', 'é', '日本', '😀', '\u0000', '\u2028', '"\\', '\ud800', 'x'.repeat(300)];
const KEYS = ['a', 'b', 'index.ts', '', '__proto__', 'constructor', '😀', '\uffff', '10', '9', 'currentTask', 'é'];

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

module.exports = {
  ROOT,
  KEEP_ALL,
  useOwnDirectory,
  useSystems,
  failureOf,
  canonicalJson,
  sha256,
  applyChanges,
  seeded,
  randomValue,
  runNode,
};
