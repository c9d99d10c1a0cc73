/** One process of the benchmark cache-disk: opens a filled cache, asks for one key, prints its times as JSON. */

const [cacheDir, wanted, config] = process.argv.slice(2);
const started = performance.now();
const { AdvancedCacheManager } = await import('../../index.mjs');
const imported = performance.now();
const cache = new AdvancedCacheManager({ cacheDir, ...JSON.parse(config) });
const constructed = performance.now();
const found = await cache.get(wanted);
const answered = performance.now();
await cache.stop();
if (found === null) throw new Error('a stored entry was not found');

console.log(
  JSON.stringify({
    importMs: imported - started,
    constructorMs: constructed - imported,
    totalMs: answered - imported,
  }),
);
