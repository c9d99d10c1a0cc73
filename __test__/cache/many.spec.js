const { failureOf } = require('../support.js');
const { longestTurn } = require('../turns.js');
const { useCaches, allOf, toDisk } = require('./support.js');

const { open } = useCaches();

const MANY = 120_000;
/** Longest time, ms, in which a call with many keys may keep others from their turn: coarse, for any machine. */
const MOST_DELAY_MS = 100;

const longestDelay = (work) => longestTurn(work, { enough: MOST_DELAY_MS });

const entriesOf = (count) => Array.from({ length: count }, (_, at) => ({ key: `key ${at}`, value: { at } }));

describe('many', () => {
  test('values come in the order of the keys, null for what is missing', async () => {
    const cache = open();
    await cache.setMany([
      { key: 'a', value: 1 },
      { key: 'b', value: null },
      { key: 'c', value: 'c', agentId: 'one' },
      { key: 'd', value: 'short', ttlSeconds: 1000, tags: ['tag'], model: 'm' },
    ]);
    for (let round = 0; round < 2; round++) {
      expect(await cache.getMany(['b', 'none', 'a', 'c', 'a'])).toEqual([null, null, 1, null, 1]);
      expect(await cache.getMany(['c', 'a'], { agentId: 'one' })).toEqual(['c', 1]);
      expect(await cache.getMany(['d'], { model: 'm' })).toEqual(['short']);
      await toDisk(cache);
    }
    expect(await cache.deleteByTag('tag')).toBe(1);
  });

  test('none is none', async () => {
    const cache = open();
    expect(await cache.getMany([])).toEqual([]);
    expect(await cache.setMany([])).toBeUndefined();
  });

  test('a later entry of the same key replaces an earlier one', async () => {
    const cache = open();
    await cache.setMany([1, 2, 3].map((value) => ({ key: 'key', value })));
    expect(await cache.get('key')).toBe(3);
  });

  test('the list is read at the time of the call', async () => {
    const cache = open();
    await cache.setMany(entriesOf(2000));
    const keys = entriesOf(2000).map(({ key }) => key);
    const pending = cache.getMany(keys);
    keys.fill('none');
    expect(await pending).toEqual(entriesOf(2000).map(({ value }) => value));
  });

  test.each([
    ['in memory', { l1MaxSize: MANY, l1MaxSizeMB: 512, persistToDisk: false }],
    ['and more than fit into memory', { l1MaxSize: 1000 }],
  ])('thousands of keys %s are stored and found without holding others up', async (_, config) => {
    const cache = open(config);
    const entries = entriesOf(MANY);
    const keys = entries.map(({ key }) => key);
    expect(await longestDelay(() => cache.setMany(entries))).toBeLessThan(MOST_DELAY_MS);
    let found;
    const delay = await longestDelay(async () => {
      found = await cache.getMany(keys);
    });
    expect(delay).toBeLessThan(MOST_DELAY_MS);
    expect(found.findIndex((value, at) => value?.at !== at)).toBe(-1);
    expect(found).toHaveLength(MANY);
  });

  test('large values are checked and stored without holding others up', async () => {
    const cache = open({ persistToDisk: false, l1MaxSize: 20_000, l1MaxSizeMB: 512 });
    const value = { list: Array.from({ length: 2000 }, (_, at) => ({ at, text: 'some text' })) };
    const entries = Array.from({ length: 2000 }, (_, at) => ({ key: `key ${at}`, value }));
    expect(await longestDelay(() => cache.setMany(entries))).toBeLessThan(MOST_DELAY_MS * 4);
  });

  describe('setMany checks all entries before it stores any', () => {
    test.each([
      ['a key', { key: 5 }],
      ['a value', { value: undefined }],
      ['a life', { ttlSeconds: -1 }],
      ['a stale time', { staleSeconds: 'x' }],
      ['tags', { tags: 'tag' }],
      ['a tag', { tags: [''] }],
      ['an agent', { agentId: 5 }],
      ['a model', { model: {} }],
      ['jitter', { jitter: 2 }],
      ['sliding', { sliding: 1 }],
    ])('%s that is wrong', async (_, wrong) => {
      const cache = open();
      const entries = [...entriesOf(3), { key: 'last', value: 1, ...wrong }];
      expect((await failureOf(cache.setMany(entries))).code).toBe('E_INVALID_ARGUMENT');
      expect(await allOf(cache.keys())).toEqual([]);
    });

    test('a value that is too large', async () => {
      const cache = open({ maxEntrySizeMB: 0.001 });
      const entries = [...entriesOf(3), { key: 'last', value: 'x'.repeat(2000) }];
      expect((await failureOf(cache.setMany(entries))).code).toBe('E_CACHE_ENTRY_TOO_LARGE');
      expect(await allOf(cache.keys())).toEqual([]);
    });

    test.each([[{ durable: 'yes' }], [{ signal: {} }], ['durable']])('options %p', async (options) => {
      const cache = open();
      expect((await failureOf(cache.setMany(entriesOf(3), options))).code).toBe('E_INVALID_ARGUMENT');
      expect(await allOf(cache.keys())).toEqual([]);
    });
  });

  test('set with durable that is no boolean is refused, and nothing is stored', async () => {
    const cache = open();
    expect((await failureOf(cache.set('key', 1, 0, { durable: 'yes' }))).code).toBe('E_INVALID_ARGUMENT');
    expect(await cache.has('key')).toBe(false);
  });

  test.each([
    [
      'getMany',
      (cache, signal) =>
        cache.getMany(
          entriesOf(20_000).map(({ key }) => key),
          { signal },
        ),
    ],
    ['setMany', (cache, signal) => cache.setMany(entriesOf(20_000), { signal })],
    [
      'warmCache',
      (cache, signal) =>
        cache.warmCache(
          entriesOf(20_000).map(({ key }) => ({ key })),
          { signal },
        ),
    ],
  ])('%s ends with the reason of an abort before', async (_, act) => {
    const cache = open();
    const reason = new Error('enough');
    await expect(act(cache, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await allOf(cache.keys())).toEqual([]);
    expect((await failureOf(act(cache, 'signal'))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([
    [
      'getMany',
      (cache, signal) =>
        cache.getMany(
          entriesOf(50_000).map(({ key }) => key),
          { signal },
        ),
    ],
    ['setMany', (cache, signal) => cache.setMany(entriesOf(50_000), { signal })],
  ])('%s ends with the reason of an abort meanwhile', async (_, act) => {
    const cache = open({ persistToDisk: false, l1MaxSize: 100_000 });
    const controller = new AbortController();
    const reason = { any: 'thing' };
    setImmediate(() => controller.abort(reason));
    await expect(act(cache, controller.signal)).rejects.toBe(reason);
    expect((await allOf(cache.keys())).length).toBeLessThan(50_000);
    expect(await act(cache, new AbortController().signal).then(() => 'goes on')).toBe('goes on');
  });
});

describe('warmCache', () => {
  const layerOf = async (cache, key) => {
    let layer = null;
    const listener = (event) => {
      layer = event.layer;
    };
    cache.on('cacheHit', listener);
    await cache.get(key);
    cache.off('cacheHit', listener);
    return layer;
  };

  test('loads what is there from disk and says how much', async () => {
    const cache = open();
    await cache.setMany(entriesOf(3));
    await toDisk(cache);
    const heard = [];
    cache.on('cacheWarmed', (event) => heard.push(event));
    const keys = ['key 0', 'none', 'key 2'].map((key) => ({ key, priority: 1 }));
    expect(await cache.warmCache(keys)).toEqual({ total: 3, found: 2 });
    expect(heard).toEqual([{ total: 3, found: 2 }]);
    expect(cache.getStats().l1.entries).toBe(2);
    expect(cache.getStats().overall).toMatchObject({ totalHits: 0, totalMisses: 0 });
    expect([await layerOf(cache, 'key 0'), await layerOf(cache, 'key 1')]).toEqual(['L1', 'L2']);
  });

  test('takes the highest priorities when memory is too small for all', async () => {
    const cache = open({ l1MaxSize: 3 });
    await cache.setMany(entriesOf(10));
    await toDisk(cache);
    const priorities = [5, -1, 100, 0, undefined, 7, 1, 2, 3, 4];
    const keys = priorities.map((priority, at) => ({ key: `key ${at}`, priority }));
    const before = structuredClone(keys);
    const { evictions } = cache.getStats().overall;
    expect(await cache.warmCache(keys)).toEqual({ total: 10, found: 3 });
    expect(keys).toEqual(before);
    expect(cache.getStats().l1.entries).toBe(3);
    expect(cache.getStats().overall.evictions).toBe(evictions);
    const inMemory = [];
    for (const at of [2, 5, 0]) inMemory.push(await layerOf(cache, `key ${at}`));
    expect(inMemory).toEqual(['L1', 'L1', 'L1']);
  });

  test('of nothing does nothing', async () => {
    expect(await open().warmCache([])).toEqual({ total: 0, found: 0 });
    expect(await open({ persistToDisk: false }).warmCache([{ key: 'a' }])).toEqual({ total: 1, found: 0 });
  });
});
