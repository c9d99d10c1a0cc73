'use strict';

/** What was wrong once, or nearly was. */

const { AgentContextFilter, AgentwiseError } = require('../index.js');
const {
  KEEP_ALL,
  ROOT,
  contextWays,
  effectiveConfiguration,
  failureOf,
  nested,
  runNode,
  useOwnDirectory,
  useSystems,
} = require('./support.js');

const directory = useOwnDirectory();
const { open } = useSystems();

const withCache = (cache) => open({ ...KEEP_ALL, cache: { persistToDisk: false, ...cache } });
const cacheOf = (system) => system.getStatus().components.cacheManager;
const bytes = (value) => Buffer.byteLength(JSON.stringify(value));

/** Which of `keys` are there; looking makes them the last used. */
async function held(system, keys) {
  const found = [];
  for (const key of keys) if ((await system.getCachedResponse(key)) !== null) found.push(key);
  return found;
}

/** Waits without giving up the thread until the clock of entries has gone on. */
function passMilliseconds(count) {
  const until = performance.now() + count;
  while (performance.now() < until);
}

describe('performMaintenance()', () => {
  const KEYS = Array.from({ length: 5000 }, (_, at) => `question ${at}`);

  test('takes what has expired', async () => {
    const system = await withCache({ l1MaxSize: 100_000 });
    for (const key of KEYS) system.cacheResponse(key, 'old', 0.001);
    passMilliseconds(3);
    expect((await system.performMaintenance()).expiredEntries).toBe(KEYS.length);
  });

  test('never takes a fresh entry that is stored while it runs', async () => {
    const system = await withCache({ l1MaxSize: 100_000 });
    for (let round = 0; round < 8; round++) {
      for (const key of KEYS) system.cacheResponse(key, 'old', 0.001);
      passMilliseconds(3);
      const maintenance = system.performMaintenance();
      for (const key of KEYS) system.cacheResponse(key, round);
      await maintenance;
      const values = await Promise.all(KEYS.map((key) => system.getCachedResponse(key)));
      expect(values.filter((value) => value !== round)).toEqual([]);
      expect(cacheOf(system).l1.entries).toBe(KEYS.length);
    }
  });
});

