/** The memory manager of a system, and one that a token optimizer is given. */

const { MemoryManager, ProductionOptimizationSystem, TokenOptimizer } = require('../../index.js');
const { IN_MEMORY, KEEP_ALL, failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { MB, STEPS, heardBy, isSettled, next, useManagers } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();
const managers = useManagers();

const CALM = { ...IN_MEMORY, memory: { maxMemoryUsage: 1_000_000, agentMemoryLimit: 1 } };
const TIGHT = { memory: { maxMemoryUsage: 1 } };

describe('the memory manager of a system', () => {
  test('has the methods of the class, but for those that a system has itself', async () => {
    const { memoryManager } = await open(CALM);
    const own = ['constructor', 'updateConfig', 'stop'];
    const methods = Object.getOwnPropertyNames(MemoryManager.prototype).filter(
      (name) =>
        !own.includes(name) &&
        !name.startsWith('_') &&
        name in managers.open() &&
        !/^(on|once|off|add|remove|prepend|emit)/.test(name),
    );
    expect(methods.length).toBeGreaterThan(15);
    for (const name of methods) expect([name, typeof memoryManager[name]]).toEqual([name, 'function']);
  });

  test('is the one that the system asks', async () => {
    const system = await open(CALM);
    const { memoryManager } = system;
    memoryManager.registerAgentMemory('agent', 2 * MB, 0);
    expect(system.shouldThrottleAgent('agent')).toBe(true);
    expect(system.throttleReason('agent')).toEqual(memoryManager.throttleReason('agent'));
    expect(system.throttleReason('agent')).toMatchObject({ code: 'agentLimit', since: expect.any(Date) });
    expect(system.getRecommendedContextSize('agent', 1001)).toBe(600);
    expect(system.getStatus().components.memoryManager).toMatchObject({
      throttledAgents: ['agent'],
      config: memoryManager.getMemoryStats().config,
    });
    expect(memoryManager.forgetAgent('agent')).toBe(true);
    expect(system.throttleReason('agent')).toBeNull();
  });

  test('hears of the contexts of agents', async () => {
    const system = await open(CALM);
    const result = await system.optimizeAgentContext('agent', { currentTask: 'a task', text: 'word' });
    expect(system.memoryManager.getMemoryStats().agents).toMatchObject([
      { agentId: 'agent', contextSize: Buffer.byteLength(JSON.stringify(result)) },
    ]);
  });

  test('tells its events by the system', async () => {
    const system = await open(CALM);
    const heard = heardBy(system, 'agentMemoryUpdate', 'agentThrottled', 'agentUnthrottled');
    system.memoryManager.registerAgentMemory('agent', 2 * MB, 0);
    system.memoryManager.registerAgentMemory('agent', 0, 0);
    const names = heard.map(([name, { agentId }]) => `${name} of ${agentId}`);
    expect(names.filter((name) => name.startsWith('agentMemoryUpdate'))).toHaveLength(2);
    expect(names.filter((name) => !name.startsWith('agentMemoryUpdate'))).toEqual([
      'agentThrottled of agent',
      'agentUnthrottled of agent',
    ]);
  });

  test('refuses what the class refuses', async () => {
    const { memoryManager } = await open(CALM);
    expect((await failureOf(() => memoryManager.registerAgentMemory('agent', -1, 0))).code).toBe('E_INVALID_ARGUMENT');
    expect((await failureOf(() => memoryManager.shouldThrottleAgent(5))).code).toBe('E_INVALID_ARGUMENT');
    expect((await failureOf(memoryManager.whenUnthrottled('agent', { timeout: -1 }))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('is null where it is off; nobody is throttled then', async () => {
    const system = await open({ ...CALM, enableMemoryManagement: false });
    expect(system.memoryManager).toBeNull();
    expect(system.shouldThrottleAgent('agent')).toBe(false);
    expect(system.throttleReason('agent')).toBeNull();
    expect(await system.whenUnthrottled('agent')).toBeUndefined();
    expect(system.getRecommendedContextSize('agent', 1001)).toBe(1001);
  });

  test('is null before the system runs and after', async () => {
    const system = new ProductionOptimizationSystem(CALM);
    for (const isAfter of [false, true]) {
      if (isAfter) {
        await system.initialize();
        expect(system.memoryManager).not.toBeNull();
        await system.shutdown();
      }
      expect(system.memoryManager).toBeNull();
      expect(system.shouldThrottleAgent('agent')).toBe(false);
      expect(system.throttleReason('agent')).toBeNull();
      expect(await system.whenUnthrottled('agent')).toBeUndefined();
    }
  });

  test('cannot be set', async () => {
    const system = await open(CALM);
    const { memoryManager } = system;
    expect(() => {
      'use strict';
      system.memoryManager = null;
    }).toThrow(TypeError);
    expect(system.memoryManager).toBe(memoryManager);
  });
});

describe('whenUnthrottled of a system', () => {
  test('waits as that of the class', async () => {
    const system = await open(CALM);
    system.memoryManager.registerAgentMemory('agent', 2 * MB, 0);
    expect((await failureOf(system.whenUnthrottled('agent', { timeout: 10 }))).code).toBe('E_TIMEOUT');
    const controller = new AbortController();
    const aborted = system.whenUnthrottled('agent', { signal: controller.signal });
    controller.abort(new Error('of the caller'));
    expect((await failureOf(aborted)).message).toBe('of the caller');
    const waiting = [system, system.memoryManager].map((one) => one.whenUnthrottled('agent'));
    expect(await isSettled(Promise.race(waiting))).toBe(false);
    system.memoryManager.registerAgentMemory('agent', 0, 0);
    await Promise.all(waiting);
  });

  test('is over when the system is shut down', async () => {
    const system = await open(CALM);
    system.memoryManager.registerAgentMemory('agent', 2 * MB, 0);
    const waiting = system.whenUnthrottled('agent');
    expect(await isSettled(waiting)).toBe(false);
    await system.shutdown();
    expect(await waiting).toBeUndefined();
  });
});

test('a system under pressure tells of it, works on, and recovers', async () => {
  const system = await open(CALM);
  await system.cacheResponse('query', { answer: 42 });
  await system.optimizeAgentContext('agent', { currentTask: 'a task' });
  const names = ['memoryAlert', 'emergencyCleanup', 'garbageCollected', 'agentThrottled'];
  const heard = heardBy(system, 'pressureChanged', ...names);
  const codes = [];
  system.on('agentThrottled', ({ agentId }) => codes.push(system.throttleReason(agentId).code));
  const all = Promise.all(names.map((name) => next(system, name)));
  const reached = next(system, 'pressureChanged', ({ step }) => step === 'throttleAll');
  await system.updateConfiguration(TIGHT);
  expect(await reached).toMatchObject({ source: 'config', percentage: expect.any(Number) });
  await all;
  expect(heard.find(([name]) => name === 'memoryAlert')[1]).toMatchObject({ id: expect.any(String) });
  expect(codes[0]).toBe('allAgents');
  expect(system.getStatus().components.memoryManager.pressure.step).toBe('throttleAll');
  expect(system.isProductionReady()).toBe(false);

  // Answers may be gone, and are never others.
  expect([null, 42]).toContain((await system.getCachedResponse('query'))?.answer ?? null);
  const result = await system.optimizeAgentContext('other', { currentTask: 'another task' });
  expect(result.currentTask).toBe('another task');
  await system.cacheResponse('new', 1);

  const waiting = system.whenUnthrottled('agent');
  const normal = next(system, 'pressureChanged', ({ step }) => step === 'normal');
  await system.updateConfiguration({ memory: CALM.memory });
  await normal;
  await waiting;
  const steps = heard.filter(([name]) => name === 'pressureChanged').map(([, { step }]) => step);
  expect(steps.slice(-STEPS.length)).toEqual([...STEPS].reverse());
  await system.cacheResponse('again', { answer: 43 });
  expect(await system.getCachedResponse('again')).toEqual({ answer: 43 });
});

test('systems and managers of one process do not know each other', async () => {
  const [one, other] = await Promise.all([open(CALM), open(KEEP_ALL)]);
  const own = managers.open();
  one.memoryManager.registerAgentMemory('agent', 2 * MB, 0);
  expect([one, other].map((system) => system.shouldThrottleAgent('agent'))).toEqual([true, false]);
  expect(own.shouldThrottleAgent('agent')).toBe(false);
  await one.shutdown();
  other.memoryManager.registerAgentMemory('agent', 1, 0);
  expect(other.memoryManager.getMemoryStats().agents).toHaveLength(1);
});

describe('a token optimizer with a memory manager', () => {
  test('says what agents hold, and asks who should wait', async () => {
    const memory = managers.open({ agentMemoryLimit: 0.001 });
    const optimizer = new TokenOptimizer(null, memory);
    await optimizer.optimizeContext('agent', { text: 'x'.repeat(2000) });
    expect(memory.getMemoryStats().agents).toMatchObject([
      { agentId: 'agent', contextSize: JSON.stringify({ text: 'x'.repeat(2000) }).length, isThrottled: true },
    ]);
    expect([optimizer.shouldThrottleAgent('agent'), optimizer.shouldThrottleAgent('other')]).toEqual([true, false]);
    await optimizer.close();
  });

  test('has its figures and its health in reports', async () => {
    const memory = managers.open();
    const optimizer = new TokenOptimizer(null, memory);
    const { memoryManager } = optimizer.getEnhancedOptimizationReport().productionComponents;
    expect(memoryManager).toMatchObject({ enabled: true, stats: { process: { rss: expect.any(Number) } } });
    expect(memoryManager.healthScore).toBeGreaterThanOrEqual(70);
    expect(optimizer.getProductionHealthStatus().components.memoryManager).toMatchObject({ healthy: true });
    await optimizer.performProductionCleanup();
    await optimizer.close();
  });

  test('takes that of a system', async () => {
    const system = await open(CALM);
    const optimizer = new TokenOptimizer(null, system.memoryManager);
    await optimizer.optimizeContext('agent', { text: 'word' });
    expect(system.memoryManager.getMemoryStats().agents).toMatchObject([{ agentId: 'agent' }]);
    await optimizer.close();
  });
});
