/** What went wrong once. */

const { AgentContextFilter, applyDelta, applyDeltaAsync } = require('../../index.js');
const { failureOf, seeded } = require('../support.js');
const { useOptimizers, linesOf, wire } = require('./support.js');

const open = useOptimizers();

test('an unchanged message with another hash is refused', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', { a: 'x' });
  const message = wire(await optimizer.optimizeContext('agent', { a: 'x' }));
  const bad = { ...message, hash: message.hash.slice(0, -1) + (message.hash.endsWith('0') ? '1' : '0') };
  expect((await failureOf(() => applyDelta({ a: 'x' }, bad))).code).toBe('E_DELTA_MISMATCH');
  expect((await failureOf(applyDeltaAsync({ a: 'x' }, bad))).code).toBe('E_DELTA_MISMATCH');
});

test('a message may refer to what it has itself, and its receiver needs no store for that', async () => {
  const text = linesOf(seeded(7), 60).join('');
  const context = { a: text, b: `${text}and more\n`, c: { inner: text } };
  const result = await open({ encoding: 'blocks', projectId: 'one' }).optimizeContext('agent', context);
  expect(result.texts.b).toBeDefined();
  expect(result.fetchTokens).toBe(0);
  const plain = await open({ projectId: 'another' }).resolveBlocks(wire(result));
  expect(plain).toEqual(context);
  expect(applyDelta(undefined, plain)).toEqual(context);
});

test('a context that waits behind another one of its agent is read at once, with a filter too', async () => {
  const optimizer = open({}, { filter: new AgentContextFilter() });
  const first = optimizer.optimizeContext('backend-specialist', { currentTask: 'one' });
  const context = { currentTask: 'two' };
  const second = optimizer.optimizeContext('backend-specialist', context);
  context.currentTask = 'changed afterwards';
  await first;
  expect((await second).modified).toEqual({ currentTask: 'two' });
});

test('an agent writes over nothing that it did not change itself', async () => {
  let shared;
  const differ = (a, b) => JSON.stringify(a) !== JSON.stringify(b);
  const pick = (object, keep) => Object.fromEntries(Object.entries(object).filter(([key]) => keep(key)));
  const client = {
    getContext: async () => shared && { ...shared },
    setContext: async (context) => {
      shared = { ...context };
    },
    updateContext: async ({ added, modified, removed }) => {
      for (const key of removed) delete shared[key];
      Object.assign(shared, added, modified);
    },
    createDiff: (old, now) => ({
      added: pick(now, (key) => !(key in old)),
      modified: pick(now, (key) => key in old && differ(old[key], now[key])),
      removed: Object.keys(old).filter((key) => !(key in now)),
      unchanged: Object.keys(now).filter((key) => key in old && !differ(old[key], now[key])),
    }),
  };
  const optimizer = open({}, { client });
  const rules = linesOf(seeded(3), 40).join('');
  await optimizer.optimizeContext('A', { rules, x: 1 });
  await optimizer.optimizeContext('B', { rules, x: 2 });
  const result = await optimizer.optimizeContext('A', { rules, x: 1, y: 1 });
  expect(shared).toEqual({ rules, x: 2, y: 1 });
  // What A is told is still exactly its own context.
  expect(result.type).toBe('shared_incremental');
  expect(applyDelta({ rules, x: 2 }, wire(result))).toEqual({ rules, x: 1, y: 1 });
});
