const os = require('node:os');
const { KEEP_ALL, useOwnDirectory, useSystems } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const MB = 1 << 20;
const number = expect.any(Number);
const PARTS = ['tokenOptimizer', 'memoryManager', 'cacheManager', 'contextFilter'];
const context = (at) => ({ currentTask: 'Write the login form', notes: 'word '.repeat(100), at });

/** Every number anywhere in a value, with its path. */
function numbers(value, path = []) {
  if (typeof value === 'number') return [[path.join('.'), value]];
  if (value === null || typeof value !== 'object' || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, part]) => numbers(part, [...path, key]));
}

async function usedSystem(config = KEEP_ALL) {
  const system = await open(config);
  for (const at of [0, 0, 1, 1]) await system.optimizeAgentContext('frontend-specialist', context(at));
  await system.optimizeAgentContext('agent', context(0), { maxSize: 100 });
  await system.cacheResponse('query', { a: 1 });
  await system.getCachedResponse('query');
  await system.getCachedResponse('other');
  return system;
}

describe('getStatus', () => {
  test.each([
    ['of a fresh system', () => open()],
    ['of a used one', () => usedSystem()],
  ])('%s has every field of the contract', async (_, make) => {
    const status = (await make()).getStatus();
    expect(status).toMatchObject({
      initialized: true,
      environment: 'development',
      uptime: number,
      overallScore: number,
      components: {
        memoryManager: {
          process: { rss: number, heapTotal: number, heapUsed: number, external: number },
          system: { total: number, free: number, used: number, percentage: number },
          config: { maxMemory: 1_000_000, alertThreshold: 80, agentLimit: 256 },
          agents: expect.any(Array),
          throttledAgents: [],
          recentAlerts: [],
        },
        cacheManager: {
          l1: { size: number, maxSize: 1000, hitRate: number, entries: number },
          overall: {
            totalHits: number,
            totalMisses: number,
            hitRate: number,
            evictions: number,
            similarityDetections: number,
          },
        },
        contextFilter: {
          agentSpecializations: expect.arrayContaining(['frontend-specialist']),
          cachedContexts: number,
          currentMemoryUsage: number,
          config: { maxContextPerAgent: 50, globalMaxContext: 500 },
        },
        productionMonitor: null,
        tokenOptimizer: expect.any(Object),
      },
      statistics: {
        tokensSaved: number,
        memoryOptimized: number,
        cacheHitRate: number,
        contextReduction: number,
        overallScore: number,
        uptime: number,
        timestamp: expect.any(Date),
      },
      recommendations: {
        memory: expect.any(Array),
        cache: expect.any(Array),
        context: expect.any(Array),
        general: expect.any(Array),
        priority: expect.stringMatching(/^(low|medium|high)$/),
      },
      autoTuning: false,
      tokenOptimizer: expect.any(Object),
    });
    expect(status).toHaveProperty('lastOptimization');
    expect(status.components.cacheManager).toHaveProperty('l2');
    expect(status.components.cacheManager).toHaveProperty('l3');
    expect(status.sharedContext).toBeUndefined();
  });

  test('has only finite numbers that are not negative', async () => {
    const system = await usedSystem();
    // What was saved may be less than nothing; so may the growth of memory, which is known after a second.
    const mayBeNegative = /tokensSaved|\.growth$/i;
    for (const value of [system.getStatus(), system.getHealthStatus()]) {
      const wrong = numbers(value).filter(
        ([path, figure]) => !Number.isFinite(figure) || (figure < 0 && !mayBeNegative.test(path)),
      );
      expect(wrong).toEqual([]);
    }
  });

  test('tells when the last optimization was, as a Date', async () => {
    const system = await open();
    expect(system.getStatus().lastOptimization).toBeNull();
    await system.optimizeAgentContext('agent', context(0));
    expect(system.getStatus().lastOptimization).toBeInstanceOf(Date);
  });

  test('lists the agents with their memory', async () => {
    const system = await open();
    const result = await system.optimizeAgentContext('agent', context(0));
    expect(system.getStatus().components.memoryManager.agents).toEqual([
      {
        agentId: 'agent',
        contextSize: Buffer.byteLength(JSON.stringify(result)),
        cacheSize: number,
        totalMemory: number,
        lastAccessed: expect.any(Date),
        isThrottled: false,
      },
    ]);
    const [agent] = system.getStatus().components.memoryManager.agents;
    expect(agent.totalMemory).toBe(agent.contextSize + agent.cacheSize);
  });

  test.each([
    ['enableMemoryManagement', 'memoryManager'],
    ['enableAdvancedCaching', 'cacheManager'],
    ['enableContextFiltering', 'contextFilter'],
  ])('without %s shows %s as null, here and in the health', async (setting, part) => {
    const system = await usedSystem({ ...KEEP_ALL, [setting]: false });
    expect(system.getStatus().components[part]).toBeNull();
    const health = system.getHealthStatus();
    expect(health.components[part]).toBeNull();
    expect(health.overall).toBe('healthy');
    for (const other of PARTS.filter((name) => name !== part))
      expect(health.components[other]).toEqual({ healthy: true, score: number, explanation: expect.any(String) });
  });

  test('is a copy', async () => {
    const system = await open();
    const status = system.getStatus();
    status.components.memoryManager.config.maxMemory = 1;
    status.initialized = false;
    expect(system.getStatus().components.memoryManager.config.maxMemory).toBe(1_000_000);
    expect(system.getStatus().initialized).toBe(true);
  });
});

