/** Stores that many MB of values, all of them new, and reads some again; then says so and waits for a line to go on. */

const { AdvancedCacheManager } = require('../../../index.js');
const { randomOf } = require('../random.js');
const { seen, valueFor } = require('./values.js');

const [name, cacheDir, megabytes, configJson] = process.argv.slice(2);

const MB = 2 ** 20;
const random = randomOf(name.length);

(async () => {
  const cache = new AdvancedCacheManager({ cacheDir, l1MaxSizeMB: 2, ...JSON.parse(configJson) });
  let stored = 0;
  let wrong = 0;
  for (let count = 0; stored < Number(megabytes) * MB; count++) {
    // From 100 bytes to 100 KB, most of them small.
    const bytes = Math.floor(100 * 1000 ** random.next());
    const key = `${name}-${count}`;
    await cache.set(key, valueFor(key, name, count, bytes), 0, random.below(20) === 0 ? { tags: ['tag'] } : undefined);
    stored += bytes;
    if (count % 10 === 0) {
      const again = `${name}-${random.below(count + 1)}`;
      if (seen(again, await cache.get(again)) === 'wrong') wrong++;
    }
    if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const failed = await cache.flush().catch(({ code }) => code);
  console.log(JSON.stringify({ stored, wrong, failed, stats: cache.getStats() }));
  process.stdin.once('data', async () => {
    await cache.stop();
    process.exit();
  });
})();
