/** Events of parts that come through the system. */

const fs = require('node:fs');
const { OptimizationOrchestrator, ProductionOptimizationSystem } = require('../../index.js');
const { createTestSystem } = require('../../entry/testing.js');
const { useOwnDirectory, useSystems } = require('../support.js');

const MINUTE = 60_000;
const ALL_ON = { environment: 'production', finalReport: false, monitoring: { console: false } };

useOwnDirectory();
const { own } = useSystems();

function heardBy(system, ...names) {
  const heard = [];
  for (const name of names) system.on(name, (data) => heard.push([name, data]));
  return heard;
}

describe('configUpdated', () => {
  test('comes for each part that has other settings, once, with them and those before', async () => {
    const system = own(await ProductionOptimizationSystem.create(ALL_ON));
    const heard = heardBy(system, 'configUpdated', 'configurationUpdated');
    await system.updateConfiguration({
      memory: { agentMemoryLimit: 99 },
      cache: { l1MaxSize: 5 },
      contextFilter: { maxContextPerAgent: 20 },
      monitoring: { metricsRetention: 3 },
    });
    const change = (component, before, after) => [
      'configUpdated',
      { component, oldConfig: expect.objectContaining(before), newConfig: expect.objectContaining(after) },
    ];
    expect(heard.slice(1)).toEqual([
      change('memoryManager', { agentMemoryLimit: 256 }, { agentMemoryLimit: 99 }),
      change('cacheManager', { l1MaxSize: 1000 }, { l1MaxSize: 5 }),
      change('contextFilter', { maxContextPerAgent: 50 }, { maxContextPerAgent: 20 }),
      change('productionMonitor', { metricsRetention: 7 }, { metricsRetention: 3 }),
    ]);
    expect(heard[0][0]).toBe('configurationUpdated');
  });

  test('comes for none that has the same, or is off, or was refused', async () => {
    const system = own(await ProductionOptimizationSystem.create({ ...ALL_ON, enableContextFiltering: false }));
    const heard = heardBy(system, 'configUpdated');
    await system.updateConfiguration({ memory: { agentMemoryLimit: 256 } });
    await system.updateConfiguration({ contextFilter: { maxContextPerAgent: 20 } });
    await expect(system.updateConfiguration({ cache: { l1MaxSize: 0 } })).rejects.toThrow('l1MaxSize');
    expect(heard).toEqual([]);
    await system.updateConfiguration({ tokens: { encoding: 'cl100k_base' } });
    expect(heard).toEqual([]);
  });

  test('comes when a file was read again', async () => {
    const file = (l1MaxSize) => JSON.stringify({ cache: { l1MaxSize } });
    fs.writeFileSync('settings.json', file(10));
    const config = { environment: 'development', finalReport: false, configFile: 'settings.json' };
    const system = own(await ProductionOptimizationSystem.create(config));
    const heard = heardBy(system, 'configUpdated');
    fs.writeFileSync('settings.json', file(20));
    await system.reloadConfiguration();
    expect(heard.map(([, { component, newConfig }]) => [component, newConfig.l1MaxSize])).toEqual([
      ['cacheManager', 20],
    ]);
  });
});

describe('stopped', () => {
  const parts = (heard) => heard.map(([name, data]) => data?.component ?? name);

  test.each([
    ['a system', (config) => ProductionOptimizationSystem.create(config)],
    ['an orchestrator', async (config) => new OptimizationOrchestrator(config)],
  ])('comes for each part of %s, before shutdown, once', async (_, make) => {
    const system = own(await make(ALL_ON));
    await system.performMaintenance();
    const heard = heardBy(system, 'stopped', 'shutdown');
    await Promise.all([system.shutdown(), system.shutdown()]);
    expect(parts(heard)).toEqual(['productionMonitor', 'memoryManager', 'cacheManager', expect.anything()]);
    expect(heard.at(-1)[0]).toBe('shutdown');
  });

  test('comes when a part is switched off, and not again at the end', async () => {
    const system = own(await ProductionOptimizationSystem.create(ALL_ON));
    const heard = heardBy(system, 'stopped');
    await system.updateConfiguration({ enableMemoryManagement: false });
    expect(parts(heard)).toEqual(['memoryManager']);
    await system.shutdown();
    expect(parts(heard)).toEqual(['memoryManager', 'productionMonitor', 'cacheManager']);
  });
});

describe('maintenance', () => {
  test('comes every five minutes, with figures of the cache, when expired entries are gone', async () => {
    const system = own(await createTestSystem());
    const told = [];
    system.on('maintenance', ({ timestamp, stats }) => told.push([timestamp, stats.l1.entries]));
    const start = system.clock.now();
    await system.cacheResponse('short', 1, 60);
    await system.cacheResponse('long', 1, 3600);
    await system.clock.advance(4.9 * MINUTE);
    expect(told).toEqual([]);
    await system.clock.advance(5.2 * MINUTE);
    expect(told).toEqual([
      [new Date(start + 5 * MINUTE), 1],
      [new Date(start + 10 * MINUTE), 1],
    ]);
  });

  test('does not come without a cache, and comes again when there is one', async () => {
    const system = own(await createTestSystem({ enableAdvancedCaching: false }));
    let told = 0;
    system.on('maintenance', () => told++);
    await system.clock.advance(11 * MINUTE);
    expect(told).toBe(0);
    await system.updateConfiguration({ enableAdvancedCaching: true });
    await system.clock.advance(5 * MINUTE);
    expect(told).toBe(1);
  });

  test('comes by the timer of a system of this process', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const system = own(await ProductionOptimizationSystem.create({ ...ALL_ON, watchConfig: false }));
      await new Promise((resolve) => setImmediate(resolve));
      const told = new Promise((resolve) => system.on('maintenance', resolve));
      jest.advanceTimersByTime(5 * MINUTE);
      expect(await told).toEqual({
        timestamp: expect.any(Date),
        stats: expect.objectContaining({ l1: expect.anything() }),
      });
      await system.shutdown();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('warmUpCompleted', () => {
  test('comes once after the start of a system', async () => {
    const system = own(new ProductionOptimizationSystem(ALL_ON));
    const told = [];
    system.on('initialized', () => told.push('initialized'));
    const warmed = new Promise((resolve) => system.on('warmUpCompleted', resolve));
    system.on('warmUpCompleted', () => told.push('warmUpCompleted'));
    await system.initialize();
    await warmed;
    expect(told).toEqual(['initialized', 'warmUpCompleted']);
  });

  test('comes for warmUp() of an orchestrator, and only for that', async () => {
    const orchestrator = own(new OptimizationOrchestrator(ALL_ON));
    let told = 0;
    orchestrator.on('warmUpCompleted', () => told++);
    await orchestrator.performMaintenance();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toBe(0);
    await orchestrator.warmUp();
    expect(told).toBe(1);
  });
});
