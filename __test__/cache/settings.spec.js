const fs = require('node:fs');
const { AdvancedCacheManager } = require('../../index.js');
const { failureOf, runNode } = require('../support.js');
const { useCaches, heardBy, toDisk, toArchive, noise, sleep, until } = require('./support.js');

const { open, path } = useCaches();

/** Settings that are wrong, each in its own way. */
const WRONG = [
  ['l1MaxSize', 0],
  ['l1MaxSize', 1.5],
  ['l1MaxSize', '10'],
  ['l1MaxSizeMB', 0],
  ['l1MaxSizeMB', Number.NaN],
  ['l2MaxSizeMB', -1],
  ['l3MaxSizeMB', Infinity],
  ['ttlSeconds', 0],
  ['ttlSeconds', -1],
  ['ttlSeconds', 3_153_600_001],
  ['compressionThreshold', -1],
  ['similarityThreshold', 1.1],
  ['enableCompression', 'yes'],
  ['enableSimilarityDetection', 1],
  ['persistToDisk', null],
  ['cacheDir', ''],
  ['cacheDir', 5],
  ['evictionPolicy', 'LRU'],
  ['namespace', ''],
  ['valueMode', 'copies'],
  ['maxEntrySizeMB', 257],
  ['ttlJitter', 2],
  ['slidingTtl', 'no'],
  ['warmOnStart', -1],
  ['allowNetworkFileSystem', 0],
  ['environment', 'test'],
  ['l1Size', 5],
];

function thrownBy(action) {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The files below a directory that this process has open. Known on Linux alone. */
function openBelow(directory) {
  if (process.platform !== 'linux') return [];
  const files = fs.readdirSync('/proc/self/fd').map((name) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The one that this list was read with.
      return '';
    }
  });
  return files.filter((file) => file.startsWith(fs.realpathSync(directory)));
}

describe('a configuration', () => {
  test.each(WRONG)('with %s: %p is refused by the constructor and by updateConfig', async (name, value) => {
    const cache = open();
    const heard = heardBy(cache, 'configUpdated');
    const construct = () => new AdvancedCacheManager({ [name]: value });
    for (const error of [
      thrownBy(construct),
      await failureOf(() => cache.updateConfig({ l1MaxSize: 7, [name]: value })),
    ]) {
      if (name === 'l1MaxSize' && error.problems === undefined) throw error;
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
      expect(error.problems.map((problem) => problem.path)).toEqual([name]);
      expect(error.message).toContain(name);
    }
    expect(heard).toEqual([]);
    expect(cache.getStats().l1.maxSize).toBe(1000);
  });

  test('lists all that is wrong with it', () => {
    const wrong = Object.fromEntries(WRONG);
    const error = thrownBy(() => new AdvancedCacheManager(wrong));
    expect(error.problems.map((problem) => problem.path).sort()).toEqual(Object.keys(wrong).sort());
    for (const { message } of error.problems) expect(message.length).toBeGreaterThan(5);
  });

  test.each([[null], [5], ['text'], [[]], [() => 1]])('%p is refused', async (config) => {
    expect(thrownBy(() => new AdvancedCacheManager(config)).code).toBe('E_CONFIG_INVALID');
    expect((await failureOf(() => open().updateConfig(config))).code).toBe('E_CONFIG_INVALID');
  });

  test('that is refused leaves no directory', () => {
    thrownBy(() => new AdvancedCacheManager({ cacheDir: path('refused'), l1MaxSize: 0 }));
    expect(fs.existsSync(path('refused'))).toBe(false);
  });

  test('has the defaults of the documentation', async () => {
    const cache = new AdvancedCacheManager();
    const heard = heardBy(cache, 'configUpdated');
    await cache.updateConfig({});
    await cache.stop();
    expect(heard[0][1].newConfig).toMatchObject({
      l1MaxSize: 1000,
      l1MaxSizeMB: 64,
      l2MaxSizeMB: 500,
      l3MaxSizeMB: 1000,
      ttlSeconds: 3600,
      compressionThreshold: 1024,
      similarityThreshold: 0.8,
      enableCompression: true,
      enableSimilarityDetection: true,
      persistToDisk: true,
      cacheDir: '.cache',
      evictionPolicy: 'lru',
      valueMode: 'copy',
      maxEntrySizeMB: 64,
      ttlJitter: 0,
      slidingTtl: false,
      warmOnStart: 0,
      allowNetworkFileSystem: false,
    });
  });
});

