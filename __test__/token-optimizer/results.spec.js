/** What `optimizeContext` resolves with. */

const { countTokens, toMessage } = require('../../index.js');
const { contextA, contextB, deepFreeze, expectUntouched, failureOf, Point, snapshot } = require('../support.js');
const { hashOf, setOwn, useOptimizers } = require('./support.js');

const open = useOptimizers();

const FACTS = ['type', 'tokensSaved', 'hash', 'baseHash', 'heldTokens', 'fetchTokens'];

/** Its hidden properties. */
function factsOf(result) {
  const hidden = Object.entries(Object.getOwnPropertyDescriptors(result)).filter(
    ([name, { enumerable }]) => FACTS.includes(name) && !enumerable,
  );
  return Object.fromEntries(hidden.map(([name, { value }]) => [name, value]));
}

const saved = (context, result) => countTokens(JSON.stringify(context)) - countTokens(JSON.stringify(result));

test('the first context is itself, in an object of its own', async () => {
  const context = contextA();
  const result = await open().optimizeContext('agent', context);
  expect(result).not.toBe(context);
  expect(result).toEqual(context);
  expect(Object.keys(result)).toEqual(Object.keys(context));
  expect(result.projectStructure).toBe(context.projectStructure);
  expect(result.recentChanges[0].at).toEqual(new Date(0));
  expect(factsOf(result)).toEqual({ type: 'full', tokensSaved: 0, hash: hashOf(context) });
});

test('the same context again is its hash', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', contextA());
  const reversed = Object.fromEntries(Object.entries(contextA()).reverse());
  for (const context of [contextA(), reversed]) {
    const result = await optimizer.optimizeContext('agent', context);
    expect(JSON.stringify(result)).toBe(
      JSON.stringify({ type: 'incremental', changes: [], reference: hashOf(context) }),
    );
    expect(factsOf(result)).toEqual({
      tokensSaved: saved(context, result),
      hash: hashOf(context),
      baseHash: hashOf(context),
    });
    expect(result.tokensSaved).toBeGreaterThan(0);
  }
});

test('a changed context is what changed, by top-level key', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', contextA());
  const next = contextB();
  const result = await optimizer.optimizeContext('agent', next);
  expect(Object.keys(result)).toEqual(['added', 'modified', 'removed', 'unchanged']);
  expect(result).toEqual({
    added: { completedTasks: ['login'] },
    modified: { projectStructure: next.projectStructure, counter: 2 },
    removed: ['recentChanges'],
    unchanged: ['currentTask'],
  });
  expect(factsOf(result)).toEqual({
    type: 'incremental',
    tokensSaved: saved(next, result),
    hash: hashOf(next),
    baseHash: hashOf(contextA()),
  });
});

test('with references, what is empty is not there', async () => {
  const optimizer = open();
  const text = 'The same line over and over again, and yet it is text.\n'.repeat(40);
  const options = { encoding: 'blocks' };
  await optimizer.optimizeContext('first', { text, n: 1 }, options);
  const result = await optimizer.optimizeContext('second', { text, n: 2 }, options);
  expect(Object.keys(result)).toEqual(['encoding', 'added', 'texts']);
  expect(result).toEqual({ encoding: 'blocks', added: { n: 2 }, texts: { text: [[expect.any(Number)]] } });
  expect(factsOf(result)).toEqual({
    type: 'full',
    tokensSaved: saved({ text, n: 2 }, result),
    hash: hashOf({ text, n: 2 }),
    heldTokens: 0,
    fetchTokens: countTokens(text),
  });
});

test('references that nothing was left out for are none: the result is as with whole values', async () => {
  const optimizer = open({ encoding: 'blocks' });
  const first = await optimizer.optimizeContext('agent', { text: 'short' });
  expect(factsOf(first)).toEqual({ type: 'full', tokensSaved: 0, hash: hashOf({ text: 'short' }) });
  const next = await optimizer.optimizeContext('agent', { text: 'other' });
  expect(next).toEqual({ added: {}, modified: { text: 'other' }, removed: [], unchanged: [] });
});

test('an agent of its own has a context of its own', async () => {
  const optimizer = open();
  const names = ['a', 'b', 'é', '\ud800', '\ud801', '\u0001"a"', 'x'.repeat(1024)];
  for (const name of names) expect((await optimizer.optimizeContext(name, contextA())).type).toBe('full');
  for (const name of names) expect((await optimizer.optimizeContext(name, contextA())).type).toBe('incremental');
});

