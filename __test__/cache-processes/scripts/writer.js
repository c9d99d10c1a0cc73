/**
 * Writes and reads keys that others write too, until it is killed. Tells each write before it begins and what was flushed
 * afterwards, a line of JSON each, so that nothing it did is unknown:
 * `{ set: key, counter, at }`, `{ flushed: counter, at }` (and all before), `{ read: key, at, seen }`, `{ failed: code }`.
 * Arguments: its name, directory, number of keys, seed.
 */

const fs = require('node:fs');
const { AdvancedCacheManager } = require('../../../index.js');
const { randomOf } = require('../random.js');
const { valueFor, seen, now } = require('./values.js');

const [name, cacheDir, keys, seed] = process.argv.slice(2);

/** Of the operations. */
const READS = 0.3;
const DURABLE = 0.05;

const tell = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);
const random = randomOf(Number(seed));
// Smaller than the keys are many: some reads come from the disk.
const cache = new AdvancedCacheManager({ cacheDir, l1MaxSize: 1 + random.below(2 * Number(keys)) });
let counter = 0;

/** Tells that all that was set when `work` began, or that it set first, is flushed. */
async function flushed(work) {
  try {
    const done = work();
    const until = counter;
    await done;
    tell({ flushed: until, at: now() });
  } catch (error) {
    tell({ failed: error.code ?? error.message });
  }
}

async function set(key, options) {
  counter++;
  const value = valueFor(key, name, counter, random.below(10) === 0 ? 30_000 : random.below(3000));
  tell({ set: key, counter, at: now() });
  await cache.set(key, value, 0, options);
}

async function step() {
  const key = `key-${random.below(Number(keys))}`;
  if (random.next() < READS) {
    const at = now();
    tell({ read: key, at, seen: seen(key, await cache.get(key)) });
  } else if (random.next() < DURABLE) {
    await flushed(() => set(key, { durable: true }));
  } else {
    await set(key);
  }
}

(async () => {
  for (;;) {
    for (let steps = random.below(16); steps > 0; steps--) await step();
    if (random.below(3) === 0) await flushed(() => cache.flush());
    await new Promise((resolve) => setTimeout(resolve, random.below(5)));
  }
})();
