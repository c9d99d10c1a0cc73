const { useOwnDirectory, useSystems, failureOf, effectiveConfiguration } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const BASE = { environment: 'development', finalReport: false };

/** A file that is told by its L1 size. */
const sized = (l1MaxSize) => ({ cache: { l1MaxSize, persistToDisk: false } });
const sizeOf = (system) => system.getStatus().components.cacheManager.l1.maxSize;

describe('updateConfiguration', () => {
  test('is applied to the running parts', async () => {
    const system = await open({ ...BASE, contextFilter: { contextImportanceThreshold: 0 } });
    await system.updateConfiguration({
      cache: { l1MaxSize: 3 },
      memory: { maxMemoryUsage: 4096, agentMemoryLimit: 77, alertThreshold: 66 },
      contextFilter: { contextImportanceThreshold: 1, maxContextPerAgent: 44 },
    });
    const { memoryManager, cacheManager, contextFilter } = system.getStatus().components;
    expect(cacheManager.l1.maxSize).toBe(3);
    expect(memoryManager.config).toEqual({ maxMemory: 4096, alertThreshold: 66, agentLimit: 77 });
    expect(contextFilter.config).toMatchObject({ contextImportanceThreshold: 1, maxContextPerAgent: 44 });
    for (let at = 0; at < 50; at++) await system.cacheResponse(`query ${at}`, at);
    expect(system.getStatus().components.cacheManager.l1.entries).toBeLessThanOrEqual(3);
    const context = { currentTask: 'x', sea: 'calm' };
    expect(await system.optimizeAgentContext('backend-specialist', context)).toEqual({ currentTask: 'x' });
  });

  test('keeps cached values and what agents have', async () => {
    const system = await open({ ...BASE, contextFilter: { contextImportanceThreshold: 0 } });
    await system.cacheResponse('query', 'value');
    await system.optimizeAgentContext('agent', { a: 1 });
    await system.updateConfiguration({ cache: { ttlSeconds: 100 }, memory: { alertThreshold: 70 } });
    expect(await system.getCachedResponse('query')).toBe('value');
    expect((await system.optimizeAgentContext('agent', { a: 1 })).changes).toEqual([]);
  });

  test('of several under way, the last one that was asked for holds', async () => {
    const system = await open(BASE);
    const heard = [];
    system.on('configurationUpdated', ({ newConfig }) => heard.push(newConfig.cache.ttlSeconds));
    const asked = Array.from({ length: 24 }, (_, at) => at + 1);
    const refused = failureOf(system.updateConfiguration({ cache: { ttlSeconds: -1 } }));
    await Promise.all(asked.map((ttlSeconds) => system.updateConfiguration({ cache: { ttlSeconds } })));
    expect(heard).toEqual(asked);
    expect((await refused).code).toBe('E_CONFIG_INVALID');
  });

  test('is read when it is called', async () => {
    const system = await open(BASE);
    const before = system.updateConfiguration({ cache: { ttlSeconds: 4 } });
    const partial = { cache: { ttlSeconds: 5 } };
    const update = system.updateConfiguration(partial);
    partial.cache.ttlSeconds = -1;
    await Promise.all([before, update]);
    expect(system.explainConfig().settings['cache.ttlSeconds'].value).toBe(5);
  });

  test.each([[undefined], [null], [5], [[]]])('of %p is refused', async (partial) => {
    const system = await open(BASE);
    expect((await failureOf(system.updateConfiguration(partial))).code).toBe('E_CONFIG_INVALID');
  });

  test('tells listeners before the promise resolves', async () => {
    const system = await open(BASE);
    const heard = [];
    system.on('configurationUpdated', (event) => heard.push(event));
    await system.updateConfiguration({ cache: { ttlSeconds: 5 } });
    expect(heard).toEqual([{ oldConfig: expect.any(Object), newConfig: expect.any(Object), source: 'update' }]);
    expect([heard[0].oldConfig.cache.ttlSeconds, heard[0].newConfig.cache.ttlSeconds]).toEqual([3600, 5]);
    expect(await effectiveConfiguration(system)).toEqual(heard[0].newConfig);
  });

  test('is all or nothing, with every problem', async () => {
    const system = await open(BASE);
    const before = await effectiveConfiguration(system);
    let told = 0;
    system.on('configurationUpdated', () => told++);
    const error = await failureOf(
      system.updateConfiguration({
        memory: { alertThreshold: 50 },
        cache: { l1MaxSize: 7, ttlSeconds: Number.NaN, ttl: 1 },
        monitoring: 5,
      }),
    );
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.map((problem) => problem.path).sort()).toEqual([
      'cache.ttl',
      'cache.ttlSeconds',
      'monitoring',
    ]);
    expect(await effectiveConfiguration(system)).toEqual(before);
    expect(sizeOf(system)).toBe(1000);
    expect(told).toBe(0);
  });

  test.each([
    ['null', null],
    ['a string', 'x'],
    ['an array', []],
    ['a function', () => ({})],
    ['what has no JSON', { toJSON: () => undefined }],
  ])('refuses %s', async (_, partial) => {
    const system = await open(BASE);
    expect((await failureOf(system.updateConfiguration(partial))).code).toBe('E_CONFIG_INVALID');
  });

  test('of nothing changes nothing', async () => {
    const system = await open(BASE);
    const before = await effectiveConfiguration(system);
    await system.updateConfiguration({});
    expect(await effectiveConfiguration(system)).toEqual(before);
  });

  test('reaches only its own system', async () => {
    const base = { ...BASE, cache: { persistToDisk: false } };
    const [one, two] = [await open(base), await open(base)];
    await one.updateConfiguration(sized(9));
    expect([sizeOf(one), sizeOf(two)]).toEqual([9, 1000]);
  });
});
