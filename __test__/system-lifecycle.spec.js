const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { ProductionOptimizationSystem: System } = require('../index.js');
const { KEEP_ALL, useOwnDirectory, useSystems, failureOf } = require('./support.js');
const { removeTree } = require('./remove.js');

const directory = useOwnDirectory();
const { own, open } = useSystems();

const reports = () => fs.readdirSync(directory.path()).filter((name) => name.startsWith('optimization-report-'));
const turn = () => new Promise((resolve) => setImmediate(resolve));

const STATES = [
  ['before initialize', 'E_NOT_INITIALIZED', async () => own(new System(KEEP_ALL))],
  [
    'after shutdown',
    'E_SHUT_DOWN',
    async () => {
      const system = await open();
      await system.cacheResponse('query', 'value');
      await system.shutdown();
      return system;
    },
  ],
];

describe.each(STATES)('%s', (_, code, make) => {
  let system;
  beforeEach(async () => {
    system = await make();
  });

  test('getCachedResponse gives null', async () => {
    expect(await system.getCachedResponse('query')).toBeNull();
    expect(await system.getCachedResponse('query', 'agent')).toBeNull();
  });

  test('cacheResponse resolves and stores nothing', async () => {
    await expect(system.cacheResponse('query', 'value', 10)).resolves.toBeUndefined();
    expect(await system.getCachedResponse('query')).toBeNull();
  });

  test('no agent is throttled', () => {
    expect(system.shouldThrottleAgent('agent')).toBe(false);
  });

  test.each([0, 1, 1234.5, 1e12])('getRecommendedContextSize returns its argument %d', (size) => {
    expect(system.getRecommendedContextSize('agent', size)).toBe(size);
  });

  test.each([
    ['optimizeAgentContext', () => system.optimizeAgentContext('agent', { currentTask: 'x' })],
    ['generateSystemReport', () => system.generateSystemReport()],
    ['updateConfiguration', () => system.updateConfiguration({ cache: { ttlSeconds: 5 } })],
    ['performMaintenance', () => system.performMaintenance()],
  ])('%s rejects instead of throwing', async (_name, call) => {
    const pending = call();
    expect(pending).toBeInstanceOf(Promise);
    expect((await failureOf(pending)).code).toBe(code);
    expect(reports()).toEqual([]);
  });

  test('getStatus says why there is none', () => {
    expect(system.getStatus()).toEqual({ initialized: false, error: expect.any(String) });
  });

  test('getHealthStatus is down', () => {
    expect(system.getHealthStatus()).toEqual({ overall: 'down', score: 0, message: expect.any(String) });
  });

  test('it is not production ready', () => {
    expect(system.isProductionReady()).toBe(false);
  });

  test('startMonitoringDashboard says that there is none', async () => {
    expect(await system.startMonitoringDashboard()).toEqual({ started: false, reason: expect.any(String) });
  });
});

test('startMonitoringDashboard of a running system says that there is none', async () => {
  const system = await open();
  expect(await system.startMonitoringDashboard()).toEqual({ started: false, reason: expect.any(String) });
});

describe('initialize', () => {
  test('a second call warns and rebuilds nothing', async () => {
    const system = own(new System(KEEP_ALL));
    const heard = [];
    for (const name of ['initialized', 'warning']) system.on(name, () => heard.push(name));
    await system.initialize();
    expect(heard).toEqual(['initialized']);
    await system.cacheResponse('query', 'kept');
    await expect(system.initialize()).resolves.toBeUndefined();
    expect(heard).toEqual(['initialized', 'warning']);
    expect(await system.getCachedResponse('query')).toBe('kept');
  });

  test('concurrent calls build it once', async () => {
    const system = own(new System(KEEP_ALL));
    let initialized = 0;
    system.on('initialized', () => initialized++);
    await Promise.all([system.initialize(), system.initialize(), system.initialize()]);
    expect(initialized).toBe(1);
    expect(system.getStatus().initialized).toBe(true);
  });

  test('a refused configuration rejects every time and leaves the system uninitialized', async () => {
    const system = own(new System({ environment: 'nowhere' }));
    expect((await failureOf(system.initialize())).code).toBe('E_CONFIG_INVALID');
    expect((await failureOf(system.initialize())).code).toBe('E_CONFIG_INVALID');
    expect(system.getStatus().initialized).toBe(false);
  });

  test('create gives an initialized instance', async () => {
    const system = await open();
    expect(system).toBeInstanceOf(System);
    expect(system.getStatus().initialized).toBe(true);
  });

  test('create rejects with what initialize rejects with', async () => {
    expect((await failureOf(System.create({ environment: 'nowhere' }))).code).toBe('E_CONFIG_INVALID');
    expect((await failureOf(System.create())).code).toBe('E_CONFIG_INVALID');
  });
});

