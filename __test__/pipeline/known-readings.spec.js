/** What reads as a context before is known without its texts: what comes out is as if nothing were known. */

const v8 = require('node:v8');
const vm = require('node:vm');
const { KnownReadings } = require('../../js/known-readings.js');
const { capture, columnsOf, encode, giveBack, inOrder, release } = require('../../js/reading.js');
const {
  KEEP_ALL,
  useOwnDirectory,
  useSystems,
  applyChanges,
  canonicalJson,
  randomValue,
  seeded,
} = require('../support.js');

const MB = 1 << 20;

/** Of these each is another context to the core; many are as large as others. */
const CONTEXTS = [
  [
    { a: '1', b: 'x' },
    { a: 1, b: 'x' },
    { a: 'x', b: '1' },
    { b: '1', a: 'x' },
    { a: '1', c: 'x' },
    { a: '1', b: 'y' },
  ],
  [{ n: 0 }, { n: -0 }, { n: 1 }, { n: Number.NaN }, { n: 5e-324 }],
  [{ a: null }, { a: true }, { a: false }, { a: undefined }, { a: [] }, { a: {} }],
  [{ a: [1, [2]] }, { a: [[1], 2] }, { a: [[1, 2]] }, { a: [[1], [2]] }],
  [{ a: 'bc' }, { ab: 'c' }, { abc: '' }, { '': 'abc' }],
  [['a', 'b'], { a: 'b' }, ['ab', ''], ['a b']],
  [{ at: new Date(1) }, { at: new Date(2) }, { at: new Date(1).toJSON() }, { to: new Date(1) }],
  [{ a: 'é' }, { a: 'è' }, { a: '\ud83d\ude00' }, { a: 'e\u0301' }],
  [{ __proto__: null, a: 1 }, Object.fromEntries([['__proto__', 1]]), Object.fromEntries([['constructor', 1]])],
].flat();

/** Contexts with texts that UTF-8 cannot hold: they are read anew each time. */
const LONE = [{ a: '\ud800' }, { '\ud800': 1 }, { a: '\udfff' }];

/** What the core is given of a context. */
function columnsOfContext(context) {
  const reading = capture(context);
  encode(reading);
  const columns = inOrder(columnsOf(reading)).map((column) => Buffer.from(column.slice().buffer).toString('latin1'));
  giveBack(reading);
  release(reading.source);
  return JSON.stringify(columns);
}

function noted(known, context, name) {
  const reading = capture(context);
  encode(reading);
  known.noted(reading)(name);
  giveBack(reading);
  release(reading.source);
}

function nameOf(known, context) {
  const reading = capture(context);
  const name = known.nameOf(reading);
  giveBack(reading);
  release(reading.source);
  return name;
}

describe('a context has the name of one before', () => {
  const random = seeded(11);
  const values = Array.from({ length: 60 }, () => randomValue(random));
  const all = [...CONTEXTS, ...LONE, ...values.map((value) => ({ value }))];
  const given = all.map(columnsOfContext);

  test('exactly if the core is given the same', () => {
    let same = 0;
    for (const [at, first] of all.entries()) {
      const known = new KnownReadings();
      const name = {};
      noted(known, first, name);
      for (const [other, second] of all.entries()) {
        const isKnown = nameOf(known, second) !== undefined;
        if (isKnown && given[other] !== given[at]) throw new Error(`${at} is taken for ${other}`);
        if (at === other) same += isKnown;
      }
    }
    // All but those with a lone surrogate.
    const whole = all.filter(
      (context) => JSON.stringify(context)?.isWellFormed() !== false && !/\\ud[89a-f]/.test(JSON.stringify(context)),
    );
    expect(same).toBe(whole.length);
  });

  test('also if it is a copy', () => {
    const known = new KnownReadings();
    const name = {};
    const context = { list: [1, 'two', { three: null }], text: 'x'.repeat(1000) };
    noted(known, context, name);
    expect(nameOf(known, structuredClone(context))).toBe(name);
    context.list[2].three = 3;
    expect(nameOf(known, context)).toBe(undefined);
  });
});

