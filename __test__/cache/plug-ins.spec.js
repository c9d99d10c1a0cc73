const { AdvancedCacheManager, ProductionOptimizationSystem } = require('../../index.js');
const { failureOf, useOwnDirectory } = require('../support.js');
const { heardBy, runCache, until } = require('./support.js');

const directory = useOwnDirectory();
const opened = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.stop()));
});

const open = (plugins, config = {}) => {
  const cache = new AdvancedCacheManager({ cacheDir: directory.path('cache'), ...config }, plugins);
  opened.push(cache);
  return cache;
};

const STORED = 'How do I sharpen a kitchen knife?';
const NEAR = 'How do I hone a blunt kitchen knife?';

/** Words that mean about the same, as directions; all others by a hash. */
const MEANINGS = [
  ['sharpen', 'hone', 'blunt'],
  ['knife', 'blade'],
  ['learn', 'teach', 'myself'],
];
const SIZE = 64;

function vectorOf(text) {
  const vector = new Float32Array(SIZE);
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
    const meaning = MEANINGS.findIndex((words) => words.includes(word));
    let hash = 7;
    for (const letter of word) hash = (hash * 31 + letter.charCodeAt(0)) % 61;
    vector[meaning < 0 ? 3 + hash : meaning] = 1;
  }
  return vector;
}

/** An `embed` that counts what it was asked. */
function embedding() {
  const calls = [];
  return {
    calls,
    embed: async (texts) => {
      calls.push(texts);
      return texts.map(vectorOf);
    },
  };
}

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
    await cache.set('How do I sharpen a kitchen saw?', 3);
    await cache.flush();
    expect(await cache.get('How long do I boil 2 eggs?')).toBeNull();
    expect(await cache.get('How do I disable telemetry?')).toBeNull();
    expect(await cache.get(STORED)).toBeNull();
    const { candidates } = await cache.lookup('How long do I boil 2 eggs?', { explain: true });
    expect(candidates[0]).toMatchObject({ key: 'How long do I boil 3 eggs?', reason: 'number' });
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
    // Another noun: only `verify` may say that it is the same.
    expect((await cache.lookup('How do I sharpen a kitchen blade?')).tier).toBe('semantic');
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
  await runCache(program, directory.path('cache'));
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

describe('what fails never fails a lookup', () => {
  const failures = {
    'throws at once': () => {
      throw new Error('no model');
    },
    rejects: async () => {
      throw new Error('no model');
    },
    'is late': () => new Promise(() => {}),
    'gives something else': async () => 'nonsense',
    'gives too few': async () => [],
    'gives no vectors': async (texts) => texts.map(() => 'nonsense'),
    'gives NaN': async (texts) => texts.map(() => Float32Array.of(Number.NaN)),
    'gives empty vectors': async (texts) => texts.map(() => new Float32Array(0)),
    'gives zero vectors': async (texts) => texts.map(() => new Float32Array(8)),
  };

  test.each(Object.entries(failures))('`embed` that %s', async (_, embed) => {
    const cache = open({ embed, timeoutSeconds: 0.05 });
    const heard = heardBy(cache, 'pluginFailure');
    await cache.set(STORED, 'with a stone');
    await cache.flush();
    expect(await cache.get('What is the best way to sharpen a kitchen knife?')).toBe('with a stone');
    expect(await cache.get(NEAR)).toBeNull();
    expect(heard.length).toBeGreaterThan(0);
    expect(heard[0][1]).toEqual({ plugin: 'embed', message: expect.stringMatching(/^embed /) });
    expect(cache.getStats().overall).toMatchObject({ totalHits: 1, totalMisses: 1 });
  });

  test.each(Object.entries(failures).slice(0, 4))('`verify` that %s', async (_, verify) => {
    const cache = open({ embed: embedding().embed, embeddingThreshold: 0.8, verify, timeoutSeconds: 0.05 });
    const heard = heardBy(cache, 'pluginFailure');
    await cache.set(STORED, 'with a stone');
    await cache.flush();
    // Words say that it is the same; vectors alone do not.
    expect(await cache.get('What is the best way to sharpen a kitchen knife?')).toBe('with a stone');
    expect(await cache.get(NEAR)).toBeNull();
    expect(heard.map(([, { plugin }]) => plugin)).toEqual(['verify', 'verify']);
  });

  test('after three failures in a row it is left alone', async () => {
    let calls = 0;
    const embed = async () => {
      calls += 1;
      throw new Error('no model');
    };
    const cache = open({ embed });
    for (let index = 0; index < 10; index++) expect(await cache.get(`How tall is tower ${index}?`)).toBeNull();
    expect(calls).toBe(3);
  });

  test('the signal of a call that is late aborts', async () => {
    let aborted;
    const embed = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason;
          reject(signal.reason);
        });
      });
    const cache = open({ embed, timeoutSeconds: 0.02 });
    expect(await cache.get(NEAR)).toBeNull();
    expect(aborted).toMatchObject({ message: 'gave nothing within 0.02 s' });
  });

  test('vectors of another length are refused and said', async () => {
    let size = 4;
    const cache = open({ embed: async (texts) => texts.map(() => new Float32Array(size).fill(1)) });
    const heard = heardBy(cache, 'pluginFailure');
    await cache.set(STORED, 1);
    await cache.flush();
    size = 5;
    expect(await cache.get('How do I learn to swim?')).toBeNull();
    await cache.set('How do I bake bread?', 1);
    await cache.flush();
    expect(cache.getStats().similarity.vectors).toBe(1);
    expect(heard).toHaveLength(2);
    expect(heard[0][1].message).toMatch(/5 numbers where those stored have 4/);
  });
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
  const config = { cache: { cacheDir: directory.path('cache') }, environment: 'development' };
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

