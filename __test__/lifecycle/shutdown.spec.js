/** Ends at any moment: with work in the queue of Node's pool, before the start is over, with a token optimizer that hangs. */

const fs = require('node:fs');
const path = require('node:path');
const { OptimizationOrchestrator, ProductionOptimizationSystem, TokenOptimizer } = require('../../index.js');
const { IN_MEMORY, failureOf, useOwnDirectory, useSystems } = require('../support.js');

const directory = useOwnDirectory();
const { open, own } = useSystems();

/** Contexts that take a thread of the pool a while. */
function large(seed) {
  const files = Array.from({ length: 1500 }, (_, at) => [
    `file ${at}`,
    `module ${at} of ${seed}: `.repeat(40) + Math.sin(at * seed),
  ]);
  return { currentTask: `task ${seed}`, ...Object.fromEntries(files) };
}

const heard = (emitter, ...names) => {
  const told = [];
  for (const name of names) emitter.on(name, () => told.push(name));
  return told;
};

const hanging = () => ({ optimizeContext: () => new Promise(() => {}) });

test('calls that are left at the deadline are called off, and do not hold up the end', async () => {
  const system = await open(IN_MEMORY);
  const agents = Array.from({ length: 24 }, (_, at) => `agent ${at}`);
  const work = Promise.allSettled(agents.map((id, at) => system.optimizeAgentContext(id, large(at + 1))));
  let late;
  system.on('shutdown', ({ stragglers }) => {
    late = stragglers;
  });
  await system.shutdown({ timeoutMs: 0 });
  const codes = (await work).map(({ reason }) => reason?.code);
  const left = agents.filter((_, at) => codes[at] === 'E_SHUT_DOWN');
  expect(left.length).toBeGreaterThan(0);
  expect(codes.every((code) => code === undefined || code === 'E_SHUT_DOWN')).toBe(true);
  expect(late).toEqual(expect.arrayContaining(left.map((id) => `optimizeAgentContext of ${id}`)));
});

describe('a shutdown before the start is over', () => {
  test('of a system waits for it and tells that it ended', async () => {
    const system = own(new ProductionOptimizationSystem({ ...IN_MEMORY, cache: { cacheDir: directory.path('c') } }));
    const told = heard(system, 'initialized', 'shutdown', 'warning');
    let rejected;
    const starting = system.initialize().catch((error) => {
      rejected = error.code;
    });
    await system.shutdown();
    expect(rejected).toBe('E_SHUT_DOWN');
    await starting;
    expect(told).toEqual(['shutdown']);
    expect(fs.readdirSync(directory.path('c')).filter((name) => name.endsWith('.sock'))).toEqual([]);
    expect((await failureOf(system.initialize())).code).toBe('E_SHUT_DOWN');
  });

  test('of an orchestrator is no error', async () => {
    const it = new OptimizationOrchestrator(IN_MEMORY);
    const told = heard(it, 'initialized', 'shutdown', 'error');
    await it.shutdown();
    expect(told).toEqual(['shutdown']);
    expect((await failureOf(it.tune())).code).toBe('E_SHUT_DOWN');
  });
});

