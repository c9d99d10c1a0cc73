/** Opens a cache directory as a process that knows nothing, and prints when it began and what each key has. */

const { AdvancedCacheManager } = require('../../../index.js');
const { seen, now } = require('./values.js');

const [cacheDir, keys] = process.argv.slice(2);

(async () => {
  const names = Array.from({ length: Number(keys) }, (_, index) => `key-${index}`);
  const cache = new AdvancedCacheManager({ cacheDir });
  const at = now();
  const values = await cache.getMany(names);
  console.log(JSON.stringify({ at, seen: values.map((value, index) => [names[index], seen(names[index], value)]) }));
  console.log(JSON.stringify(cache.getStats().disk));
})();
