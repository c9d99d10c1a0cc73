/** What a system has of the token optimizer. */

const { applyDelta, countTokens, ProductionOptimizationSystem } = require('../../index.js');
const { IN_MEMORY, KEEP_ALL, failureOf, seeded, useOwnDirectory, useSystems } = require('../support.js');
const { useSharedContext } = require('../shared-context/support.js');
const { unlessStoodStill } = require('../stand-still.js');
const { hashOf, linesOf, plain, wire } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();
const { serve, connect } = useSharedContext();
const text = linesOf(seeded(1), 60).join('');
const tokens = (value) => countTokens(JSON.stringify(value));

const METHODS = [
  ['acknowledge', (system) => system.acknowledge('agent', 'a'.repeat(64))],
  ['resetAgent', (system) => system.resetAgent('agent')],
  ['resolveBlocks', (system) => system.resolveBlocks({})],
  ['trackUsage', (system) => system.trackUsage('agent', 1, 'chat')],
  ['getOptimizationReport', (system) => system.getOptimizationReport()],
];

test.each(METHODS)('%s before the start and after the end is refused', async (_, method) => {
  const system = new ProductionOptimizationSystem(IN_MEMORY);
  expect((await failureOf(() => method(system))).code).toBe('E_NOT_INITIALIZED');
  await system.initialize();
  await system.shutdown();
  expect((await failureOf(() => method(system))).code).toBe('E_SHUT_DOWN');
});

test('resolveBlocks rejects and does not throw', () => {
  const system = new ProductionOptimizationSystem(IN_MEMORY);
  const promise = system.resolveBlocks({});
  expect(promise).toBeInstanceOf(Promise);
  return expect(promise).rejects.toMatchObject({ code: 'E_NOT_INITIALIZED' });
});

test.each([
  ['on disk', KEEP_ALL],
  ['in memory', IN_MEMORY],
])('references of agents are followed, texts are %s', async (_, config) => {
  const system = await open({ ...config, tokens: { encoding: 'blocks' } });
  await system.optimizeAgentContext('first', { currentTask: 'one', text });
  const result = await system.optimizeAgentContext('second', { currentTask: 'two', text });
  expect(result.texts.text).toEqual([[expect.any(Number)]]);
  const message = wire(result);
  expect(applyDelta(undefined, await system.resolveBlocks(message))).toEqual({ currentTask: 'two', text });
  const whole = await system.optimizeAgentContext('third', { currentTask: 'two', text }, { encoding: 'keys' });
  expect(whole).toEqual({ currentTask: 'two', text });
});

test('the texts of one project are not those of another', async () => {
  const config = (projectId) => ({ ...KEEP_ALL, projectId, tokens: { encoding: 'blocks' } });
  const [one, two, other] = [await open(config('p')), await open(config('p')), await open(config('q'))];
  for (const agent of ['a', 'b']) await one.optimizeAgentContext(agent, { text });
  const message = wire(await one.optimizeAgentContext('c', { text }));
  expect(applyDelta(undefined, await two.resolveBlocks(message))).toEqual({ text });
  expect((await failureOf(other.resolveBlocks(message))).code).toBe('E_REFERENCE_UNKNOWN');
});

test('acknowledged contexts are what the next ones are about', async () => {
  const system = await open({ ...IN_MEMORY, tokens: { acknowledgement: 'explicit' } });
  const [first, lost] = [1, 2].map((n) => system.optimizeAgentContext('agent', { n }));
  expect([(await first).type, (await lost).type]).toEqual(['full', 'full']);
  expect(system.acknowledge('agent', hashOf({ n: 1 }))).toBe(true);
  expect((await system.optimizeAgentContext('agent', { n: 3 })).baseHash).toBe(hashOf({ n: 1 }));
  expect(system.resetAgent('agent')).toBe(true);
  expect((await system.optimizeAgentContext('agent', { n: 3 })).type).toBe('full');
  expect((await failureOf(() => system.acknowledge('agent', 'x'))).code).toBe('E_INVALID_ARGUMENT');
  expect((await failureOf(() => system.resetAgent(5))).code).toBe('E_INVALID_ARGUMENT');
});

