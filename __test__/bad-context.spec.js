const vm = require('node:vm');
const { AgentContextFilter } = require('../index.js');
const {
  KEEP_ALL,
  useOwnDirectory,
  useSystems,
  contextWays,
  Point,
  nested,
  nestedArrays,
  snapshot,
  expectUntouched,
  deepFreeze,
} = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const WAYS = contextWays(open);

/** Kept as they are: name, context. Each context is made anew. */
const KEPT = [
  ['null', () => null],
  ['true', () => true],
  ['a string', () => 'just a text'],
  ['an empty string', () => ''],
  ['a number', () => 42.5],
  ['an array', () => [1, 'two', { three: [4] }, null]],
  ['an empty array', () => []],
  ['an empty object', () => ({})],
  ['null in it', () => ({ currentTask: null, list: [null] })],
  ['undefined in it', () => ({ currentTask: 'x', gone: undefined, list: [undefined, 1] })],
  ['functions', () => ({ currentTask: 'x', run: parseInt, list: [Math.max] })],
  ['symbols as values', () => ({ currentTask: 'x', mark: Symbol.iterator, list: [Symbol.iterator] })],
  ['NaN, infinities and -0', () => ({ a: Number.NaN, b: [Number.POSITIVE_INFINITY, -Infinity], c: -0 })],
  ['Dates', () => ({ at: new Date(1e12), list: [new Date(0)], bad: new Date(Number.NaN) })],
  ['a Date as root', () => new Date(1e12)],
  ['Maps and Sets', () => ({ map: new Map([['a', { b: 1 }]]), set: new Set([1, 2]) })],
  ['a Map as root', () => new Map([['a', 1]])],
  ['typed arrays', () => ({ bytes: new Uint8Array([1, 2, 3]), floats: new Float64Array([0.5, Number.NaN]) })],
  ['ArrayBuffers', () => ({ buffer: new ArrayBuffer(8), view: new DataView(new ArrayBuffer(4)) })],
  ['Buffers', () => ({ file: Buffer.from('content'), empty: Buffer.alloc(0) })],
  ['class instances', () => ({ point: new Point(), list: [new Point()] })],
  ['a class instance as root', () => new Point()],
  ['Errors and RegExps', () => ({ error: new Error('broken'), pattern: /a+/g })],
  ['boxed primitives', () => ({ text: Object('text'), number: Object(5), flag: Object(false) })],
  ['an own toJSON', () => ({ secret: { toJSON: () => ({ shown: true }), hidden: 1 } })],
  ['a toJSON that gives undefined', () => ({ currentTask: 'x', nothing: { toJSON: () => undefined } })],
  ['an own toJSON as root', () => ({ toJSON: () => ({ a: 1 }), hidden: 1 })],
  ['a toJSON that is no function', () => ({ toJSON: 'a text', nested: { toJSON: null } })],
  ['lone surrogates in texts', () => ({ high: 'a\ud800b', low: '\udc00', both: '\udc00\ud800', pair: '\ud83d\ude00' })],
  [
    'lone surrogates in keys',
    () => ({ '\ud800': 1, '\udc00': 2, '\ufffd': 3, '\\ud800': 4, nested: { 'x\ud800': 5 } }),
  ],
  [
    'the key __proto__',
    () => JSON.parse('{"__proto__":{"polluted":true},"a":{"__proto__":1,"b":{"__proto__":{"c":2}}}}'),
  ],
  [
    'the key constructor',
    () => ({ constructor: { prototype: { polluted: true } }, a: { constructor: 1, prototype: 2 } }),
  ],
  ['names of Object.prototype', () => ({ toString: 1, hasOwnProperty: 2, valueOf: 3, __defineGetter__: 4 })],
  ['keys with dots', () => ({ 'index.ts': 'a', '.': 'b', 'a..b': { 'c.d': 'e' }, 'a.': 'f', a: { '': { b: 1 } } })],
  ['the empty key', () => ({ '': 'a', nested: { '': { '': 'b' } } })],
  ['keys with control characters', () => ({ 'a\u0000b': 1, '\u0001': 2, '\n': 3, '"': 4, '\\': 5 })],
  ['frozen objects', () => deepFreeze({ currentTask: 'x', a: { b: [1, { c: 2 }] } })],
  ['a sealed object', () => Object.seal({ currentTask: 'x', a: 1 })],
  ['a frozen empty object', () => Object.freeze({})],
  ['a frozen empty array', () => Object.freeze([])],
  ['non-enumerable properties', () => Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })],
  [
    'getters',
    () => ({
      currentTask: 'x',
      get computed() {
        return 'from a getter';
      },
    }),
  ],
  ['500 levels', () => nested(500)],
  ['500 levels of arrays', () => nestedArrays(500)],
  ['1,000 levels', () => nested(1000)],
  ['objects of another realm', () => vm.runInNewContext('({ a: { b: [1, new Date(0)] }, c: Object.create(null) })')],
];

