/** Who says that a context arrived: with `explicit`, nothing that may have been lost is ever built upon. */

const { once } = require('node:events');
const { applyDelta } = require('../../index.js');
const { failureOf, randomValue, seeded } = require('../support.js');
const { changed, hashOf, linesOf, plain, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();
const EXPLICIT = { acknowledgement: 'explicit' };
const send = async (optimizer, context) => wire(await optimizer.optimizeContext('agent', context));

test('by default what was sent counts as received', async () => {
  const optimizer = open();
  await send(optimizer, { a: 1 });
  const next = await send(optimizer, { a: 2 });
  expect(next.base).toBe(hashOf({ a: 1 }).slice(0, 16));
  expect(optimizer.acknowledge('agent', next.hash)).toBe(true);
  expect(optimizer.acknowledge('agent', hashOf({ a: 1 }))).toBe(false);
});

test('until it is acknowledged every context is sent in full', async () => {
  const optimizer = open(EXPLICIT);
  for (const a of [1, 1, 2, 1]) expect((await send(optimizer, { a })).type).toBe('full');
  expect(optimizer.acknowledge('agent', hashOf({ a: 1 }))).toBe(true);
  expect(await send(optimizer, { a: 3 })).toMatchObject({ base: hashOf({ a: 1 }).slice(0, 16), modified: { a: 3 } });
  expect(await send(optimizer, { a: 1 })).toEqual({
    v: 1,
    type: 'incremental',
    hash: hashOf({ a: 1 }),
    base: hashOf({ a: 1 }).slice(0, 16),
  });
});

test('what was not sent, not to this agent, or is older than the base cannot be acknowledged', async () => {
  const optimizer = open(EXPLICIT);
  for (const a of [1, 2, 3]) await send(optimizer, { a });
  await optimizer.optimizeContext('other', { a: 4 });
  const hashes = [1, 2, 3, 4, 5].map((a) => hashOf({ a }));
  expect(optimizer.acknowledge('agent', hashes[4])).toBe(false);
  expect(optimizer.acknowledge('agent', hashes[3])).toBe(false);
  expect(optimizer.acknowledge('nobody', hashes[0])).toBe(false);
  expect(optimizer.acknowledge('agent', hashes[1])).toBe(true);
  expect(optimizer.acknowledge('agent', hashes[0])).toBe(false);
  expect(optimizer.acknowledge('agent', hashes[1])).toBe(true);
  expect((await send(optimizer, { a: 9 })).base).toBe(hashes[1].slice(0, 16));
  expect(optimizer.acknowledge('agent', hashes[2])).toBe(true);
});

test.each([
  ['no hash', undefined],
  ['a number', 5],
  ['a short one', 'abc'],
  ['capitals', 'A'.repeat(64)],
  ['other letters', 'g'.repeat(64)],
  ['one with a space', `${'a'.repeat(63)} `],
])('%s is refused', async (_, hash) => {
  const optimizer = open(EXPLICIT);
  await send(optimizer, { a: 1 });
  expect((await failureOf(() => optimizer.acknowledge('agent', hash))).code).toBe('E_INVALID_ARGUMENT');
  expect((await failureOf(() => optimizer.acknowledge(undefined, hashOf({})))).code).toBe('E_INVALID_ARGUMENT');
});

test.each([1, 2, 3])('messages and acknowledgements that get lost or overtake break nothing, seed %i', async (seed) => {
  const random = seeded(seed);
  const optimizer = open({ ...EXPLICIT, encoding: 'blocks' });
  let context = { start: linesOf(random, 40).join('') };
  // All that the receiver ever had: a message says by its hash what it is about.
  const had = new Map();
  const acknowledgements = [];
  let deltas = 0;
  for (let turn = 0; turn < 80; turn++) {
    if (random() < 0.8) context = changed(context, random, () => randomValue(random));
    const message = await send(optimizer, context);
    if (random() < 0.3) continue;
    deltas += message.type === 'incremental';
    // Only what it has: a base that was lost would be missing here.
    const base = message.type === 'full' ? undefined : had.get(message.base);
    if (message.type !== 'full') expect(base).toBeDefined();
    const got = applyDelta(base, wire(await optimizer.resolveBlocks(message)));
    expect(got).toEqual(plain(context));
    had.set(message.hash.slice(0, 16), got);
    acknowledgements.push(message.hash);
    if (random() < 0.6) {
      const [hash] = acknowledgements.splice(Math.floor(random() * acknowledgements.length), 1);
      optimizer.acknowledge('agent', hash);
    }
  }
  expect(deltas).toBeGreaterThan(10);
});

test('text of a lost message is not held: it is never referred to as such', async () => {
  const optimizer = open({ ...EXPLICIT, encoding: 'blocks' });
  const text = linesOf(seeded(1), 60).join('');
  await optimizer.optimizeContext('agent', { text });
  const again = await optimizer.optimizeContext('agent', { text, n: 1 });
  expect([again.heldTokens, again.fetchTokens > 0]).toEqual([0, true]);
  optimizer.acknowledge('agent', again.hash);
  const next = await optimizer.optimizeContext('agent', { text: `${text}more`, n: 1 });
  expect([next.heldTokens > 0, next.fetchTokens]).toEqual([true, 0]);
});

test('an acknowledgement that comes too late is none', async () => {
  const optimizer = open({ ...EXPLICIT, acknowledgementTimeoutMs: 1 });
  const { hash } = await send(optimizer, { a: 1 });
  // Timers of this length run when their time is over, never before.
  await once(AbortSignal.timeout(5), 'abort');
  expect(optimizer.acknowledge('agent', hash)).toBe(false);
  expect((await send(optimizer, { a: 2 })).type).toBe('full');
});

test('a base stays one however long it was acknowledged ago', async () => {
  const optimizer = open({ ...EXPLICIT, acknowledgementTimeoutMs: 3_600_000 });
  const { hash } = await send(optimizer, { a: 1 });
  optimizer.acknowledge('agent', hash);
  optimizer.updateConfig({ acknowledgementTimeoutMs: 1 });
  await once(AbortSignal.timeout(5), 'abort');
  expect((await send(optimizer, { a: 2 })).base).toBe(hash.slice(0, 16));
});

describe('resetAgent', () => {
  test('sends the next context in full, to this agent only', async () => {
    const optimizer = open({ encoding: 'blocks' });
    const text = linesOf(seeded(1), 60).join('');
    for (const agent of ['a', 'b']) await optimizer.optimizeContext(agent, { text });
    expect(optimizer.resetAgent('a')).toBe(true);
    expect(optimizer.resetAgent('a')).toBe(false);
    expect(optimizer.resetAgent('nobody')).toBe(false);
    const full = await optimizer.optimizeContext('a', { text });
    expect([full.type, full.heldTokens]).toEqual(['full', 0]);
    expect((await optimizer.optimizeContext('b', { text })).changes).toEqual([]);
  });

  test('leaves what was measured', async () => {
    const optimizer = open();
    await send(optimizer, { a: 1 });
    const before = optimizer.getOptimizationReport();
    optimizer.resetAgent('agent');
    expect(optimizer.getOptimizationReport()).toEqual(before);
  });

  test('takes what waits to be acknowledged', async () => {
    const optimizer = open(EXPLICIT);
    const { hash } = await send(optimizer, { a: 1 });
    optimizer.resetAgent('agent');
    expect(optimizer.acknowledge('agent', hash)).toBe(false);
  });

  test('refuses what is no agent', async () => {
    expect((await failureOf(() => open().resetAgent(5))).code).toBe('E_INVALID_ARGUMENT');
  });
});
