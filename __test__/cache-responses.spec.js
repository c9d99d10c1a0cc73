const { KEEP_ALL, IN_MEMORY, useOwnDirectory, useSystems, failureOf } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

let system;
beforeEach(async () => {
  system = await open();
});

describe('a value', () => {
  test.each([
    ['null', null],
    ['true', true],
    ['false', false],
    ['0', 0],
    ['a negative fraction', -1.5],
    ['a large number', 1.7976931348623157e308],
    ['an empty string', ''],
    ['a string', 'text'],
    ['a string that looks like JSON', '{"a":1}'],
    ['a string with lone surrogates', '\ud800 \udc00'],
    ['a string with NUL and line separators', '\u0000\u2028\u2029'],
    ['emoji', '😀é日本'],
    ['1 MB of text', 'é'.repeat(1 << 19)],
    ['an empty object', {}],
    ['an empty array', []],
    ['nested values', { a: [{ b: null, 'c.d': [false, 0, ''] }], '': { '😀': 1 } }],
    ['the key __proto__', JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')],
    ['200 levels', JSON.parse('['.repeat(200) + ']'.repeat(200))],
  ])('comes back as it was: %s', async (_, value) => {
    await system.cacheResponse('query', value);
    expect(await system.getCachedResponse('query')).toEqual(value);
    expect({}.polluted).toBeUndefined();
  });

  test('comes back as JSON would give it: dates, undefined, NaN, toJSON', async () => {
    const value = {
      at: new Date(0),
      gone: undefined,
      nan: Number.NaN,
      list: [undefined, () => 1],
      own: { toJSON: () => 'own' },
    };
    await system.cacheResponse('query', value);
    expect(Object.entries(await system.getCachedResponse('query'))).toEqual([
      ['at', '1970-01-01T00:00:00.000Z'],
      ['nan', null],
      ['list', [null, null]],
      ['own', 'own'],
    ]);
  });

  test('is a copy each time: nobody can spoil another one', async () => {
    const value = { list: [1], nested: { a: 1 } };
    await system.cacheResponse('query', value);
    value.list.push(2);
    const first = await system.getCachedResponse('query');
    first.list.push(3);
    first.nested.a = 2;
    const second = await system.getCachedResponse('query');
    expect(second).toEqual({ list: [1], nested: { a: 1 } });
    expect(second).not.toBe(first);
  });

  test('is replaced by a later one', async () => {
    await system.cacheResponse('query', 'first');
    await system.cacheResponse('query', { second: true });
    expect(await system.getCachedResponse('query')).toEqual({ second: true });
    expect(system.getStatus().components.cacheManager.l1.entries).toBe(1);
  });

  test('that was never stored is null', async () => {
    expect(await system.getCachedResponse('query')).toBeNull();
    expect(await system.getCachedResponse('query', 'agent', { model: 'm' })).toBeNull();
  });

  test('is frozen input untouched', async () => {
    const value = Object.freeze({ a: Object.freeze([1]) });
    await system.cacheResponse('query', value);
    expect(await system.getCachedResponse('query')).toEqual({ a: [1] });
  });

  const cyclic = { a: 1 };
  cyclic.self = cyclic;
  test.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cyclic],
    ['a BigInt', 10n],
    ['a BigInt in it', { a: [1n] }],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    ['a toJSON that gives undefined', { toJSON: () => undefined }],
  ])('that JSON cannot hold is refused: %s', async (_, value) => {
    await system.cacheResponse('query', 'before');
    const error = await failureOf(system.cacheResponse('query', value));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
    expect(await system.getCachedResponse('query')).toBe('before');
  });
});

