/**
 * Stores something and ends, one way or another. Prints `stored` when it did. Arguments: how it stores, how it ends, directory.
 */

const fs = require('node:fs');
const { AdvancedCacheManager, ProductionOptimizationSystem } = require('../../../index.js');

const [storing, ending, cacheDir] = process.argv.slice(2);

const MANY = 2000;
const config = { cacheDir, l1MaxSize: 5000 };

const systemConfig = { environment: 'development', finalReport: false, cache: { cacheDir: `${cacheDir}-of-system` } };

const print = (text) => fs.writeSync(1, `${text}\n`);

const STORING = {
  set: async (cache) => {
    await cache.set('key', 'value');
  },
  'set, not awaited': (cache) => {
    void cache.set('key', 'value');
  },
  'many sets': async (cache) => {
    await cache.setMany(Array.from({ length: MANY }, (_, index) => ({ key: `key-${index}`, value: 'x'.repeat(2000) })));
    await cache.set('key', 'value');
  },
  'durable set': async (cache) => {
    await cache.set('key', 'value', 0, { durable: true });
  },
  'many sets and flush': async (cache) => {
    await STORING['many sets'](cache);
    await cache.flush();
  },
  'set and delete': async (cache) => {
    await cache.set('key', 'value', 0, { durable: true });
    await cache.delete('key');
  },
  'computed value': async (cache) => {
    await cache.getOrCompute('key', () => 'value');
  },
  'set and stop': async (cache) => {
    await cache.set('key', 'value');
    await cache.stop();
  },
};

const ENDING = {
  'natural end': () => {},
  'process.exit()': () => process.exit(3),
  'an uncaught exception': () => {
    setImmediate(() => {
      throw new Error('of the application');
    });
  },
  'a signal': () => {
    print('stored');
    setInterval(() => {}, 1000);
  },
};

/** Things that are made and forgotten: none of them keeps the process. */
const FORGETTING = {
  'a cache': () => new AdvancedCacheManager(config),
  'a cache without a disk': () => new AdvancedCacheManager({ persistToDisk: false }).set('key', 1),
  'a cache with listeners': () => new AdvancedCacheManager(config).on('cacheHit', () => {}).on('degraded', () => {}),
  'a cache that was used': async () => {
    const cache = new AdvancedCacheManager(config);
    await cache.set('key', 'value', 0, { durable: true });
    await cache.get('key');
    await cache.namespace('name').get('key');
  },
  'a hundred caches': async () => {
    const caches = Array.from(
      { length: 100 },
      (_, index) => new AdvancedCacheManager({ ...config, namespace: `${index}` }),
    );
    await Promise.all(caches.map((cache) => cache.set('key', 'value')));
  },
  'a cache that cannot use its disk': async () => {
    fs.writeFileSync(cacheDir, '');
    await new AdvancedCacheManager(config).set('key', 'value');
  },
  'a stopped cache': async () => {
    const cache = new AdvancedCacheManager(config);
    await cache.set('key', 'value');
    await cache.stop();
    await cache.stop();
  },
  'a computation that nobody waits for': () => {
    const cache = new AdvancedCacheManager(config);
    void cache.getOrCompute('key', () => new Promise((resolve) => setTimeout(resolve, 50, 'value')));
  },
};

(async () => {
  if (storing === 'forget') return FORGETTING[ending]();
  if (storing === 'read') {
    print(await (await ProductionOptimizationSystem.create(systemConfig)).getCachedResponse('query'));
    return;
  }
  if (storing.startsWith('system: ')) {
    // Runs beside the cache, and has one of its own.
    const system = await ProductionOptimizationSystem.create(systemConfig);
    await system.cacheResponse('query', 'response');
  }
  await STORING[storing.replace('system: ', '')](new AdvancedCacheManager(config));
  ENDING[ending]();
})();
