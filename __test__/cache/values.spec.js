const { failureOf, seeded, randomValue } = require('../support.js');
const { useCaches, toDisk, toArchive, noise, until, heardBy } = require('./support.js');

const { open } = useCaches();

const cyclic = { a: 1 };
cyclic.self = cyclic;

/** Every kind of value, and texts that could be taken for something else. */
const VALUES = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['0', 0],
  ['a negative fraction', -1.5],
  ['the largest number', Number.MAX_VALUE],
  ['2^53', 2 ** 53],
  ['an empty string', ''],
  ['the string 0', '0'],
  ['the string null', 'null'],
  ['the string undefined', 'undefined'],
  ['a string that looks like JSON', '{"a":1}'],
  ['a string that is a JSON string', '"a"'],
  ['a string that begins with s', 's'],
  ['a string that begins with s and JSON', 's{"a":1}'],
  ['a string that begins with a mark', '\u0001"a"'],
  ['a string of a mark', '\u0001'],
  ['a string of marks and lone surrogates', '\u0001"\ud800"'],
  ['a lone high surrogate', '\ud800'],
  ['lone surrogates with text', 'a\udc00b\ud800'],
  ['NUL, line breaks and separators', '\u0000\r\n\u2028\u2029'],
  ['emoji and other scripts', '😀é日本'],
  ['an empty object', {}],
  ['an empty array', []],
  ['nested values', { a: [{ b: null, 'c.d': [false, 0, ''] }], '': { '😀': 1 } }],
  ['strings in a list that look like JSON', ['{}', 's', '\u0001', 'null', '\ud800']],
  ['lone surrogates as keys', { '\ud800': '\udc00' }],
  ['the keys __proto__ and constructor', JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')],
  ['200 levels', JSON.parse('['.repeat(200) + ']'.repeat(200))],
  ['1 MB of text', 'é'.repeat(1 << 19)],
];