describe('updateConfig', () => {
  test('changes what is given only, also by calls at once', async () => {
    const cache = open();
    for (let round = 0; round < 30; round++) {
      await Promise.all([
        cache.updateConfig({ l1MaxSize: 5 + round }),
        cache.updateConfig({ ttlSeconds: 9 + round }),
        cache.updateConfig({ ttlJitter: round / 100 }),
      ]);
      let now;
      cache.once('configUpdated', ({ newConfig }) => {
        now = newConfig;
      });
      await cache.updateConfig({});
      expect(now).toMatchObject({ l1MaxSize: 5 + round, ttlSeconds: 9 + round, ttlJitter: round / 100 });
    }
  });

  test('is in force when it returns, and was told; the promise waits for the entries', async () => {
    const cache = open();
    for (let at = 0; at < 100; at++) await cache.set(`key ${at}`, at);
    const heard = heardBy(cache, 'configUpdated');
    const settled = cache.updateConfig({ l1MaxSize: 5, maxEntrySizeMB: 0.001 });
    expect(cache.getStats().l1.maxSize).toBe(5);
    expect(heard.map(([, { oldConfig, newConfig }]) => [oldConfig.l1MaxSize, newConfig.l1MaxSize])).toEqual([
      [1000, 5],
    ]);
    expect(settled).toBeInstanceOf(Promise);
    expect((await failureOf(() => cache.set('large', 'x'.repeat(2000)))).code).toBe('E_CACHE_ENTRY_TOO_LARGE');
    await settled;
    expect(cache.getStats().l1.entries).toBe(5);
    expect(await cache.get('key 3')).toBe(3);
  });

  test('of several at once, each is told with what the one before it left', async () => {
    const cache = open();
    const heard = heardBy(cache, 'configUpdated');
    const changes = [{ l1MaxSize: 5 }, { cacheDir: path('other') }, { l1MaxSize: 7, cacheDir: path('cache') }];
    await Promise.all(changes.map((change) => cache.updateConfig(change)));
    expect(heard.map(([, { oldConfig, newConfig }]) => [oldConfig.l1MaxSize, newConfig.l1MaxSize])).toEqual([
      [1000, 5],
      [5, 5],
      [5, 7],
    ]);
    expect(cache.getStats()).toMatchObject({ l1: { maxSize: 7 }, disk: { path: path('cache') } });
  });

  test('that makes memory smaller evicts the least used to disk', async () => {
    const cache = open();
    for (let at = 0; at < 100; at++) await cache.set(`key ${at}`, at);
    await cache.get('key 0');
    await cache.updateConfig({ l1MaxSize: 10 });
    const { l1, overall } = cache.getStats();
    expect([l1.entries, l1.size, l1.maxSize, overall.evictions]).toEqual([10, 10, 10, 90]);
    const heard = heardBy(cache, 'cacheHit');
    expect(await cache.getMany(['key 0', 'key 99', 'key 50'])).toEqual([0, 99, 50]);
    expect(heard[0][1].layer).toBe('L1');
    await cache.updateConfig({ l1MaxSizeMB: 0.001 });
    expect(cache.getStats().l1.entries).toBeLessThan(10);
    expect(await cache.get('key 7')).toBe(7);
  });

  test.each(['lfu', 'adaptive', 'lru'])('to the eviction policy %s keeps the entries', async (evictionPolicy) => {
    const cache = open({ evictionPolicy: evictionPolicy === 'lru' ? 'lfu' : 'lru', persistToDisk: false });
    for (let at = 0; at < 100; at++) await cache.set(`key ${at}`, at);
    await cache.updateConfig({ evictionPolicy });
    expect(await cache.getMany(['key 0', 'key 50', 'key 99'])).toEqual([0, 50, 99]);
    expect(cache.getStats().l1.entries).toBe(100);
  });

  test('switches the disk off and on: what is in memory stays', async () => {
    const cache = open();
    await cache.set('key', 1);
    await cache.updateConfig({ persistToDisk: false });
    expect(cache.getStats().disk.state).toBe('off');
    expect(await cache.get('key')).toBe(1);
    await cache.set('memory', 2);
    await cache.updateConfig({ persistToDisk: true });
    expect(await cache.getMany(['key', 'memory'])).toEqual([1, 2]);
    await toDisk(cache);
    expect(await cache.getMany(['key', 'memory'])).toEqual([1, 2]);
  });

  test('to another directory takes along what is in memory and leaves the old one as it was', async () => {
    const cache = open();
    await cache.set('key', 1);
    await cache.flush();
    await cache.updateConfig({ cacheDir: path('moved') });
    await toDisk(cache);
    expect(await cache.get('key')).toBe(1);
    expect(fs.existsSync(path('moved'))).toBe(true);
    await cache.stop();
    for (const cacheDir of [path('cache'), path('moved')]) expect(await open({ cacheDir }).get('key')).toBe(1);
  });

  test('to another namespace is refused and says which setting it is', async () => {
    const cache = open();
    const error = await failureOf(() => cache.updateConfig({ namespace: 'other', l1MaxSize: 5 }));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
    expect(error.problems?.map((problem) => problem.path)).toEqual(['namespace']);
    expect(cache.getStats().l1.maxSize).toBe(1000);
    const named = open({ namespace: 'a' });
    await named.updateConfig({ namespace: 'a', l1MaxSize: 5 });
    expect(named.getStats().l1.maxSize).toBe(5);
  });

  test('throws what is wrong at once, as who does not wait for it expects', async () => {
    const cache = open();
    expect(thrownBy(() => cache.updateConfig({ ttlSeconds: -1 })).code).toBe('E_CONFIG_INVALID');
    expect(thrownBy(() => cache.updateConfig({ namespace: 'other' })).code).toBe('E_CONFIG_INVALID');
    expect(thrownBy(() => cache.updateConfig(null)).code).toBe('E_CONFIG_INVALID');
    cache.updateConfig({ l1MaxSize: 5 });
    await cache.updateConfig({});
    expect(cache.getStats().l1.maxSize).toBe(5);
  });

  test('that nobody waits for does not end the process when the cache is stopped meanwhile', async () => {
    const program = `
      const { AdvancedCacheManager } = require('./index.js');
      const cache = new AdvancedCacheManager({ cacheDir: ${JSON.stringify(path('process'))} });
      cache.updateConfig({ l1MaxSize: 5 });
      cache.updateConfig({ l1MaxSize: 6 });
      cache.stop().then(() => setTimeout(() => console.log('"alive"'), 50));
    `;
    expect(await runNode(program)).toBe('alive');
  });

  test('that is under way when the cache is stopped comes first, and nothing stays open', async () => {
    for (const round of [1, 2, 3, 4, 5]) {
      const moved = path(`moved ${round}`);
      const cache = open({ cacheDir: path(`cache ${round}`) });
      await cache.set('key', 1);
      const changed = cache.updateConfig({ cacheDir: moved });
      cache.set('later', 2);
      await cache.stop();
      await changed;
      // A thread that looks through the new directory for questions ends soon after, with the file that it has open.
      await until(() => openBelow(path('')).length === 0);
      const next = open({ cacheDir: moved });
      expect(await next.getMany(['key', 'later'])).toEqual([1, 2]);
      await next.stop();
    }
  });

  test('after stop() is refused', async () => {
    const cache = open();
    const heard = heardBy(cache, 'configUpdated');
    await cache.stop();
    expect((await failureOf(() => cache.updateConfig({ l1MaxSize: 5 }))).code).toBe('E_SHUT_DOWN');
    expect(heard).toEqual([]);
  });
});

