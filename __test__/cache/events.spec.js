const { useCaches, heardBy, toDisk, toArchive, until, gone, sleep, runCache } = require('./support.js');

const { open, path } = useCaches();

const entryOf = (fields) => ({
  key: 'key',
  value: { a: 1 },
  size: 7,
  createdAt: expect.any(Date),
  lastAccessed: expect.any(Date),
  hitCount: 0,
  ttl: 60,
  compressed: false,
  ...fields,
});

describe('events', () => {
  test('what L1 has let go of is a hit of L2, also while it waits to be written', async () => {
    const cache = open({ l1MaxSize: 2, enableSimilarityDetection: false });
    for (let at = 0; at < 200; at++) await cache.set(`key ${at}`, at);
    const heard = heardBy(cache, 'cacheHit');
    for (let at = 0; at < 198; at++) expect(await cache.get(`key ${at}`)).toBe(at);
    expect(heard.filter(([, { layer }]) => layer === 'L1')).toEqual([]);
    const { l1, l2 } = cache.getStats();
    expect([l1.hitRate, l2.hitRate]).toEqual([0, 1]);
  });

  test('cacheSet, cacheHit and cacheMiss come before the promise resolves, with the entry', async () => {
    const cache = open({ persistToDisk: false });
    const heard = heardBy(cache, 'cacheSet', 'cacheHit', 'cacheMiss');
    const before = Date.now();
    await cache.set('key', { a: 1 }, 60);
    expect(heard.splice(0)).toEqual([['cacheSet', { layer: 'L1', key: 'key', entry: entryOf() }]]);
    await cache.get('key');
    const [[name, event]] = heard.splice(0);
    expect([name, event]).toEqual(['cacheHit', { layer: 'L1', key: 'key', entry: entryOf({ hitCount: 1 }) }]);
    for (const at of [event.entry.createdAt, event.entry.lastAccessed]) {
      expect(at.getTime()).toBeGreaterThanOrEqual(before - 1);
      expect(at.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    }
    await cache.get('other');
    expect(heard.splice(0)).toEqual([['cacheMiss', { key: 'other' }]]);
    await cache.getMany(['key', 'other']);
    expect(heard.splice(0).map(([name]) => name)).toEqual(['cacheHit', 'cacheMiss']);
    await cache.getOrCompute('computed', () => 1);
    expect(heard.splice(0).map(([name, { key }]) => [name, key])).toContainEqual(['cacheSet', 'computed']);
    await cache.has('key');
    expect(heard).toEqual([]);
  });

  test.each([
    ['L2', false, toDisk],
    ['L3', true, toArchive],
  ])('cacheHit says when a value was found in %s, and that it is in memory then', async (layer, compressed, move) => {
    const cache = open({ compressionThreshold: 0 });
    const value = 'text '.repeat(400);
    await cache.set('key', value, 60);
    await move(cache);
    const heard = heardBy(cache, 'cacheHit');
    await cache.get('key');
    await cache.get('key');
    expect(heard[0][1]).toEqual({ layer, key: 'key', entry: entryOf({ value, size: 2000, compressed, hitCount: 1 }) });
    expect(heard[1][1]).toMatchObject({ layer: 'L1', entry: { value, hitCount: 2 } });
  });

  test('cacheSet with L2 says what went from memory to disk', async () => {
    const cache = open({ l1MaxSize: 1 });
    const heard = heardBy(cache, 'cacheSet');
    await cache.set('key', { a: 1 }, 60);
    await cache.set('other', 1);
    const written = () => heard.filter(([, { layer }]) => layer === 'L2');
    await until(() => written().length > 0);
    expect(written()[0][1]).toEqual({ layer: 'L2', key: 'key', entry: entryOf() });
  });

  test('l1Eviction says what left memory', async () => {
    const cache = open({ l1MaxSize: 2, persistToDisk: false });
    const heard = heardBy(cache, 'l1Eviction');
    for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, { a: 1 }, 60);
    expect(heard.map(([, event]) => event)).toEqual(['a', 'b'].map((key) => ({ key, entry: entryOf({ key }) })));
  });

  test('the value of an entry is parsed when it is looked at, once', async () => {
    const cache = open();
    const heard = heardBy(cache, 'cacheSet');
    await cache.set('key', { a: 1 });
    const { entry } = heard[0][1];
    const descriptor = Object.getOwnPropertyDescriptor(entry, 'value');
    expect(typeof descriptor.get).toBe('function');
    expect(descriptor.enumerable).toBe(true);
    expect(entry.value).toBe(entry.value);
    entry.value.a = 2;
    expect(await cache.get('key')).toEqual({ a: 1 });
  });

  test.each([
    [null],
    [''],
    ['s'],
    ['{"a":1}'],
    [{ key: 'k', createdAt: 5, agentId: '\u0001"a"' }],
    ['\ud800'],
  ])('the value %p comes as it is', async (value) => {
    const cache = open();
    const heard = heardBy(cache, 'cacheSet', 'cacheHit');
    await cache.set('key', value);
    await cache.get('key');
    expect(heard.slice(0, 2).map(([, { entry }]) => entry.value)).toEqual([value, value]);
  });

  test('of a namespace come to its cache', async () => {
    const cache = open();
    const heard = heardBy(cache, 'cacheMiss', 'cacheSet');
    const view = cache.namespace('a');
    await view.get('key');
    await view.set('key', 1);
    expect(heard.slice(0, 2).map(([name, { key }]) => [name, key])).toEqual([
      ['cacheMiss', 'key'],
      ['cacheSet', 'key'],
    ]);
  });

  test('none come to who went away, and none that were before come to who comes', async () => {
    const cache = open();
    const heard = [];
    const listener = (event) => heard.push(event);
    await cache.get('before');
    cache.on('cacheMiss', listener);
    await cache.get('heard');
    cache.off('cacheMiss', listener);
    await cache.get('after');
    cache.once('cacheMiss', listener);
    await cache.get('once');
    await cache.get('twice');
    cache.on('cacheMiss', listener);
    cache.removeAllListeners();
    await cache.get('removed');
    await sleep(20);
    expect(heard.map(({ key }) => key)).toEqual(['heard', 'once']);
  });

  test('of a cache that two managers share come to both', async () => {
    const [one, two] = [open(), open()];
    const heard = [heardBy(one, 'cacheMiss'), heardBy(two, 'cacheMiss')];
    await one.get('key');
    await until(() => heard[1].length === 1);
    expect(heard[0]).toHaveLength(1);
  });

  test('what a listener throws fails no call and keeps no other listener from its events', async () => {
    const { stdout, code } = await runCache(
      `const cache = new AdvancedCacheManager({ cacheDir: directory, persistToDisk: false });
       process.on('uncaughtException', (error) => console.log(error.message));
       cache.on('cacheSet', () => { throw new Error('listener'); });
       cache.on('cacheMiss', ({ key }) => console.log('missed', key));
       (async () => {
         await cache.set('key', 1);
         await cache.get('other');
         console.log(await cache.get('key'));
       })();`,
      path(),
    );
    expect([code, stdout.split('\n').filter(Boolean).sort()]).toEqual([0, ['1', 'listener', 'missed other']]);
  });

  test('configUpdated has the old and the new configuration, stopped nothing', async () => {
    const cache = open();
    const heard = heardBy(cache, 'configUpdated', 'stopped');
    await cache.updateConfig({ l1MaxSize: 5 });
    await cache.stop();
    await cache.stop();
    expect(heard).toEqual([
      [
        'configUpdated',
        {
          oldConfig: expect.objectContaining({ l1MaxSize: 1000 }),
          newConfig: expect.objectContaining({ l1MaxSize: 5 }),
        },
      ],
      ['stopped', undefined],
    ]);
  });

  test('an expired entry is a miss and no eviction', async () => {
    const cache = open();
    const heard = heardBy(cache, 'l1Eviction', 'cacheHit');
    await cache.set('key', 1, 0.005);
    await sleep(10);
    await gone(cache, 'key');
    expect(heard).toEqual([]);
  });
});