describe('a change of the cache configuration', () => {
  test.each([
    ['ttlSeconds', 60],
    ['similarityThreshold', 0.5],
    ['compressionThreshold', 4096],
    ['cacheDir', 'elsewhere'],
    ['persistToDisk', false],
    ['l2MaxSizeMB', 1],
  ])('of %s, which bounds nothing here, keeps entries and their order of use', async (name, value) => {
    const system = await withCache({ l1MaxSize: 3 });
    for (const key of ['a', 'b', 'c']) await system.cacheResponse(key, key);
    await system.getCachedResponse('a');
    await system.updateConfiguration({ cache: { [name]: value } });
    expect(cacheOf(system).l1.entries).toBe(3);
    await system.cacheResponse('d', 'd');
    expect(await held(system, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd']);
  });

  test('to fewer entries keeps those that were used last', async () => {
    const system = await withCache({ l1MaxSize: 4 });
    for (const key of ['a', 'b', 'c', 'd']) await system.cacheResponse(key, key);
    await system.getCachedResponse('a');
    await system.updateConfiguration({ cache: { l1MaxSize: 2 } });
    expect(await held(system, ['a', 'b', 'c', 'd'])).toEqual(['a', 'd']);
  });

  test('that bounds nothing loses nothing that is stored while it runs', async () => {
    const system = await withCache({ l1MaxSize: 100_000 });
    const keys = Array.from({ length: 3000 }, (_, at) => `question ${at}`);
    for (let round = 1; round <= 4; round++) {
      const update = system.updateConfiguration({ cache: { ttlSeconds: 100 + round } });
      for (const key of keys) system.cacheResponse(key, round);
      await update;
      expect(await held(system, keys)).toHaveLength(keys.length);
    }
  });
});

describe('the bounds of the cache hold', () => {
  test.each([
    ['many small values', 12_000, 20],
    ['some large values', 40, 100_000],
  ])('in MB, with room for 1e8 entries: %s', async (_, count, size) => {
    const system = await withCache({ l1MaxSize: 1e8, l1MaxSizeMB: 1 });
    for (let at = 0; at < count; at++) await system.cacheResponse(`question ${at}`, 'x'.repeat(size));
    const { l1, overall } = cacheOf(system);
    expect(l1.sizeMB).toBeLessThanOrEqual(1.01);
    expect(l1.sizeMB).toBeGreaterThan(0.5);
    expect(l1.entries).toBeGreaterThan(0);
    expect(overall.evictions).toBe(count - l1.entries);
  });

  test.each([64, 1000, 20_000, 1_000_000])('in entries, with room for %d MB', async (l1MaxSizeMB) => {
    for (const l1MaxSize of [1, 2, 3]) {
      const system = await withCache({ l1MaxSize, l1MaxSizeMB });
      for (let at = 0; at < 10; at++) await system.cacheResponse(`question ${at}`, at);
      expect([l1MaxSize, cacheOf(system).l1.entries]).toEqual([l1MaxSize, l1MaxSize]);
    }
  });
});

describe('events', () => {
  const context = { currentTask: 'build', files: { 'a.ts': 'x'.repeat(400), 'b.ts': 'y'.repeat(400) }, notes: 'n' };

  test('contextFiltered is forwarded by the system, with the FilteredContext', async () => {
    const system = await open();
    const seen = [];
    system.on('contextFiltered', (result) => seen.push(result));
    const result = await system.optimizeAgentContext('backend-specialist', context);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      agentId: 'backend-specialist',
      filtered: { ...result },
      reductionRatio: expect.any(Number),
      removedElements: expect.any(Array),
      importanceScores: { currentTask: expect.any(Number) },
      memoryUsage: bytes(result),
      adaptations: expect.any(Array),
    });
    expect(seen[0].original).toBe(context);
    await system.optimizeAgentContext('backend-specialist', context);
    expect(seen[1].filtered).toEqual({ ...result });
  });

  test('agentMemoryUpdate carries AgentMemoryStats with a Date', async () => {
    const system = await open();
    const seen = [];
    system.on('agentMemoryUpdate', (stats) => seen.push(stats));
    const before = Date.now();
    await system.optimizeAgentContext('backend-specialist', context);
    expect(seen).toEqual([
      {
        agentId: 'backend-specialist',
        contextSize: expect.any(Number),
        cacheSize: expect.any(Number),
        totalMemory: seen[0].contextSize + seen[0].cacheSize,
        lastAccessed: expect.any(Date),
        isThrottled: false,
      },
    ]);
    expect(seen[0].contextSize).toBeGreaterThanOrEqual(bytes(context));
    expect(seen[0].lastAccessed.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(seen[0].lastAccessed.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    expect(system.getStatus().components.memoryManager.agents).toEqual(seen);
  });

  test('are not broken by texts that begin with the mark of the boundary', async () => {
    const system = await open();
    const seen = [];
    for (const name of ['configurationUpdated', 'cacheSet', 'cacheHit', 'cacheMiss', 'agentContextOptimized']) {
      system.on(name, (data) => seen.push([name, data]));
    }
    const marked = ['\u0001', '\u0001x', '\u0001"', '\u0001agentwise:{}', '\u0001\ud800', '\u0001"\\u0001"'];
    for (const text of marked) {
      const value = { agentId: text, key: text, timestamp: 5, throttledAgents: text };
      await system.cacheResponse(text, value);
      expect(await system.getCachedResponse(text)).toEqual(value);
      await system.getCachedResponse(`${text} missing`);
      await system.optimizeAgentContext(text, { text });
      expect(seen.splice(0)).toMatchObject([
        ['cacheSet', { key: text, entry: { key: text, value } }],
        ['cacheHit', { key: text, entry: { key: text, value } }],
        ['cacheMiss', { key: `${text} missing` }],
        ['agentContextOptimized', { agentId: text, success: true }],
      ]);
      if (!text.isWellFormed()) continue;
      await system.updateConfiguration({ cache: { cacheDir: text }, projectId: undefined });
      const [[name, change]] = seen.splice(0);
      expect([name, change.newConfig.cache.cacheDir]).toEqual(['configurationUpdated', text]);
    }
  });

  test('a throwing listener of AgentContextFilter does not reject filterContext()', async () => {
    const found = await runNode(`
      const { AgentContextFilter } = require('./index.js');
      const uncaught = [];
      process.on('uncaughtException', (error) => uncaught.push(error.message));
      const filter = new AgentContextFilter({ contextImportanceThreshold: 0 });
      const heard = [];
      filter.on('contextFiltered', () => { throw new Error('of a listener'); });
      filter.on('specializationAdded', () => { throw new Error('of another'); });
      filter.on('configUpdated', () => { throw new Error('of a third'); });
      (async () => {
        const { filtered } = await filter.filterContext('agent', { a: 1 });
        filter.addAgentSpecialization({ name: 'gardener', keywords: [], filePatterns: [], contextPriorities: {},
          maxContextSize: 50, requiredFields: [], optionalFields: [], excludePatterns: [] });
        filter.updateConfig({ maxContextPerAgent: 7 });
        const { agentSpecializations, config } = filter.getFilterStats();
        process.on('exit', () => console.log(JSON.stringify({ filtered, uncaught,
          added: agentSpecializations.includes('gardener'), max: config.maxContextPerAgent })));
      })();
    `);
    expect(found).toEqual({
      filtered: { a: 1 },
      uncaught: ['of a listener', 'of another', 'of a third'],
      added: true,
      max: 7,
    });
  });
});

test('importanceScores is the same object at every read', async () => {
  const system = await open();
  const context = { currentTask: 'x', notes: ['a', 'b'] };
  const { debug } = await system.optimizeAgentContext('agent', context, { includeDebugInfo: true });
  const { importanceScores } = debug;
  expect(Object.keys(importanceScores)).toContain('notes');
  expect(debug.importanceScores).toBe(importanceScores);
  const result = await new AgentContextFilter().filterContext('agent', context);
  expect(result.importanceScores).toBe(result.importanceScores);
});

describe.each(contextWays(open))('reading a context for %s', (_, way) => {
  test.each([
    ['a Symbol', Symbol('of a getter')],
    ['null', null],
    ['undefined', undefined],
    ['an object without a prototype', Object.create(null)],
    [
      'an object whose message throws',
      {
        get message() {
          throw new Error('again');
        },
      },
    ],
    ['an Error', new RangeError('of a getter')],
  ])('a getter that throws %s is an AgentwiseError with the path', async (_name, thrown) => {
    const give = await way();
    const broken = {
      get field() {
        throw thrown;
      },
    };
    const error = await failureOf(() => give({ fine: 1, list: [0, { broken }] }));
    expect(error).toBeInstanceOf(AgentwiseError);
    expect(error.code).toBe('E_CONTEXT_INVALID');
    expect(error.message).toContain('list.1.broken.field');
    expect(error.cause).toBe(thrown);
    expect(await give({ fine: 2 })).toEqual({ fine: 2 });
  });

  test('a getter that starts a call itself: both results are right, on every level', async () => {
    const [outer, inner] = [await way(), await way()];
    const calls = [];
    const level = (depth) => ({
      before: [`before ${depth}`, { '\ud800': 'é'.repeat(200), number: depth }],
      get computed() {
        if (depth > 0) calls.push(inner(level(depth - 1)));
        return { of: depth, text: 'y'.repeat(2000) };
      },
      after: { __proto__: null, last: `after ${depth}`, list: Array(300).fill(depth) },
    });
    const expected = (depth) => ({
      before: [`before ${depth}`, { '\ud800': 'é'.repeat(200), number: depth }],
      computed: { of: depth, text: 'y'.repeat(2000) },
      after: { last: `after ${depth}`, list: Array(300).fill(depth) },
    });
    expect(JSON.parse(JSON.stringify(await outer(level(3))))).toEqual(expected(3));
    // The innermost was begun, and so pushed, first.
    const results = await Promise.all(calls);
    expect(results.map((result) => JSON.parse(JSON.stringify(result)))).toEqual([0, 1, 2].map(expected));
  });

  test('a getter that starts a call which is refused', async () => {
    const [outer, inner] = [await way(), await way()];
    let refused;
    const context = {
      before: 'b',
      get computed() {
        refused = failureOf(() => inner({ deep: { big: 1n } }));
        return 'c';
      },
      after: 'a',
    };
    expect(await outer(context)).toEqual({ before: 'b', computed: 'c', after: 'a' });
    expect(await refused).toMatchObject({ code: 'E_CONTEXT_INVALID', message: expect.stringContaining('deep.big') });
  });
});

describe('a configuration', () => {
  test.each([
    63, 64, 126, 127, 200, 5000,
  ])('of %d levels and a lone surrogate is refused with all problems', async (levels) => {
    const config = {
      ...KEEP_ALL,
      cache: { cacheDir: 'a\ud800', ttlSeconds: -1 },
      memory: nested(levels),
    };
    const error = await failureOf(() => open(config));
    expect(error).toBeInstanceOf(AgentwiseError);
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.map((problem) => problem.path).sort()).toEqual([
      'cache.cacheDir',
      'cache.ttlSeconds',
      'memory.deeper',
    ]);
  });

  test('with a key that has a lone surrogate is refused with all problems', async () => {
    const error = await failureOf(() =>
      open({ ...KEEP_ALL, cache: { persistToDisk: false, '\udc00': 1, ttlSeconds: -1 } }),
    );
    expect(error).toBeInstanceOf(AgentwiseError);
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems).toHaveLength(2);
    expect(error.problems.map((problem) => problem.path)).toContain('cache.ttlSeconds');
  });

  test('of code gives way to CACHE_DIR, as a file does', async () => {
    process.env.CACHE_DIR = directory.path('by-variable');
    const system = await withCache({ cacheDir: directory.path('by-code') });
    expect((await effectiveConfiguration(system)).cache.cacheDir).toBe(directory.path('by-variable'));
  });
});

