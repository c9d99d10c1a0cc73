'use strict';

const { countTokens } = require('../index.js');
const { KEEP_ALL, useOwnDirectory, useSystems, failureOf, canonicalJson, sha256, applyChanges, seeded, randomValue } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const bytes = (value) => Buffer.byteLength(JSON.stringify(value));
const saved = (context, result) => countTokens(JSON.stringify(context)) - countTokens(JSON.stringify(result));

const A = () => ({
  currentTask: 'Make the button of the login form responsive',
  projectStructure: { 'index.ts': 'entry', src: { 'app.tsx': 'export const App = () => <Login />;' } },
  recentChanges: [{ commit: 'c1', at: new Date(0) }],
  counter: 1,
});
const B = () => {
  const { recentChanges, ...rest } = A();
  return { ...rest, counter: 2, completedTasks: ['login'], projectStructure: { ...rest.projectStructure, 'b.ts': '' } };
};

let system;
beforeEach(async () => {
  system = await open();
});

describe('the first result of an agent', () => {
  test('is the whole context', async () => {
    const result = await system.optimizeAgentContext('agent', A());
    expect(result).toEqual(A());
    expect(Object.keys(result)).toEqual(Object.keys(A()));
    expect(result.type).toBe('full');
    expect(result.tokensSaved).toBe(0);
  });

  test('is a shallow copy: another object of the same parts', async () => {
    const context = A();
    const result = await system.optimizeAgentContext('agent', context);
    expect(result).not.toBe(context);
    for (const key of Object.keys(context)) expect(result[key]).toBe(context[key]);
  });

  test('leaves out what a filter would, and counts that as saved', async () => {
    const strict = await open({ ...KEEP_ALL, contextFilter: { contextImportanceThreshold: 1 } });
    const context = { ...A(), weather: 'the sea is calm tonight, the tide is full', 'notes.old': ['a', 'b'] };
    const result = await strict.optimizeAgentContext('frontend-specialist', context);
    expect(result.currentTask).toBe(context.currentTask);
    expect(result.projectStructure).toEqual(context.projectStructure);
    expect(Object.keys(result)).not.toContain('weather');
    expect(result.tokensSaved).toBe(saved(context, result));
    expect(result.tokensSaved).toBeGreaterThan(0);
  });
});

describe('the same context again', () => {
  test('is a reference: sha256 of the canonical JSON', async () => {
    await system.optimizeAgentContext('agent', A());
    const result = await system.optimizeAgentContext('agent', A());
    expect(result).toEqual({ type: 'incremental', changes: [], reference: sha256(canonicalJson(A())) });
    expect(Object.keys(result)).toEqual(['type', 'changes', 'reference']);
    expect(result.tokensSaved).toBe(saved(A(), result));
  });

  test('with its keys in another order is unchanged', async () => {
    await system.optimizeAgentContext('agent', { a: 1, b: { c: 2, d: 3 } });
    const result = await system.optimizeAgentContext('agent', { b: { d: 3, c: 2 }, a: 1 });
    expect(result).toEqual({ type: 'incremental', changes: [], reference: sha256('{"a":1,"b":{"c":2,"d":3}}') });
  });

  test('is referred to by what the filter kept of it', async () => {
    const strict = await open({ ...KEEP_ALL, contextFilter: { contextImportanceThreshold: 1 } });
    const context = { ...A(), weather: 'the sea is calm tonight' };
    const kept = await strict.optimizeAgentContext('frontend-specialist', context);
    const { reference } = await strict.optimizeAgentContext('frontend-specialist', context);
    expect(reference).toBe(sha256(canonicalJson(kept)));
    expect(reference).not.toBe(sha256(canonicalJson(context)));
  });

  test.each([
    ['keys beyond the basic plane', { '\uffff': 1, '😀': 2, é: 3, a: 4 }],
    ['keys with lone surrogates', { '\ud800': 1, '\udfff': 2, '\uffff': 3, '😀': 4, a: 5 }],
    ['integer-like keys', { 10: 'a', 9: 'b', '-1': 'c', '09': 'd' }],
    ['numbers', [0, -0, 1.0, 1e21, 1e-7, 0.1 + 0.2, 2 ** 53, 5e-324, 1.7976931348623157e308]],
    ['numbers that JSON has not', { a: Number.NaN, b: Number.POSITIVE_INFINITY }],
    ['texts', ['\u0000\u001f\u007f', '"\\/', '\u2028\u2029', '😀', '\ud800', 'é']],
    ['dates', { at: new Date(1e12) }],
    ['what JSON leaves out', { a: undefined, b: [undefined], c: () => 1, d: Symbol('s') }],
  ])('has the hash of its canonical JSON: %s', async (_, context) => {
    const first = await system.optimizeAgentContext('agent', context);
    const { reference } = await system.optimizeAgentContext('agent', context);
    expect(reference).toBe(sha256(canonicalJson(context)));
    expect(first.hash).toBe(reference);
  });
});

