/** What a receiver makes of results: the very context that was sent. */

const { applyDelta, applyDeltaAsync, toMessage } = require('../../index.js');
const { canonicalJson, contextA, contextB, randomValue, seeded } = require('../support.js');
const { changed, hashOf, plain, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();

describe.each([1, 2, 3, 4, 5, 6])('random edits, seed %i', (seed) => {
  test('each agent has its context after each message', async () => {
    const random = seeded(seed);
    const optimizer = open();
    const agents = Array.from({ length: 3 }, () => ({ context: { start: randomValue(random) }, has: undefined }));
    const types = new Set();
    for (let turn = 0; turn < 60; turn++) {
      const name = Math.floor(random() * agents.length);
      const agent = agents[name];
      if (random() < 0.85) agent.context = changed(agent.context, random);
      const result = await optimizer.optimizeContext(`agent ${name}`, agent.context);
      const message = wire(result);
      const sent = plain(agent.context);
      expect(message.hash).toBe(hashOf(sent));
      expect(message.base).toBe(message.type === 'full' ? undefined : hashOf(agent.has).slice(0, 16));
      types.add('removed' in message ? 'changed' : message.type === 'full' ? 'full' : 'unchanged');
      const got = applyDelta(agent.has, message);
      expect(canonicalJson(got)).toBe(canonicalJson(sent));
      expect(JSON.stringify(await applyDeltaAsync(agent.has, message))).toBe(JSON.stringify(got));
      // Also of the result itself, for a receiver in the same process.
      expect(canonicalJson(applyDelta(agent.has, result))).toBe(canonicalJson(sent));
      agent.has = got;
    }
    expect([...types].sort()).toEqual(['changed', 'full', 'unchanged']);
  });

  test('any value at the root', async () => {
    const random = seeded(seed * 1000);
    const optimizer = open();
    let has;
    for (let turn = 0; turn < 40; turn++) {
      const context = random() < 0.3 && has !== undefined ? has : randomValue(random);
      const result = await optimizer.optimizeContext('agent', context);
      // A scalar in full says nothing of itself.
      const isScalar = result === null || typeof result !== 'object';
      has = isScalar ? result : applyDelta(has, wire(result));
      expect(canonicalJson(has)).toBe(canonicalJson(context));
    }
  });
});

test('a message of an unchanged context has hashes only', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', contextA());
  const message = toMessage(await optimizer.optimizeContext('agent', contextA()));
  const hash = hashOf(contextA());
  expect(message).toEqual({ v: 1, type: 'incremental', hash, base: hash.slice(0, 16) });
  const base = contextA();
  expect(applyDelta(base, message)).toBe(base);
  expect(await applyDeltaAsync(base, message)).toBe(base);
});

test('a message is its own message', async () => {
  const message = toMessage(await open().optimizeContext('agent', contextA()));
  expect(toMessage(message)).toBe(message);
  const read = plain(message);
  expect(toMessage(read)).toBe(read);
});

test('neither base nor delta are changed, and their values are used', async () => {
  const optimizer = open();
  const base = contextA();
  await optimizer.optimizeContext('agent', base);
  const delta = await optimizer.optimizeContext('agent', contextB());
  const before = [JSON.stringify(base), JSON.stringify(delta)];
  const next = applyDelta(base, delta);
  expect(next.modified).toBeUndefined();
  expect(next.projectStructure).toBe(delta.modified.projectStructure);
  next.counter = 'changed';
  delete next.currentTask;
  expect([JSON.stringify(base), JSON.stringify(delta)]).toEqual(before);
});

test('a base may hold what JSON leaves out, and objects that write themselves', async () => {
  const optimizer = open();
  const base = {
    at: new Date(5),
    none: undefined,
    call() {},
    symbol: Symbol('symbol'),
    silent: { toJSON: () => undefined },
    n: 1,
  };
  await optimizer.optimizeContext('agent', base);
  const delta = wire(await optimizer.optimizeContext('agent', { at: new Date(5), n: 2 }));
  expect(delta.unchanged).toEqual(['at']);
  expect(applyDelta(base, delta)).toEqual({ at: new Date(5), n: 2 });
});

test('the order of keys of a base does not matter', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', { a: 1, b: { c: 1, d: 2 } });
  const delta = wire(await optimizer.optimizeContext('agent', { a: 2, b: { c: 1, d: 2 } }));
  expect(applyDelta({ b: { d: 2, c: 1 }, a: 1 }, delta)).toEqual({ a: 2, b: { c: 1, d: 2 } });
});

test('the optimizer has the same functions', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('agent', contextA());
  const result = await optimizer.optimizeContext('agent', contextB());
  expect(optimizer.toMessage(result)).toEqual(toMessage(result));
  expect(optimizer.applyDelta(contextA(), result)).toEqual(contextB());
  expect(await optimizer.applyDeltaAsync(contextA(), result)).toEqual(contextB());
});

test('large contexts too, on both threads', async () => {
  const optimizer = open();
  const random = seeded(7);
  const context = { big: Array.from({ length: 20_000 }, () => random()), text: 'é😀\n'.repeat(50_000) };
  const next = { ...context, more: 1 };
  await optimizer.optimizeContext('agent', context);
  const delta = wire(await optimizer.optimizeContext('agent', next));
  expect(JSON.stringify(applyDelta(context, delta))).toBe(JSON.stringify(next));
  expect(JSON.stringify(await applyDeltaAsync(context, delta))).toBe(JSON.stringify(next));
});