describe('a token optimizer that hangs', () => {
  test('lets go of a call whose signal fires, and of its agent', async () => {
    let isHanging = true;
    const optimizeContext = (_, context) => (isHanging ? new Promise(() => {}) : { type: 'mine', ...context });
    const it = own(new OptimizationOrchestrator(IN_MEMORY, { optimizeContext }));
    const controller = new AbortController();
    const call = failureOf(it.optimizeAgentContext('a', { currentTask: 'x' }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    expect((await call).name).toBe('AbortError');
    isHanging = false;
    expect(await it.optimizeAgentContext('a', { currentTask: 'y' })).toMatchObject({ type: 'mine', currentTask: 'y' });
  });

  test('nothing builds on a context that the caller never got', async () => {
    let work = () => new Promise(() => {});
    const it = own(new OptimizationOrchestrator(IN_MEMORY, { optimizeContext: () => work() }));
    const controller = new AbortController();
    const call = failureOf(it.optimizeAgentContext('a', { a: 1, b: 2 }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    await call;
    work = () => Promise.reject(new Error('out of order'));
    expect(await it.optimizeAgentContext('a', { a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
  });

  test('is given up by the deadline of a shutdown', async () => {
    const it = own(new OptimizationOrchestrator(IN_MEMORY, hanging()));
    const call = failureOf(it.optimizeAgentContext('a', { currentTask: 'x' }));
    const next = failureOf(it.optimizeAgentContext('a', { currentTask: 'y' }));
    await new Promise((resolve) => it.once('initialized', resolve));
    await it.shutdown({ timeoutMs: 50 });
    expect([(await call).code, (await next).code]).toEqual(['E_SHUT_DOWN', 'E_SHUT_DOWN']);
  });

  test('costs its agent half a minute, then the result is that of the system', async () => {
    const it = own(new OptimizationOrchestrator(IN_MEMORY, hanging()));
    await it.warmUp();
    const failed = new Promise((resolve) => it.once('optimizationError', resolve));
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    try {
      let result;
      const call = it.optimizeAgentContext('a', { currentTask: 'x' }).then((found) => {
        result = found;
      });
      const patience = performance.now() + 20_000;
      while (jest.getTimerCount() === 0 && performance.now() < patience) await new Promise(setImmediate);
      await jest.advanceTimersByTimeAsync(29_000);
      expect(result).toBeUndefined();
      await jest.advanceTimersByTimeAsync(1000);
      await call;
      expect(result).toEqual({ currentTask: 'x' });
      expect((await failed).error.message).toContain('30 s');
    } finally {
      jest.useRealTimers();
    }
  });
});

describe("a token optimizer of the caller's", () => {
  test('works on by itself after the end', async () => {
    const optimizer = new TokenOptimizer();
    const it = own(new OptimizationOrchestrator(IN_MEMORY, optimizer));
    await it.optimizeAgentContext('a', { currentTask: 'x' });
    await it.shutdown();
    expect((await optimizer.optimizeContext('b', { currentTask: 'y' })).type).toBe('full');
    expect(await optimizer.getCachedResponse('q')).toBeNull();
    await optimizer.close();
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('out of order');
      },
    ],
    ['rejects', () => Promise.reject(new Error('out of order'))],
  ])('gets back its parts once, and one that %s then is left alone', async (...[, failing]) => {
    const given = [];
    const set = (name) => (part) => {
      given.push([name, part === null]);
      return part === null ? failing() : undefined;
    };
    const optimizer = {
      optimizeContext: async () => ({}),
      setMemoryManager: set('memory'),
      setCacheManager: set('cache'),
    };
    const it = own(new OptimizationOrchestrator(IN_MEMORY, optimizer));
    await it.warmUp();
    const told = heard(it, 'warning');
    await it.shutdown();
    expect(told).toEqual([]);
    expect(given).toEqual([
      ['memory', false],
      ['cache', false],
      ['memory', true],
      ['cache', true],
    ]);
  });

  test('whose setter throws has none of the parts afterwards', () => {
    const given = [];
    const optimizer = {
      optimizeContext: async () => ({}),
      setMemoryManager: (part) => given.push(part),
      setCacheManager: () => {
        throw new Error('out of order');
      },
    };
    expect(() => new OptimizationOrchestrator(IN_MEMORY, optimizer)).toThrow('out of order');
    expect(given).toEqual([expect.anything(), null]);
  });
});

test('the final report is not written for a start that was given up', async () => {
  const system = own(new ProductionOptimizationSystem({ ...IN_MEMORY, finalReport: true }));
  const starting = failureOf(system.initialize());
  await system.shutdown();
  await starting;
  const reports = fs
    .readdirSync(directory.path())
    .filter((name) => path.basename(name).startsWith('optimization-report-'));
  expect(reports).toEqual([]);
});
