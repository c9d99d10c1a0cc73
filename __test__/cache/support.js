'use strict';

/** What the specs of the cache share: managers that are stopped, each file in directories of its own. */

const path = require('node:path');
const { AdvancedCacheManager } = require('../../index.js');
const { ROOT, useOwnDirectory } = require('../support.js');
const { node } = require('../processes.js');

/** Every test has an empty working directory and `open(config)`, whose managers are stopped after it. */
function useCaches() {
  const directory = useOwnDirectory();
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.stop()));
  });
  const open = (config = {}) => {
    const cache = new AdvancedCacheManager({ cacheDir: directory.path('cache'), ...config });
    opened.push(cache);
    return cache;
  };
  return { open, path: directory.path };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until `isDone` says so. A cache does some of its work in the background; Jest ends what never happens. */
async function until(isDone) {
  while (!(await isDone())) await sleep(2);
}

/**
 * Runs `attempt(seconds, isWithin)` with longer and longer lives, until the machine was quick enough for one: an attempt says
 * so with `isWithin()`, which holds when what was stored during it with such a life has it still. It checks nothing otherwise.
 */
async function untilQuick(attempt) {
  for (const seconds of [0.3, 2, 8]) {
    const began = performance.now();
    if (await attempt(seconds, () => performance.now() - began < seconds * 1000 - 2)) return;
  }
  throw new Error('the machine stood still for seconds each time');
}

/** Whether a key has no value any more. */
const gone = (cache, key, options) => until(async () => (await cache.get(key, options)) === null);

/** What comes by the names given: `[name, event]` in order. */
function heardBy(emitter, ...names) {
  const heard = [];
  for (const name of names) emitter.on(name, (event) => heard.push([name, event]));
  return heard;
}

/** Everything an asynchronous iterator gives. */
async function allOf(iterator) {
  const found = [];
  for await (const item of iterator) found.push(item);
  return found;
}

/** Text that zstd cannot make small: as if random, and the same for the same seed. */
function noise(bytes, seed = 1) {
  let state = seed;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += String.fromCharCode(33 + ((state >>> 16) % 90));
  }
  return text;
}

/** Leaves the only copy of a value on disk (L2). */
async function toDisk(cache) {
  await cache.flush();
  await cache.clear('L1');
}

/** Moves what L2 has no room for any more, which is nearly all, into the archive (L3) only. */
async function toArchive(cache) {
  await cache.flush();
  await cache.updateConfig({ l2MaxSizeMB: 0.001 });
  // In bytes: `sizeMB` has two decimals, and is 0 for what a test stores.
  await until(() => cache.getStats().l2.storedBytes <= 0.001 * 2 ** 20);
  await cache.clear('L1');
}

const CJS = JSON.stringify(path.join(ROOT, 'index.js'));

/** Runs a program that has `AdvancedCacheManager` and `directory`; gives how it ended and what it printed. */
function runCache(source, directory, options = {}) {
  const program = `
    const { AdvancedCacheManager } = require(${CJS});
    const directory = ${JSON.stringify(directory)};
    ${source}`;
  return node(['-e', program], { cwd: directory, ...options });
}

module.exports = { useCaches, sleep, until, untilQuick, gone, heardBy, allOf, noise, toDisk, toArchive, runCache };