describe('a listener for initialized', () => {
  test.each([
    'on',
    'addListener',
    'once',
    'prependListener',
    'prependOnceListener',
  ])('that comes early by %s is told once', async (method) => {
    const system = own(new System(KEEP_ALL));
    let told = 0;
    system[method]('initialized', () => told++);
    await system.initialize();
    await turn();
    expect(told).toBe(1);
  });

  test.each([
    'on',
    'addListener',
    'once',
    'prependListener',
    'prependOnceListener',
  ])('that comes late by %s is told once all the same', async (method) => {
    const system = await open();
    let told = 0;
    expect(system[method]('initialized', () => told++)).toBe(system);
    expect(told).toBe(0);
    await turn();
    expect(told).toBe(1);
  });

  test('that waits by events.once is not stranded, early or late', async () => {
    const system = own(new System(KEEP_ALL));
    const early = once(system, 'initialized');
    await system.initialize();
    await expect(early).resolves.toBeDefined();
    await expect(once(system, 'initialized')).resolves.toBeDefined();
  });
});

describe('getInstance', () => {
  test('the first call needs a configuration', async () => {
    expect((await failureOf(System.getInstance())).code).toBe('E_CONFIG_REQUIRED');
  });

  test('concurrent first calls and later ones get the same initialized instance', async () => {
    const instances = await Promise.all([
      System.getInstance(KEEP_ALL),
      System.getInstance(KEEP_ALL),
      System.getInstance(KEEP_ALL),
    ]);
    own(instances[0]);
    expect(new Set(instances).size).toBe(1);
    expect(await System.getInstance()).toBe(instances[0]);
    expect(instances[0].getStatus().initialized).toBe(true);
  });

  test('after shutdown there is a new one, which needs a configuration again', async () => {
    const first = own(await System.getInstance(KEEP_ALL));
    await first.shutdown();
    expect((await failureOf(System.getInstance())).code).toBe('E_CONFIG_REQUIRED');
    const second = own(await System.getInstance(KEEP_ALL));
    expect(second).not.toBe(first);
    expect(second.getStatus().initialized).toBe(true);
  });

  test('an instance that is shutting down is not given out', async () => {
    const first = own(await System.getInstance(KEEP_ALL));
    const stopping = first.shutdown();
    const second = own(await System.getInstance(KEEP_ALL));
    await stopping;
    expect(second.getStatus().initialized).toBe(true);
    expect(second).not.toBe(first);
  });

  test('a failed first call rejects all who waited and does not poison later ones', async () => {
    const failed = await Promise.allSettled([
      System.getInstance({ environment: 'nowhere' }),
      System.getInstance({ environment: 'nowhere' }),
    ]);
    expect(failed.map(({ reason }) => reason?.code)).toEqual(['E_CONFIG_INVALID', 'E_CONFIG_INVALID']);
    const system = own(await System.getInstance(KEEP_ALL));
    expect(system.getStatus().initialized).toBe(true);
  });

  test('another system that shuts down leaves the instance alone', async () => {
    const instance = own(await System.getInstance(KEEP_ALL));
    await (await open()).shutdown();
    expect(await System.getInstance()).toBe(instance);
    expect(instance.getStatus().initialized).toBe(true);
  });
});

describe('shutdown', () => {
  test('is idempotent and may be called concurrently', async () => {
    const system = await open({ ...KEEP_ALL, finalReport: true });
    let told = 0;
    system.on('shutdown', () => told++);
    await Promise.all([system.shutdown(), system.shutdown()]);
    await system.shutdown();
    expect(told).toBe(1);
    expect(reports()).toHaveLength(1);
  });

  test('before initialize resolves and writes nothing', async () => {
    const system = new System({ ...KEEP_ALL, finalReport: true });
    await expect(system.shutdown()).resolves.toBeUndefined();
    expect(reports()).toEqual([]);
  });

  test('is what Symbol.asyncDispose does', async () => {
    const system = await open();
    await system[Symbol.asyncDispose]();
    expect((await failureOf(system.performMaintenance())).code).toBe('E_SHUT_DOWN');
  });

  test('waits for the work that was accepted, also for calls that wait for their turn', async () => {
    const system = await open();
    const settled = [];
    const contexts = Array.from({ length: 6 }, (_, at) => ({
      currentTask: `task ${at}`,
      text: `${at} `.repeat(20_000),
    }));
    const work = contexts.map((context, at) =>
      system.optimizeAgentContext(at < 4 ? 'one' : `other ${at}`, context).then((result) => {
        settled.push('work');
        return result;
      }),
    );
    const stopped = system.shutdown().then(() => settled.push('stopped'));
    const results = await Promise.all(work);
    await stopped;
    expect(settled).toEqual([...Array(6).fill('work'), 'stopped']);
    expect(results.map((result) => result.type)).toEqual([
      'full',
      'incremental',
      'incremental',
      'incremental',
      'full',
      'full',
    ]);
  });

  test('ends the system even if its report cannot be written', async () => {
    const system = await open({ ...KEEP_ALL, finalReport: true });
    removeTree(directory.path());
    await Promise.allSettled([system.shutdown()]);
    expect(system.getStatus().initialized).toBe(false);
  });

  test('writes a final report with the required fields', async () => {
    const system = await open({ ...KEEP_ALL, finalReport: undefined });
    await system.optimizeAgentContext('agent', { currentTask: 'x' });
    await system.optimizeAgentContext('agent', { currentTask: 'x' });
    await system.shutdown();
    const [name, ...more] = reports();
    expect(more).toEqual([]);
    expect(name).toMatch(/^optimization-report-\d+\.json$/);
    expectReport(JSON.parse(fs.readFileSync(directory.path(name), 'utf8')), 2);
  });

  test('writes none with finalReport: false', async () => {
    await (await open()).shutdown();
    expect(reports()).toEqual([]);
  });
});