describe.each(WAYS)('%s keeps', (_, make) => {
  let run;
  beforeEach(async () => {
    run = await make();
  });

  test.each(KEPT)('%s, and leaves the object of the caller alone', async (_name, context) => {
    const given = context();
    const before = snapshot(given);
    const kept = await run(given);
    expectUntouched(before, snapshot(given));
    expect(kept).toEqual(given);
  });

  test('no symbol keys, as JSON', async () => {
    const kept = await run({ currentTask: 'x', [Symbol.iterator]: 1 });
    expect(Object.entries(kept)).toEqual([['currentTask', 'x']]);
  });

  test('the very objects of the caller below the first level', async () => {
    const context = {
      date: new Date(0),
      map: new Map(),
      buffer: Buffer.from('a'),
      point: new Point(),
      typed: new Uint8Array(2),
      plain: { a: { b: 1 } },
      list: [{ c: 1 }],
      run: () => 1,
    };
    const kept = await run(context);
    for (const key of Object.keys(context)) expect(kept[key]).toBe(context[key]);
  });

  test('Dates as Dates', async () => {
    const kept = await run({ at: new Date(5), nested: { list: [new Date(6)] } });
    expect(kept.at).toBeInstanceOf(Date);
    expect(kept.nested.list[0].getTime()).toBe(6);
  });

  test('own keys named __proto__ as own keys', async () => {
    const kept = await run(JSON.parse('{"__proto__":{"polluted":true},"a":1}'));
    expect(Object.keys(kept)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
    expect(kept.polluted).toBeUndefined();
  });

  test('null-prototype objects', async () => {
    const inner = Object.assign(Object.create(null), { a: 1, __proto__: 2 });
    const kept = await run(Object.assign(Object.create(null), { inner, b: 'c' }));
    expect({ ...kept }).toEqual({ inner, b: 'c' });
    expect(kept.inner).toBe(inner);
  });

  test('sparse arrays, with their length', async () => {
    const holes = [1];
    holes[3] = 4;
    const context = { list: holes };
    const kept = await run(context);
    expect(kept.list).toBe(holes);
    expect(Object.keys(holes)).toEqual(['0', '3']);
    const root = await run(holes);
    expect([root.length, root[0], root[1], root[3]]).toEqual([4, 1, undefined, 4]);
  });

  test('an object that is there twice, which is no cycle', async () => {
    const shared = { a: [1, 2] };
    const kept = await run({ one: shared, two: shared, list: [shared, { three: shared }] });
    expect(kept).toEqual({ one: shared, two: shared, list: [shared, { three: shared }] });
    expect(kept.one).toBe(kept.two);
  });

  test('100,000 keys', async () => {
    const context = {};
    for (let at = 0; at < 100_000; at++) context[`key ${at}`] = at;
    const kept = await run(context);
    const keys = Object.keys(kept);
    expect(keys.length).toBe(100_000);
    expect(keys.every((key, at) => key === `key ${at}` && kept[key] === at)).toBe(true);
  });

  test('100,000 items', async () => {
    const context = { list: Array.from({ length: 100_000 }, (_item, at) => ({ at })) };
    const kept = await run(context);
    expect(kept.list.length).toBe(100_000);
    expect(kept.list.every((item, at) => item === context.list[at])).toBe(true);
  });

  test('a text of 5 MB', async () => {
    const text = 'áé🙂 text '.repeat(500_000);
    expect((await run({ text })).text === text).toBe(true);
  });

  test('what a getter gave, asked once', async () => {
    let asked = 0;
    const context = {
      get value() {
        return ++asked;
      },
    };
    expect(await run(context)).toEqual({ value: 1 });
    expect(asked).toBe(1);
  });

  test('contexts apart whose getters start another call', async () => {
    let inner;
    const context = {
      a: 'first',
      get b() {
        inner = run({ x: { y: 'inner' }, z: 1 });
        return { c: 'second' };
      },
      d: 'third',
    };
    const kept = await run(context);
    expect(Object.entries(kept)).toEqual([
      ['a', 'first'],
      ['b', { c: 'second' }],
      ['d', 'third'],
    ]);
    expect(await inner).toEqual({ x: { y: 'inner' }, z: 1 });
  });

  test('nothing on Object.prototype, Array.prototype or Function.prototype', async () => {
    const before = [Object.prototype, Array.prototype, Function.prototype].map((prototype) =>
      Reflect.ownKeys(prototype),
    );
    for (const text of [
      '{"__proto__":{"polluted":1}}',
      '{"a":{"__proto__":{"polluted":1}}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '[{"__proto__":{"polluted":1}}]',
    ]) {
      await run(JSON.parse(text));
    }
    expect({}.polluted).toBeUndefined();
    expect(
      [Object.prototype, Array.prototype, Function.prototype].map((prototype) => Reflect.ownKeys(prototype)),
    ).toEqual(before);
  });

  test('the last value of a context that changes while it waits', async () => {
    const context = { currentTask: 'x', list: 'before' };
    const pending = run(context);
    context.list = 'after';
    delete context.currentTask;
    expect(await pending).toEqual({ currentTask: 'x', list: 'before' });
  });
});

describe('what contains itself is refused where it does so first:', () => {
  const within = (levels, length) => {
    const ring = {};
    let last = ring;
    for (let at = 1; at < length; at++) last = last.next = { before: [at] };
    last.next = ring;
    let context = ring;
    for (let at = 0; at < levels; at++) context = at % 2 ? [context] : { in: context };
    return context;
  };
  const path = (levels, length) => {
    const steps = Array.from({ length: levels }, (_, at) => (at % 2 ? '0' : 'in')).reverse();
    return [...steps, ...Array.from({ length }, () => 'next')].join('.');
  };

  test.each(
    [0, 1, 5, 11, 12, 13, 40].flatMap((levels) => [1, 2, 3, 11, 12, 30].map((length) => [levels, length])),
  )('%i levels down, %i objects round', async (levels, length) => {
    const refused = new AgentContextFilter().filterContext('agent', within(levels, length));
    await expect(refused).rejects.toMatchObject({
      code: 'E_CONTEXT_INVALID',
      message: `context refused at ${path(levels, length)}: the value contains itself`,
    });
  });

  test.each([
    ['numbers', () => Array.from({ length: 300_000 }, (_, at) => at)],
    ['objects', () => Array.from({ length: 50_000 }, (_, at) => ({ at }))],
    ['Dates', () => Array.from({ length: 20_000 }, (_, at) => new Date(at))],
  ])('behind many %s, which are read twice at most', async (_, many) => {
    let read = 0;
    const context = {
      get list() {
        read++;
        return many();
      },
    };
    context.itself = { in: context };
    await expect(new AgentContextFilter().filterContext('agent', context)).rejects.toMatchObject({
      message: 'context refused at itself.in: the value contains itself',
    });
    expect(read).toBeLessThanOrEqual(2);
  });

  test('by two ways, with much beside it', async () => {
    const parent = { list: Array.from({ length: 20_000 }, (_, at) => ({ at })) };
    parent.children = [{ parent }, { parent }];
    await expect(new AgentContextFilter().filterContext('agent', { parent })).rejects.toMatchObject({
      message: 'context refused at parent.children.0.parent: the value contains itself',
    });
  });
});

describe('what is left out under pressure leaves the object of the caller alone', () => {
  const large = () => ({
    currentTask: 'x',
    list: Array.from({ length: 50 }, (_, at) => ({ at, date: new Date(at), text: `text ${at} `.repeat(30) })),
    'a.b': { 'c.d': 'y'.repeat(500), e: { f: 'z'.repeat(500), g: new Map([[1, 2]]) } },
    ['__proto__']: { polluted: 'w'.repeat(500) },
  });

  test.each([
    ['plain', large],
    ['frozen', () => deepFreeze(large())],
  ])('%s', async (_, make) => {
    const context = make();
    const before = snapshot(context);
    const filter = new AgentContextFilter();
    const result = await filter.filterContext('agent', context, 0, 95);
    expect(result.removedElements.length).toBeGreaterThan(0);
    expect(result.original).toBe(context);
    const system = await open(KEEP_ALL);
    await system.optimizeAgentContext('agent', context, { maxSize: 1000 });
    await system.optimizeAgentContext('agent', context, { maxSize: 2000 });
    expectUntouched(before, snapshot(context));
    expect({}.polluted).toBeUndefined();
  });
});

describe('contexts that differ only in', () => {
  test.each([
    ['a lone surrogate of a text', { k: '\ud800' }, { k: '\ud801' }],
    ['a lone surrogate and U+FFFD', { k: '\ud800' }, { k: '\ufffd' }],
    ['a lone surrogate and its escape', { k: '\ud800' }, { k: '\\ud800' }],
    ['a lone surrogate of a key', { '\ud800': 1 }, { '\ud801': 1 }],
    ['a lone surrogate of a key and U+FFFD', { '\ud800': 1 }, { '\ufffd': 1 }],
    ['a lone surrogate of a key and its escape', { '\ud800': 1 }, { '\\ud800': 1 }],
    ['a lone surrogate of a nested key', { a: { '\ud800': 1 } }, { a: { '\udc00': 1 } }],
    ['a number and its text', { k: 1 }, { k: '1' }],
    ['null and its text', { k: null }, { k: 'null' }],
    ['the kind of an empty container', { k: [] }, { k: {} }],
    ['the level of a key', { 'a.b': 1 }, { a: { b: 1 } }],
    ['the order of items', { k: [1, 2] }, { k: [2, 1] }],
    ['a Date', { k: new Date(1) }, { k: new Date(2) }],
    ['what toJSON gives', { k: { toJSON: () => 1 } }, { k: { toJSON: () => 2 } }],
  ])('%s are different', async (_, first, second) => {
    const system = await open(KEEP_ALL);
    await system.optimizeAgentContext('agent', first);
    const changed = await system.optimizeAgentContext('agent', second);
    expect(changed).toHaveProperty('modified');
    expect({ ...changed.added, ...changed.modified }).toEqual(second);
    const again = await system.optimizeAgentContext('agent', first);
    expect({ ...again.added, ...again.modified }).toEqual(first);
  });
});