describe("a context's own properties", () => {
  const own = { type: 'mine', tokensSaved: 'many', hash: 5, baseHash: null, heldTokens: [], fetchTokens: {}, x: 1 };

  test('go before ours, and are part of it', async () => {
    const optimizer = open();
    const result = await optimizer.optimizeContext('agent', own);
    expect(result).toEqual(own);
    expect(factsOf(result)).toEqual({});
    expect(toMessage(result)).toEqual({ v: 1, type: 'full', hash: hashOf(own), context: own });
    const again = await optimizer.optimizeContext('agent', own);
    expect(again).toEqual({ type: 'incremental', changes: [], reference: hashOf(own) });
  });

  test('that look like a result do not make it one', async () => {
    const optimizer = open();
    for (const context of [
      { type: 'incremental', changes: [], reference: 'a'.repeat(64) },
      { encoding: 'blocks', texts: { a: [[1]] } },
      { added: {}, modified: {}, removed: [], unchanged: [] },
      { v: 1, type: 'full', hash: 'a'.repeat(64), context: {} },
    ]) {
      optimizer.resetAgent('agent');
      const message = toMessage(await optimizer.optimizeContext('agent', context));
      expect(message).toEqual({ v: 1, type: 'full', hash: hashOf(context), context });
      expect(optimizer.applyDelta(undefined, message)).toEqual(context);
    }
  });
});

describe('the caller’s object', () => {
  test('is never changed, not even by its second use', async () => {
    const optimizer = open();
    const context = contextA();
    const before = snapshot(context);
    const results = [];
    for (const agent of ['a', 'a', 'b']) {
      results.push(await optimizer.optimizeContext(agent, context));
      await optimizer.trimContext(context, 20);
    }
    results[0].added = 'to the result';
    results[0].type = 'other';
    expectUntouched(before, snapshot(context));
  });

  test('may be frozen, and results are not', async () => {
    const optimizer = open();
    const context = deepFreeze(contextA());
    const result = await optimizer.optimizeContext('agent', context);
    expect(Object.isFrozen(result)).toBe(false);
    const changed = await optimizer.optimizeContext('agent', deepFreeze(contextB()));
    expect([Object.isFrozen(changed), Object.isFrozen(changed.added)]).toEqual([false, false]);
  });

  test('may be changed as soon as the call has returned', async () => {
    const optimizer = open();
    const context = { a: 1, gone: true };
    const results = [];
    for (let turn = 0; turn < 5; turn++) {
      context.a = turn;
      results.push(optimizer.optimizeContext('agent', context));
    }
    context.a = 'later';
    delete context.gone;
    const [first, ...others] = await Promise.all(results);
    expect(first).toEqual({ a: 0, gone: true });
    expect(others.map((result) => result.modified)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }]);
    expect(others.map((result) => result.hash)).toEqual([1, 2, 3, 4].map((a) => hashOf({ a, gone: true })));
  });
});

test('odd keys are just keys', async () => {
  const optimizer = open();
  const keys = ['__proto__', 'constructor', 'index.ts', 'a.b.c', '', '\ud800', '\udc00x', '😀', '10', '9', 'toJSON '];
  const context = {};
  for (const key of keys) setOwn(context, key, { key });
  const full = await optimizer.optimizeContext('agent', context);
  expect(Object.entries(full)).toEqual(Object.entries(context));
  expect(Object.getPrototypeOf(full)).toBe(Object.prototype);
  expect(full.hash).toBe(hashOf(context));
  const next = {};
  for (const key of keys) setOwn(next, key, { key, more: true });
  const changed = await optimizer.optimizeContext('agent', next);
  expect(Object.entries(changed.modified)).toEqual(Object.entries(next));
  const gone = await optimizer.optimizeContext('agent', {});
  expect([...gone.removed].sort()).toEqual([...keys].sort());
});

describe('a root that is no plain object', () => {
  test.each([
    ['an array', [1, { a: 2 }], { type: 'full', tokensSaved: 0 }],
    ['an empty object', {}, { type: 'full', tokensSaved: 0 }],
  ])('%s has the hidden fields', async (_, context, facts) => {
    const optimizer = open();
    const result = await optimizer.optimizeContext('agent', context);
    expect(JSON.stringify(result)).toBe(JSON.stringify(context));
    expect(factsOf(result)).toEqual({ ...facts, hash: hashOf(context) });
  });

  test.each([
    ['null', null],
    ['a string', 'text'],
    ['a lone surrogate', '\udfff'],
    ['a number', -0.5],
    ['a boolean', false],
  ])('%s is itself', async (_, context) => {
    const optimizer = open();
    expect(await optimizer.optimizeContext('agent', context)).toBe(context);
    const again = await optimizer.optimizeContext('agent', context);
    expect(again).toEqual({ type: 'incremental', changes: [], reference: hashOf(context) });
    expect(optimizer.applyDelta(context, JSON.parse(JSON.stringify(toMessage(again))))).toBe(context);
  });

  test.each([
    ['a Date', new Date(0)],
    ['an instance', new Point()],
    ['a Map', new Map([[1, 2]])],
  ])('%s is given back itself, with nothing on it', async (_, context) => {
    const optimizer = open();
    const before = snapshot(context);
    expect(await optimizer.optimizeContext('agent', context)).toBe(context);
    expectUntouched(before, snapshot(context));
    const again = await optimizer.optimizeContext('agent', context);
    expect(again).toEqual({ type: 'incremental', changes: [], reference: hashOf(context) });
  });

  test('after an object is sent in full, and the object after it too', async () => {
    const optimizer = open();
    for (const context of [{ a: 1 }, [1], { a: 1 }, [1], 5, { a: 1 }]) {
      expect(await optimizer.optimizeContext('agent', context)).toEqual(context);
    }
  });
});

