/** What was measured: tokens sent and saved, what providers reported, what it cost. */

const { countTokens, countTokensAsync, AdvancedCacheManager, AgentContextFilter } = require('../../index.js');
const { contextA, contextB, failureOf, seeded } = require('../support.js');
const { linesOf, useOptimizers } = require('./support.js');

const open = useOptimizers();
const tokens = (value) => countTokens(JSON.stringify(value));
/** A model whose tokenizer is not here, and nobody's prices. */
const FOREIGN = 'a-model-of-somebody-else';
const PRICE = { input: 10, cachedRead: 1, cacheWrite: 12, output: 50, asOf: '2026-01-31' };

test('a fresh optimizer has measured nothing', () => {
  const optimizer = open();
  const report = optimizer.getOptimizationReport();
  expect(report).toEqual({
    totalTokensUsed: 0,
    tokensByAgent: {},
    recommendations: [],
    estimatedSavings: 'nothing was measured yet',
    savings: {
      totals: {
        messages: 0,
        originalTokens: 0,
        baselineTokens: 0,
        sentTokens: 0,
        heldTokens: 0,
        fetchedTokens: 0,
        transportSavedTokens: 0,
        promptSavedTokens: 0,
        usage: {
          calls: 0,
          totalTokens: 0,
          promptTokens: 0,
          cachedReadTokens: 0,
          cacheWriteTokens: 0,
          outputTokens: 0,
          unpricedCalls: 0,
        },
      },
      byAgent: {},
      byOperation: {},
      byModel: {},
      prices: [],
      others: { agents: null, operations: null, models: null },
      unnamedModel: null,
    },
  });
  expect(optimizer.getEnhancedOptimizationReport()).toEqual({
    ...report,
    productionComponents: {
      memoryManager: { enabled: false, stats: null, healthScore: undefined },
      cacheManager: { enabled: false, stats: null, healthScore: undefined },
      contextFilter: { enabled: false, stats: null, healthScore: undefined },
    },
    integrationStatus: { productionReady: true, sharedContextEnabled: false, componentsCount: 0 },
  });
  expect(optimizer.getSharedContextStats()).toEqual({
    enabled: false,
    connected: false,
    clientStats: null,
    localCacheSize: 0,
    totalMetrics: 0,
  });
  expect(optimizer.getBlockStats()).toEqual({ texts: 0, indexBytes: 0, store: null });
});

test('sums are those of what was sent, counted by hand', async () => {
  const optimizer = open();
  const expected = { all: [0, 0], a: [0, 0], 'b\ud800': [0, 0], optimizeContext: [0, 0], review: [0, 0] };
  const contexts = [contextA(), contextA(), contextB(), { ...contextB(), more: 'text '.repeat(100) }];
  for (const agent of ['a', 'b\ud800']) {
    for (const [turn, context] of contexts.entries()) {
      const operation = turn === 3 ? 'review' : 'optimizeContext';
      const result = await optimizer.optimizeContext(agent, context, turn === 3 ? { operation } : {});
      for (const name of ['all', agent, operation]) {
        expected[name][0] += tokens(context);
        expected[name][1] += tokens(result);
      }
      expect(result.tokensSaved).toBe(tokens(context) - tokens(result));
    }
  }
  const { savings, estimatedSavings, tokensByAgent, totalTokensUsed } = optimizer.getOptimizationReport();
  const figures = ({ originalTokens, sentTokens, transportSavedTokens }) => {
    expect(transportSavedTokens).toBe(originalTokens - sentTokens);
    return [originalTokens, sentTokens];
  };
  expect(figures(savings.totals)).toEqual(expected.all);
  expect(savings.totals.messages).toBe(8);
  expect(Object.keys(savings.byAgent).sort()).toEqual(['a', 'b\ud800']);
  for (const agent of ['a', 'b\ud800']) expect(figures(savings.byAgent[agent])).toEqual(expected[agent]);
  for (const name of ['optimizeContext', 'review']) expect(figures(savings.byOperation[name])).toEqual(expected[name]);
  // No provider has reported anything.
  expect([totalTokensUsed, tokensByAgent]).toEqual([0, { a: 0, 'b\ud800': 0 }]);
  expect(estimatedSavings).toContain('over 8 messages');
});

