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

/** Lets an agent have a context; gives whether anything was kept for it. */
async function given(known, agent, context, output = { name: {}, isUnchanged: false }) {
  const reading = capture(context);
  encode(reading);
  const columns = await known.columnsOf(agent, reading);
  known.note(agent, reading, columns, output);
  giveBack(reading);
  release(reading.source);
  return columns !== undefined;
}

async function nameOf(known, agent, context) {
  const reading = capture(context);
  const name = await known.nameOf(agent, reading);
  giveBack(reading);
  release(reading.source);
  return name;
}

describe('a context has the name of the one before', () => {
  const random = seeded(11);
  const values = Array.from({ length: 60 }, () => ({ value: randomValue(random) }));
  const all = [...CONTEXTS, ...LONE, ...values];
  const columns = all.map(columnsOfContext);

  test('exactly if the core is given the same', async () => {
    let same = 0;
    for (const [at, first] of all.entries()) {
      const known = new KnownReadings();
      await given(known, 'agent', first);
      for (const [other, second] of all.entries()) {
        const isKnown = (await nameOf(known, 'agent', second)) !== undefined;
        if (isKnown && columns[other] !== columns[at]) throw new Error(`${at} is taken for ${other}`);
        if (at === other) same += isKnown;
      }
    }
    const isLone = (context) => /\\ud[89a-f]/.test(JSON.stringify(context));
    expect(same).toBe(all.filter((context) => !isLone(context)).length);
  });

  test('also if it is a copy, and of that agent alone', async () => {
    const known = new KnownReadings();
    const name = {};
    const context = { list: [1, 'two', { three: null }], text: 'x'.repeat(1000) };
    await given(known, 'agent', context, { name, isUnchanged: false });
    expect(await nameOf(known, 'agent', structuredClone(context))).toBe(name);
    expect(await nameOf(known, 'other', context)).toBe(undefined);
    context.list[2].three = 3;
    expect(await nameOf(known, 'agent', context)).toBe(undefined);
  });

  test('nothing is copied for an agent whose context changes with each call, until one comes again', async () => {
    const known = new KnownReadings();
    const kept = [];
    for (let at = 0; at < 4; at++) kept.push(await given(known, 'agent', { at }));
    expect(kept).toEqual([true, false, false, false]);
    // The core finds out itself that it is the same.
    await given(known, 'agent', { at: 3 }, { name: {}, isUnchanged: true });
    expect(await given(known, 'agent', { at: 3 }, { name: {}, isUnchanged: true })).toBe(true);
    expect(await nameOf(known, 'agent', { at: 3 })).not.toBe(undefined);
    expect(await given(known, 'agent', { at: 4 })).toBe(true);
    expect(await nameOf(known, 'agent', { at: 4 })).not.toBe(undefined);
  });
});

test('names are forgotten, of the agent that was there least lately first, before all take more than 32 MB', async () => {
  const known = new KnownReadings();
  const context = (at) => ({ text: 'x'.repeat(6 * MB + at) });
  const agents = [0, 1, 2, 3, 4];
  for (const at of agents) await given(known, `agent ${at}`, context(at), { name: { at } });
  expect(await nameOf(known, 'agent 0', context(0))).toEqual({ at: 0 });
  await given(known, 'agent 5', context(5), { name: { at: 5 } });
  const names = [];
  for (const at of [...agents, 5]) names.push((await nameOf(known, `agent ${at}`, context(at)))?.at);
  expect(names).toEqual([0, undefined, 2, 3, 4, 5]);
  expect(await given(known, 'large', { text: 'x'.repeat(33 * MB) })).toBe(false);
  // Two bytes a unit.
  await given(known, 'large', { text: 'é'.repeat(17 * MB) });
  expect(await nameOf(known, 'large', { text: 'é'.repeat(17 * MB) })).toBe(undefined);
  expect(await nameOf(known, 'agent 5', context(5))).toEqual({ at: 5 });
  known.clear();
  expect(await nameOf(known, 'agent 5', context(5))).toBe(undefined);
  known.end();
  await given(known, 'agent 5', context(5), { name: {} });
  expect(await nameOf(known, 'agent 5', context(5))).toBe(undefined);
});

test('a piece of a large text does not hold that text', async () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const known = new KnownReadings();
  gc();
  const before = process.memoryUsage();
  for (let at = 0; at < 40; at++) {
    const large = Buffer.alloc(4 * MB, `line ${at} of a file\n`).toString('latin1');
    await given(known, `agent ${at}`, { tail: large.slice(-1000) });
  }
  let grown = Number.POSITIVE_INFINITY;
  // What is outside of the heap goes some turns later.
  for (let turn = 0; turn < 50 && grown > 20 * MB; turn++) {
    gc();
    await new Promise(setImmediate);
    const after = process.memoryUsage();
    grown = after.heapUsed + after.external - before.heapUsed - before.external;
  }
  expect(grown).toBeLessThan(20 * MB);
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
    expect(encodeInto.mock.calls.length).toBe(0);
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
    expect(encodeInto.mock.calls.length).toBe(0);
    encodeInto.mockRestore();
    const other = await system.optimizeAgentContext('frontend-specialist-2', context);
    expect(other.type).toBe('full');
  });

  test('is called off in the turn of the call also where it knows the context', async () => {
    const system = await open(KEEP_ALL);
    const context = { currentTask: 'build' };
    await system.optimizeAgentContext('agent', context);
    const aborted = new AbortController();
    const call = system.optimizeAgentContext('agent', context, { signal: aborted.signal });
    aborted.abort(new Error('no longer wanted'));
    await expect(call).rejects.toThrow('no longer wanted');
    const reset = system.optimizeAgentContext('agent', context);
    system.resetAgent('agent');
    expect((await reset).type).toBe('full');
  });
});

test('others have the thread while many values are copied and compared', async () => {
  const known = new KnownReadings();
  const context = Array.from({ length: 100_000 }, (_, at) => `item ${at}`);
  // Each look at the clock finds a slice over.
  let now = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => {
    now += 5;
    return now;
  });
  try {
    for (const work of [() => given(known, 'agent', context), () => nameOf(known, 'agent', context)]) {
      let turns = 0;
      let isOver = false;
      const count = () => {
        turns++;
        if (!isOver) setImmediate(count);
      };
      setImmediate(count);
      expect(await work()).not.toBe(undefined);
      isOver = true;
      expect(turns).toBeGreaterThan(20);
    }
  } finally {
    clock.mockRestore();
  }
});

test('a context whose getter throws leaves nothing behind for the next one', () => {
  const broken = {
    key: 'a text',
    get more() {
      throw new Error('not now');
    },
  };
  for (let at = 0; at < 4; at++) {
    expect(() => capture(broken)).toThrow('not now');
    const reading = capture(['a', 'b', 'c', 'd']);
    expect(reading.source.keys.slice(0, reading.count)).toEqual(new Array(reading.count).fill(undefined));
    encode(reading);
    expect(reading.textCount).toBe(4);
    giveBack(reading);
    release(reading.source);
  }
});