describe('warmOnStart', () => {
  test('loads the most used entries', async () => {
    const cache = open();
    for (let at = 0; at < 20; at++) await cache.set(`key ${at}`, at);
    await toDisk(cache);
    await cache.get('key 3');
    await cache.stop();
    const warm = open({ warmOnStart: 5 });
    await until(() => warm.getStats().l1.entries === 5);
    await sleep(10);
    expect(warm.getStats().l1.entries).toBe(5);
    expect(warm.getStats().overall.totalHits).toBe(0);
    const heard = heardBy(warm, 'cacheHit');
    expect(await warm.get('key 3')).toBe(3);
    expect(heard[0][1].layer).toBe('L1');
  });
});

describe('getStats', () => {
  test('is all zero and healthy at first', () => {
    const cache = open();
    const { l1, l2, l3, overall, disk } = cache.getStats();
    const tier = { sizeMB: 0, hitRate: 0, entries: 0, hits: 0, storedBytes: 0, rawBytes: 0 };
    expect(l1).toEqual({ size: 0, maxSize: 1000, hitRate: 0, entries: 0, sizeMB: 0, maxSizeMB: 64, hits: 0 });
    expect(l2).toEqual({ ...tier, maxSizeMB: 500 });
    expect(l3).toEqual({ ...tier, maxSizeMB: 1000, compressionRatio: 1, dictionaryBytes: 0 });
    expect(overall).toEqual({
      totalHits: 0,
      totalMisses: 0,
      hitRate: 0,
      evictions: 0,
      expired: 0,
      similarityDetections: 0,
    });
    expect(disk).toMatchObject({ state: 'idle', queued: 0, written: 0, dropped: 0, corrupt: 0, failures: 0 });
    expect(cache.getHealthScore()).toBe(100);
  });

  test('counts hits of each layer and misses', async () => {
    const cache = open();
    await cache.set('archived', 'text '.repeat(400));
    await toArchive(cache);
    await cache.updateConfig({ l2MaxSizeMB: 10 });
    await cache.set('disk', 'disk');
    await toDisk(cache);
    await cache.set('memory', 'memory');
    for (const key of ['archived', 'disk', 'memory', 'memory', 'none', 'none', 'none', 'none']) await cache.get(key);
    const { l1, l2, l3, overall } = cache.getStats();
    expect([l1.hits, l2.hits, l3.hits]).toEqual([2, 1, 1]);
    expect(overall).toMatchObject({ totalHits: 4, totalMisses: 4, hitRate: 0.5 });
    // Hits per lookup that came to the layer.
    expect([l1.hitRate, l2.hitRate, l3.hitRate]).toEqual([2 / 8, 1 / 6, 1 / 5]);
  });

  test('says what the layers hold', async () => {
    const cache = open();
    for (let at = 0; at < 50; at++) await cache.set(`key ${at}`, noise(2000, at));
    await cache.flush();
    await until(() => cache.getStats().l2.entries === 50);
    const { l1, l2, disk } = cache.getStats();
    expect(l1.entries).toBe(50);
    expect(l1.sizeMB).toBeGreaterThan(100_000 / 2 ** 20);
    expect(l2.rawBytes).toBe(100_000);
    expect(l2.storedBytes).toBeGreaterThanOrEqual(100_000);
    expect(l2.sizeMB).toBeCloseTo(l2.storedBytes / 2 ** 20, 2);
    expect(disk).toMatchObject({ state: 'ok', written: 50, queued: 0, path: path('cache') });
  });

  test('says how much the archive saves', async () => {
    const cache = open();
    for (let at = 0; at < 20; at++) await cache.set(`key ${at}`, `${at} `.repeat(2000));
    await toArchive(cache);
    const { l3, disk } = cache.getStats();
    expect(l3.entries).toBe(20);
    expect(l3.compressionRatio).toBeCloseTo(l3.storedBytes / l3.rawBytes, 5);
    expect(l3.compressionRatio).toBeLessThan(0.5);
    expect(disk.compressed).toBe(20);
  });

  test('is a value of its own each time', () => {
    const cache = open();
    cache.getStats().l1.entries = 99;
    expect(cache.getStats().l1.entries).toBe(0);
  });
});

describe('getHealthScore', () => {
  test.each([
    [0, 10, 100],
    [0, 100, 70],
    [30, 70, 85],
    [60, 40, 100],
    [100, 0, 100],
  ])('with %p hits and %p misses is %p', async (hits, misses, expected) => {
    const cache = open();
    await cache.set('key', 1);
    for (let at = 0; at < hits; at++) await cache.get('key');
    for (let at = 0; at < misses; at++) await cache.get('none');
    expect(cache.getHealthScore()).toBeCloseTo(expected, 5);
  });
});