describe('a time to live', () => {
  test.each([[undefined], [null], [0], [100.5], [86_400]])('of %p is accepted', async (ttl) => {
    await system.cacheResponse('query', 'value', ttl);
    expect(await system.getCachedResponse('query')).toBe('value');
  });

  test.each([
    [-1],
    [-0.001],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [-Infinity],
    ['60'],
    [{}],
    [60n],
    [true],
    [2 ** 60],
  ])('of %p is refused, and nothing is stored', async (ttl) => {
    const error = await failureOf(system.cacheResponse('query', 'value', ttl));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain('ttlSeconds');
    expect(await system.getCachedResponse('query')).toBeNull();
  });

  test('that has passed makes a miss of it', async () => {
    await system.cacheResponse('short', 'value', 0.001);
    await system.cacheResponse('long', 'value', 1000);
    while ((await system.getCachedResponse('short')) !== null) await new Promise((resolve) => setImmediate(resolve));
    expect(await system.getCachedResponse('long')).toBe('value');
    await system.performMaintenance();
    expect(system.getStatus().components.cacheManager.l1.entries).toBe(1);
  });

  test('is the configured one when none is given', async () => {
    const short = await open({ ...KEEP_ALL, cache: { persistToDisk: false, ttlSeconds: 0.001 } });
    await short.cacheResponse('absent', 'value');
    await short.cacheResponse('zero', 'value', 0);
    await short.cacheResponse('own', 'value', 1000);
    for (const query of ['absent', 'zero']) {
      while ((await short.getCachedResponse(query)) !== null) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await short.getCachedResponse('own')).toBe('value');
  });

  test('absent or 0 is shown as the configured one', async () => {
    const heard = [];
    const short = await open({ ...KEEP_ALL, cache: { persistToDisk: false, ttlSeconds: 1234 } });
    short.on('cacheSet', (event) => heard.push(event));
    await short.cacheResponse('absent', 1);
    await short.cacheResponse('zero', 1, 0);
    await short.cacheResponse('own', 1, 99);
    expect(heard.map((event) => event.entry?.ttl)).toEqual([1234, 1234, 99]);
  });
});

describe('a key', () => {
  const KEYS = [
    '',
    ' ',
    'a',
    'A',
    'a\u0000',
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
    '__proto__',
    'constructor',
    'é',
    'e\u0301',
    '😀',
    '{"a":1}',
    'x'.repeat(1 << 20),
    `${'x'.repeat(1 << 20)}y`,
  ];

  test('may be any string, and different strings are different keys', async () => {
    for (const [at, key] of KEYS.entries()) await system.cacheResponse(key, at);
    const found = await Promise.all(KEYS.map((key) => system.getCachedResponse(key)));
    expect(found).toEqual(KEYS.map((_, at) => at));
    expect(await system.getCachedResponse('\ud802')).toBeNull();
    expect(await system.getCachedResponse('\u0001"\\ud801"')).toBeNull();
  });

  test.each([[undefined], [null], [5], [{}], [['a']], [Symbol('a')]])('%p is refused', async (key) => {
    for (const pending of [system.cacheResponse(key, 1), system.getCachedResponse(key)]) {
      const error = await failureOf(pending);
      expect(error.code).toBe('E_INVALID_ARGUMENT');
      expect(error.message).toContain('query');
    }
  });
});

describe('bounds', () => {
  const stored = async (bounded, count) => {
    const found = await Promise.all(Array.from({ length: count }, (_, at) => bounded.getCachedResponse(`query ${at}`)));
    return found.filter((value) => value !== null).length;
  };

  test('l1MaxSize entries at most are kept, the last among them', async () => {
    const bounded = await open({ ...KEEP_ALL, cache: { persistToDisk: false, l1MaxSize: 5 } });
    for (let at = 0; at < 200; at++) await bounded.cacheResponse(`query ${at}`, at);
    const { l1, overall } = bounded.getStatus().components.cacheManager;
    expect(l1.maxSize).toBe(5);
    expect(l1.entries).toBeLessThanOrEqual(5);
    expect(l1.entries).toBeGreaterThan(0);
    expect(overall.evictions).toBeGreaterThanOrEqual(195);
    expect(await stored(bounded, 200)).toBe(l1.entries);
    expect(await bounded.getCachedResponse('query 199')).toBe(199);
  });

  test('l1MaxSizeMB bounds the bytes', async () => {
    const bounded = await open({ ...KEEP_ALL, cache: { persistToDisk: false, l1MaxSize: 1000, l1MaxSizeMB: 0.1 } });
    for (let at = 0; at < 100; at++) await bounded.cacheResponse(`query ${at}`, 'x'.repeat(10_000));
    const found = await stored(bounded, 100);
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThanOrEqual(10);
  });

  test('a value over the whole budget is not kept, and nothing is rejected', async () => {
    const bounded = await open({ ...KEEP_ALL, cache: { persistToDisk: false, l1MaxSizeMB: 0.01 } });
    await bounded.cacheResponse('small', 'fits');
    await expect(bounded.cacheResponse('large', 'x'.repeat(100_000))).resolves.toBeUndefined();
    expect(await bounded.getCachedResponse('large')).toBeNull();
    expect(await bounded.getCachedResponse('small')).toBe('fits');
  });

  test('a value over the whole budget leaves no older one behind', async () => {
    const bounded = await open({ ...KEEP_ALL, cache: { persistToDisk: false, l1MaxSizeMB: 0.01 } });
    await bounded.cacheResponse('query', 'old');
    await bounded.cacheResponse('query', 'x'.repeat(100_000));
    expect(await bounded.getCachedResponse('query')).not.toBe('old');
  });
});