describe('a changed context', () => {
  test('is told by top-level key', async () => {
    await system.optimizeAgentContext('agent', A());
    const context = B();
    const result = await system.optimizeAgentContext('agent', context);
    expect(result).toEqual({
      added: { completedTasks: ['login'] },
      modified: { counter: 2, projectStructure: B().projectStructure },
      removed: ['recentChanges'],
      unchanged: ['currentTask'],
    });
    expect(Object.keys(result).sort()).toEqual(['added', 'modified', 'removed', 'unchanged']);
    expect(result.type).toBe('incremental');
    expect(result.tokensSaved).toBe(saved(context, result));
    expect(result.modified.projectStructure).toBe(context.projectStructure);
  });

  test('that goes back to the first is told against the one between', async () => {
    await system.optimizeAgentContext('agent', A());
    await system.optimizeAgentContext('agent', B());
    const result = await system.optimizeAgentContext('agent', A());
    expect(result).toEqual({
      added: { recentChanges: A().recentChanges },
      modified: { counter: 1, projectStructure: A().projectStructure },
      removed: ['completedTasks'],
      unchanged: ['currentTask'],
    });
    expect(applyChanges(B(), result)).toEqual(A());
  });

  test('is told by the keys as they are: dots, empty, __proto__, lone surrogates', async () => {
    const names = ['index.ts', '', '__proto__', 'constructor', '\ud800', '\\ud800', '\ufffd'];
    const make = (value) => Object.fromEntries(names.map((name) => [name, value]));
    await system.optimizeAgentContext('agent', { ...make(1), ['\ud801']: 1 });
    const result = await system.optimizeAgentContext('agent', Object.fromEntries(names.map((name, at) => [name, at])));
    expect(Object.entries(result.modified)).toEqual(
      names.map((name, at) => [name, at]).filter(([, at]) => at !== 1),
    );
    expect(result.unchanged).toEqual(['']);
    expect(result.removed).toEqual(['\ud801']);
    expect(Object.getPrototypeOf(result.modified)).toBe(Object.prototype);
  });

  test('of another kind than the one before is sent whole', async () => {
    const results = [];
    for (const context of [{ a: 1 }, [1, 2], { a: 1 }]) results.push(await system.optimizeAgentContext('agent', context));
    expect(results).toEqual([{ a: 1 }, [1, 2], { a: 1 }]);
    expect(results.map((result) => result.type)).toEqual(['full', 'full', 'full']);
  });
});

