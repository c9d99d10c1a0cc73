/** The class by itself: it begins when it is made, and works with a token optimizer of the caller's. */

const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { OptimizationOrchestrator, TokenOptimizer } = require('../index.js');
const binding = require('../js/binding.js');
const { IN_MEMORY, failureOf, useOwnDirectory } = require('./support.js');

const directory = useOwnDirectory();

const made = [];
function orchestrator(config = {}, tokenOptimizer) {
  const it = new OptimizationOrchestrator({ ...IN_MEMORY, ...config }, tokenOptimizer);
  made.push(it);
  return it;
}

afterEach(async () => {
  await Promise.all(made.splice(0).map((it) => it.shutdown()));
});

const CONTEXT = { currentTask: 'login form', projectStructure: { src: 1 }, notes: 'what was said of it. '.repeat(40) };

describe('the beginning', () => {
  test('it is an emitter, and `initialized` comes also for those who listen late', async () => {
    const it = orchestrator();
    expect(it).toBeInstanceOf(EventEmitter);
    await once(it, 'initialized');
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    await once(it, 'initialized');
  });

  test('calls that come before it is ready wait', async () => {
    const it = orchestrator();
    const [optimized, , answer] = await Promise.all([
      it.optimizeAgentContext('a', CONTEXT),
      it.cacheResponse('How?', { so: true }),
      it.getCachedResponse('what nobody asked'),
      it.updateConfiguration({ cache: { ttlSeconds: 5 } }),
    ]);
    expect([optimized.type, answer]).toEqual(['full', null]);
    expect(await it.getCachedResponse('How?')).toEqual({ so: true });
    expect(it.shouldThrottleAgent('a')).toBe(false);
    expect(it.getRecommendedContextSize('a', 100)).toBe(100);
  });

  test('so do a step of the tuning, blocks, and the wait of an agent', async () => {
    const it = orchestrator();
    const [tuned, resolved] = await Promise.all([
      it.tune(),
      failureOf(it.resolveBlocks({ currentTask: 'x' })),
      it.whenUnthrottled('a'),
    ]);
    expect(tuned.adjustments).toEqual([]);
    // It has looked at it.
    expect(resolved.code).toBe('E_DELTA_MISMATCH');
    const other = orchestrator();
    let isReady = false;
    other.once('initialized', () => {
      isReady = true;
    });
    await other.whenUnthrottled('a');
    expect(isReady).toBe(true);
  });

  test('what is refused before it is ready says what to wait for', () => {
    const it = orchestrator();
    expect(it.getStatus().error).toMatch(/'initialized'/);
    expect(() => it.getOptimizationStats()).toThrow(/not ready yet/);
  });

  test('a start that failed is told once, and is the cause of every later refusal', async () => {
    const failure = new Error('no table');
    const start = jest.spyOn(binding, 'countTokensAsync').mockRejectedValueOnce(failure);
    try {
      const it = orchestrator();
      const [told] = await once(it, 'error');
      expect(told).toBe(failure);
      const refused = [await failureOf(it.tune()), await failureOf(it.optimizeAgentContext('a', CONTEXT))];
      for (const error of refused) {
        expect(error).toMatchObject({ code: 'E_NOT_INITIALIZED', cause: failure });
        expect(error.message).toContain('could not start (no table)');
      }
      expect(await it.getCachedResponse('q')).toBeNull();
      await it.whenUnthrottled('a');
    } finally {
      start.mockRestore();
    }
  });

  test.each([
    ['a bad setting', { cache: { ttlSeconds: -1 } }, 'E_CONFIG_INVALID'],
    ['no such environment', { environment: 'test' }, 'E_CONFIG_INVALID'],
  ])('%s is thrown by the constructor', (...[, config, code]) => {
    expect(() => orchestrator(config)).toThrow(expect.objectContaining({ code }));
  });

  test.each([[{}], [{ optimizeContext: 1 }], ['x'], [5]])('%j is no token optimizer', (optimizer) => {
    expect(() => orchestrator({}, optimizer)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
  });

  test('a shutdown at once ends it: what was asked before rejects, nothing is left', async () => {
    const it = orchestrator();
    const [error] = await Promise.all([failureOf(it.optimizeAgentContext('a', CONTEXT)), it.shutdown()]);
    expect(error.code).toBe('E_SHUT_DOWN');
    expect(it.getStatus()).toEqual({ initialized: false, error: expect.any(String) });
    expect(await it.getCachedResponse('q')).toBeNull();
  });
});

describe('at work', () => {
  test('statistics, recommendations, report and warm-up', async () => {
    const it = orchestrator();
    await it.optimizeAgentContext('a', CONTEXT);
    await it.optimizeAgentContext('a', CONTEXT);
    const stats = it.getOptimizationStats();
    expect(stats).toMatchObject({
      tokensSaved: expect.any(Number),
      memoryOptimized: expect.any(Number),
      cacheHitRate: 0,
      contextReduction: 0,
      overallScore: expect.any(Number),
      uptime: expect.any(Number),
      timestamp: expect.any(Date),
    });
    expect(stats.tokensSaved).toBeGreaterThan(0);
    // Of four parts only memory knows of other work of this process and machine.
    const { score: memory } = it.memoryManager.getHealth();
    expect(Math.abs(stats.overallScore - ((300 + memory) / 4 + memory) / 2)).toBeLessThan(5);
    expect(it.getOptimizationRecommendations()).toMatchObject({ memory: [], cache: [], context: [], priority: 'low' });
    const told = once(it, 'warmUpCompleted');
    await it.warmUp();
    await told;
    const report = await it.generateOptimizationReport();
    expect(path.dirname(report)).toBe(directory.path());
    expect(JSON.parse(fs.readFileSync(report, 'utf8')).performance.totalOperations).toBe(2);
  });

  test('before it is ready, its figures are refused', async () => {
    const it = orchestrator();
    expect(() => it.getOptimizationStats()).toThrow(expect.objectContaining({ code: 'E_NOT_INITIALIZED' }));
    expect(() => it.getOptimizationRecommendations()).toThrow(expect.objectContaining({ code: 'E_NOT_INITIALIZED' }));
    await it.shutdown();
    expect(() => it.getOptimizationStats()).toThrow(expect.objectContaining({ code: 'E_SHUT_DOWN' }));
  });

  test('events of its parts also under the names of old', async () => {
    const it = orchestrator({ enableProductionMonitoring: true, monitoring: { metricsInterval: 100, console: false } });
    const alert = once(it, 'productionAlert');
    const health = once(it, 'healthUpdate');
    const stats = once(it, 'statsUpdated');
    await once(it, 'initialized');
    it.productionMonitor.createAlert({ type: 'warning', component: 'performance', title: 'T', message: 'M' });
    expect((await alert)[0]).toMatchObject({ title: 'T' });
    expect((await health)[0]).toBeDefined();
    expect((await stats)[0]).toMatchObject({ overallScore: expect.any(Number), timestamp: expect.any(Date) });
  });
});

describe("a token optimizer of the caller's", () => {
  test('ours gets the parts, and its result is the result', async () => {
    const optimizer = new TokenOptimizer();
    const it = orchestrator({}, optimizer);
    const first = await it.optimizeAgentContext('a', CONTEXT);
    const next = await it.optimizeAgentContext('a', { ...CONTEXT, currentTask: 'logout' });
    expect([first.type, next.type, Object.keys(next.modified)]).toEqual(['full', 'incremental', ['currentTask']]);
    // Its own ledger knows of both.
    expect(optimizer.getOptimizationReport().tokensByAgent).toBeDefined();
    expect(optimizer.getProductionHealthStatus()).toMatchObject({
      overall: 'healthy',
      components: {
        memoryManager: { healthy: true },
        cacheManager: { healthy: true },
        contextFilter: { healthy: true },
      },
    });
    await it.cacheResponse('How?', 'so');
    expect(await optimizer.getCachedResponse('How?')).toBe('so');
    expect(it.getOptimizationStats().tokensSaved).toBeGreaterThan(0);
    await optimizer.close();
  });

  test('a foreign one is called with the filtered context', async () => {
    const seen = [];
    const it = orchestrator(
      { contextFilter: { memoryAwareFiltering: false, contextImportanceThreshold: 0 } },
      {
        async optimizeContext(agentId, context) {
          seen.push([agentId, context]);
          return { type: 'mine', tokensSaved: 1 };
        },
      },
    );
    const result = await it.optimizeAgentContext('a', CONTEXT);
    expect(result).toEqual({ type: 'mine', tokensSaved: 1 });
    expect(seen).toEqual([['a', CONTEXT]]);
  });

  test.each([
    ['rejects', async () => Promise.reject(new Error('out of order'))],
    [
      'throws',
      () => {
        throw new Error('out of order');
      },
    ],
  ])('one that %s costs only its help', async (...[, optimizeContext]) => {
    const it = orchestrator({}, { optimizeContext });
    const failed = once(it, 'optimizationError');
    const result = await it.optimizeAgentContext('a', CONTEXT);
    expect([result.type, Object.keys(result)]).toEqual(['full', Object.keys(CONTEXT)]);
    expect((await failed)[0]).toMatchObject({ agentId: 'a', error: expect.anything() });
  });
});