test('names are forgotten, the one that was used least lately first, before they take more than 32 MB', () => {
  const known = new KnownReadings();
  const context = (at) => ({ text: 'x'.repeat(3 * MB + at) });
  for (let at = 0; at < 5; at++) noted(known, context(at), { at });
  expect(nameOf(known, context(0))).toEqual({ at: 0 });
  noted(known, context(5), { at: 5 });
  expect([0, 1, 2, 3, 4, 5].map((at) => nameOf(known, context(at))?.at)).toEqual([0, undefined, 2, 3, 4, 5]);
  noted(known, { text: 'x'.repeat(17 * MB) }, { at: 'large' });
  expect(nameOf(known, { text: 'x'.repeat(17 * MB) })).toBe(undefined);
  expect(nameOf(known, context(5))).toEqual({ at: 5 });
  known.clear();
  expect(nameOf(known, context(5))).toBe(undefined);
});

describe('a system', () => {
  useOwnDirectory();
  const { open } = useSystems();

  test('makes no UTF-8 of a context that it is given again', async () => {
    const system = await open(KEEP_ALL);
    const context = { currentTask: 'build', list: Array.from({ length: 2000 }, (_, at) => `item ${at}`) };
    await system.optimizeAgentContext('agent', context);
    const encodeInto = jest.spyOn(TextEncoder.prototype, 'encodeInto');
    const again = await system.optimizeAgentContext('agent', structuredClone(context));
    expect(again).toMatchObject({ type: 'incremental', changes: [] });
    expect(encodeInto).not.toHaveBeenCalled();
    encodeInto.mockRestore();
  });

  test('says what changed whatever it knows', async () => {
    const system = await open(KEEP_ALL);
    const random = seeded(5);
    const pool = CONTEXTS.filter((context) => !Array.isArray(context));
    const held = new Map();
    for (let step = 0; step < 400; step++) {
      const agent = `agent ${Math.floor(random() * 3)}`;
      const context = pool[Math.floor(random() * pool.length)];
      const result = await system.optimizeAgentContext(agent, context);
      const before = held.get(agent);
      held.set(agent, context);
      if (result.changes) expect(canonicalJson(before)).toBe(canonicalJson(context));
      else {
        const after = result.type === 'full' ? { ...result } : applyChanges(before, result);
        expect(canonicalJson(after)).toBe(canonicalJson(context));
        if (before !== undefined) expect(canonicalJson(before)).not.toBe(canonicalJson(context));
      }
    }
  });

  test('holds no object of a context that it was given', async () => {
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    const system = await open(KEEP_ALL);
    const given = async () => {
      const context = { currentTask: 'build', inner: { list: [{ at: 1 }] } };
      await system.optimizeAgentContext('agent', context);
      await system.optimizeAgentContext('agent', context);
      return [context, context.inner, context.inner.list[0]].map((object) => new WeakRef(object));
    };
    const held = await given();
    for (let turn = 0; turn < 20 && held.some((each) => each.deref()); turn++) {
      await new Promise(setImmediate);
      gc();
    }
    expect(held.map((each) => each.deref())).toEqual([undefined, undefined, undefined]);
  });

  test('finds out elsewhere where thousands of parts were left out', async () => {
    const contextFilter = { ...KEEP_ALL.contextFilter, contextImportanceThreshold: 1 };
    const system = await open({ ...KEEP_ALL, contextFilter });
    const parts = Array.from({ length: 6000 }, (_, at) => [`part ${at}`, `the tide is full, the moon lies fair ${at}`]);
    const context = { currentTask: 'Fix the login form', ...Object.fromEntries(parts) };
    const first = await system.optimizeAgentContext('frontend-specialist', context);
    expect(first.dropped.length).toBeGreaterThan(2048);
    const encodeInto = jest.spyOn(TextEncoder.prototype, 'encodeInto');
    const aborted = new AbortController();
    const call = system.optimizeAgentContext('frontend-specialist', context, { signal: aborted.signal });
    aborted.abort(new Error('no longer wanted'));
    await expect(call).rejects.toThrow('no longer wanted');
    const again = await system.optimizeAgentContext('frontend-specialist', context);
    expect(again).toMatchObject({ type: 'incremental', changes: [], reference: first.hash });
    expect(again.dropped).toEqual(first.dropped);
    expect(encodeInto).not.toHaveBeenCalled();
    encodeInto.mockRestore();
    const other = await system.optimizeAgentContext('frontend-specialist-2', context);
    expect(other.type).toBe('full');
  });
});
