/** Jest, in the project: the package loads, can be replaced by an automatic mock, and spied on. */

const { EventEmitter } = require('node:events');

test('the real one', async () => {
  const { default: AdvancedCacheManager } = require('agentwise-optimization/cache');
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  const get = jest.spyOn(cache, 'get');
  await cache.set('key', { value: 1 });
  expect(cache).toBeInstanceOf(EventEmitter);
  expect(await cache.get('key')).toEqual({ value: 1 });
  expect(get).toHaveBeenCalledTimes(1);
  get.mockResolvedValueOnce('another');
  expect(await cache.get('key')).toBe('another');
  await cache.stop();
});

test('an automatic mock', () => {
  jest.isolateModules(() => {
    jest.mock('agentwise-optimization/memory');
    const { default: MemoryManager } = require('agentwise-optimization/memory');
    const memory = new MemoryManager();
    memory.shouldThrottleAgent.mockReturnValue(true);
    expect(memory.shouldThrottleAgent('agent')).toBe(true);
    expect(memory.registerAgentMemory('agent', 1, 1)).toBeUndefined();
    expect(MemoryManager).toHaveBeenCalledTimes(1);
  });
});
