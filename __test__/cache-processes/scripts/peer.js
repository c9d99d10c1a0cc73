/**
 * Has a cache open and does what it is asked, a line of JSON `{ id, method, args }` each; answers `{ id, value }` or
 * `{ id, error }`, and tells events. Ends when its input ends and nothing keeps it.
 */

const fs = require('node:fs');
const readline = require('node:readline');
const { AdvancedCacheManager } = require('../../../index.js');
const { seen, valueFor } = require('./values.js');

const { config, listen } = JSON.parse(process.argv[2]);

const print = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);
const cache = new AdvancedCacheManager(config);
for (const name of listen) cache.on(name, (data) => print({ event: [name, data] }));

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const TICK_MS = 100;

/** Until the function that is given is called, which tells the longest time, ms, for which this thread had no turn. */
function watched() {
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK_MS);
    last = now;
  };
  const timer = setInterval(look, TICK_MS);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}

/** What a computation does, by name. Each run leaves a line in `log`; one with a `gate` goes on when that file is there. */
async function compute(key, { log, ms = 0, gate, value, fails = false, options, times = 1 }) {
  const work = async () => {
    fs.appendFileSync(log, `${process.pid}\n`);
    print({ mark: 'computing' });
    await sleep(ms);
    while (gate && !fs.existsSync(gate)) await sleep(5);
    if (fails) throw new Error('of the computation');
    return value ?? { by: process.pid };
  };
  const ended = watched();
  const started = performance.now();
  const settled = await Promise.allSettled(Array.from({ length: times }, () => cache.getOrCompute(key, work, options)));
  return {
    ms: performance.now() - started,
    stood: ended(),
    values: settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)),
  };
}

const OWN = {
  compute,
  /** Sets many small entries at once. */
  setAll: (entries) => Promise.all(entries.map(([key, value]) => cache.set(key, value))),
  /** Sets a value of about so many bytes, which says whose it is, for each key at once. */
  fillAll: (keys, writer, counter, bytes) =>
    Promise.all(keys.map((key) => cache.set(key, valueFor(key, writer, counter, bytes)))),
  /** What the value of each key says, one after the other. */
  seenAll: async (keys) => {
    const all = [];
    for (const key of keys) all.push(seen(key, await cache.get(key)));
    return all;
  },
  keys: () => collected(cache.keys()),
  /** Writes without end, so that at nearly any time a transaction is under way. */
  hammer: () => void hammer(),
  exit: (code) => process.exit(code),
};

async function collected(iterator) {
  const all = [];
  for await (const one of iterator) all.push(one);
  return all;
}

async function hammer() {
  const value = 'x'.repeat(200_000);
  for (let round = 0; ; round++) await cache.set(`hammer-${round % 50}`, value);
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, method, args } = JSON.parse(line);
  try {
    const value = await (OWN[method] ? OWN[method](...args) : cache[method](...args));
    print({ id, value });
  } catch (error) {
    print({ id, error: { message: error.message, code: error.code } });
  }
});