test('what was left out is held or has to be fetched', async () => {
  const optimizer = open({ encoding: 'blocks' });
  const text = linesOf(seeded(1), 60).join('');
  await optimizer.optimizeContext('a', { text });
  const result = await optimizer.optimizeContext('b', { text });
  const { byAgent, totals } = optimizer.getOptimizationReport().savings;
  expect([byAgent.a.heldTokens, byAgent.a.fetchedTokens]).toEqual([0, 0]);
  expect([byAgent.b.heldTokens, byAgent.b.fetchedTokens]).toEqual([0, result.fetchTokens]);
  expect(result.fetchTokens).toBe(countTokens(text));
  expect(totals.promptSavedTokens).toBe(totals.baselineTokens - totals.sentTokens - totals.fetchedTokens);
  // Of an unchanged context all is held; what the answer takes is not left out.
  const again = await optimizer.optimizeContext('b', { text });
  const { heldTokens } = optimizer.getOptimizationReport().savings.byAgent.b;
  expect(heldTokens).toBe(tokens({ text }) - tokens(again));
});

test('what providers reported', () => {
  const optimizer = open();
  optimizer.trackUsage('a', 1000, 'chat', { cachedRead: 400, cacheWrite: 100, output: 50, model: FOREIGN });
  optimizer.trackUsage('a', 500, 'chat');
  optimizer.trackUsage('b', 7, 'review', null);
  const { totalTokensUsed, tokensByAgent, savings, estimatedSavings } = optimizer.getOptimizationReport();
  expect([totalTokensUsed, tokensByAgent]).toEqual([1507, { a: 1500, b: 7 }]);
  expect(savings.totals.usage).toEqual({
    calls: 3,
    totalTokens: 1557,
    promptTokens: 1507,
    cachedReadTokens: 400,
    cacheWriteTokens: 100,
    outputTokens: 50,
    unpricedCalls: 3,
  });
  expect(savings.byModel[FOREIGN].usage.promptTokens).toBe(1000);
  expect(savings.byOperation.chat.usage.calls).toBe(2);
  expect(savings.totals.messages).toBe(0);
  expect(estimatedSavings).toContain('1,507 prompt tokens');
});

test.each([
  ['no agent', [5, 1, 'chat']],
  ['no tokens', ['a', undefined, 'chat']],
  ['tokens below zero', ['a', -1, 'chat']],
  ['NaN', ['a', Number.NaN, 'chat']],
  ['infinite tokens', ['a', Number.POSITIVE_INFINITY, 'chat']],
  ['no operation', ['a', 1]],
  ['a model that is none', ['a', 1, 'chat', { model: 5 }]],
  ['a prediction below zero', ['a', 1, 'chat', { predicted: -1 }]],
  ['options that are none', ['a', 1, 'chat', 5]],
])('usage with %s is refused', async (_, given) => {
  const optimizer = open();
  expect((await failureOf(() => optimizer.trackUsage(...given))).code).toBe('E_INVALID_ARGUMENT');
  expect(optimizer.getOptimizationReport().estimatedSavings).toBe('nothing was measured yet');
});

