/** Makes, uses and forgets 50 caches, and prints how many of them are left. Run with `--expose-gc`. */

const { setTimeout: wait } = require('node:timers/promises');
const { AdvancedCacheManager } = require('../../../index.js');

(async () => {
  const made = [];
  for (let count = 0; count < 50; count++) {
    const cache = new AdvancedCacheManager({ persistToDisk: false });
    cache.on('cacheSet', () => {});
    await cache.set('key', 'value');
    if ((await cache.get('key')) !== 'value') throw new Error('the cache does not work');
    made.push(new WeakRef(cache));
  }
  const left = () => made.filter((reference) => reference.deref()).length;
  // What is on its way to a cache holds it a little longer.
  for (let pass = 0; pass < 5 || (left() > 1 && pass < 500); pass++) {
    await wait(20);
    globalThis.gc();
  }
  console.log(left());
})();
