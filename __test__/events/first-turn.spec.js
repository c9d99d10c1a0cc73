/** What comes before the listeners do that are added in the same turn. */

const { AdvancedCacheManager, MemoryManager, OptimizationOrchestrator, ProductionMonitor } = require('../../index.js');
const { ProductionOptimizationSystem } = require('../../index.js');
const { useOwnDirectory, useSystems } = require('../support.js');
const { MB, turn, useParts } = require('./support.js');

useOwnDirectory();
const { own } = useSystems();
const made = useParts();

describe('a memory manager', () => {
  test('tells an alert of its first turn to who listens later in it, once', async () => {
    const manager = made(new MemoryManager({ maxMemoryUsage: 10 }));
    manager.registerAgentMemory('a', 1, 1);
    const heard = [];
    manager.on('memoryAlert', ({ type }) => heard.push(type));
    expect(manager.getMemoryStats().recentAlerts).toHaveLength(1);
    await turn();
    expect(heard).toEqual(['critical']);
  });

  test('tells others at once while it keeps what nobody hears, and each event once', async () => {
    const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    const heard = [];
    manager.on('agentMemoryUpdate', ({ agentId }) => heard.push(['update', agentId]));
    manager.registerAgentMemory('a', 5 * MB, 0);
    expect(heard).toEqual([['update', 'a']]);
    manager.on('agentThrottled', ({ agentId }) => heard.push(['throttled', agentId]));
    await turn();
    expect(heard).toEqual([
      ['update', 'a'],
      ['throttled', 'a'],
    ]);
  });

  test('tells nothing of its first turn to who comes after it', async () => {
    const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    manager.registerAgentMemory('a', 5 * MB, 0);
    await turn();
    const heard = [];
    manager.on('agentThrottled', ({ agentId }) => heard.push(agentId));
    manager.registerAgentMemory('b', 5 * MB, 0);
    await turn();
    expect(heard).toEqual(['b']);
  });

  test('tells all in the order in which it happened', async () => {
    const manager = made(new MemoryManager({ agentMemoryLimit: 10, maxMemoryUsage: 1_000_000 }));
    const heard = [];
    manager.on('agentMemoryUpdate', () => {});
    manager.registerAgentMemory('a', 50 * MB, 0);
    manager.on('agentThrottled', () => heard.push('throttled'));
    manager.on('agentUnthrottled', () => heard.push('released'));
    manager.registerAgentMemory('a', MB, 0);
    manager.unthrottleAgent('a');
    manager.registerAgentMemory('a', 50 * MB, 0);
    await turn();
    expect(heard).toEqual(['throttled', 'released', 'throttled']);
    expect(manager.shouldThrottleAgent('a')).toBe(true);
  });

  test('keeps many that come in one batch, whoever else listens', async () => {
    const manager = made(new MemoryManager({ maxMemoryUsage: 1_000_000 }));
    for (let at = 0; at < 400; at++) manager.registerAgentMemory(`a${at}`, 1, 0);
    manager.on('memoryAlert', () => {});
    // All of them are throttled in one step.
    manager.updateConfig({ maxMemoryUsage: 10 });
    manager.registerAgentMemory('last', 1, 0);
    const heard = [];
    manager.on('agentThrottled', ({ agentId }) => heard.push(agentId));
    await turn();
    expect(heard).toHaveLength(401);
  });

  test('keeps the last of very many', async () => {
    const manager = made(new MemoryManager({ maxMemoryUsage: 1_000_000 }));
    manager.on('agentThrottled', () => {});
    for (let at = 0; at < 3000; at++) manager.registerAgentMemory(`a${at}`, 1, 0);
    const heard = [];
    manager.on('agentMemoryUpdate', ({ agentId }) => heard.push(agentId));
    await turn();
    expect([heard.length, heard[0], heard.at(-1)]).toEqual([1024, 'a1976', 'a2999']);
  });
});

test('a cache tells of the lookups of its first turn', async () => {
  const cache = made(new AdvancedCacheManager({ persistToDisk: false }));
  const value = cache.get('early');
  const heard = [];
  cache.on('cacheMiss', ({ key }) => heard.push(key));
  expect(await value).toBeNull();
  await cache.get('later');
  expect(heard).toEqual(['early', 'later']);
});

test('after its first turn a cache that nobody hears costs no events', async () => {
  const cache = made(new AdvancedCacheManager({ persistToDisk: false }));
  await cache.get('a');
  const heard = [];
  for (let at = 0; at < 5; at++) await cache.get('b');
  cache.on('cacheMiss', ({ key }) => heard.push(key));
  await turn();
  expect(heard).toEqual([]);
});

test('a monitor tells of an alert that was created before its listener came', async () => {
  const monitor = made(new ProductionMonitor({ console: false }));
  monitor.createAlert({ type: 'warning', component: 'performance', title: 'Slow', message: 'slow' });
  const heard = [];
  monitor.on('alertCreated', ({ title }) => heard.push(title));
  await turn();
  expect(heard).toEqual(['Slow']);
});

describe.each([
  ['ProductionOptimizationSystem.create', (config) => ProductionOptimizationSystem.create(config)],
  [
    'a function that awaits one that awaits initialize',
    async (config) => {
      const system = new ProductionOptimizationSystem(config);
      await (async () => system.initialize())();
      return system;
    },
  ],
  [
    'an orchestrator that is initialized',
    async (config) => {
      const orchestrator = new OptimizationOrchestrator(config);
      await new Promise((resolve) => orchestrator.on('initialized', resolve));
      return orchestrator;
    },
  ],
])('%s', (_, make) => {
  test('tells what came in the turn in which it was ready', async () => {
    const config = { environment: 'development', finalReport: false, memory: { agentMemoryLimit: 1 } };
    const system = own(await make(config));
    system.memoryManager.registerAgentMemory('a', 5 * MB, 0);
    const heard = [];
    system.on('agentThrottled', ({ agentId }) => heard.push(agentId));
    await turn();
    expect(heard).toEqual(['a']);
  });
});