describe('type, tokensSaved and hash', () => {
  test.each([
    ['a full result', [A()]],
    ['a changed result', [A(), B()]],
  ])('are hidden on %s', async (_, contexts) => {
    let result;
    for (const context of contexts) result = await system.optimizeAgentContext('agent', context);
    for (const name of ['type', 'tokensSaved', 'hash']) {
      expect(result[name]).toBeDefined();
      expect(Object.keys(result)).not.toContain(name);
      expect(JSON.parse(JSON.stringify(result))).not.toHaveProperty(name);
    }
  });

  test('of an unchanged result: only type is shown', async () => {
    await system.optimizeAgentContext('agent', A());
    const result = await system.optimizeAgentContext('agent', A());
    expect(JSON.parse(JSON.stringify(result))).toEqual({ type: 'incremental', changes: [], reference: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(typeof result.tokensSaved).toBe('number');
  });

  test('yield to the own keys of the context', async () => {
    const own = { type: 'mine', tokensSaved: 'mine', hash: null, debug: undefined, baseHash: 0, reference: 1 };
    const result = await system.optimizeAgentContext('agent', own, { includeDebugInfo: true });
    expect(Object.entries(result)).toEqual(Object.entries(own));
  });

  test('are told of a changed result whose context has keys of these names', async () => {
    await system.optimizeAgentContext('agent', { type: 'a', tokensSaved: 1, hash: 'x' });
    const context = { type: 'b', tokensSaved: 1 };
    const result = await system.optimizeAgentContext('agent', context);
    expect(result).toEqual({ added: {}, modified: { type: 'b' }, removed: ['hash'], unchanged: ['tokensSaved'] });
    expect(result.type).toBe('incremental');
    expect(result.tokensSaved).toBe(saved(context, result));
  });

  test.each([
    ['an object', () => A()],
    ['a frozen object', () => Object.freeze(A())],
    ['an empty object', () => ({})],
    ['a frozen empty object', () => Object.freeze({})],
    ['an array', () => [1, { a: 2 }]],
    ['an empty array', () => []],
    ['a Date', () => new Date(0)],
    ['a Map', () => new Map([[1, 2]])],
    ['a Buffer', () => Buffer.from('ab')],
    ['an object with toJSON', () => ({ toJSON: () => ({ a: 1 }) })],
  ])('are never defined on the object of the caller: %s', async (_, make) => {
    const context = make();
    const before = Reflect.ownKeys(context);
    await system.optimizeAgentContext('agent', context, { includeDebugInfo: true });
    await system.optimizeAgentContext('agent', context, { includeDebugInfo: true });
    expect(Reflect.ownKeys(context)).toEqual(before);
  });

  test('of an empty context are there', async () => {
    const result = await system.optimizeAgentContext('agent', {});
    expect(result).toEqual({});
    expect([result.type, result.tokensSaved]).toEqual(['full', 0]);
  });
});

test('a receiver that applies every result always has the context, whatever changes', async () => {
  const random = seeded(7);
  let held;
  for (let round = 0; round < 150; round++) {
    const context = { ...randomObject(random), currentTask: 'x' };
    const result = await system.optimizeAgentContext('agent', context);
    expect(result.tokensSaved).toBe(saved(context, result));
    const isUnchanged = Array.isArray(result.changes) && Object.hasOwn(result, 'reference');
    if (round === 0) held = context;
    else if (!isUnchanged) held = applyChanges(held, result);
    expect(canonicalJson(held)).toBe(canonicalJson(context));
    const { reference } = await system.optimizeAgentContext('agent', context);
    expect(reference).toBe(sha256(canonicalJson(context)));
  }
});

function randomObject(random) {
  const value = randomValue(random);
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : { value };
}

describe('maxSize', () => {
  const large = () => ({
    currentTask: 'x',
    ...Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`note ${at}`, `text of note ${at} `.repeat(20)])),
  });

  test.each([100, 1000, 10_000, 50_000])('of %d bytes bounds the JSON of the result', async (maxSize) => {
    const result = await system.optimizeAgentContext('agent', large(), { maxSize });
    expect(bytes(result)).toBeLessThanOrEqual(maxSize);
    expect(result.currentTask).toBe('x');
  });

  test('that is large enough leaves nothing out', async () => {
    const result = await system.optimizeAgentContext('agent', large(), { maxSize: bytes(large()) });
    expect(result).toEqual(large());
  });

  test('never drops required fields, and debug says so', async () => {
    const context = { currentTask: 'long '.repeat(100), other: 1 };
    const result = await system.optimizeAgentContext('agent', context, { maxSize: 10, includeDebugInfo: true });
    expect(result).toEqual({ currentTask: context.currentTask });
    expect(result.debug.adaptations.join('\n')).toMatch(/required/);
  });

  test.each([Number.NaN, -1, '5', Number.POSITIVE_INFINITY, 10n])('of %p is refused', async (maxSize) => {
    const error = await failureOf(system.optimizeAgentContext('agent', A(), { maxSize }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain('maxSize');
  });
});

describe('includeDebugInfo', () => {
  test('adds a hidden debug property; without it there is none', async () => {
    expect((await system.optimizeAgentContext('one', A())).debug).toBeUndefined();
    const result = await system.optimizeAgentContext('two', A(), { includeDebugInfo: true });
    expect(Object.keys(result)).not.toContain('debug');
    expect(result.debug).toMatchObject({ removedElements: [], adaptations: expect.any(Array), importanceScores: expect.any(Object) });
  });

  test('is there on unchanged and changed results, too', async () => {
    const results = [];
    for (const context of [A(), A(), B()]) results.push(await system.optimizeAgentContext('agent', context, { includeDebugInfo: true }));
    for (const result of results) expect(result.debug.adaptations).toEqual(expect.any(Array));
  });

  test('tells of an unknown agent, and of no known one', async () => {
    const unknown = await system.optimizeAgentContext('gardener', A(), { includeDebugInfo: true });
    expect(unknown.debug.adaptations.join('\n')).toMatch(/generic.*gardener/);
    const known = await system.optimizeAgentContext('backend-specialist', A(), { includeDebugInfo: true });
    expect(known.debug.adaptations.join('\n')).not.toMatch(/generic/);
  });

  test('names what was left out', async () => {
    const context = { currentTask: 'x', 'a.b': 'y'.repeat(5000) };
    const result = await system.optimizeAgentContext('agent', context, { includeDebugInfo: true, maxSize: 100 });
    expect(result.debug.removedElements).toEqual(['a.b']);
  });

  test.each(['includeDebugInfo', 'prioritizeRecent'])('%s that is no boolean is refused', async (name) => {
    const error = await failureOf(system.optimizeAgentContext('agent', A(), { [name]: 'yes' }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
  });
});

describe('agents', () => {
  test('are independent of each other', async () => {
    const results = await Promise.all(['one', 'two', 'One', 'one '].map((agent) => system.optimizeAgentContext(agent, A())));
    expect(results.map((result) => result.type)).toEqual(['full', 'full', 'full', 'full']);
    await system.optimizeAgentContext('one', B());
    expect((await system.optimizeAgentContext('two', A())).changes).toEqual([]);
  });

  const ODD = ['__proto__', 'constructor', 'toString', '', ' ', 'a.b', 'a\u0000', 'a', '\ud800', '\ud801', '\ufffd', '\\ud800', '\u0001', '\u0001"\\ud800"', 'x'.repeat(10_000)];

  test('may have any name, and each is its own', async () => {
    const first = await Promise.all(ODD.map((agent) => system.optimizeAgentContext(agent, { agent })));
    expect(first.map((result) => result.type)).toEqual(ODD.map(() => 'full'));
    expect(first).toEqual(ODD.map((agent) => ({ agent })));
    const second = await Promise.all(ODD.map((agent) => system.optimizeAgentContext(agent, { agent })));
    expect(second.map((result) => result.changes)).toEqual(ODD.map(() => []));
  });

  test('are named in events and in the status as the caller named them', async () => {
    const heard = [];
    system.on('contextOptimized', (event) => heard.push(event.agentId));
    for (const agent of ODD) await system.optimizeAgentContext(agent, { agent });
    expect(heard).toEqual(ODD);
    const listed = system.getStatus().components.memoryManager.agents.map((agent) => agent.agentId);
    expect(listed.sort()).toEqual([...ODD].sort());
  });

  test.each([undefined, null, 5, {}, ['a'], Symbol('a')])('that are no strings are refused', async (agent) => {
    const error = await failureOf(system.optimizeAgentContext(agent, A()));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain('agentId');
  });
});

describe('concurrent calls for one agent', () => {
  test('are answered in the order of the calls, each against the one before', async () => {
    const contexts = Array.from({ length: 30 }, (_, at) => ({ currentTask: 'x', at, text: 'word '.repeat((30 - at) * 200), [`key${at}`]: at }));
    const order = [];
    const results = await Promise.all(
      contexts.map((context, at) =>
        system.optimizeAgentContext('agent', context).then((result) => {
          order.push(at);
          return result;
        }),
      ),
    );
    expect(order).toEqual(contexts.map((_, at) => at));
    let held = results[0];
    expect(held).toEqual(contexts[0]);
    for (let at = 1; at < contexts.length; at++) {
      held = applyChanges(held, results[at]);
      expect(held).toEqual(contexts[at]);
    }
  });

  test('see the context as it was when they were made', async () => {
    const context = { currentTask: 'x', version: 1 };
    const first = system.optimizeAgentContext('agent', context);
    context.version = 2;
    const second = system.optimizeAgentContext('agent', context);
    context.version = 3;
    expect(await first).toEqual({ currentTask: 'x', version: 1 });
    expect((await second).modified).toEqual({ version: 2 });
  });

  test('are not stopped by one that is refused', async () => {
    const cycle = { currentTask: 'x' };
    cycle.self = cycle;
    const [first, refused, last] = await Promise.allSettled([
      system.optimizeAgentContext('agent', { a: 1 }),
      system.optimizeAgentContext('agent', cycle),
      system.optimizeAgentContext('agent', { a: 2 }),
    ]);
    expect(first.value).toEqual({ a: 1 });
    expect(refused.reason.code).toBe('E_CONTEXT_INVALID');
    expect(last.value.modified).toEqual({ a: 2 });
  });
});

describe('events', () => {
  test('come before the promise resolves', async () => {
    const heard = [];
    for (const name of ['contextOptimized', 'agentContextOptimized']) system.on(name, (event) => heard.push([name, event]));
    await system.optimizeAgentContext('agent', A());
    expect(heard).toEqual([
      ['contextOptimized', expect.objectContaining({ agentId: 'agent', reductionRatio: 0, memoryUsage: bytes(A()) })],
      ['agentContextOptimized', expect.objectContaining({ agentId: 'agent', success: true, optimizationTime: expect.any(Number) })],
    ]);
    expect(heard[1][1].optimizationTime).toBeGreaterThanOrEqual(0);
  });

  test('tell how much was left out', async () => {
    const heard = [];
    system.on('contextOptimized', (event) => heard.push(event));
    const context = { currentTask: 'x', other: 'y'.repeat(1000) };
    const result = await system.optimizeAgentContext('agent', context, { maxSize: 100 });
    expect(heard[0].memoryUsage).toBe(bytes(result));
    expect(heard[0].reductionRatio).toBeCloseTo(1 - bytes(result) / bytes(context), 6);
  });

  test('come for every call, and to listeners that were added later', async () => {
    await system.optimizeAgentContext('agent', A());
    let count = 0;
    const listener = () => count++;
    system.on('contextOptimized', listener);
    await system.optimizeAgentContext('agent', A());
    await system.optimizeAgentContext('agent', B());
    expect(count).toBe(2);
    system.off('contextOptimized', listener);
    await system.optimizeAgentContext('agent', A());
    expect(count).toBe(2);
  });
});

test('without a context filter nothing is left out and deltas go on', async () => {
  const unfiltered = await open({ ...KEEP_ALL, enableContextFiltering: false });
  const context = { ...A(), node_modules: { a: 'x'.repeat(1000) } };
  expect(await unfiltered.optimizeAgentContext('agent', context)).toEqual(context);
  expect((await unfiltered.optimizeAgentContext('agent', context)).reference).toBe(sha256(canonicalJson(context)));
});
