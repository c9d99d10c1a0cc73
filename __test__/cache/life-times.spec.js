const { failureOf } = require('../support.js');
const { useCaches, sleep, until, gone, heardBy, toDisk, toArchive, allOf } = require('./support.js');

const { open } = useCaches();

/** What `cacheSet` says of the entries that `store` stores: their lives in seconds. */
async function livesOf(cache, store) {
  const heard = heardBy(cache, 'cacheSet');
  await store();
  return heard.filter(([, { layer }]) => layer === 'L1').map(([, { entry }]) => entry.ttl);
}

describe('a time to live', () => {
  test('absent, null or 0 is the configured one', async () => {
    const cache = open({ ttlSeconds: 1234 });
    const lives = await livesOf(cache, async () => {
      for (const ttl of [undefined, null, 0, -0, 99]) await cache.set('key', 1, ttl);
      await cache.setMany([
        { key: 'a', value: 1 },
        { key: 'b', value: 1, ttlSeconds: 0 },
        { key: 'c', value: 1, ttlSeconds: 5 },
      ]);
      await cache.getOrCompute('d', () => 1);
      await cache.getOrCompute('e', () => 1, { ttlSeconds: 7 });
    });
    expect(lives).toEqual([1234, 1234, 1234, 1234, 99, 1234, 1234, 5, 1234, 7]);
  });

  test.each([[0.0001], [0.001], [100.5], [3_153_600_000]])('of %p is accepted', async (ttl) => {
    const cache = open();
    await cache.set('key', 'value', ttl);
    const found = await cache.get('key');
    expect(ttl > 1 ? found === 'value' : found === 'value' || found === null).toBe(true);
  });

  describe.each([
    [-1],
    [-0.001],
    [Number.NaN],
    [Infinity],
    [-Infinity],
    ['60'],
    [{}],
    [60n],
    [true],
    [3_153_600_001],
  ])('of %p', (ttl) => {
    test.each([
      ['set', (cache) => cache.set('key', 1, ttl)],
      ['setMany', (cache) => cache.setMany([{ key: 'key', value: 1, ttlSeconds: ttl }])],
      ['getOrCompute', (cache) => cache.getOrCompute('key', () => 1, { ttlSeconds: ttl })],
      ['staleSeconds', (cache) => cache.set('key', 1, 1, { staleSeconds: ttl })],
      ['negativeTtlSeconds', (cache) => cache.getOrCompute('key', () => 1, { negativeTtlSeconds: ttl })],
      ['staleIfErrorSeconds', (cache) => cache.getOrCompute('key', () => 1, { staleIfErrorSeconds: ttl })],
    ])('is refused by %s, and nothing is stored', async (name, act) => {
      const cache = open();
      const error = await failureOf(act(cache));
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
      expect(error.message).toContain(name.endsWith('Seconds') ? name : 'ttlSeconds');
      expect(await cache.has('key')).toBe(false);
    });
  });

  test('that has passed makes a miss of an entry in memory', async () => {
    const cache = open({ persistToDisk: false });
    await cache.set('short', 'value', 0.01);
    await cache.set('long', 'value', 1000);
    await gone(cache, 'short');
    expect(await cache.has('short')).toBe(false);
    expect(await cache.getMany(['short', 'long'])).toEqual([null, 'value']);
    expect(await allOf(cache.keys())).toEqual(['long']);
    expect(cache.getStats().l1.entries).toBe(1);
  });

  test.each([
    ['disk', toDisk],
    ['the archive', toArchive],
  ])('that has passed makes a miss of an entry on %s', async (_, move) => {
    const cache = open({ compressionThreshold: 0 });
    const large = 'text '.repeat(400);
    await cache.set('short', large, 0.4);
    await cache.set('long', large);
    await move(cache);
    await until(async () => !(await cache.has('short')));
    const heard = heardBy(cache, 'cacheHit', 'cacheMiss');
    expect(await cache.has('short')).toBe(false);
    expect(await cache.get('short')).toBeNull();
    expect(await cache.get('long')).toBe(large);
    expect(heard.map(([name, { key }]) => [name, key])).toEqual([
      ['cacheMiss', 'short'],
      ['cacheHit', 'long'],
    ]);
  });

  test('is not begun anew by what moves an entry', async () => {
    const cache = open();
    await cache.set('key', 'value', 0.2);
    const until200 = performance.now() + 205;
    await toDisk(cache);
    await cache.get('key');
    await toDisk(cache);
    while (performance.now() < until200) {
      await cache.get('key');
      await sleep(10);
    }
    expect(await cache.get('key')).toBeNull();
  });

  test('is replaced with the value', async () => {
    const cache = open();
    await cache.set('key', 'short', 0.02);
    await cache.set('key', 'long', 1000);
    await sleep(30);
    expect(await cache.get('key')).toBe('long');
    await cache.set('key', 'short', 0.01);
    await gone(cache, 'key');
  });

  test('configured anew holds for what is stored from then on', async () => {
    const cache = open({ ttlSeconds: 1000 });
    await cache.set('before', 1);
    await cache.updateConfig({ ttlSeconds: 0.01 });
    await cache.set('after', 1);
    await gone(cache, 'after');
    expect(await cache.get('before')).toBe(1);
  });

  test('that has passed is counted once', async () => {
    const cache = open({ persistToDisk: false });
    await cache.set('key', 1, 0.005);
    await gone(cache, 'key');
    await cache.get('key');
    expect(cache.getStats().overall.expired).toBe(1);
  });
});

