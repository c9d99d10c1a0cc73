const { countTokens } = require('../index.js');
const {
  KEEP_ALL,
  useOwnDirectory,
  useSystems,
  canonicalJson,
  sha256,
  applyChanges,
  seeded,
  randomValue,
  contextA: A,
  contextB: B,
} = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const saved = (context, result) => countTokens(JSON.stringify(context)) - countTokens(JSON.stringify(result));

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
    [
      'class instances',
      {
        b: new (class Point {
          y = 1;
          x = 2;
        })(),
        a: Object.assign(new Map(), { d: 1, c: 2 }),
      },
    ],
    ['what toJSON gives', { at: { toJSON: () => ({ b: 1, a: [{ d: 1, c: 2 }] }) } }],
    ['what toJSON gives for its key', { name: { toJSON: (key) => `I am ${key}` } }],
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
    await system.optimizeAgentContext('agent', { ...make(1), '\ud801': 1 });
    const result = await system.optimizeAgentContext('agent', Object.fromEntries(names.map((name, at) => [name, at])));
    expect(Object.entries(result.modified)).toEqual(names.map((name, at) => [name, at]).filter(([, at]) => at !== 1));
    expect(result.unchanged).toEqual(['']);
    expect(result.removed).toEqual(['\ud801']);
    expect(Object.getPrototypeOf(result.modified)).toBe(Object.prototype);
  });

  test('of another kind than the one before is sent whole', async () => {
    const results = [];
    for (const context of [{ a: 1 }, [1, 2], { a: 1 }])
      results.push(await system.optimizeAgentContext('agent', context));
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
    expect(JSON.parse(JSON.stringify(result))).toEqual({
      type: 'incremental',
      changes: [],
      reference: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
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

test('without a context filter nothing is left out and deltas go on', async () => {
  const unfiltered = await open({ ...KEEP_ALL, enableContextFiltering: false });
  const context = { ...A(), node_modules: { a: 'x'.repeat(1000) } };
  expect(await unfiltered.optimizeAgentContext('agent', context)).toEqual(context);
  expect((await unfiltered.optimizeAgentContext('agent', context)).reference).toBe(sha256(canonicalJson(context)));
});