describe('memory figures', () => {
  test('of the process agree with process.memoryUsage()', async () => {
    const system = await open();
    const { rss, heapTotal, heapUsed } = system.getStatus().components.memoryManager.process;
    const usage = process.memoryUsage();
    for (const [found, expected] of [
      [rss, usage.rss],
      [heapTotal, usage.heapTotal],
      [heapUsed, usage.heapUsed],
    ]) {
      expect(found).toBeGreaterThan(expected / MB / 3);
      expect(found).toBeLessThan((expected / MB) * 3);
    }
    expect(heapUsed).toBeLessThanOrEqual(heapTotal);
  });

  test('of the machine agree with os.totalmem()', async () => {
    const { total, free, used, percentage } = (await open()).getStatus().components.memoryManager.system;
    expect(Math.abs(total - os.totalmem() / MB)).toBeLessThan(total * 0.01);
    expect(Math.abs(total - free - used)).toBeLessThan(1);
    expect(percentage).toBeCloseTo((used / total) * 100, 1);
    expect(free).toBeLessThanOrEqual(total);
  });
});

describe('uptime', () => {
  test('is in seconds, of this system, and never goes back', async () => {
    const started = performance.now();
    const system = await open();
    const first = system.getStatus().uptime;
    const second = system.getHealthStatus().uptime;
    const most = (performance.now() - started) / 1000;
    expect(first).toBeGreaterThanOrEqual(0);
    expect(second).toBeGreaterThanOrEqual(first);
    // Both are rounded to hundredths.
    expect(second).toBeLessThanOrEqual(most + 0.01);
  });
});

describe('getHealthStatus', () => {
  test.each([
    ['of a fresh system', () => open()],
    ['of a used one', () => usedSystem()],
  ])('%s has every field of the contract', async (_, make) => {
    const health = (await make()).getHealthStatus();
    expect(health).toMatchObject({
      overall: 'healthy',
      score: number,
      components: Object.fromEntries(PARTS.map((part) => [part, { healthy: true, score: number }])),
      recommendations: expect.any(Array),
      systemStats: expect.any(Object),
      uptime: number,
      environment: 'development',
    });
    for (const score of [health.score, ...PARTS.map((part) => health.components[part].score)]) {
      expect(score).toBeGreaterThanOrEqual(75);
      expect(score).toBeLessThanOrEqual(100);
    }
    for (const recommendation of health.recommendations) expect(typeof recommendation).toBe('string');
    expect(health.systemStats.statistics.timestamp).toBeInstanceOf(Date);
  });

  test('of a fresh system has nothing to recommend', async () => {
    const system = await open();
    expect(system.getHealthStatus().recommendations).toEqual([]);
    expect(system.getStatus().recommendations).toEqual({
      memory: [],
      cache: [],
      context: [],
      general: [],
      priority: 'low',
      details: [],
    });
  });

  test('agrees with the status', async () => {
    const system = await usedSystem();
    expect(system.getHealthStatus().score).toBe(system.getStatus().overallScore);
    expect(system.getStatus().statistics.overallScore).toBe(system.getStatus().overallScore);
  });

  test('is bad, with advice, when the process uses more than it may', async () => {
    const system = await open({ ...KEEP_ALL, memory: { maxMemoryUsage: 1 } });
    await system.optimizeAgentContext('agent', context(0));
    const health = system.getHealthStatus();
    expect(health.components.memoryManager.healthy).toBe(false);
    expect(health.score).toBeLessThan(75);
    expect(['warning', 'critical']).toContain(health.overall);
    expect(health.overall).toBe(health.score < 50 ? 'critical' : 'warning');
    expect(health.recommendations.length).toBeGreaterThan(0);
    expect(system.isProductionReady()).toBe(health.overall !== 'critical' && health.score > 70);
  });
});

