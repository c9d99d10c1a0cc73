/** Health checks: the bands, and components that throw, hang or say nonsense, which are down by themselves. */

const { MemoryManager } = require('../../index.js');
const { useOwnDirectory } = require('../support.js');
const { unlessStoodStill } = require('../stand-still.js');
const { cacheOf, checks, filterOf, memoryOf, next, sample, useMonitors } = require('./support.js');

useOwnDirectory();
const { open } = useMonitors();

const NAMES = ['agents', 'cache', 'memory', 'performance', 'system'];

const statusOf = (score) => {
  if (score < 30) return 'critical';
  return score < 50 ? 'warning' : 'healthy';
};

/** Those whose state is not that of a component that is well. */
const unwell = (found) => Object.keys(found).filter((name) => found[name].status !== 'healthy');

const never = () => new Promise(() => {});
const thrower = (thrown) => () => {
  throw thrown;
};

describe('a component by itself', () => {
  test.each([
    ['memory', (score) => [memoryOf({ getHealthScore: () => score })]],
    ['cache', (score) => [null, cacheOf({ getHealthScore: () => score })]],
  ])('%s has the status of its score', async (name, components) => {
    for (const score of [100, 90, 89, 70, 69, 50, 49, 30, 29, 0]) {
      const monitor = open({}, ...components(score));
      const found = await checks(monitor);
      expect([score, found[name].score, found[name].status]).toEqual([score, score, statusOf(score)]);
      expect(unwell(found)).toEqual(score < 50 ? [name] : []);
      await monitor.stop();
    }
  });

  test('the whole goes down with the worst', async () => {
    const monitor = open({}, memoryOf({ getHealthScore: () => 0 }));
    const health = await next(monitor, 'healthCheckCompleted');
    expect(health.status).not.toBe('healthy');
    expect(health.score).toBeLessThan(70);
    expect(health).toMatchObject({ components: expect.any(Array) });
  });
});

describe('a component is down alone', () => {
  const HOSTILE = [
    ['throws an error', thrower(new Error('of the component'))],
    ['throws nothing', thrower(undefined)],
    [
      'throws what cannot be shown',
      thrower({
        toString() {
          throw new Error('no');
        },
      }),
    ],
    ['hangs', never],
    ['rejects', () => Promise.reject(new Error('of the component'))],
    ['says null', () => null],
    ['says NaN', () => NaN],
    ['says text', () => 'well'],
    [
      'says what throws when it is read',
      () =>
        new Proxy(
          {},
          {
            get() {
              throw new Error('no');
            },
            ownKeys() {
              throw new Error('no');
            },
          },
        ),
    ],
  ];

  /** The checks of a monitor of these components. Who stands still for as long as a check waits has no answer of the others. */
  async function checked(components, names) {
    const attempt = async () => {
      const monitor = open({}, ...components);
      return { monitor, found: await checks(monitor) };
    };
    return unlessStoodStill(attempt, ({ found }) => unwell(found).every((name) => names.includes(name)));
  }

  test.each(HOSTILE)('memory, when it %s', async (_, hostile) => {
    const memory = memoryOf({ getHealthScore: hostile, getMemoryStats: hostile });
    const { monitor, found } = await checked([memory, cacheOf(), filterOf()], ['memory', 'agents']);
    expect(found.memory).toMatchObject({ status: 'down', score: 0, message: expect.any(String) });
    expect(Object.keys(found).sort()).toEqual(NAMES);
    // What agents hold is known from it too.
    expect(unwell(found).filter((name) => name !== 'agents')).toEqual(['memory']);
    expect((await sample(monitor)).cpu.loadAverage).toHaveLength(3);
  });

  test.each(HOSTILE)('the cache, when it %s', async (_, hostile) => {
    const cache = cacheOf({ getHealthScore: hostile, getStats: hostile });
    const { monitor, found } = await checked([memoryOf(), cache, filterOf()], ['cache']);
    expect(found.cache).toMatchObject({ status: 'down', score: 0 });
    expect(unwell(found)).toEqual(['cache']);
    expect((await sample(monitor)).memory.process).toBeGreaterThan(0);
  });

  test.each(HOSTILE)('the filter, when it %s, takes nothing with it', async (_, hostile) => {
    const { monitor, found } = await checked([memoryOf(), cacheOf(), filterOf({ getFilterStats: hostile })], []);
    expect(unwell(found)).toEqual([]);
    expect((await sample(monitor)).memory.process).toBeGreaterThan(0);
  });

  test('and is up again when it works again', async () => {
    let works = false;
    const getHealthScore = () => {
      if (!works) throw new Error('not yet');
      return 95;
    };
    const monitor = open({}, memoryOf({ getHealthScore, getMemoryStats: getHealthScore }));
    expect((await checks(monitor)).memory.status).toBe('down');
    works = true;
    await next(monitor, 'healthCheckResult', ({ component, status }) => component === 'memory' && status !== 'down');
  });

  test('and what it threw is not shown to operators as an error of the monitor', async () => {
    const monitor = open({}, memoryOf({ getHealthScore: thrower(new Error('cannot read the board')) }));
    const { memory } = await checks(monitor);
    expect(memory.message).toContain('cannot read the board');
  });
});

test('an object without methods is a component that is not there', async () => {
  const monitor = open({}, {}, {}, {});
  const found = await checks(monitor);
  for (const name of ['system', 'performance']) expect(found[name].status).toBe('healthy');
});

test('memory under pressure is told by its check', async () => {
  const memory = new MemoryManager({ maxMemoryUsage: 1 });
  try {
    const monitor = open({}, memory);
    const check = await next(
      monitor,
      'healthCheckResult',
      ({ component, status }) => component === 'memory' && status === 'critical',
    );
    expect(check.score).toBeLessThan(30);
    expect(monitor.getStatus().components.memory).toMatchObject({ component: 'memory' });
  } finally {
    memory.stop();
  }
});

test('throttled agents are told by their check', async () => {
  const memory = new MemoryManager({ maxMemoryUsage: 1_000_000, agentMemoryLimit: 1 });
  try {
    const monitor = open({}, memory);
    for (let at = 0; at < 10; at++) memory.registerAgentMemory(`agent ${at}`, 2 * 2 ** 20, 0);
    const check = await next(
      monitor,
      'healthCheckResult',
      ({ component, score }) => component === 'agents' && score < 100,
    );
    expect(check.message).toMatch(/10/);
  } finally {
    memory.stop();
  }
});

test('failing requests are told by the check of performance', async () => {
  const monitor = open();
  for (let at = 0; at < 100; at++) monitor.recordRequest('chat', 5, { error: true });
  const check = await next(
    monitor,
    'healthCheckResult',
    ({ component, score }) => component === 'performance' && score < 70,
  );
  expect(check.message).toMatch(/100/);
});
