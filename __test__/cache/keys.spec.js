const { failureOf } = require('../support.js');
const { useCaches, allOf, heardBy, toDisk, until } = require('./support.js');

const { open } = useCaches();

const MEGABYTE = 'x'.repeat(1 << 20);

const KEYS = [
  '',
  ' ',
  'a',
  'A',
  'a ',
  'a\u0000',
  'a\u0000b',
  '\u0000',
  '\ud800',
  '\ud801',
  '\udc00',
  '\ufffd',
  '\\ud800',
  '"\\ud800"',
  '\u0001',
  '\u0001a',
  '\u0001"\\ud800"',
  '\u0001"\\u0001a"',
  's',
  '0',
  '__proto__',
  'constructor',
  'toString',
  'é',
  'e\u0301',
  '😀',
  '日本',
  '{"a":1}',
  '../../etc/passwd',
  "'; drop table v; --",
  '%_*?[a]',
  MEGABYTE,
  `${MEGABYTE}y`,
];

/** Every method that takes a key. */
const METHODS = [
  ['get', (cache, key) => cache.get(key)],
  ['get with options', (cache, key) => cache.get(key, {})],
  ['has', (cache, key) => cache.has(key)],
  ['set', (cache, key) => cache.set(key, 1)],
  ['delete', (cache, key) => cache.delete(key)],
  ['getMany', (cache, key) => cache.getMany(['a', key])],
  ['setMany', (cache, key) => cache.setMany([{ key, value: 1 }])],
  ['getOrCompute', (cache, key) => cache.getOrCompute(key, () => 1)],
  ['warmCache', (cache, key) => cache.warmCache([{ key, priority: 1 }])],
];

