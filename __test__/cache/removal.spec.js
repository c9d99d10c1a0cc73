const { failureOf } = require('../support.js');
const { useCaches, allOf, toDisk, toArchive, heardBy } = require('./support.js');

const { open } = useCaches();

/** Where the entries are when they are removed. */
const PLACES = [
  ['in memory only', { persistToDisk: false }, async () => {}],
  ['waiting to be written', {}, async () => {}],
  ['in memory and on disk', {}, (cache) => cache.flush()],
  ['on disk', {}, toDisk],
  ['in the archive', { compressionThreshold: 0 }, toArchive],
];

describe.each(PLACES)('entries %s', (_, config, move) => {
  /** The archive takes what L2 has no room for. */
  const pad = move === toArchive ? 'text '.repeat(400) : '';
  const value = (text) => `${text}${pad}`;
  let cache;
  beforeEach(() => {
    cache = open(config);
  });

  test('delete removes one and says whether it was there', async () => {
    await cache.set('a', value('a'));
    await cache.set('b', value('b'));
    await move(cache);
    expect(await cache.delete('a')).toBe(true);
    expect(await cache.delete('a')).toBe(false);
    expect([await cache.has('a'), await cache.get('a'), await cache.get('b')]).toEqual([false, null, value('b')]);
    expect(await allOf(cache.keys())).toEqual(['b']);
    expect(await cache.delete('never')).toBe(false);
  });

  test('a deleted key may be stored again', async () => {
    await cache.set('a', value(1));
    await move(cache);
    await cache.delete('a');
    await cache.set('a', 2);
    if (config.persistToDisk !== false) await toDisk(cache);
    expect(await cache.get('a')).toBe(2);
  });

  test('deleteByTag removes those with any of the tags and counts them', async () => {
    await cache.set('a', value(1), 0, { tags: ['x'] });
    await cache.set('b', value(1), 0, { tags: ['x', 'y'] });
    await cache.set('c', value(1), 0, { tags: ['z', 'y', 'z'] });
    await cache.set('d', value(1), 0, { tags: [] });
    await cache.set('e', value(1), 0, { agentId: 'one', tags: ['x'] });
    await cache.set('f', value(1));
    await move(cache);
    expect(await cache.deleteByTag('unknown')).toBe(0);
    expect(await cache.deleteByTag([])).toBe(0);
    expect(await cache.deleteByTag('x')).toBe(3);
    expect(await cache.get('e', { agentId: 'one' })).toBeNull();
    expect((await allOf(cache.keys())).sort()).toEqual(['c', 'd', 'f']);
    expect(await cache.deleteByTag(['y', 'z', 'y'])).toBe(1);
    expect((await allOf(cache.keys())).sort()).toEqual(['d', 'f']);
    expect(await cache.deleteByTag('x')).toBe(0);
  });

  test('has says what is there and counts as no lookup', async () => {
    await cache.set('a', move === toArchive ? value('a') : null);
    await move(cache);
    expect([await cache.has('a'), await cache.has('b')]).toEqual([true, false]);
    expect(cache.getStats().overall).toMatchObject({ totalHits: 0, totalMisses: 0 });
  });

  test('clear empties everything', async () => {
    await cache.set('a', value(1), 0, { agentId: 'one' });
    await cache.set('b', value(1), 0, { tags: ['x'] });
    await move(cache);
    await cache.clear();
    expect([await cache.get('a', { agentId: 'one' }), await cache.get('b')]).toEqual([null, null]);
    expect(await allOf(cache.keys())).toEqual([]);
    expect(cache.getStats().l1.entries).toBe(0);
    await cache.set('b', 2);
    expect(await cache.get('b')).toBe(2);
  });
});

