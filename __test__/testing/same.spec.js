/** A test system does what a real one does: one list of behaviours, each asked of both. */

const { createTestSystem } = require('../../entry/testing.js');
const { ProductionOptimizationSystem } = require('../../index.js');
const { useOwnDirectory, useSystems } = require('../support.js');

useOwnDirectory();
const { own } = useSystems();

/** What comes out the same wherever and whenever it runs: no pressure of the machine, no message on stderr. */
const CONFIG = {
  environment: 'production',
  finalReport: false,
  memory: { maxMemoryUsage: 1_000_000, agentMemoryLimit: 1 },
  contextFilter: { memoryAwareFiltering: false, adaptiveReduction: false },
  monitoring: { console: false },
  // A test system has none, and a real one gets it a moment after it began.
  liveSocket: false,
};

const TASK = { currentTask: 'Fix the login form in src/login.ts', projectStructure: ['src'] };
const FILES = {
  ...TASK,
  files: Object.fromEntries(
    Array.from({ length: 30 }, (_, at) => [`docs/page${at}.md`, `Weather of day ${at}. `.repeat(100 + at)]),
  ),
  'src/login.ts': 'export function login(user) {\n  return check(user);\n}\n',
};

const codeOf = async (work) => {
  try {
    await work();
    return 'none';
  } catch (error) {
    return [error.code, error.message, error.problems?.map(({ path }) => path)];
  }
};

/** Shown and hidden facts of a result. */
const facts = (result) => ({
  shown: JSON.parse(JSON.stringify(result)),
  type: result.type,
  tokensSaved: result.tokensSaved,
  hash: result.hash,
  baseHash: result.baseHash,
  dropped: result.dropped?.map(({ path, reason, tokens, reference }) => [path, reason, tokens, reference]),
});

/** Of the machine: a test's has none of these. */
const OF_MACHINE = ['cgroup', 'pss', 'psi'];

/** What is `null` until a real system has run for a while: the socket for 50 ms, figures for one to five seconds. */
const COMES_LATER = ['growth', 'hostCpuPercentage', 'socket', 'timeToLimit'];

/** The form of a value: keys, and kinds of what is under them. */
function form(value) {
  if (Array.isArray(value)) return value.length === 0 ? [] : [form(value[0])];
  if (value instanceof Date) return 'Date';
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => !OF_MACHINE.includes(key))
      .sort()
      .map((key) => [key, COMES_LATER.includes(key) ? 'null or more' : form(value[key])]),
  );
}

