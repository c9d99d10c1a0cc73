/** Those who watch `emit` in place of listening: a subclass, a spy. */

const { EventEmitter } = require('node:events');
const { AdvancedCacheManager, MemoryManager, OptimizationOrchestrator, ProductionMonitor } = require('../../index.js');
const { ProductionOptimizationSystem } = require('../../index.js');
const { createTestSystem } = require('../../entry/testing.js');
const { useOwnDirectory, useSystems } = require('../support.js');
const { MB, turn, useParts } = require('./support.js');

useOwnDirectory();
const { own } = useSystems();
const made = useParts();

/** A subclass that notes what it emits. */
function noting(Class) {
  return class extends Class {
    noted = [];

    emit(name, ...data) {
      this.noted?.push(name);
      return super.emit(name, ...data);
    }
  };
}

const alert = { type: 'warning', component: 'performance', title: 'Slow', message: 'slow' };

describe('a subclass with an emit of its own sees every event', () => {
  test('of a memory manager', () => {
    const manager = made(new (noting(MemoryManager))({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    manager.registerAgentMemory('a', 5 * MB, 0);
    expect(manager.noted).toEqual(expect.arrayContaining(['agentThrottled', 'agentMemoryUpdate']));
  });

  test('of a cache', async () => {
    const cache = made(new (noting(AdvancedCacheManager))({ persistToDisk: false }));
    await turn();
    await cache.set('key', 1);
    await cache.get('key');
    await cache.namespace('n').get('none');
    expect(cache.noted).toEqual(['cacheSet', 'cacheHit', 'cacheMiss']);
  });

  test('of a monitor', async () => {
    const monitor = made(new (noting(ProductionMonitor))({ console: false }));
    await turn();
    monitor.createAlert(alert);
    expect(monitor.noted).toContain('alertCreated');
  });

  test.each([
    ['system', ProductionOptimizationSystem, (system) => system.initialize()],
    ['orchestrator', OptimizationOrchestrator, (system) => system.generateOptimizationReport()],
  ])('of a %s, those that follow from others too', async (_, Class, start) => {
    const config = { environment: 'production', finalReport: false, monitoring: { console: false } };
    const system = own(new (noting(Class))(config));
    await start(system);
    await turn();
    await system.cacheResponse('q', 1);
    await system.getCachedResponse('q');
    await system.optimizeAgentContext('a', { currentTask: 'x' });
    system.productionMonitor.createAlert(alert);
    expect(system.noted).toEqual(
      expect.arrayContaining(['cacheSet', 'cacheHit', 'contextOptimized', 'contextFiltered', 'productionAlert']),
    );
    expect(system.noted.filter((name) => name === 'productionAlert')).toHaveLength(1);
  });
});

describe('jest.spyOn(…, "emit")', () => {
  test('right after the construction sees what follows', async () => {
    const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    const emit = jest.spyOn(manager, 'emit');
    manager.registerAgentMemory('a', 5 * MB, 0);
    await turn();
    expect(emit).toHaveBeenCalledWith('agentThrottled', expect.objectContaining({ agentId: 'a' }));
    expect(emit.mock.calls.filter(([name]) => name === 'agentThrottled')).toHaveLength(1);
  });

  test('later sees the events of the next call, and none after mockRestore()', async () => {
    const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    await turn();
    const emit = jest.spyOn(manager, 'emit');
    manager.registerAgentMemory('a', 5 * MB, 0);
    expect(emit.mock.calls.map(([name]) => name)).toContain('agentThrottled');
    emit.mockRestore();
    manager.registerAgentMemory('b', 5 * MB, 0);
    const heard = [];
    manager.on('agentMemoryUpdate', ({ agentId }) => heard.push(agentId));
    await turn();
    expect(heard).toEqual([]);
  });

  test('on a cache sees its next lookup, store and removal', async () => {
    const cache = made(new AdvancedCacheManager({ persistToDisk: false }));
    await cache.set('key', 1);
    await turn();
    for (const [name, call] of [
      ['cacheHit', () => cache.get('key')],
      ['cacheSet', () => cache.set('key', 2)],
      ['cacheMiss', () => cache.lookup('none')],
      ['cacheCleared', () => cache.clear()],
    ]) {
      const emit = jest.spyOn(cache, 'emit');
      await call();
      expect(emit.mock.calls.map(([told]) => told)).toContain(name);
      emit.mockRestore();
      await cache.get('key');
    }
  });

  test('on a system sees its next calls, also by its memory manager', async () => {
    const config = { environment: 'development', finalReport: false, memory: { agentMemoryLimit: 1 } };
    const system = own(await ProductionOptimizationSystem.create(config));
    await turn();
    const emit = jest.spyOn(system, 'emit');
    await system.cacheResponse('q', 1);
    system.memoryManager.registerAgentMemory('a', 5 * MB, 0);
    const told = emit.mock.calls.map(([name]) => name);
    expect(told).toEqual(expect.arrayContaining(['cacheSet', 'agentThrottled']));
    await system.shutdown();
    expect(emit).toHaveBeenCalledWith('stopped', { component: 'memoryManager' });
  });

  test('on a prototype sees the events of all instances', () => {
    const emit = jest.spyOn(MemoryManager.prototype, 'emit');
    try {
      const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
      manager.registerAgentMemory('a', 5 * MB, 0);
      expect(emit.mock.calls.map(([name]) => name)).toContain('agentThrottled');
    } finally {
      emit.mockRestore();
    }
  });
});

test('one that replaces the emit of every emitter watches none of ours by that', async () => {
  const { emit } = EventEmitter.prototype;
  try {
    const seen = [];
    EventEmitter.prototype.emit = function (name, ...data) {
      seen.push(name);
      return emit.call(this, name, ...data);
    };
    const manager = made(new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 }));
    await turn();
    manager.registerAgentMemory('a', 5 * MB, 0);
    expect(seen).not.toContain('agentThrottled');
    manager.on('agentUnthrottled', () => {});
    manager.registerAgentMemory('a', 0, 0);
    expect(seen).toContain('agentUnthrottled');
  } finally {
    EventEmitter.prototype.emit = emit;
  }
});

test('events of the background of a test system are seen by its emit', async () => {
  const system = own(await createTestSystem());
  const emit = jest.spyOn(system, 'emit');
  await system.clock.advance(60_000);
  const told = emit.mock.calls.map(([name]) => name);
  expect(told).toEqual(expect.arrayContaining(['memoryUpdate', 'metricsCollected', 'statsUpdated', 'healthUpdate']));
});
