const { ProductionOptimizationSystem } = require('../../index.js');
const { failureOf } = require('../support.js');
const { STORED, NEAR, SIZE, embedding, usePlugIns } = require('./embedding.js');
const { heardBy, runCache, until } = require('./support.js');

const { open, path } = usePlugIns();

describe.each([true, false])('with persistToDisk %s', (persistToDisk) => {
  const config = { persistToDisk };

  test('what vectors say is near is served', async () => {
    const { embed, calls } = embedding();
    const cache = open({ embed, embeddingThreshold: 0.8 }, config);
    const heard = heardBy(cache, 'similarityDetection');
    await cache.set(STORED, 'with a stone');
    await cache.flush();
    expect(calls).toEqual([[STORED]]);
    expect(await cache.get(NEAR)).toBe('with a stone');
    expect(cache.getStats().similarity).toMatchObject({ queries: 1, vectors: 1 });
    const found = await cache.lookup(NEAR, { explain: true });
    expect(found).toMatchObject({ found: true, value: 'with a stone', tier: 'semantic', source: STORED, layer: 'L1' });
    expect(found.similarity).toBeGreaterThan(0.8);
    expect(found.candidates).toEqual([]);
    expect(heard).toHaveLength(2);
    expect(heard[0][1]).toEqual({ original: NEAR, similar: STORED, similarity: found.similarity, cacheKey: STORED });
    expect(cache.getStats().overall).toMatchObject({ totalHits: 2, totalMisses: 0, similarityDetections: 2 });
    // Asked for once: what was looked for is kept for what is stored next.
    expect(calls).toEqual([[STORED], [NEAR]]);
    await cache.set(NEAR, 'its own');
    await cache.flush();
    expect(calls).toHaveLength(2);
    expect(cache.getStats().similarity.vectors).toBe(2);
  });

  test('guards refuse whatever the vectors say', async () => {
    const embed = async (texts) => texts.map(() => Float32Array.of(1));
    const cache = open({ embed }, config);
    await cache.set('How long do I boil 3 eggs?', 1);
    await cache.set('How do I enable telemetry?', 2);
    await cache.set('Who is Ada Lovelace?', 3);
    await cache.flush();
    expect(await cache.get('How long do I boil 2 eggs?')).toBeNull();
    expect(await cache.get('How do I disable telemetry?')).toBeNull();
    expect(await cache.get('Who is Grace Lovelace?')).toBeNull();
    const { candidates } = await cache.lookup('How long do I boil 2 eggs?', { explain: true });
    expect(candidates).toContainEqual({ key: 'How long do I boil 3 eggs?', similarity: 1, reason: 'number' });
    expect(cache.getStats().overall).toMatchObject({ totalHits: 0, totalMisses: 4 });
  });

  test('only what the reader may see is near', async () => {
    const cache = open({ embed: embedding().embed, embeddingThreshold: 0.8 }, config);
    await cache.set(STORED, 'of one', 0, { agentId: 'one' });
    await cache.namespace('other').set(STORED, 'of another namespace');
    await cache.flush();
    expect(await cache.get(NEAR)).toBeNull();
    expect(await cache.get(NEAR, { agentId: 'two' })).toBeNull();
    expect(await cache.get(NEAR, { agentId: 'one' })).toBe('of one');
    expect(await cache.get(NEAR, { agentId: 'one', model: 'm' })).toBeNull();
    expect(await cache.get(NEAR, { agentId: 'one', exact: true })).toBeNull();
    expect(await cache.namespace('other').get(NEAR)).toBe('of another namespace');
  });

  test('what is gone is not served, and its vector is forgotten', async () => {
    const cache = open({ embed: embedding().embed, embeddingThreshold: 0.8 }, config);
    const vectors = () => cache.getStats().similarity.vectors;
    await cache.set(STORED, 'deleted');
    await cache.flush();
    await cache.delete(STORED);
    expect(vectors()).toBe(0);
    expect(await cache.get(NEAR)).toBeNull();
    await cache.set(STORED, 'tagged', 0, { tags: ['t'] });
    await cache.flush();
    await cache.deleteByTag('t');
    expect(await cache.get(NEAR)).toBeNull();
    await cache.set(STORED, 'cleared');
    await cache.flush();
    await cache.clear();
    expect(vectors()).toBe(0);
    expect(await cache.get(NEAR)).toBeNull();
  });

  test('`verify` has the last word, but for the same text', async () => {
    const asked = [];
    let answer = false;
    const verify = async (query, candidate) => {
      asked.push([query, candidate]);
      return answer;
    };
    const cache = open({ embed: embedding().embed, embeddingThreshold: 0.8, verify }, config);
    await cache.set(STORED, 'with a stone');
    await cache.flush();
    const similar = 'What is the best way to sharpen a kitchen knife?';
    expect(await cache.get(similar)).toBeNull();
    expect(asked).toEqual([[similar, STORED]]);
    expect(await cache.get(NEAR)).toBeNull();
    expect((await cache.lookup(NEAR, { explain: true })).candidates.map(({ reason }) => reason)).toEqual(['verify']);
    answer = true;
    expect(await cache.get(similar)).toBe('with a stone');
    expect(await cache.get(NEAR)).toBe('with a stone');
    const count = asked.length;
    expect(await cache.get(STORED.toUpperCase())).toBe('with a stone');
    expect(asked).toHaveLength(count);
  });

  test('another word is served where vectors are very near, or `verify` says so', async () => {
    const cosine = (far) => async (texts) => texts.map((text) => Float32Array.of(1, /saw/.test(text) ? far : 0));
    const asked = 'How do I sharpen a kitchen saw?';
    const served = async (plugins, namespace) => {
      const cache = open({ ...plugins, embeddingModel: namespace }, { ...config, namespace });
      await cache.set(STORED, 'with a stone');
      await cache.flush();
      return cache.get(asked);
    };
    // Cosines of 0.93 and 0.98.
    expect(await served({ embed: cosine(0.4) }, 'a')).toBeNull();
    expect(await served({ embed: cosine(0.2) }, 'b')).toBe('with a stone');
    expect(await served({ embed: cosine(0.4), verify: async () => true }, 'c')).toBe('with a stone');
    expect(await served({ embed: cosine(0.2), verify: async () => false }, 'd')).toBeNull();
  });
});