/** By name: what is done, and what must come out if it is worth saying. */
const BEHAVIOURS = {
  'a first context is sent in full, an unchanged one not at all, a changed one as changes': async (system) => {
    const results = [];
    for (const context of [TASK, TASK, { ...TASK, more: 1 }, { currentTask: 'Other' }]) {
      results.push(facts(await system.optimizeAgentContext('backend-specialist', context)));
    }
    expect(results.map(({ type }) => type)).toEqual(['full', 'incremental', 'incremental', 'incremental']);
    return results;
  },
  'the filter leaves the same out': async (system) => {
    const result = await system.optimizeAgentContext('frontend-specialist', FILES, { maxSize: 10_000 });
    expect(result.dropped.length).toBeGreaterThan(0);
    return [facts(result), await system.resolveReference(result.dropped[0].reference)];
  },
  'texts that another agent was sent are referred to': async (system) => {
    const text = Array.from({ length: 200 }, (_, at) => `line ${at} of a text that two agents have`).join('\n');
    await system.optimizeAgentContext('one', { currentTask: 'x', text });
    return facts(await system.optimizeAgentContext('two', { currentTask: 'x', text: `${text}\nmore` }));
  },
  'answers are found by whom they are for': async (system) => {
    await system.cacheResponse('shared', { text: 'for all' });
    await system.cacheResponse('own', 'of a', 60, { agentId: 'a' });
    await system.cacheResponse('model', 'of m', 60, { model: 'm' });
    const found = [];
    for (const [query, agent, options] of [
      ['shared'],
      ['shared', 'a'],
      ['own', 'a'],
      ['own', 'b'],
      ['own'],
      ['model'],
      ['model', undefined, { model: 'm' }],
      ['never asked'],
    ]) {
      found.push(await system.getCachedResponse(query, agent, options));
    }
    expect(found).toEqual([{ text: 'for all' }, { text: 'for all' }, 'of a', null, null, null, 'of m', null]);
    return found;
  },
  'questions in other words are answered, others are not': async (system) => {
    await system.cacheResponse('How do I reset my password?', 'like this');
    const ask = (query) => system.getCachedResponse(query);
    return [
      await ask('how can I reset my password'),
      await ask('How do I not reset my password?'),
      await ask('What is new?'),
    ];
  },
  'what memory has no room for is found all the same': async (system) => {
    await system.updateConfiguration({ cache: { l1MaxSize: 3, enableSimilarityDetection: false } });
    for (let at = 0; at < 10; at++) await system.cacheResponse(`number ${at}`, at);
    const found = [];
    for (let at = 0; at < 10; at++) found.push(await system.getCachedResponse(`number ${at}`));
    expect(found).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    return [found, system.getStatus().components.cacheManager.l1.entries];
  },
  'an agent over its limit waits, and goes on below four fifths of it': async (system) => {
    const events = [];
    for (const name of ['agentThrottled', 'agentUnthrottled'])
      system.on(name, ({ agentId }) => events.push([name, agentId]));
    const memory = system.memoryManager;
    memory.registerAgentMemory('a', 2 << 20, 0);
    const throttled = [
      system.shouldThrottleAgent('a'),
      system.getRecommendedContextSize('a', 1001),
      system.throttleReason('a').code,
    ];
    memory.registerAgentMemory('a', 900_000, 0);
    const still = system.shouldThrottleAgent('a');
    memory.registerAgentMemory('a', 1000, 0);
    const after = [system.shouldThrottleAgent('a'), system.getRecommendedContextSize('a', 1001)];
    expect([throttled.slice(0, 2), still, after]).toEqual([[true, 600], true, [false, 1001]]);
    return [throttled, still, after, events];
  },
  'what is wrong is refused in the same words': async (system) => [
    await codeOf(() => system.optimizeAgentContext('', {})),
    await codeOf(() => system.optimizeAgentContext('a', { big: 1n })),
    await codeOf(() => system.cacheResponse('q', undefined)),
    await codeOf(() => system.getCachedResponse(5)),
    await codeOf(() => system.updateConfiguration({ cache: { ttlSecond: 1 }, memory: { gcInterval: -1 } })),
    await codeOf(() => system.resolveReference('0123456789abcdef')),
    await codeOf(() => system.whenUnthrottled('a', { timeout: 'x' })),
  ],
  'a change of settings is told and holds': async (system) => {
    const told = [];
    system.on('configurationUpdated', ({ newConfig }) => told.push(newConfig.cache.ttlSeconds));
    await system.updateConfiguration({ cache: { ttlSeconds: 77 } });
    return [told, system.explainConfig().settings['cache.ttlSeconds']];
  },
  'settings are the same, and come from the same places': (system) => system.explainConfig(),
  'reports on tokens are the same': (system) => {
    system.trackUsage('a', 100, 'chat');
    const { totalTokensUsed, tokensByAgent } = system.getOptimizationReport();
    return { totalTokensUsed, tokensByAgent };
  },
  'events of a call come before it ends': async (system) => {
    const events = [];
    for (const name of ['cacheMiss', 'cacheSet', 'contextOptimized', 'agentContextOptimized']) {
      system.on(name, () => events.push(name));
    }
    await system.getCachedResponse('q');
    await system.cacheResponse('q', 1);
    await system.optimizeAgentContext('a', TASK);
    return events;
  },
  'status, health and statistics have the same form': (system) => {
    const { components, ...status } = system.getStatus();
    return [
      form(status),
      Object.keys(components).sort(),
      form(system.getHealthStatus()),
      form(system.getOptimizationStats()),
    ];
  },
  'it is ready, and after a shutdown it refuses': async (system) => {
    const ready = [system.isProductionReady(), system.getHealthStatus().overall];
    expect(ready).toEqual([true, 'healthy']);
    await system.shutdown();
    return [
      ready,
      system.getStatus(),
      system.getHealthStatus(),
      await system.getCachedResponse('q'),
      await codeOf(() => system.optimizeAgentContext('a', {})),
      await codeOf(() => system.performMaintenance()),
      system.shouldThrottleAgent('a'),
      system.getRecommendedContextSize('a', 5),
      system.productionMonitor,
      system.memoryManager,
    ];
  },
};

test.each(Object.entries(BEHAVIOURS))('%s', async (...[, behaviour]) => {
  const real = own(await ProductionOptimizationSystem.create(CONFIG));
  const inTest = own(await createTestSystem(CONFIG));
  const [expected, found] = [await behaviour(real), await behaviour(inTest)];
  expect(found).toEqual(expected);
});
