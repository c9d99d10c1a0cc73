/** One process of the benchmark cache-large-heap: fills a cache, calls it at a steady rate, prints lines of JSON. */

import { writeSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { key, recordText } from './cache-values.mjs';
import { random } from './random.mjs';
import { zipf } from './zipf.mjs';

const BYTES = 2048;
const TEXTS = 2048;
const CALLS_PER_SECOND = 5000;
/** After a pause the calls that are due are not made in one go, which would be a pause of its own. */
const CALLS_PER_TURN = 25;
const EXPONENT = 0.99;
const RESOLUTION_MS = 1;
const IDLE_MS = 2000;

const { kind, entries, seconds } = JSON.parse(process.argv[2]);

// At once, as the process may not live to the next turn.
const report = (fields) => writeSync(1, `${JSON.stringify(fields)}\n`);

const makers = {
  async ours() {
    const { AdvancedCacheManager } = await import('../../index.mjs');
    return new AdvancedCacheManager({ persistToDisk: false, l1MaxSize: 600_000, l1MaxSizeMB: 2000 });
  },
  async lru() {
    const { LRUCache } = await import('lru-cache');
    const cache = new LRUCache({ max: entries });
    return { get: async (name) => cache.get(name) ?? null, set: async (name, value) => void cache.set(name, value) };
  },
};

const texts = JSON.parse(JSON.stringify(Array.from({ length: TEXTS }, (_, index) => recordText(index, BYTES))));

/** A value of its own for each entry, as it comes from a response. */
const value = (index) => JSON.parse(texts[index % TEXTS]);

async function memory() {
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc();
    await sleep(20);
  }
  return process.memoryUsage();
}

async function fill(cache) {
  const before = await memory();
  const started = performance.now();
  for (let index = 0; index < entries; index++) {
    await cache.set(key(index), value(index));
    if (index % 1000 === 999) {
      report({ filled: index + 1 });
      await sleep(0);
    }
  }
  const took = (performance.now() - started) / 1e3;
  const after = await memory();
  report({
    entries,
    fillPerSecond: Math.round(entries / took),
    heapGrowthBytes: after.heapUsed - before.heapUsed,
    rssGrowthBytes: after.rss - before.rss,
  });
}

async function idle() {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  await sleep(IDLE_MS);
  delay.disable();
  report({ idleP99: delay.percentile(99) / 1e6 });
}

async function load(cache) {
  const next = random(9);
  const rank = zipf(entries, EXPONENT, next);
  // Popular keys lie all over the entries, not at their begin.
  const pick = () => (rank() * 7919) % entries;
  const collections = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collections.push(duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const started = performance.now();
  let calls = 0;
  let hits = 0;
  for (;;) {
    const now = performance.now();
    if (now - started >= seconds * 1e3) break;
    const due = Math.floor(((now - started) / 1e3) * CALLS_PER_SECOND) - calls;
    for (let i = 0; i < Math.min(due, CALLS_PER_TURN); i++) {
      const index = pick();
      if (calls % 2 === 0) hits += (await cache.get(key(index))) === null ? 0 : 1;
      else await cache.set(key(index), value(index + calls));
      calls++;
    }
    await sleep(1);
  }
  const took = (performance.now() - started) / 1e3;
  delay.disable();
  await sleep(10);
  observer.disconnect();
  report({
    callsPerSecond: Math.round(calls / took),
    hitRate: hits / Math.ceil(calls / 2),
    delayP50: delay.percentile(50) / 1e6,
    delayP99: delay.percentile(99) / 1e6,
    delayMax: delay.max / 1e6,
    longestGc: collections.length > 0 ? Math.max(...collections) : 0,
    collections: collections.length,
  });
}

const cache = await makers[kind]();
await fill(cache);
if (seconds > 0) {
  await idle();
  await load(cache);
}
await cache.stop?.();