describe('tags', () => {
  test('of an entry that is replaced go with it', async () => {
    const cache = open();
    await cache.set('key', 1, 0, { tags: ['old'] });
    await cache.flush();
    await cache.set('key', 2, 0, { tags: ['new'] });
    expect(await cache.deleteByTag('old')).toBe(0);
    expect(await cache.get('key')).toBe(2);
    await toDisk(cache);
    expect(await cache.deleteByTag('old')).toBe(0);
    expect(await cache.deleteByTag('new')).toBe(1);
  });

  test('may be any strings', async () => {
    const cache = open();
    const tags = ['a', 'A', ' ', '\u0000', '\ud800', '\ud801', '\u0001', '__proto__', '😀', "'--", 'x'.repeat(10_000)];
    for (const tag of tags) await cache.set(`key ${tags.indexOf(tag)}`, 1, 0, { tags: [tag] });
    await cache.flush();
    for (const [at, tag] of tags.entries()) {
      expect(await cache.deleteByTag(tag)).toBe(1);
      expect(await cache.has(`key ${at}`)).toBe(false);
    }
  });

  test('up to 1000 are stored with an entry, and any of 1000 may be asked for', async () => {
    const cache = open();
    const tags = Array.from({ length: 1000 }, (_, at) => `tag ${at}`);
    await cache.set('key', 1, 0, { tags });
    expect(await cache.deleteByTag('tag 999')).toBe(1);
    for (let at = 0; at < 1000; at++) await cache.set(`key ${at}`, 1, 0, { tags: [`tag ${at}`] });
    expect(await cache.deleteByTag(tags)).toBe(1000);
    const error = await failureOf(cache.set('key', 1, 0, { tags: [...tags, 'one more'] }));
    expect([error.code, error.message.includes('1000')]).toEqual(['E_INVALID_ARGUMENT', true]);
  });

  test('of thousands of entries are all found', async () => {
    const cache = open({ l1MaxSize: 100 });
    await cache.setMany(
      Array.from({ length: 5000 }, (_, at) => ({ key: `key ${at}`, value: at, tags: [`tag ${at % 5}`] })),
    );
    expect(await cache.deleteByTag('tag 3')).toBe(1000);
    const left = await cache.getMany(Array.from({ length: 5000 }, (_, at) => `key ${at}`));
    expect(left.filter((value) => value !== null && value % 5 === 3)).toEqual([]);
    expect(left.filter((value) => value !== null)).toHaveLength(4000);
  });

  test.each([
    [undefined],
    [null],
    [5],
    [''],
    [['']],
    [[5]],
    [[null]],
    [{}],
    [[['a']]],
  ])('%p is refused by deleteByTag', async (tags) => {
    expect((await failureOf(open().deleteByTag(tags))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([[5], ['tag'], [['']], [[5]], [{}]])('%p is refused as tags, and nothing is stored', async (tags) => {
    const cache = open();
    const acts = [
      () => cache.set('key', 1, 0, { tags }),
      () => cache.setMany([{ key: 'key', value: 1, tags }]),
      () => cache.getOrCompute('key', () => 1, { tags }),
    ];
    for (const act of acts) expect((await failureOf(act())).code).toBe('E_INVALID_ARGUMENT');
    expect(await cache.has('key')).toBe(false);
  });
});

describe('clear of a layer', () => {
  test('L1 leaves what is on disk, also what waited', async () => {
    const cache = open();
    await cache.set('written', 1);
    await cache.flush();
    await cache.set('waiting', 2);
    await cache.clear('L1');
    expect(cache.getStats().l1.entries).toBe(0);
    const heard = heardBy(cache, 'cacheHit');
    expect([await cache.get('written'), await cache.get('waiting')]).toEqual([1, 2]);
    expect(heard[0][1].layer).toBe('L2');
  });

  test('L1 without a disk empties the cache', async () => {
    const cache = open({ persistToDisk: false });
    await cache.set('key', 1);
    await cache.clear('L1');
    expect(await cache.get('key')).toBeNull();
  });

  test('L2 leaves memory and the archive', async () => {
    const cache = open();
    const large = 'text '.repeat(400);
    await cache.set('archived', large);
    await toArchive(cache);
    await cache.updateConfig({ l2MaxSizeMB: 10 });
    await cache.set('disk', 1);
    await toDisk(cache);
    await cache.set('memory', 2);
    await cache.flush();
    await cache.clear('L2');
    expect(await cache.get('memory')).toBe(2);
    expect(await cache.get('disk')).toBeNull();
    expect(await cache.get('archived')).toBe(large);
  });

  test('L3 leaves memory and disk', async () => {
    const cache = open();
    await cache.set('archived', 'text '.repeat(400));
    await toArchive(cache);
    await cache.updateConfig({ l2MaxSizeMB: 10 });
    await cache.set('disk', 1);
    await toDisk(cache);
    await cache.clear('L3');
    expect([await cache.get('archived'), await cache.get('disk')]).toEqual([null, 1]);
    expect(cache.getStats().l3.entries).toBe(0);
  });

  test.each([['l1'], ['L4'], [''], [1], [{}], ['all']])('%p is refused', async (layer) => {
    const cache = open();
    await cache.set('key', 1);
    expect((await failureOf(cache.clear(layer))).code).toBe('E_INVALID_ARGUMENT');
    expect(await cache.get('key')).toBe(1);
  });

  test('is told by cacheCleared', async () => {
    const cache = open();
    const heard = heardBy(cache, 'cacheCleared');
    for (const layer of ['L1', 'L2', 'L3', undefined]) await cache.clear(layer);
    expect(heard.map(([, { layer }]) => layer)).toEqual(['L1', 'L2', 'L3', 'all']);
  });
});
