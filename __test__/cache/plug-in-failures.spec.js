const { STORED, NEAR, SIZE, vectorOf, embedding, usePlugIns } = require('./embedding.js');
const { inTime } = require('../stand-still.js');
const { heardBy, until } = require('./support.js');

const { open } = usePlugIns();

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

test('`stop` does not wait for a queue of slow calls, and nothing is called afterwards', async () => {
  let calls = 0;
  const embed = async (texts, { signal }) => {
    calls += 1;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, 300);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
    return texts.map(vectorOf);
  };
  const cache = open({ embed, timeoutSeconds: 1 });
  for (let index = 0; index < 5000; index++) await cache.set(`How old is tower ${index}?`, index);
  const first = calls;
  // There would be some eighty, 24 s of them.
  await inTime(5000, () => cache.stop());
  expect(calls - first).toBeLessThan(5);
  const before = calls;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(calls).toBe(before);
});

test('what is durable does not wait for vectors', async () => {
  const cache = open({ embed: () => new Promise(() => {}), timeoutSeconds: 20 });
  const start = performance.now();
  await cache.set(STORED, 1, 0, { durable: true });
  expect(performance.now() - start).toBeLessThan(15_000);
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
  await until(() => number > 1);
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
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && least >= 1000; attempt++) {
    const cache = open({ embed: async () => result() });
    const heard = heardBy(cache, 'pluginFailure');
    const start = performance.now();
    expect(await cache.get(NEAR)).toBeNull();
    least = Math.min(least, performance.now() - start);
    expect(heard).toHaveLength(1);
  }
  expect(least).toBeLessThan(1000);
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
  // Made for a lookup, kept for what is stored next, and written over in between.
  expect(await cache.get(STORED)).toBeNull();
  expect(await cache.get('Where is the train?')).toBeNull();
  await cache.set(STORED, 'with a stone');
  await cache.flush();
  expect(await cache.get('Where is the train?')).toBeNull();
  expect(await cache.get(NEAR)).toBe('with a stone');
});