describe('a value', () => {
  test.each(VALUES)('comes back from memory as it was: %s', async (_, value) => {
    const cache = open();
    await cache.set('key', value);
    expect(await cache.get('key')).toEqual(value);
    expect(await cache.has('key')).toBe(true);
    expect({}.polluted).toBeUndefined();
  });

  test('comes back from disk as it was', async () => {
    const cache = open();
    await cache.setMany(VALUES.map(([key, value]) => ({ key, value })));
    await toDisk(cache);
    const heard = heardBy(cache, 'cacheHit');
    for (const [key, value] of VALUES) expect([key, await cache.get(key)]).toEqual([key, value]);
    expect(new Set(heard.map(([, { layer }]) => layer))).toEqual(new Set(['L2']));
  });

  test('comes back from the archive as it was', async () => {
    const cache = open({ compressionThreshold: 0 });
    // The archive takes what is over the threshold, which nothing is.
    const archived = VALUES.filter(([, value]) => value !== '');
    await cache.setMany(archived.map(([key, value]) => ({ key, value })));
    await toArchive(cache);
    const heard = heardBy(cache, 'cacheHit');
    for (const [key, value] of archived) expect([key, await cache.get(key)]).toEqual([key, value]);
    expect(heard.map(([, { layer }]) => layer)).toContain('L3');
  });

  test('comes back the same from every method', async () => {
    const cache = open();
    for (const [key, value] of VALUES) await cache.set(key, value);
    const keys = VALUES.map(([key]) => key);
    expect(await cache.getMany(keys)).toEqual(VALUES.map(([, value]) => value));
    for (const [key, value] of VALUES) {
      expect(await cache.getOrCompute(key, () => 'computed')).toEqual(value);
      expect(await cache.get(key, {})).toEqual(value);
    }
  });

  test('is computed as it is stored', async () => {
    const cache = open();
    for (const [key, value] of VALUES) {
      expect(await cache.getOrCompute(key, () => value)).toEqual(value);
      expect(await cache.get(key)).toEqual(value);
    }
  });

  test('may be anything that JSON can say', async () => {
    const cache = open();
    const random = seeded(7);
    for (let at = 0; at < 500; at++) {
      const value = randomValue(random);
      await cache.set(`key ${at}`, value);
      expect(await cache.get(`key ${at}`)).toEqual(value);
    }
  });

  test('comes back as JSON would give it', async () => {
    const cache = open();
    const value = {
      at: new Date(0),
      gone: undefined,
      nan: Number.NaN,
      list: [undefined, () => 1, Symbol('s')],
      own: { toJSON: () => 'own' },
    };
    await cache.set('key', value);
    const expected = { at: '1970-01-01T00:00:00.000Z', nan: null, list: [null, null, null], own: 'own' };
    expect(Object.entries(await cache.get('key'))).toEqual(Object.entries(expected));
    await cache.set('date', new Date(5));
    expect(await cache.get('date')).toBe('1970-01-01T00:00:00.005Z');
    await cache.set('nan', Number.NaN);
    expect(await cache.get('nan')).toBeNull();
    expect(await cache.has('nan')).toBe(true);
    await cache.set('boxed', Object('text'));
    expect(await cache.get('boxed')).toBe('text');
  });

  const REFUSED = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a BigInt', 10n],
    ['a BigInt in it', { a: [1n] }],
    ['a cycle', cyclic],
    ['a toJSON that throws', { toJSON: () => [].none.here }],
    ['a toJSON that gives undefined', { toJSON: () => undefined }],
  ];

  test.each(REFUSED)('that JSON cannot hold is refused, and the old one stays: %s', async (_, value) => {
    const cache = open();
    for (const store of [(key) => cache.set(key, value), (key) => cache.setMany([{ key, value }])]) {
      const error = await failureOf(store('key'));
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
      expect(error.message).toContain('value');
      expect(await cache.has('key')).toBe(false);
    }
    await cache.set('key', 'before');
    await failureOf(cache.set('key', value));
    expect(await cache.get('key')).toBe('before');
  });

  test('over maxEntrySizeMB is refused, and the key has no value then', async () => {
    const cache = open({ maxEntrySizeMB: 0.001 });
    await cache.set('key', 'old');
    const error = await failureOf(cache.set('key', 'x'.repeat(2000)));
    expect(error.code).toBe('E_CACHE_ENTRY_TOO_LARGE');
    expect(error.message).toMatch(/maxEntrySizeMB.*0\.001 MB.*2\d\d\d bytes/);
    expect(await cache.get('key')).toBeNull();
    await toDisk(cache);
    expect(await cache.get('key')).toBeNull();
  });

  test('larger than L1 is kept on disk', async () => {
    const cache = open({ l1MaxSizeMB: 0.01 });
    const large = noise(100_000);
    await cache.set('key', large);
    expect(await cache.get('key')).toBe(large);
    await cache.flush();
    expect(await cache.get('key')).toBe(large);
  });

  test('is the one of the time of the call', async () => {
    const cache = open();
    const value = { at: 'call' };
    const pending = cache.set('key', value);
    value.at = 'later';
    await pending;
    expect(await cache.get('key')).toEqual({ at: 'call' });
  });

  test('of a list that is changed after the call is stored all the same', async () => {
    const cache = open();
    const entries = Array.from({ length: 2000 }, (_, at) => ({ key: `key ${at}`, value: at }));
    const pending = cache.setMany(entries);
    entries.length = 1;
    await pending;
    expect(await cache.getMany(['key 0', 'key 1', 'key 1999'])).toEqual([0, 1, 1999]);
  });
});

describe('copies', () => {
  test.each([
    ['get', (cache) => cache.get('key')],
    ['get with options', (cache) => cache.get('key', {})],
    ['getMany', async (cache) => (await cache.getMany(['key']))[0]],
    ['getOrCompute', (cache) => cache.getOrCompute('key', () => null)],
  ])('what %s gave may be changed', async (_, read) => {
    const cache = open();
    const value = { list: [1], nested: { a: 1 } };
    await cache.set('key', value);
    value.list.push(2);
    const first = await read(cache);
    first.list.push(3);
    delete first.nested;
    const second = await read(cache);
    expect(second).toEqual({ list: [1], nested: { a: 1 } });
    expect(second).not.toBe(first);
  });

  test('getMany gives the same key twice as two values', async () => {
    const cache = open();
    await cache.set('key', {});
    const [one, two] = await cache.getMany(['key', 'key']);
    expect(one).not.toBe(two);
  });
});