function expectReport(report, operations) {
  expect(report).toMatchObject({
    environment: 'development',
    config: { environment: 'development', memory: { maxMemoryUsage: 1_000_000 } },
    status: {
      initialized: true,
      environment: 'development',
      components: expect.any(Object),
      statistics: expect.any(Object),
    },
    performance: {
      totalOperations: operations,
      tokensSaved: report.status.statistics.tokensSaved,
      memoryOptimized: expect.any(Number),
      contextFiltered: expect.any(Number),
    },
  });
  expect(new Date(report.timestamp).toISOString()).toBe(report.timestamp);
}

describe('generateSystemReport', () => {
  test('writes a report into the working directory and gives its path', async () => {
    const system = await open();
    const heard = [];
    system.on('reportGenerated', (event) => heard.push(event));
    await system.optimizeAgentContext('agent', { currentTask: 'x' });
    const file = await system.generateSystemReport();
    expect(path.dirname(file)).toBe(directory.path());
    expect(path.basename(file)).toMatch(/^optimization-report-\d{13}\.json$/);
    expectReport(JSON.parse(fs.readFileSync(file, 'utf8')), 1);
    expect(heard).toHaveLength(1);
  });

  test('times in it are ISO strings, as JSON writes dates', async () => {
    const system = await open();
    await system.optimizeAgentContext('agent', { currentTask: 'x' });
    const report = JSON.parse(fs.readFileSync(await system.generateSystemReport(), 'utf8'));
    const { status } = report;
    const times = [
      status.statistics.timestamp,
      status.lastOptimization,
      ...status.components.memoryManager.agents.map((agent) => agent.lastAccessed),
    ];
    expect(times).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
    for (const time of times) expect(new Date(time).toISOString()).toBe(time);
  });

  test('of the same moment do not overwrite each other', async () => {
    const system = await open();
    const files = await Promise.all(Array.from({ length: 5 }, () => system.generateSystemReport()));
    expect(new Set(files).size).toBe(5);
    expect(reports().sort()).toEqual(files.map((file) => path.basename(file)).sort());
  });

  test('rejects with E_IO when the directory is gone', async () => {
    const system = await open();
    removeTree(directory.path());
    const error = await failureOf(system.generateSystemReport());
    expect(error.code).toBe('E_IO');
    expect(error.message).toContain(directory.path());
  });
});

describe('performMaintenance', () => {
  test('drops what is known of agents: the next result is full again', async () => {
    const system = await open();
    const context = { currentTask: 'x' };
    await system.optimizeAgentContext('agent', context);
    expect((await system.optimizeAgentContext('agent', context)).type).toBe('incremental');
    await system.performMaintenance();
    expect((await system.optimizeAgentContext('agent', context)).type).toBe('full');
  });

  test('keeps cached values that have not expired', async () => {
    const system = await open();
    await system.cacheResponse('query', 'value', 1000);
    await system.performMaintenance();
    expect(await system.getCachedResponse('query')).toBe('value');
  });
});

test.each(['development', 'staging', 'production'])('a fresh system is production ready in %s', async (environment) => {
  const system = await open({ ...KEEP_ALL, environment });
  expect(system.getHealthStatus()).toMatchObject({ overall: 'healthy', environment });
  expect(system.isProductionReady()).toBe(true);
});

describe('create', () => {
  test('gives an object of the class that it is called on', async () => {
    class Own extends System {}
    expect(own(await Own.create(KEEP_ALL))).toBeInstanceOf(Own);
    const { create } = System;
    expect(own(await create(KEEP_ALL))).toBeInstanceOf(System);
  });

  test.each([{ legacyFakeTimers: true }, {}])('works while a test runner has the timers: %o', async (config) => {
    jest.useFakeTimers(config);
    try {
      const system = own(await System.create(KEEP_ALL));
      const first = await system.optimizeAgentContext('agent', { currentTask: 'x' });
      expect(first.type).toBe('full');
      await system.shutdown();
    } finally {
      jest.useRealTimers();
    }
  });
});
