/** With a context that all agents of a project share: what differs from it, and nothing lost when it is away. */

const { applyDelta, countTokens } = require('../../index.js');
const { failureOf } = require('../support.js');
const { useSharedContext } = require('../shared-context/support.js');
const { hashOf, plain, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();
const shared = useSharedContext();
const { serve } = shared;
/** What a busy machine does must not look like a server that is away. */
const PATIENT = { requestTimeoutMs: 20_000, connectTimeoutMs: 20_000 };
const connect = (server, options) => shared.connect(server, { ...PATIENT, ...options });

const BIG = 'What every agent of this project has to know, and none of them changes. '.repeat(20);
const base = (more = {}) => ({ rules: BIG, files: { 'index.ts': BIG }, ...more });

/** What a receiver who has the shared context makes of a result. */
function received(shared, { diff }) {
  const context = { ...shared, ...diff.added, ...diff.modified };
  for (const key of diff.removed) delete context[key];
  return context;
}

async function expectShared(result, shared, context) {
  expect(Object.keys(result)).toEqual(['type', 'diff', 'sharedReference', 'tokensSaved']);
  expect([result.type, result.sharedReference]).toEqual(['shared_incremental', true]);
  expect(Object.keys(result.diff).sort()).toEqual(['added', 'modified', 'removed', 'unchanged']);
  expect(received(shared, result)).toEqual(context);
  expect([result.hash, result.baseHash]).toEqual([hashOf(context), hashOf(shared)]);
  expect(result.tokensSaved).toBe(countTokens(JSON.stringify(context)) - countTokens(JSON.stringify(result)));
}

test('the first agent gives the context, the next ones are sent what differs', async () => {
  const server = await serve();
  const first = open({}, { client: connect(server, { agentId: 'a' }) });
  const second = open({}, { client: connect(server, { agentId: 'b' }) });
  expect(await first.optimizeContext('a', base({ task: 'login' }))).toEqual(base({ task: 'login' }));
  const result = await second.optimizeContext('b', base({ task: 'logout', extra: 1 }));
  await expectShared(result, base({ task: 'login' }), base({ task: 'logout', extra: 1 }));
  expect(result.diff).toEqual({
    added: { extra: 1 },
    modified: { task: 'logout' },
    removed: [],
    unchanged: ['rules', 'files'],
  });
});

test('nobody takes away what others gave, and everybody what is its own', async () => {
  const server = await serve();
  const [one, two, reader] = ['one', 'two', 'reader'].map((agentId) => connect(server, { agentId }));
  const a = open({}, { client: one });
  const b = open({}, { client: two });
  await a.optimizeContext('a', base({ ofA: 1 }));
  await b.optimizeContext('b', base({ ofB: 1 }));
  expect(await reader.getContext({ useCache: false })).toEqual(base({ ofA: 1, ofB: 1 }));
  const result = await a.optimizeContext('a', base({ ofA: 2 }));
  await expectShared(result, base({ ofA: 1, ofB: 1 }), base({ ofA: 2 }));
  expect(await reader.getContext({ useCache: false })).toEqual(base({ ofA: 2, ofB: 1 }));
  await a.optimizeContext('a', base());
  expect(await reader.getContext({ useCache: false })).toEqual(base({ ofB: 1 }));
});

test('an agent that was reset takes nothing away any more', async () => {
  const server = await serve();
  const optimizer = open({}, { client: connect(server) });
  const reader = connect(server);
  await optimizer.optimizeContext('a', base({ given: 1 }));
  optimizer.resetAgent('a');
  await optimizer.optimizeContext('a', base());
  expect(await reader.getContext({ useCache: false })).toEqual(base({ given: 1 }));
});

test('two agents that write at once lose no key', async () => {
  const server = await serve();
  const optimizers = ['a', 'b'].map((agentId) => open({}, { client: connect(server, { agentId }) }));
  await optimizers[0].optimizeContext('a', base());
  await Promise.all(
    optimizers.flatMap((optimizer, at) =>
      Array.from({ length: 10 }, (_, turn) =>
        optimizer.optimizeContext(`${at} ${turn}`, base({ [`${at} ${turn}`]: 1 })),
      ),
    ),
  );
  const all = await connect(server).getContext({ useCache: false });
  const keys = [0, 1].flatMap((at) => Array.from({ length: 10 }, (_, turn) => `${at} ${turn}`));
  expect(Object.keys(all).sort()).toEqual(['files', 'rules', ...keys].sort());
});

test('two agents that are first at once lose no key', async () => {
  const server = await serve();
  const names = ['a', 'b', 'c', 'd'];
  const optimizers = names.map((agentId) => open({}, { client: connect(server, { agentId }) }));
  await Promise.all(optimizers.map((optimizer, at) => optimizer.optimizeContext('agent', base({ [names[at]]: at }))));
  expect(await connect(server).getContext({ useCache: false })).toEqual(base({ a: 0, b: 1, c: 2, d: 3 }));
});

test('where it saves nothing the agent’s own delta is sent', async () => {
  const server = await serve();
  const optimizer = open({}, { client: connect(server) });
  await optimizer.optimizeContext('a', { a: 1 });
  expect(await optimizer.optimizeContext('b', { b: 1 })).toEqual({ b: 1 });
  const result = await optimizer.optimizeContext('b', { b: 2 });
  expect(applyDelta({ b: 1 }, wire(result))).toEqual({ b: 2 });
});

test('it can be switched off and on, and taken away', async () => {
  const server = await serve();
  const client = connect(server);
  await client.setContext(base());
  const optimizer = open({}, { client });
  const kind = async (agent) => (await optimizer.optimizeContext(agent, base())).type;
  expect(await kind('a')).toBe('shared_incremental');
  optimizer.setSharedContextEnabled(false);
  expect(optimizer.getSharedContextStats().enabled).toBe(false);
  expect(await kind('b')).toBe('full');
  optimizer.setSharedContextEnabled(true);
  expect(await kind('c')).toBe('shared_incremental');
  optimizer.setSharedContextClient(null);
  expect(await kind('d')).toBe('full');
  optimizer.setSharedContextClient(client);
  expect(await kind('e')).toBe('shared_incremental');
  expect(optimizer.getSharedContextStats()).toEqual({
    enabled: true,
    connected: true,
    clientStats: client.getStats(),
    localCacheSize: 5,
    totalMetrics: 5,
  });
});

test('what is booked is what is sent', async () => {
  const server = await serve();
  const client = connect(server);
  await client.setContext(base());
  const optimizer = open({}, { client });
  const result = await optimizer.optimizeContext('a', base({ task: 1 }));
  const { totals } = optimizer.getOptimizationReport().savings;
  const original = countTokens(JSON.stringify(base({ task: 1 })));
  const sent = countTokens(JSON.stringify(result));
  expect(totals).toMatchObject({ messages: 1, originalTokens: original, sentTokens: sent });
  // The agent has nothing yet: what was not sent it gets from the shared context.
  expect(totals.fetchedTokens + totals.heldTokens).toBe(original - sent);
});

test('a server that dies costs its help only, and nobody is rejected', async () => {
  const server = await serve();
  const optimizer = open({}, { client: connect(server) });
  await optimizer.optimizeContext('a', base());
  const contexts = Array.from({ length: 30 }, (_, turn) => base({ turn }));
  const calls = contexts.map((context, at) => {
    const call = optimizer.optimizeContext('b', context);
    return at === 10 ? server.close().then(() => call) : call;
  });
  const results = await Promise.all(calls);
  let has;
  for (const [at, result] of results.entries()) {
    if (result.type === 'shared_incremental') {
      expect(result.hash).toBe(hashOf(contexts[at]));
      has = contexts[at];
    } else {
      has = applyDelta(has, wire(result));
    }
    expect(has).toEqual(contexts[at]);
  }
});

test('a server that was never there', async () => {
  const server = await serve();
  await server.close();
  const optimizer = open({}, { client: connect(server) });
  const first = await optimizer.optimizeContext('a', base());
  expect(plain(first)).toEqual(base());
  const next = await optimizer.optimizeContext('a', base({ n: 1 }));
  expect(next.hash).toBe(hashOf(base({ n: 1 })));
});

/** A client of the caller's. */
const fake = (own) => ({
  getContext: async () => base(),
  setContext: async () => null,
  updateContext: async () => null,
  createDiff: () => ({ added: { n: 1 }, modified: {}, removed: [], unchanged: ['rules', 'files'] }),
  ...own,
});

test('a client of the caller’s own will do', async () => {
  const given = [];
  const client = fake({ updateContext: (diff) => given.push(diff) });
  const optimizer = open({}, { client });
  await expectShared(await optimizer.optimizeContext('a', base({ n: 1 })), base(), base({ n: 1 }));
  expect(given).toEqual([{ added: { n: 1 }, modified: {}, removed: [], unchanged: [] }]);
  expect(optimizer.getSharedContextStats()).toMatchObject({ enabled: true, connected: false, clientStats: null });
});

const boom = () => {
  throw new Error('boom');
};
const NONSENSE = [
  ...['getContext', 'createDiff', 'updateContext'].flatMap((name) => [
    [`${name} throws`, { [name]: boom }],
    [`${name} rejects`, { [name]: async () => boom() }],
  ]),
  ['everything throws', { getContext: boom, setContext: boom, createDiff: boom, updateContext: boom }],
  ...[5, 'text', [], true].map((value) => [`the context is ${JSON.stringify(value)}`, { getContext: () => value }]),
  ['there is none, and none is taken', { getContext: () => null, setContext: boom }],
  [
    'the context is a cycle',
    {
      getContext: () =>
        Object.assign(base(), {
          get itself() {
            return this;
          },
        }),
    },
  ],
  ...[
    null,
    5,
    'text',
    [],
    {},
    { added: {}, modified: {}, removed: [], unchanged: [] },
    { added: { n: 2 } },
    { added: { n: 1 }, removed: ['rules'] },
    { added: { n: 1 }, removed: 5 },
    { added: 5, modified: 'text', removed: {}, unchanged: null },
    { added: { n: 1n } },
  ].map((diff, at) => [`the diff is nonsense ${at}`, { createDiff: () => diff }]),
];

test.each(NONSENSE)('a client whose help is none: %s', async (_, own) => {
  const optimizer = open({}, { client: fake(own) });
  const context = base({ n: 1 });
  const first = await optimizer.optimizeContext('a', context);
  expect(first.type).toBe('full');
  expect(plain(first)).toEqual(context);
  const next = await optimizer.optimizeContext('a', base({ n: 1, m: 2 }));
  expect(applyDelta(context, wire(next))).toEqual(base({ n: 1, m: 2 }));
  expect(optimizer.getOptimizationReport().savings.totals.messages).toBe(2);
});

test('a client that cannot say how it is has no stats', () => {
  const optimizer = open({}, { client: fake({ getStats: boom, isConnected: boom }) });
  expect(optimizer.getSharedContextStats()).toMatchObject({ enabled: true, connected: false, clientStats: null });
});

test.each([
  ['a number', 5],
  ['an empty object', {}],
  ['one that lacks a method', (({ createDiff, ...rest }) => rest)(fake())],
])('%s is no client', async (_, client) => {
  expect((await failureOf(() => open({}, { client }))).code).toBe('E_INVALID_ARGUMENT');
  expect((await failureOf(() => open().setSharedContextClient(client))).code).toBe('E_INVALID_ARGUMENT');
});

test('whether it is enabled is a boolean', async () => {
  expect((await failureOf(() => open().setSharedContextEnabled('yes'))).code).toBe('E_INVALID_ARGUMENT');
});