describe("valueMode 'reference'", () => {
  const shared = () => open({ valueMode: 'reference' });

  test('gives the same object to two readers', async () => {
    const cache = shared();
    await cache.set('key', { a: 1 });
    const first = await cache.get('key');
    expect(await cache.get('key')).toBe(first);
    first.a = 2;
    expect(await cache.get('key')).toEqual({ a: 2 });
  });

  test('is not the object that was stored', async () => {
    const cache = shared();
    const value = { a: 1 };
    await cache.set('key', value);
    expect(await cache.get('key')).not.toBe(value);
  });

  test('also while somebody listens to hits', async () => {
    const cache = shared();
    const heard = heardBy(cache, 'cacheHit');
    await cache.set('key', { a: 1 });
    expect(await cache.get('key')).toBe(await cache.get('key'));
    expect(heard).toHaveLength(2);
  });

  test('counts each use', async () => {
    const cache = shared();
    await cache.set('key', { a: 1 });
    for (let at = 0; at < 5; at++) await cache.get('key');
    expect(cache.getStats().overall).toMatchObject({ totalHits: 5, totalMisses: 0 });
  });

  test.each([
    ['set', (cache) => cache.set('key', { a: 2 })],
    ['setMany', (cache) => cache.setMany([{ key: 'key', value: { a: 2 } }])],
    ["another handle's set", (_, other) => other.set('key', { a: 2 })],
    ['forceRefresh', (cache) => cache.getOrCompute('key', () => ({ a: 2 }), { forceRefresh: true })],
  ])('gives the new object after %s', async (_, change) => {
    const [cache, other] = [shared(), shared()];
    await cache.set('key', { a: 1 });
    const old = await cache.get('key');
    await change(cache, other);
    const now = await cache.get('key');
    expect(now).toEqual({ a: 2 });
    expect(await cache.get('key')).toBe(now);
    expect(old).toEqual({ a: 1 });
  });

  test.each([
    ['delete', (cache) => cache.delete('key')],
    ['deleteByTag', (cache) => cache.deleteByTag('tag')],
    ['clear', (cache) => cache.clear()],
    ["another handle's delete", (_, other) => other.delete('key')],
  ])('gives nothing after %s', async (_, change) => {
    const [cache, other] = [shared(), shared()];
    await cache.set('key', { a: 1 }, 0, { tags: ['tag'] });
    await cache.get('key');
    await change(cache, other);
    expect(await cache.get('key')).toBeNull();
  });

  test('gives nothing after its life, and then the new one', async () => {
    const cache = shared();
    await cache.set('key', { a: 1 }, 0.05);
    const old = await cache.get('key');
    await until(async () => (await cache.get('key')) === null);
    await cache.set('key', { a: 1 });
    expect(await cache.get('key')).not.toBe(old);
  });

  test('keeps nothing of what was replaced while it was looked up on disk', async () => {
    const cache = shared();
    for (let round = 0; round < 5; round++) {
      await cache.set('key', { round, is: 'old' });
      await toDisk(cache);
      const pending = cache.get('key');
      // The lookup ends on another thread meanwhile; its answer comes after the set.
      const end = performance.now() + 20;
      while (performance.now() < end);
      const stored = cache.set('key', { round, is: 'new' });
      await pending;
      await stored;
      expect(await cache.get('key')).toEqual({ round, is: 'new' });
    }
  });

  test('holds for many more values than L1 has room for', async () => {
    const cache = open({ valueMode: 'reference', l1MaxSize: 10, persistToDisk: false });
    for (let at = 0; at < 5000; at++) {
      await cache.set(`key ${at}`, { at });
      expect(await cache.get(`key ${at}`)).toEqual({ at });
    }
    expect(await cache.get('key 4999')).toBe(await cache.get('key 4999'));
    expect(await cache.get('key 0')).toBeNull();
  });

  test('may be switched on and off', async () => {
    const cache = open();
    await cache.set('key', { a: 1 });
    expect(await cache.get('key')).not.toBe(await cache.get('key'));
    await cache.updateConfig({ valueMode: 'reference' });
    expect(await cache.get('key')).toBe(await cache.get('key'));
    await cache.updateConfig({ valueMode: 'copy' });
    expect(await cache.get('key')).not.toBe(await cache.get('key'));
  });
});