test('what JSON leaves out is not part of a context', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', { a: 1, f() {}, u: undefined, s: Symbol('s') });
  const again = await optimizer.optimizeContext('agent', { a: 1 });
  expect(again.changes).toEqual([]);
});

test('tokens are those of the filtered context, saved are those against the original', async () => {
  const filter = { filterContext: async (_, { keep }) => ({ filtered: { keep } }) };
  const optimizer = open({}, { filter });
  const context = (keep) => ({ keep, drop: 'many words that no agent needs '.repeat(20) });
  const first = await optimizer.optimizeContext('agent', context(1));
  expect(first).toEqual({ keep: 1 });
  expect(first.tokensSaved).toBe(saved(context(1), { keep: 1 }));
  expect(first.hash).toBe(hashOf({ keep: 1 }));
  const next = await optimizer.optimizeContext('agent', context([2]));
  expect(next).toEqual({ added: {}, modified: { keep: [2] }, removed: [], unchanged: [] });
  expect([next.tokensSaved, next.baseHash]).toEqual([saved(context([2]), next), first.hash]);
  const again = await optimizer.optimizeContext('agent', { ...context([2]), drop: 'other' });
  expect([again.changes, again.reference]).toEqual([[], hashOf({ keep: [2] })]);
  expect(again.tokensSaved).toBe(saved({ ...context([2]), drop: 'other' }, again));
});

test('a filtered context may be changed as soon as the call has returned', async () => {
  const filter = { filterContext: async (_, { keep }) => ({ filtered: { keep } }) };
  const optimizer = open({}, { filter });
  const context = { keep: 1, drop: 'many words that no agent needs '.repeat(20) };
  const expected = saved(context, { keep: 1 });
  const call = optimizer.optimizeContext('agent', context);
  context.drop = '';
  context.keep = 2;
  const result = await call;
  expect(result).toEqual({ keep: 1 });
  expect(result.tokensSaved).toBe(expected);
});

test.each([
  ['a cycle', (context) => Object.assign(context, { context }), 'E_CONTEXT_INVALID'],
  ['a BigInt', () => ({ deep: [{ n: 1n }] }), 'E_CONTEXT_INVALID'],
  ['undefined', () => undefined, 'E_CONTEXT_INVALID'],
  [
    'a getter that throws',
    () => ({
      get a() {
        throw new Error('no');
      },
    }),
    'E_CONTEXT_INVALID',
  ],
])('%s is refused, and the agent is as before', async (_, make, code) => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', { a: 1 });
  expect((await failureOf(optimizer.optimizeContext('agent', make({})))).code).toBe(code);
  expect((await optimizer.optimizeContext('agent', { a: 1 })).changes).toEqual([]);
});

test.each([
  ['no agent', [undefined, {}]],
  ['an agent that is no text', [5, {}]],
  ['an agent without a name', ['', {}]],
  ['an agent with a name that is too long', ['x'.repeat(1025), {}]],
  ['options that are none', ['agent', {}, 5]],
  ['an encoding that is none', ['agent', {}, { encoding: 'lines' }]],
  ['a model that is no text', ['agent', {}, { model: 4 }]],
  ['an operation that is no text', ['agent', {}, { operation: {} }]],
  ['a signal that is none', ['agent', {}, { signal: {} }]],
])('%s is refused', async (_, given) => {
  expect((await failureOf(open().optimizeContext(...given))).code).toBe('E_INVALID_ARGUMENT');
});

test('the diff of two contexts is that of a changed result', async () => {
  const optimizer = open();
  const next = contextB();
  await optimizer.optimizeContext('agent', contextA());
  const sent = await optimizer.optimizeContext('agent', next);
  expect(await optimizer.computeContextDiff(contextA(), next)).toEqual(sent);
  for (const old of [undefined, null]) expect(await optimizer.computeContextDiff(old, next)).toBe(next);
  expect(await optimizer.computeContextDiff([1], { a: 1 })).toEqual({ a: 1 });
  expect(await optimizer.computeContextDiff({ a: 1 }, { a: 1 })).toEqual({
    added: {},
    modified: {},
    removed: [],
    unchanged: ['a'],
  });
});