test('vectors are kept with their entries and found again, by other processes too', async () => {
  const { embed, calls } = embedding();
  const first = open({ embed, embeddingModel: 'm', embeddingThreshold: 0.8 });
  await first.set(STORED, 'with a stone');
  await first.stop();
  expect(calls).toHaveLength(1);
  const again = open({ embed, embeddingModel: 'm', embeddingThreshold: 0.8 });
  await until(() => again.getStats().similarity.isComplete);
  expect(again.getStats().similarity).toMatchObject({ queries: 1, vectors: 1 });
  expect(await again.get(NEAR)).toBe('with a stone');
  expect(calls).toEqual([[STORED], [NEAR]]);
  // What another process stores, which has the same functions.
  const program = `
    const cache = new AdvancedCacheManager({ cacheDir: directory }, {
      embed: async (texts) => texts.map((text) => Float32Array.from({ length: ${SIZE} }, (_, at) => (at === 60 ? 1 : 0.001))),
      embeddingModel: 'm',
    });
    cache.set('What do swallows weigh on average?', 'little').then(() => cache.stop());
  `;
  await runCache(program, path('cache'));
  const asked = 'How heavy might one be?';
  const own = open({
    embed: async (texts) => texts.map(() => Float32Array.from({ length: SIZE }, (_, at) => (at === 60 ? 1 : 0))),
    embeddingModel: 'm',
  });
  await until(async () =>
    (await own.lookup(asked, { explain: true })).candidates.some(({ key }) => /swallows/.test(key)),
  );
  expect(own.getStats().similarity.vectors).toBe(2);
});

