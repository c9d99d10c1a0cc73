/** Fills a cache so that all tiers, tags and the log have something, and waits to be killed: nothing is tidied up. */

const fs = require('node:fs');
const { AdvancedCacheManager } = require('../../../index.js');
const { valueFor } = require('./values.js');

const [cacheDir, file, ending] = process.argv.slice(2);

(async () => {
  // Small tiers: some of the entries come into L3.
  const cache = new AdvancedCacheManager({ cacheDir, l2MaxSizeMB: 0.4, l3MaxSizeMB: 4 });
  const expected = {};
  for (let index = 0; index < 300; index++) {
    const key = `key-${index}`;
    const value = index % 7 === 0 ? `text ${index}` : valueFor(key, 'filler', index, (index * 37) % 4000);
    expected[key] = JSON.stringify(value);
    await cache.set(key, value, 0, index % 5 === 0 ? { tags: ['tag', `tag-${index % 3}`] } : undefined);
    if (index % 50 === 49) await cache.flush();
  }
  await cache.flush();
  fs.writeFileSync(file, JSON.stringify(expected));
  if (ending === 'stop') await cache.stop();
  console.log(JSON.stringify({ filled: cache.getStats() }));
  if (ending !== 'stop') setInterval(() => {}, 1000);
})();