test('`stop` does not wait for a queue of slow calls, and nothing is called afterwards', async () => {
  let calls = 0;
  const embed = async (texts, { signal }) => {
    calls += 1;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, 100);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
    return texts.map(vectorOf);
  };
  const cache = open({ embed, timeoutSeconds: 0.25 });
  for (let index = 0; index < 5000; index++) await cache.set(`How old is tower ${index}?`, index);
  const start = performance.now();
  await cache.stop();
  expect(performance.now() - start).toBeLessThan(2000);
  const before = calls;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(calls).toBe(before);
});

test('what is durable does not wait for vectors', async () => {
  const cache = open({ embed: () => new Promise(() => {}), timeoutSeconds: 20 });
  const start = performance.now();
  await cache.set(STORED, 1, 0, { durable: true });
  expect(performance.now() - start).toBeLessThan(5000);
});

test('an `embed` that stores in the same cache lets others have their turn', async () => {
  let number = 0;
  let isEnough = false;
  const cache = open({
    embed: async (texts) => {
      if (!isEnough) await cache.set(`How old is tower ${number++}?`, 1);
      return texts.map(vectorOf);
    },
  });
  await cache.set(STORED, 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  isEnough = true;
  await cache.flush();
  expect(number).toBeGreaterThan(1);
});

test('vectors of a changed length are given up after three failures', async () => {
  let size = 4;
  let calls = 0;
  const cache = open({
    embed: async (texts) => {
      calls += 1;
      return texts.map(() => new Float32Array(size).fill(1));
    },
  });
  await cache.set(STORED, 1);
  await cache.flush();
  size = 5;
  for (let index = 0; index < 10; index++) await cache.get(`How tall is tower ${index}?`);
  expect(calls).toBe(4);
});

test('it is not called where similar keys are not asked for, and a threshold of the call counts', async () => {
  const { embed, calls } = embedding();
  const cache = open({ embed, embeddingThreshold: 0.8 });
  await cache.set(STORED, 'with a stone');
  await cache.flush();
  const nearly = 'How do I really hone a blunt kitchen knife?';
  expect(await cache.get(nearly, { similarityThreshold: 0.99 })).toBeNull();
  expect(await cache.get(nearly, { similarityThreshold: 0.5 })).toBe('with a stone');
  await cache.updateConfig({ enableSimilarityDetection: false });
  const before = calls.length;
  expect(await cache.get('How do I hone a blunt axe?')).toBeNull();
  await cache.set('How do I bake bread?', 1);
  await cache.flush();
  expect(calls).toHaveLength(before);
});

test.each([
  ['a list that says to be huge', () => Object.assign([], { length: 2 ** 28 })],
  ['a list with holes', () => [new Array(3)]],
  ['a vector that is huge', () => [new Float32Array(70_000)]],
  [
    'a list of which an item throws',
    () => [
      {
        length: 1,
        get 0() {
          throw new Error('no');
        },
      },
    ],
  ],
  ['a DataView', () => [new DataView(new ArrayBuffer(8))]],
])('%s is refused soon', async (_, result) => {
  const cache = open({ embed: async () => result() });
  const heard = heardBy(cache, 'pluginFailure');
  const start = performance.now();
  expect(await cache.get(NEAR)).toBeNull();
  expect(performance.now() - start).toBeLessThan(1000);
  expect(heard).toHaveLength(1);
});

test('memory that `embed` uses again changes nothing', async () => {
  const reused = new Float32Array(SIZE);
  const cache = open({
    embed: async (texts) => {
      reused.set(vectorOf(texts[0]));
      return texts.map(() => reused);
    },
    embeddingThreshold: 0.8,
  });
  await cache.set(STORED, 'with a stone');
  await cache.flush();
  expect(await cache.get('Where is the train?')).toBeNull();
  expect(await cache.get(NEAR)).toBe('with a stone');
});