test('vectors of another model are not compared', async () => {
  const first = open({ embed: embedding().embed, embeddingModel: 'one', embeddingThreshold: 0.8 });
  await first.set(STORED, 'with a stone');
  await first.stop();
  const other = open({ embed: embedding().embed, embeddingModel: 'two', embeddingThreshold: 0.8 });
  await until(() => other.getStats().similarity.isComplete);
  expect(other.getStats().similarity).toMatchObject({ queries: 1, vectors: 0 });
  expect(await other.get(NEAR)).toBeNull();
});

test('lookups of one turn share a call, and batches are bounded', async () => {
  const { embed, calls } = embedding();
  const cache = open({ embed });
  await Promise.all(Array.from({ length: 150 }, (_, index) => cache.get(`How tall is tower ${index}?`)));
  expect(calls.flat()).toHaveLength(150);
  expect(calls.length).toBeLessThan(20);
  await cache.setMany(Array.from({ length: 300 }, (_, index) => ({ key: `How old is tower ${index}?`, value: index })));
  await cache.flush();
  expect(Math.max(...calls.map((texts) => texts.length))).toBeLessThanOrEqual(64);
  expect(cache.getStats().similarity.vectors).toBe(300);
});

test('keys that are no questions have no vectors', async () => {
  const { embed, calls } = embedding();
  const cache = open({ embed });
  await cache.set('one', 1);
  await cache.set('{"a":1}', 2);
  await cache.set('\u0001odd key here', 3);
  await cache.set('lone \ud800 surrogate here', 4);
  expect(await cache.get('two')).toBeNull();
  await cache.flush();
  expect(calls).toEqual([]);
});

test('a system takes them too', async () => {
  const config = { cache: { cacheDir: path('cache') }, environment: 'development' };
  const system = await ProductionOptimizationSystem.create(config, {
    embed: embedding().embed,
    embeddingThreshold: 0.8,
  });
  try {
    await system.cacheResponse(STORED, { answer: 'with a stone' });
    let found = null;
    await until(async () => {
      found = await system.getCachedResponse(NEAR);
      return found !== null;
    });
    expect(found).toEqual({ answer: 'with a stone' });
  } finally {
    await system.shutdown();
  }
});

test.each([
  [{ embed: 'model' }, /plugins\.embed must be a function/],
  [{ verify: 1 }, /plugins\.verify must be a function/],
  [{ embed: async () => [], embeddingModel: '' }, /embeddingModel/],
  [{ embed: async () => [], embeddingModel: 'a\0b' }, /embeddingModel/],
  [{ embed: async () => [], embeddingThreshold: 2 }, /embeddingThreshold/],
  [{ embed: async () => [], timeoutSeconds: -1 }, /timeoutSeconds/],
  [{ embed: async () => [], timeoutSeconds: 601 }, /timeoutSeconds/],
  ['model', /plugins must be an object/],
])('bad plug-ins %# are refused', async (plugins, message) => {
  const error = await failureOf(async () => open(plugins));
  expect(error).toMatchObject({ code: 'E_INVALID_ARGUMENT', message: expect.stringMatching(message) });
});

test('two models at once do not mix', async () => {
  const { embed } = embedding();
  const one = open({ embed, embeddingModel: 'one', embeddingThreshold: 0.8 });
  const two = open({
    embed: async (texts) => texts.map(() => Float32Array.of(1, 2, 3)),
    embeddingModel: 'two',
  });
  await one.set(STORED, 'with a stone');
  await one.flush();
  await two.set('How do I bake bread?', 'in an oven');
  await two.flush();
  expect(await one.get(NEAR)).toBe('with a stone');
  await one.stop();
  await two.stop();
  const again = open({ embed, embeddingModel: 'one', embeddingThreshold: 0.8 });
  await until(() => again.getStats().similarity.isComplete);
  expect(again.getStats().similarity.vectors).toBe(1);
  expect(await again.get(NEAR)).toBe('with a stone');
});