test('an internal failure of the cache is a warning and a miss', async () => {
  const found = await runNode(
    `
    const binding = require(${JSON.stringify(`${ROOT}/js/binding.js`)});
    const { openSystem } = binding;
    binding.openSystem = (...args) => {
      const handle = openSystem(...args);
      const broken = (name) => () => { throw new Error(name + ' broke'); };
      for (const name of ['get', 'getScoped', 'put', 'set']) handle.cache[name] = broken(name);
      return handle;
    };
    const { ProductionOptimizationSystem } = require(${JSON.stringify(`${ROOT}/index.js`)});
    (async () => {
      const system = await ProductionOptimizationSystem.create({ environment: 'development', finalReport: false });
      const quiet = [await system.cacheResponse('q', 1), await system.getCachedResponse('q', 'agent')];
      const warnings = [];
      system.on('warning', (warning) => warnings.push(warning));
      const told = [await system.cacheResponse('q', 1), await system.getCachedResponse('q')];
      const result = await system.optimizeAgentContext('agent', { a: 1 });
      await system.shutdown();
      console.log(JSON.stringify({ quiet, told, warnings, type: result.type }));
    })();
  `,
    { cwd: directory.path() },
  );
  expect(found).toEqual({
    quiet: [null, null],
    told: [null, null],
    warnings: [
      { path: 'cache', message: expect.stringContaining('put broke') },
      { path: 'cache', message: expect.stringContaining('get broke') },
    ],
    type: 'full',
  });
});