describe('statistics', () => {
  test('tokensSaved is the sum of the results', async () => {
    const system = await open();
    let sum = 0;
    const contexts = [context(0), context(0), context(1), { currentTask: 'x' }, {}, context(1)];
    for (const agent of ['one', 'two', 'frontend-specialist']) {
      for (const given of contexts) {
        sum += (await system.optimizeAgentContext(agent, { ...given, agent })).tokensSaved;
        sum += (await system.optimizeAgentContext(agent, { ...given, agent }, { maxSize: 60 })).tokensSaved;
      }
    }
    expect(sum).not.toBe(0);
    expect(system.getStatus().statistics.tokensSaved).toBe(sum);
    expect(system.getStatus().tokenOptimizer.tokensSaved).toBe(sum);
  });

  test('of a fresh system are all 0', async () => {
    expect((await open()).getStatus().statistics).toMatchObject({
      tokensSaved: 0,
      memoryOptimized: 0,
      cacheHitRate: 0,
      contextReduction: 0,
    });
  });

  test('refused contexts do not count', async () => {
    const system = await usedSystem();
    const before = system.getStatus().statistics;
    await expect(system.optimizeAgentContext('agent', { a: 1n })).rejects.toThrow();
    const after = system.getStatus().statistics;
    expect([after.tokensSaved, after.contextReduction]).toEqual([before.tokensSaved, before.contextReduction]);
  });

  test('of the parts agree with what was done', async () => {
    const { components } = (await usedSystem()).getStatus();
    expect(components.tokenOptimizer).toMatchObject({ operations: 5, full: 2, unchanged: 2, changed: 1, agents: 2 });
    expect(components.cacheManager.overall).toMatchObject({ totalHits: 1, totalMisses: 1, hitRate: 0.5 });
  });
});

describe('agents and sizes', () => {
  test('no agent of a fresh system is throttled', async () => {
    const system = await open();
    for (const agent of ['agent', '__proto__', '\ud800']) expect(system.shouldThrottleAgent(agent)).toBe(false);
  });

  test('an agent over its limit is throttled, listed and gets 60 %', async () => {
    const system = await open({ ...KEEP_ALL, memory: { maxMemoryUsage: 1_000_000, agentMemoryLimit: 0.001 } });
    const heard = [];
    system.on('agentThrottled', (event) => heard.push(event));
    await system.optimizeAgentContext('greedy', { currentTask: 'word '.repeat(1000) });
    await system.optimizeAgentContext('modest', { currentTask: 'x' });
    expect([system.shouldThrottleAgent('greedy'), system.shouldThrottleAgent('modest')]).toEqual([true, false]);
    expect(system.getStatus().components.memoryManager.throttledAgents).toEqual(['greedy']);
    expect(heard).toEqual([{ agentId: 'greedy', reason: expect.any(String) }]);
    expect(system.getRecommendedContextSize('greedy', 1001)).toBe(600);
    expect(system.getRecommendedContextSize('modest', 1001)).toBe(1001);
  });

  test('the recommended size of a process over its limit is half, rounded down', async () => {
    const system = await open({ ...KEEP_ALL, memory: { maxMemoryUsage: 1 } });
    expect(system.getRecommendedContextSize('agent', 1001)).toBe(500);
  });

  test.each([
    [Number.NaN],
    [-1],
    ['5'],
    [Number.POSITIVE_INFINITY],
    [undefined],
  ])('a requested size of %p is refused', async (size) => {
    const system = await open();
    expect(() => system.getRecommendedContextSize('agent', size)).toThrow(
      expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }),
    );
  });

  test.each([[undefined], [null], [5]])('the agent %p is refused', async (agent) => {
    const system = await open();
    const refusal = expect.objectContaining({ code: 'E_INVALID_ARGUMENT' });
    expect(() => system.shouldThrottleAgent(agent)).toThrow(refusal);
    expect(() => system.getRecommendedContextSize(agent, 5)).toThrow(refusal);
  });
});