describe('calibration', () => {
  test('predicts as was reported', () => {
    const optimizer = open();
    expect(optimizer.getCalibration(FOREIGN)).toBeUndefined();
    expect(optimizer.predictPromptTokens('a', 1000, FOREIGN)).toBe(1000);
    for (let count = 1000; count <= 40_000; count += 1000) {
      optimizer.trackUsage('a', Math.round(count * 1.2) + 300, 'chat', { model: FOREIGN, predicted: count });
    }
    const predicted = optimizer.predictPromptTokens('a', 41_000, FOREIGN);
    expect(Math.abs(predicted / (41_000 * 1.2 + 300) - 1)).toBeLessThan(0.01);
    const calibration = optimizer.getCalibration(FOREIGN);
    expect(Object.keys(calibration).sort()).toEqual(['intercept', 'medianError', 'outliers', 'samples', 'slope']);
    expect(calibration).toMatchObject({ samples: 40, slope: expect.closeTo(1.2, 1) });
    // Providers' names of one model are one.
    expect(optimizer.getCalibration(`openrouter/${FOREIGN}`)).toEqual(calibration);
  });

  test('corrects counts of models whose tokenizer is not here, and no others', async () => {
    const optimizer = open();
    const text = 'some words '.repeat(500);
    const exact = countTokens(text);
    for (let count = 1000; count <= 60_000; count += 1000) {
      for (const model of [FOREIGN, 'gpt-4o']) {
        optimizer.trackUsage('a', count * 1.5, 'chat', { model, predicted: count });
      }
    }
    expect(countTokens(text, { model: FOREIGN })).toBe(exact);
    const corrected = optimizer.countTokens(text, { model: FOREIGN });
    expect(corrected / exact).toBeCloseTo(1.5, 1);
    expect(await optimizer.countTokensAsync(text, { model: FOREIGN })).toBe(corrected);
    expect(optimizer.countTokens(text, { model: 'gpt-4o' })).toBe(exact);
    expect(optimizer.countTokens(text)).toBe(exact);
    expect(optimizer.countTokens(text, { model: FOREIGN, encoding: 'o200k_base' })).toBe(exact);
  });

  test('is forgotten with its agent', () => {
    const optimizer = open();
    optimizer.trackUsage('a', 1500, 'chat', { model: FOREIGN, predicted: 1000 });
    optimizer.trackUsage('b', 1100, 'chat', { model: FOREIGN, predicted: 1000 });
    expect(optimizer.predictPromptTokens('a', 1000, FOREIGN)).toBe(1500);
    optimizer.resetAgent('a');
    expect(optimizer.predictPromptTokens('a', 1000, FOREIGN)).not.toBe(1500);
  });

  test.each([
    [5, 1, 'm'],
    ['a', -1, 'm'],
    ['a', 1, undefined],
  ])('predictPromptTokens(%p, %p, %p) is refused', async (...given) => {
    expect((await failureOf(() => open().predictPromptTokens(...given))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('models', () => {
  test.each([
    'gpt-4o',
    'openai/gpt-4o-2024-08-06',
    'ft:gpt-4o-mini:acme::id',
  ])('%s is counted exactly', async (model) => {
    const text = 'the déjà vu of 1234567 日本';
    expect(open().getModel(model)).toMatchObject({ encoding: 'o200k_base', isExact: true, contextWindow: 128_000 });
    expect(countTokens(text, { model })).toBe(countTokens(text));
    expect(await countTokensAsync(text, { model })).toBe(countTokens(text));
  });

  test('gpt-4 has the older encoding', async () => {
    const text = 'the déjà vu of 1234567 日本';
    const older = countTokens(text, { encoding: 'cl100k_base' });
    expect(older).not.toBe(countTokens(text));
    expect(countTokens(text, { model: 'gpt-4' })).toBe(older);
    expect(await countTokensAsync(text, { model: 'gpt-4' })).toBe(older);
    expect(countTokens(text, { model: 'gpt-4', encoding: 'o200k_base' })).toBe(countTokens(text));
  });

  test('one that nobody knows is stood in for', () => {
    expect(open().getModel(FOREIGN)).toEqual({
      name: FOREIGN,
      encoding: 'o200k_base',
      isExact: false,
      contextWindow: null,
      price: null,
    });
  });

  test('what is given out is the caller’s own', () => {
    const optimizer = open();
    optimizer.getModel('gpt-4o').price.input = 0;
    expect(optimizer.getModel('gpt-4o').price.input).toBeGreaterThan(0);
  });

  test.each([5, {}, [], true])('%p is no model', async (model) => {
    for (const action of [
      () => countTokens('text', { model }),
      () => countTokensAsync('text', { model }),
      () => open().countTokens('text', { model }),
      () => open().getModel(model),
    ]) {
      expect((await failureOf(action)).code).toBe('E_INVALID_ARGUMENT');
    }
  });
});

describe('prices', () => {
  test('of the caller’s go before built-in ones, and costs are sums by hand', () => {
    const optimizer = open({
      prices: { [FOREIGN]: PRICE, 'gpt-4o': { input: 1000, output: 1000, asOf: '2026-02-01' } },
    });
    optimizer.trackUsage('a', 1_000_000, 'chat', {
      model: FOREIGN,
      cachedRead: 400_000,
      cacheWrite: 100_000,
      output: 10_000,
    });
    const { byModel, prices } = optimizer.getOptimizationReport().savings;
    // New input that was written to the cache has its price, what was neither has that of input.
    expect(byModel[FOREIGN].usage.costUsd).toBeCloseTo(0.4 * 1 + 0.1 * 12 + 0.5 * 10 + 0.01 * 50, 6);
    expect(prices).toEqual([{ model: FOREIGN, asOf: '2026-01-31', source: '' }]);
    optimizer.trackUsage('a', 1000, 'chat', { model: 'gpt-4o' });
    expect(optimizer.getOptimizationReport().savings.byModel['gpt-4o'].usage.costUsd).toBe(1);
  });

  test('of the configured model count where a call names none', async () => {
    const optimizer = open({ model: FOREIGN, prices: { [FOREIGN]: PRICE } });
    await optimizer.optimizeContext('a', contextA());
    const { byModel, totals } = optimizer.getOptimizationReport().savings;
    expect(byModel[FOREIGN].messages).toBe(1);
    expect(totals.cost).toMatchObject({ pricesAsOf: '2026-01-31', unpricedMessages: 0, savedUsd: 0 });
    expect(totals.cost.usd).toBeCloseTo((tokens(contextA()) * 12) / 1e6, 9);
    await optimizer.optimizeContext('b', contextA(), { model: 'other-model' });
    expect(optimizer.getOptimizationReport().savings.totals.cost.unpricedMessages).toBe(1);
  });

  test('without one there is no cost, and none is made up', async () => {
    const optimizer = open();
    await optimizer.optimizeContext('a', contextA(), { model: FOREIGN });
    const { totals, byModel } = optimizer.getOptimizationReport().savings;
    expect([totals.cost, byModel[FOREIGN].cost, totals.usage.costUsd]).toEqual([undefined, undefined, undefined]);
  });

  test.each([
    ['no output', { input: 1, asOf: '2026-01-31' }, 'output'],
    ['no date', { input: 1, output: 1 }, 'asOf'],
    ['a day that is none', { input: 1, output: 1, asOf: '2026-02-30' }, 'asOf'],
    ['a negative price', { ...PRICE, input: -1 }, 'input'],
    ['NaN', { ...PRICE, output: Number.NaN }, 'output'],
    ['text', { ...PRICE, cachedRead: '1' }, 'cachedRead'],
    ['another key', { ...PRICE, batch: 1 }, 'batch'],
  ])('%s is refused', async (_, price, key) => {
    const optimizer = open({ prices: { m: PRICE } });
    for (const action of [
      () => open({ prices: { m: price } }),
      () => optimizer.updateConfig({ prices: { m: price } }),
    ]) {
      const error = await failureOf(action);
      expect(error.code).toBe('E_CONFIG_INVALID');
      expect(error.problems.map(({ path }) => path)).toContain(`prices.m.${key}`);
    }
    expect(optimizer.getConfig().prices).toEqual({ m: PRICE });
  });
});

describe('recommendations', () => {
  test('come from ten messages on, and say why', async () => {
    const optimizer = open();
    for (let turn = 0; turn < 9; turn++) await optimizer.optimizeContext('agent', { [`key ${turn}`]: turn });
    expect(optimizer.getOptimizationReport().recommendations).toEqual([]);
    await optimizer.optimizeContext('agent', { last: 1 });
    const { recommendations, savings } = optimizer.getOptimizationReport();
    expect(savings.totals.transportSavedTokens).toBeLessThan(0);
    expect(recommendations).toEqual([
      expect.stringContaining(`${-savings.totals.transportSavedTokens} tokens more`),
      expect.stringContaining('Agent agent: nothing was saved over 10 messages'),
    ]);
  });

  test('are none where it goes well', async () => {
    const optimizer = open();
    for (let turn = 0; turn < 20; turn++)
      await optimizer.optimizeContext('agent', { ...contextA(), text: 'x '.repeat(500) });
    expect(optimizer.getOptimizationReport().recommendations).toEqual([]);
  });
});

describe('components', () => {
  const scored = (score, own = {}) => ({ getHealthScore: () => score, get: async () => null, ...own });

  test('say how they are', async () => {
    const cache = new AdvancedCacheManager({ persistToDisk: false });
    const filter = new AgentContextFilter();
    const memory = scored(60, { getMemoryStats: () => ({ agents: [] }) });
    const optimizer = open({}, { memory, cache, filter });
    const { productionComponents, integrationStatus } = optimizer.getEnhancedOptimizationReport();
    expect(productionComponents.memoryManager).toEqual({ enabled: true, stats: { agents: [] }, healthScore: 60 });
    expect(productionComponents.cacheManager).toMatchObject({ enabled: true, healthScore: 100 });
    expect(productionComponents.cacheManager.stats.overall).toBeDefined();
    expect(productionComponents.contextFilter.stats).toEqual(filter.getFilterStats());
    expect(integrationStatus).toEqual({ productionReady: true, sharedContextEnabled: false, componentsCount: 3 });
    expect(optimizer.getProductionHealthStatus()).toEqual({
      overall: 'healthy',
      score: 80,
      components: {
        memoryManager: { healthy: false, score: 60 },
        cacheManager: { healthy: true, score: 100 },
        contextFilter: { healthy: true, score: 100 },
      },
      recommendations: ['memoryManager: health is 60 of 100'],
    });
    await cache.stop();
  });

  test.each([
    [100, 'healthy', true],
    [75, 'healthy', true],
    [74, 'warning', true],
    [70, 'warning', false],
    [50, 'warning', false],
    [49, 'critical', false],
    [0, 'critical', false],
  ])('a score of %i is %s', (score, overall, productionReady) => {
    const optimizer = open({}, { memory: scored(score) });
    expect(optimizer.getProductionHealthStatus()).toMatchObject({ overall, score });
    expect(optimizer.getEnhancedOptimizationReport().integrationStatus.productionReady).toBe(productionReady);
  });

  test('that say nothing, or fail, pull nothing down', async () => {
    const boom = () => {
      throw new Error('boom');
    };
    const failing = {
      getHealthScore: boom,
      getMemoryStats: boom,
      registerAgentMemory: boom,
      getStats: boom,
      get: boom,
    };
    for (const memory of [{}, failing, scored(Number.NaN), scored('good')]) {
      const optimizer = open({}, { memory, cache: failing });
      expect(optimizer.getProductionHealthStatus()).toMatchObject({ overall: 'healthy', score: 100 });
      expect(optimizer.getEnhancedOptimizationReport().productionComponents.memoryManager.stats).toBe(null);
      expect(await optimizer.optimizeContext('a', { a: 1 })).toEqual({ a: 1 });
      expect((await optimizer.optimizeContext('a', { a: 2 })).modified).toEqual({ a: 2 });
    }
  });
});
