/** What a test system does when its clock is moved, and what the machine that is described does to it. */

const { createTestSystem, FakeClock } = require('../../entry/testing.js');
const { useSystems } = require('../support.js');

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const { own } = useSystems();
const open = async (...given) => own(await createTestSystem(...given));

/** Notes `[ms since the start, name]` of events. */
function record(system, ...names) {
  const told = [];
  for (const name of names) system.on(name, () => told.push([system.clock.now() - START, name]));
  return told;
}

describe('FakeClock', () => {
  test.each([
    ['nothing', undefined, START],
    ['a Date', new Date(5), 5],
    ['Unix ms', 7, 7],
    ['a text', '2030-01-02T03:04:05Z', Date.UTC(2030, 0, 2, 3, 4, 5)],
  ])('begins where it is told: %s', (_, start, expected) => {
    expect(new FakeClock(start).now()).toBe(expected);
  });

  test.each([
    ['NaN', Number.NaN],
    ['a text that is no date', 'tomorrow'],
    ['a time before 1970', -1],
    ['an invalid Date', new Date(Number.NaN)],
    ['beyond the last Date', 9e15],
    ['null', null],
  ])('refuses %s', (_, start) => {
    const refused = expect.objectContaining({ code: 'E_INVALID_ARGUMENT' });
    expect(() => new FakeClock(start)).toThrow(refused);
    const clock = new FakeClock();
    expect(() => clock.set(start)).toThrow(refused);
    expect(clock.now()).toBe(START);
  });

  test.each([
    ['negative', -1],
    ['NaN', Number.NaN],
    ['a text', '5'],
    ['missing', undefined],
    ['too far', 8.64e15],
  ])('is not moved by a time that is %s', async (_, ms) => {
    const clock = new FakeClock();
    await expect(clock.advance(ms)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
    expect(clock.now()).toBe(START);
  });

  test('moves by what is asked for, also without a system, one call after the other', async () => {
    const clock = new FakeClock();
    const seen = [];
    await Promise.all([5, 10].map(async (ms) => clock.advance(ms).then(() => seen.push(clock.now() - START))));
    expect(seen).toEqual([5, 15]);
  });
});

test('samples, health checks and tuning come at their time, in order, and listeners read it', async () => {
  const system = await open();
  const told = record(system, 'metricsCollected', 'healthCheckCompleted', 'autoTuningCompleted');
  await system.clock.advance(10 * MINUTE);
  const at = (name) => told.filter(([, told]) => told === name).map(([ms]) => ms);
  expect(at('metricsCollected')).toEqual(Array.from({ length: 60 }, (_, index) => 1000 + 10_000 * index));
  expect(at('healthCheckCompleted')).toHaveLength(20);
  expect(at('autoTuningCompleted')).toEqual([5 * MINUTE, 10 * MINUTE]);
  expect(told.map(([ms]) => ms)).toEqual(told.map(([ms]) => ms).toSorted?.((a, b) => a - b) ?? told.map(([ms]) => ms));
  expect(system.getStatus().uptime).toBe(600);
  expect(system.productionMonitor.getMetricsHistory()).toHaveLength(60);
});

test('nothing happens while the clock stands still', async () => {
  const system = await open();
  const told = record(system, 'metricsCollected', 'memoryUpdate', 'healthCheckCompleted');
  await new Promise((resolve) => {
    setTimeout(resolve, 1500);
  });
  expect(told).toEqual([]);
  expect(system.productionMonitor.getCurrentMetrics()).toBeNull();
});

test('timestamps are of the clock', async () => {
  const system = await open({}, { clock: new FakeClock('2031-05-06T00:00:00Z') });
  system.setMachine({ memoryPercentage: 97 });
  const alert = new Promise((resolve) => {
    system.once('memoryAlert', resolve);
  });
  await system.clock.advance(1000);
  expect((await alert).timestamp).toEqual(new Date('2031-05-06T00:00:00.000Z'));
  await system.clock.advance(HOUR);
  await system.optimizeAgentContext('a', { currentTask: 'x' });
  expect(system.getStatus().lastOptimization).toEqual(new Date('2031-05-06T01:00:01.000Z'));
});

describe('entries of the cache', () => {
  test('live as long as they are to', async () => {
    const system = await open({ cache: { ttlSeconds: 60 } });
    await system.cacheResponse('as configured', 1);
    await system.cacheResponse('longer', 2, 120);
    await system.clock.advance(59_999);
    expect(await system.getCachedResponse('as configured')).toBe(1);
    await system.clock.advance(1);
    expect(await system.getCachedResponse('as configured')).toBeNull();
    expect(await system.getCachedResponse('longer')).toBe(2);
    expect((await system.performMaintenance()).expiredEntries).toBe(1);
  });

  test('follow a date that is set ahead, and none that is set back', async () => {
    const system = await open();
    await system.cacheResponse('q', 1, 60);
    system.clock.set(START - HOUR);
    expect(await system.getCachedResponse('q')).toBe(1);
    system.clock.set(START + 61_000);
    expect(await system.getCachedResponse('q')).toBeNull();
    const told = record(system, 'metricsCollected');
    await system.clock.advance(1000);
    // A date makes nothing fall due; intervals go on as they were.
    expect(told).toHaveLength(1);
  });
});

describe('memory', () => {
  const short = { memoryPercentage: 97 };

  test('that is short is told, acted on, and told to be over', async () => {
    const system = await open();
    await system.clock.advance(MINUTE);
    const told = record(system, 'memoryAlert', 'emergencyCleanup', 'memoryAlertResolved');
    system.setMachine(short);
    await system.clock.advance(1000);
    expect(told).toContainEqual([MINUTE + 250, 'memoryAlert']);
    expect(told).toContainEqual([MINUTE + 250, 'emergencyCleanup']);
    expect(system.shouldThrottleAgent('anyone')).toBe(true);
    expect(system.getRecommendedContextSize('anyone', 1000)).toBe(500);
    expect(system.memoryManager.getMemoryStats().process.rss).toBeCloseTo(2048 * 0.97, 1);
    system.setMachine({ memoryPercentage: 10 });
    await system.clock.advance(10 * MINUTE);
    expect(told.at(-1)[1]).toBe('memoryAlertResolved');
    expect(system.shouldThrottleAgent('anyone')).toBe(false);
  });

  test('is a share of the limit in force, or a size', async () => {
    const system = await open({ memory: { maxMemoryUsage: 1000 } }, { machine: { memoryPercentage: 50 } });
    const rss = () => system.memoryManager.getMemoryStats().process.rss;
    await system.clock.advance(1000);
    expect(rss()).toBe(500);
    await system.updateConfiguration({ memory: { maxMemoryUsage: 2000 } });
    await system.clock.advance(1000);
    expect(rss()).toBe(1000);
    system.setMachine({ processMemory: 123 });
    await system.clock.advance(1000);
    expect(rss()).toBe(123);
    expect(system.machine).toMatchObject({ processMemory: 123 });
    expect(system.machine.memoryPercentage).toBeUndefined();
  });

  test('an agent that was over its limit waits until it is let go', async () => {
    const system = await open({ memory: { agentMemoryLimit: 1 } });
    const { memoryManager } = system;
    memoryManager.registerAgentMemory('a', 2 << 20, 0);
    const early = system.whenUnthrottled('a', { timeout: 5000 }).catch((error) => error.code);
    let isOver = false;
    const late = system.whenUnthrottled('a').then(() => {
      isOver = true;
    });
    await system.clock.advance(4999);
    expect(system.shouldThrottleAgent('a')).toBe(true);
    await system.clock.advance(1);
    expect(await early).toBe('E_TIMEOUT');
    expect(isOver).toBe(false);
    memoryManager.registerAgentMemory('a', 1000, 0);
    await late;
    expect(system.shouldThrottleAgent('a')).toBe(false);
  });

  test('agents that nobody uses for ten minutes are forgotten, those that are asked for are not', async () => {
    const system = await open({ environment: 'development' });
    for (const id of ['idle', 'asked']) system.memoryManager.registerAgentMemory(id, 1000, 0);
    for (let minute = 0; minute < 12; minute++) {
      system.shouldThrottleAgent('asked');
      await system.clock.advance(MINUTE);
    }
    expect(system.memoryManager.getMemoryStats().agents.map(({ agentId }) => agentId)).toEqual(['asked']);
  });
});

describe('alerts', () => {
  test('of a busy machine and a full disk begin, last and end', async () => {
    const system = await open({}, { machine: { cpu: 99, diskPercentage: 90 } });
    await system.clock.advance(2 * MINUTE);
    const alerts = () =>
      system.productionMonitor.getRecentAlerts().map(({ component, resolved }) => [component, resolved]);
    expect(alerts()).toEqual(
      expect.arrayContaining([
        ['cpu', false],
        ['disk', false],
      ]),
    );
    expect(system.productionMonitor.getCurrentMetrics().cpu.usage).toBeCloseTo(99, 5);
    system.setMachine({ cpu: 5, diskPercentage: 10 });
    await system.clock.advance(10 * MINUTE);
    expect(alerts()).toEqual(
      expect.arrayContaining([
        ['cpu', true],
        ['disk', true],
      ]),
    );
  });

  test('the same one does not come again within five minutes', async () => {
    const system = await open();
    const made = () =>
      system.productionMonitor.getRecentAlerts().filter(({ component }) => component === 'memory').length;
    for (let round = 0; round < 2; round++) {
      system.setMachine({ memoryPercentage: 97 });
      await system.clock.advance(30_000);
      system.setMachine({ memoryPercentage: 10 });
      await system.clock.advance(60_000);
    }
    expect(made()).toBe(1);
    await system.clock.advance(5 * MINUTE);
    system.setMachine({ memoryPercentage: 97 });
    await system.clock.advance(30_000);
    expect(made()).toBe(2);
  });
});

test('a filter sees the load of the machine', async () => {
  const system = await open({}, { machine: { cpu: 92 } });
  await system.clock.advance(10_000);
  const { debug } = await system.optimizeAgentContext('a', { currentTask: 'x' }, { includeDebugInfo: true });
  expect(debug.pressure).toBeDefined();
  expect(system.getHealthStatus().systemStats.hostCpuPercentage).toBe(92);
});

test('several systems on one clock have their events in the order of time', async () => {
  const clock = new FakeClock();
  const systems = await Promise.all([
    open({}, { clock }),
    open({ monitoring: { healthCheckInterval: 7000 } }, { clock }),
  ]);
  const told = [];
  systems.forEach((system, index) => {
    system.on('healthCheckCompleted', () => told.push([clock.now() - START, index]));
  });
  await clock.advance(MINUTE);
  const times = told.map(([ms]) => ms);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(new Set(told.map(([, index]) => index))).toEqual(new Set([0, 1]));
  await systems[0].shutdown();
  await clock.advance(MINUTE);
  expect(systems[1].getStatus().uptime).toBe(120);
});

test('a system that joins a clock later begins then', async () => {
  const clock = new FakeClock();
  await clock.advance(HOUR);
  const system = await open({}, { clock });
  expect(system.getStatus().uptime).toBe(0);
  await clock.advance(1000);
  expect(system.getStatus().uptime).toBe(1);
});

test('a listener may call the system, and what throws does not stop the clock', async () => {
  const system = await open();
  const found = [];
  system.on('metricsCollected', async () => {
    await system.cacheResponse('q', system.clock.now());
    found.push(await system.getCachedResponse('q'));
  });
  await system.clock.advance(21_000);
  expect(found).toEqual([START + 1000, START + 11_000, START + 21_000]);
});

describe('setMachine()', () => {
  test.each([
    ['an unknown figure', { cpus: 1 }, 'machine.cpus'],
    ['a name of every object', { constructor: 1 }, 'machine.constructor'],
    ['a negative size', { totalMemory: -1 }, 'machine.totalMemory'],
    ['a text', { cpu: '5' }, 'machine.cpu'],
    ['a share over 100', { cpu: 101 }, 'machine.cpu'],
    ['NaN', { memoryPercentage: Number.NaN }, 'machine.memoryPercentage'],
    ['two loads', { loadAverage: [1, 2] }, 'machine.loadAverage'],
    ['more memory than there is', { availableMemory: 20_000 }, 'machine.availableMemory'],
    ['memory said twice', { memoryPercentage: 1, processMemory: 1 }, 'memoryPercentage'],
    ['null', null, undefined],
  ])('takes %s for what it is', async (_, machine, named) => {
    const system = await open();
    const before = system.machine;
    if (machine === null) {
      system.setMachine(machine);
    } else {
      expect(() => system.setMachine({ diskPercentage: 1, ...machine })).toThrow(
        expect.objectContaining({ code: 'E_INVALID_ARGUMENT', message: expect.stringContaining(named) }),
      );
    }
    expect(system.machine).toEqual(before);
  });
});