describe('events', () => {
  const listen = (...names) => {
    const heard = [];
    for (const name of names) system.on(name, (event) => heard.push([name, event]));
    return heard;
  };

  test('cacheSet, cacheHit and cacheMiss come before the promise resolves', async () => {
    const heard = listen('cacheSet', 'cacheHit', 'cacheMiss');
    await system.cacheResponse('query', { a: 1 });
    expect(heard).toEqual([['cacheSet', expect.objectContaining({ layer: 'L1', key: 'query' })]]);
    await system.getCachedResponse('query');
    expect(heard[1]).toEqual(['cacheHit', expect.objectContaining({ layer: 'L1', key: 'query' })]);
    await system.getCachedResponse('other');
    expect(heard[2]).toEqual(['cacheMiss', expect.objectContaining({ key: 'other' })]);
    expect(heard).toHaveLength(3);
  });

  test('cacheSet and cacheHit carry the entry', async () => {
    const heard = listen('cacheSet', 'cacheHit');
    await system.cacheResponse('query', { a: 1 }, 60);
    await system.getCachedResponse('query');
    const entry = {
      key: 'query',
      value: { a: 1 },
      size: expect.any(Number),
      createdAt: expect.any(Date),
      lastAccessed: expect.any(Date),
      hitCount: expect.any(Number),
      ttl: 60,
      compressed: false,
    };
    expect(heard).toEqual([
      ['cacheSet', expect.objectContaining({ entry: expect.objectContaining(entry) })],
      ['cacheHit', expect.objectContaining({ entry: expect.objectContaining(entry) })],
    ]);
  });

  test('name the key as the caller did', async () => {
    const keys = ['\ud800', '\u0001', '\u0001"\\ud800"', '', 'a\u0000'];
    const heard = listen('cacheSet', 'cacheHit', 'cacheMiss');
    for (const key of keys) {
      await system.getCachedResponse(key);
      await system.cacheResponse(key, 1, 0, { agentId: 'agent', model: 'model' });
      await system.getCachedResponse(key, 'agent', { model: 'model' });
    }
    expect(heard.map(([name, { key }]) => [name, key])).toEqual(
      keys.flatMap((key) => ['cacheMiss', 'cacheSet', 'cacheHit'].map((name) => [name, key])),
    );
  });

  test('none come to who went away', async () => {
    let count = 0;
    const listener = () => count++;
    system.on('cacheMiss', listener);
    await system.getCachedResponse('query');
    system.off('cacheMiss', listener);
    await system.getCachedResponse('query');
    expect(count).toBe(1);
  });
});

describe('statistics', () => {
  test('count hits and misses of callers', async () => {
    await system.cacheResponse('query', 1);
    for (const query of ['query', 'query', 'query', 'other']) await system.getCachedResponse(query, 'agent');
    const { overall, l1 } = system.getStatus().components.cacheManager;
    expect(overall).toMatchObject({ totalHits: 3, totalMisses: 1, hitRate: 0.75 });
    expect(l1.entries).toBe(1);
    expect(system.getStatus().statistics.cacheHitRate).toBe(75);
  });

  test('a null value is a hit', async () => {
    await system.cacheResponse('query', null);
    await system.getCachedResponse('query');
    expect(system.getStatus().components.cacheManager.overall).toMatchObject({ totalHits: 1, totalMisses: 0 });
  });
});

test('without a cache every response is null and none is refused', async () => {
  const none = await open({ ...KEEP_ALL, enableAdvancedCaching: false });
  await expect(none.cacheResponse('query', 1)).resolves.toBeUndefined();
  expect(await none.getCachedResponse('query')).toBeNull();
});

test('systems share what they cache in one directory, projects and systems without a disk do not', async () => {
  const shared = await open();
  const project = await open({ ...KEEP_ALL, projectId: 'another' });
  const alone = await open(IN_MEMORY);
  await system.cacheResponse('query', 1);
  expect(await shared.getCachedResponse('query')).toBe(1);
  expect(await project.getCachedResponse('query')).toBeNull();
  expect(await alone.getCachedResponse('query')).toBeNull();
});