test('the report has what was sent, and what was reported', async () => {
  const system = await open({ ...IN_MEMORY, tokens: { model: 'gpt-4o' } });
  expect(system.getOptimizationReport().estimatedSavings).toBe('nothing was measured yet');
  const contexts = [
    { a: 1, text },
    { a: 1, text },
    { a: 2, text },
  ];
  let sent = 0;
  for (const context of contexts) sent += tokens(await system.optimizeAgentContext('agent', context));
  system.trackUsage('agent', 500, 'chat', { output: 20 });
  const { savings, tokensByAgent, totalTokensUsed } = system.getOptimizationReport();
  expect([totalTokensUsed, tokensByAgent]).toEqual([500, { agent: 500 }]);
  expect(savings.totals).toMatchObject({
    messages: 3,
    originalTokens: contexts.reduce((sum, context) => sum + tokens(context), 0),
    sentTokens: sent,
  });
  expect(savings.byModel['gpt-4o'].messages).toBe(3);
  expect(savings.totals.cost.savedUsd).toBeGreaterThan(0);
});

test('settings are changed while it runs', async () => {
  const system = await open(IN_MEMORY);
  await system.optimizeAgentContext('first', { text });
  await system.updateConfiguration({ tokens: { encoding: 'blocks' } });
  await system.optimizeAgentContext('second', { text });
  expect((await system.optimizeAgentContext('third', { text })).encoding).toBe('blocks');
  const error = await failureOf(system.updateConfiguration({ tokens: { encoding: 'lines', blockStoreMB: 0 } }));
  expect(error.problems.map(({ path }) => path)).toEqual(['tokens.encoding', 'tokens.blockStoreMB']);
});

describe('with a shared context', () => {
  const shared = (server) => ({
    ...IN_MEMORY,
    projectId: 'project',
    enableSharedContext: true,
    sharedContextUrl: server.url,
  });
  const base = (more) => ({ rules: text, ...more });

  test('the second agent is sent what differs', async () => {
    const sent = async () => {
      const server = await serve();
      const system = await open(shared(server));
      const first = await system.optimizeAgentContext('first', base({ n: 1 }));
      return { server, system, first, result: await system.optimizeAgentContext('second', base({ n: 2 })) };
    };
    // To a system a server that is held up for some seconds is away.
    const isShared = ({ result }) => result.type === 'shared_incremental';
    const { server, system, first, result } = await unlessStoodStill(sent, isShared);
    expect(plain(first)).toEqual(base({ n: 1 }));
    expect(plain(result)).toEqual({
      type: 'shared_incremental',
      diff: { added: {}, modified: { n: 2 }, removed: [], unchanged: ['rules'] },
      sharedReference: true,
      tokensSaved: tokens(base({ n: 2 })) - tokens(result),
    });
    expect([result.hash, result.baseHash]).toEqual([hashOf(base({ n: 2 })), hashOf(base({ n: 1 }))]);
    expect(await connect(server).getContext()).toEqual(base({ n: 2 }));
    expect(system.getStatus().sharedContext).toMatchObject({ projectId: 'project', connected: true });
  });

  test('what is under way when it is shut down is finished', async () => {
    const server = await serve();
    const system = await open(shared(server));
    const contexts = Array.from({ length: 20 }, (_, n) => base({ n }));
    const calls = contexts.map((context, at) => system.optimizeAgentContext(`agent ${at % 4}`, context));
    const settled = Promise.allSettled(calls);
    await system.shutdown();
    expect((await settled).map(({ status, reason }) => [status, reason?.code])).toEqual(
      contexts.map(() => ['fulfilled', undefined]),
    );
  });

  test('a server that is not there costs nothing but its help', async () => {
    const server = await serve();
    await server.close();
    const system = await open(shared(server));
    const first = await system.optimizeAgentContext('agent', base({ n: 1 }));
    expect(applyDelta(undefined, first)).toEqual(base({ n: 1 }));
    expect((await system.optimizeAgentContext('agent', base({ n: 2 }))).hash).toBe(hashOf(base({ n: 2 })));
  });
});