describe('sliding', () => {
  const LIFE_MS = 200;

  /** Stores a key and uses it for longer than its life. It is stored again only after the machine stood still for as long. */
  async function used(store, use) {
    let last = performance.now();
    await store();
    for (const end = last + 2 * LIFE_MS; performance.now() < end; ) {
      const from = performance.now();
      const found = await use();
      if (performance.now() - last < LIFE_MS - 2) expect(found).toBe('value');
      else if (found === null) await store();
      last = from;
      await sleep(10);
    }
  }

  test.each([
    ['the option', {}, { sliding: true }],
    ['slidingTtl', { slidingTtl: true }, undefined],
    ['slidingTtl and an undefined option', { slidingTtl: true }, { sliding: undefined }],
  ])('with %s a use begins a life anew, and its end comes without', async (_, config, options) => {
    const cache = open(config);
    await used(
      () => cache.set('key', 'value', LIFE_MS / 1000, options),
      () => cache.get('key'),
    );
    await sleep(LIFE_MS + 10);
    expect(await cache.get('key')).toBeNull();
  });

  test('the option false comes before slidingTtl', async () => {
    const cache = open({ slidingTtl: true });
    await cache.set('key', 'value', 0.05, { sliding: false });
    await gone(cache, 'key');
  });

  test('has() is no use', async () => {
    const cache = open();
    await cache.set('key', 'value', 0.05, { sliding: true });
    await until(async () => !(await cache.has('key')));
  });

  test('getMany is a use', async () => {
    const cache = open();
    await used(
      () => cache.set('key', 'value', LIFE_MS / 1000, { sliding: true }),
      async () => (await cache.getMany(['key']))[0],
    );
  });

  test.each([
    ['set', (cache) => cache.set('key', 1, 1, { sliding: 'yes' })],
  ])('of %s that is no boolean is refused', async (_, act) => {
    const cache = open();
    expect((await failureOf(act(cache))).message).toContain('sliding');
    expect(await cache.has('key')).toBe(false);
  });
});

describe('jitter', () => {
  test.each([
    ['the option', {}, { jitter: 0.5 }],
    ['ttlJitter', { ttlJitter: 0.5 }, undefined],
  ])('with %s lives are spread below what was given', async (_, config, options) => {
    const cache = open({ ...config, persistToDisk: false });
    const lives = await livesOf(cache, async () => {
      for (let at = 0; at < 500; at++) await cache.set(`key ${at}`, 1, 1000, options);
    });
    expect(lives).toHaveLength(500);
    expect(Math.max(...lives)).toBeLessThanOrEqual(1000);
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...lives)).toBeGreaterThan(950);
    expect(Math.min(...lives)).toBeLessThan(550);
    const mean = lives.reduce((sum, life) => sum + life, 0) / lives.length;
    expect(Math.abs(mean - 750)).toBeLessThan(50);
  });

  test('of 0 comes before ttlJitter', async () => {
    const cache = open({ ttlJitter: 1 });
    expect(await livesOf(cache, () => cache.set('key', 1, 1000, { jitter: 0 }))).toEqual([1000]);
  });

  test.each([[-0.1], [1.1], [Number.NaN], ['0.5'], [true]])('of %p is refused', async (jitter) => {
    const cache = open();
    const acts = [
      () => cache.set('key', 1, 1, { jitter }),
      () => cache.setMany([{ key: 'key', value: 1, jitter }]),
      () => cache.getOrCompute('key', () => 1, { jitter }),
    ];
    for (const act of acts) {
      const error = await failureOf(act());
      expect([error.code, error.message.includes('jitter')]).toEqual(['E_INVALID_ARGUMENT', true]);
    }
    expect(await cache.has('key')).toBe(false);
  });
});