describe('a key', () => {
  test('may be any string, and different strings are different keys', async () => {
    const cache = open();
    for (const [at, key] of KEYS.entries()) await cache.set(key, at);
    const expected = KEYS.map((_, at) => at);
    expect(await Promise.all(KEYS.map((key) => cache.get(key)))).toEqual(expected);
    await toDisk(cache);
    expect(await cache.getMany(KEYS)).toEqual(expected);
    for (const key of ['\ud802', '\u0001"\\ud801"', 'b', 'x', MEGABYTE.slice(1)])
      expect(await cache.get(key)).toBeNull();
  });

  test('comes back from keys() as it was', async () => {
    const cache = open();
    for (const key of KEYS) await cache.set(key, 1);
    expect((await allOf(cache.keys())).sort()).toEqual([...KEYS].sort());
  });

  test('is named in events as it was', async () => {
    const cache = open();
    const heard = heardBy(cache, 'cacheMiss', 'cacheHit');
    for (const key of KEYS) {
      await cache.get(key);
      await cache.set(key, 1);
      await cache.get(key);
    }
    expect(heard.map(([name, { key }]) => [name, key])).toEqual(
      KEYS.flatMap((key) => ['cacheMiss', 'cacheHit'].map((name) => [name, key])),
    );
    const hits = heard.filter(([name]) => name === 'cacheHit');
    expect(hits.map(([, { entry }]) => entry.key)).toEqual(KEYS);
  });

  test('is removed alone', async () => {
    const cache = open();
    await cache.setMany(KEYS.map((key) => ({ key, value: key.length })));
    for (const [at, key] of KEYS.entries()) {
      expect(await cache.delete(key)).toBe(true);
      expect((await cache.getMany(KEYS)).filter((value) => value !== null)).toHaveLength(KEYS.length - at - 1);
    }
  });

  describe.each(METHODS)('of %s', (_, act) => {
    test.each([
      [undefined],
      [null],
      [5],
      [Number.NaN],
      [true],
      [{}],
      [['a']],
      [Symbol('a')],
      [() => 'a'],
      [Object('a')],
    ])('that is no string is refused: %p', async (key) => {
      const cache = open();
      const error = await failureOf(act(cache, key));
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
      expect(error.message).toContain('key');
      expect(await allOf(cache.keys())).toEqual([]);
    });
  });

  test.each([
    ['getMany', (cache) => cache.getMany('abc')],
    ['getMany', (cache) => cache.getMany()],
    ['setMany', (cache) => cache.setMany({ key: 'a', value: 1 })],
    ['setMany', (cache) => cache.setMany(['a'])],
    ['setMany', (cache) => cache.setMany([null])],
    ['warmCache', (cache) => cache.warmCache('a')],
    ['warmCache', (cache) => cache.warmCache(['a'])],
    ['warmCache', (cache) => cache.warmCache([{ key: 'a', priority: Number.NaN }])],
    ['warmCache', (cache) => cache.warmCache([{ key: 'a', priority: '1' }])],
  ])('in something else than a list is refused by %s', async (_, act) => {
    expect((await failureOf(act(open()))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('keys()', () => {
  test('gives nothing of an empty cache', async () => {
    expect(await allOf(open().keys())).toEqual([]);
  });

  test('gives those in memory, those on disk and those in both once', async () => {
    const cache = open();
    await cache.set('on disk', 1);
    await toDisk(cache);
    await cache.set('both', 1);
    await cache.flush();
    await cache.set('waiting', 1);
    expect((await allOf(cache.keys())).sort()).toEqual(['both', 'on disk', 'waiting']);
  });

  test.each([
    [true],
    [false],
  ])('gives each of many once, whatever was evicted; persistToDisk %p', async (persistToDisk) => {
    const cache = open({ persistToDisk, l1MaxSize: persistToDisk ? 100 : 10_000 });
    const keys = Array.from({ length: 5000 }, (_, at) => `key ${at}`);
    await cache.setMany(keys.map((key) => ({ key, value: 1 })));
    expect((await allOf(cache.keys())).sort()).toEqual(keys.sort());
  });

  test('with a prefix gives those that begin with it, as it is written', async () => {
    const cache = open();
    for (const key of ['a', 'ab', 'A', 'b', '%', '', 'a\u0000', '😀', '😀b']) await cache.set(key, 1);
    const of = async (prefix) => (await allOf(cache.keys({ prefix }))).sort();
    expect(await of('a')).toEqual(['a', 'a\u0000', 'ab']);
    expect(await of('%')).toEqual(['%']);
    expect(await of('none')).toEqual([]);
    expect(await of('😀')).toEqual(['😀', '😀b']);
    expect(await of('')).toHaveLength(9);
  });

  test('with a prefix gives those that UTF-8 cannot hold, too', async () => {
    const cache = open();
    for (const key of ['\ud800x', '\ud801x', 'a\ud800', 'b', '\u0001a', '\u0001']) await cache.set(key, 1);
    const of = async (prefix) => (await allOf(cache.keys({ prefix }))).sort();
    expect(await of('a')).toEqual(['a\ud800']);
    expect(await of('\ud800')).toEqual(['\ud800x']);
    expect(await of('\u0001')).toEqual(['\u0001', '\u0001a']);
    expect(await of('b')).toEqual(['b']);
  });

  test('gives what the reader sees, each once', async () => {
    const cache = open();
    await cache.set('shared', 1);
    await cache.set('both', 1);
    await cache.set('both', 2, 0, { agentId: 'one' });
    await cache.set('own', 1, 0, { agentId: 'one' });
    await cache.set('model', 1, 0, { model: 'm' });
    await cache.set('prompt', 1, 0, { systemPrompt: 'p' });
    const of = async (options) => (await allOf(cache.keys(options))).sort();
    for (let round = 0; round < 2; round++) {
      expect(await of()).toEqual(['both', 'shared']);
      expect(await of({ agentId: 'one' })).toEqual(['both', 'own', 'shared']);
      expect(await of({ agentId: 'two' })).toEqual(['both', 'shared']);
      expect(await of({ model: 'm' })).toEqual(['model']);
      expect(await of({ systemPrompt: 'p' })).toEqual(['prompt']);
      expect(await of({ model: 'm', systemPrompt: 'p' })).toEqual([]);
      await toDisk(cache);
    }
  });

  test('leaves out what is expired', async () => {
    const cache = open();
    await cache.set('short', 1, 0.001, { staleSeconds: 60 });
    await cache.set('long', 1);
    await until(async () => !(await cache.has('short')));
    expect(await allOf(cache.keys())).toEqual(['long']);
    await toDisk(cache);
    expect(await allOf(cache.keys())).toEqual(['long']);
  });

  test('goes on while entries come and go: what stays is found once', async () => {
    const cache = open();
    const stays = Array.from({ length: 3000 }, (_, at) => `stays ${at}`);
    await cache.setMany(stays.map((key) => ({ key, value: 1 })));
    await cache.setMany(stays.map((_, at) => ({ key: `goes ${at}`, value: 1 })));
    const found = [];
    for await (const key of cache.keys()) {
      found.push(key);
      const at = found.length % 3000;
      await cache.delete(`goes ${at}`);
      await cache.set(`new ${at}`, 1);
    }
    expect(found.filter((key) => key.startsWith('stays')).sort()).toEqual(stays.sort());
  });

  test('may be left, and the cache goes on', async () => {
    const cache = open();
    await cache.setMany(Array.from({ length: 3000 }, (_, at) => ({ key: `key ${at}`, value: at })));
    let count = 0;
    for await (const _ of cache.keys()) if (++count === 5) break;
    expect(count).toBe(5);
    expect(await allOf(cache.keys())).toHaveLength(3000);
    expect(await cache.get('key 7')).toBe(7);
  });

  test('ends with the reason of an abort, before and during', async () => {
    const cache = open();
    await cache.setMany(Array.from({ length: 3000 }, (_, at) => ({ key: `key ${at}`, value: at })));
    const reason = new Error('enough');
    await expect(allOf(cache.keys({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const controller = new AbortController();
    let count = 0;
    const walk = async () => {
      for await (const _ of cache.keys({ signal: controller.signal })) if (++count === 5) controller.abort(reason);
    };
    await expect(walk()).rejects.toBe(reason);
    expect(count).toBeLessThan(3000);
  });

  test.each([[{ prefix: 5 }], [{ signal: {} }], [{ agentId: 5 }], ['prefix']])('%p is refused', async (options) => {
    expect((await failureOf(allOf(open().keys(options)))).code).toBe('E_INVALID_ARGUMENT');
  });
});
