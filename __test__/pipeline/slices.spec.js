'use strict';

/** Contexts that are read and put together a part at a time, so that the program can do something else meanwhile. */

const { setImmediate: turn } = require('node:timers/promises');
const { failureOf, nested, useOwnDirectory, useSystems } = require('../support.js');
const { FILTERING, KEEP, Receiver, bytes } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

/** However well some of it fits the task. */
const WHOLE = { targetReduction: 0 };

/** About 6 MB of text in 60,000 values: more than is copied at once. */
function large(mark = '') {
  const sections = {};
  for (let section = 0; section < 60; section++) {
    sections[`section ${section}${mark}`] = Array.from({ length: 500 }, (_, at) => ({
      id: section * 500 + at,
      note: `${mark}text ${at} `.repeat(12),
    }));
  }
  return { currentTask: `read section 7${mark}`, sections };
}

test('what the caller changes after the call is not seen', async () => {
  const system = await open(KEEP);
  const context = large();
  const expected = structuredClone(context.sections['section 3']);
  const pending = system.optimizeAgentContext('agent', context);
  // Values that are kept whole are the caller's own; what it replaces was read before.
  context.currentTask = 'changed';
  context.sections = 'gone';
  const result = await pending;
  expect(result.currentTask).toBe('read section 7');
  expect(result.sections['section 3']).toEqual(expected);
  const next = await system.optimizeAgentContext('agent', context);
  expect(next.modified).toEqual({ currentTask: 'changed', sections: 'gone' });
});

test('texts that are encoded later are those that were there', async () => {
  const system = await open(KEEP);
  const context = large('é\ud800');
  context.sections['section 0é\ud800'][0].note = '\ud800';
  const copy = structuredClone(context);
  const pending = system.optimizeAgentContext('agent', context);
  for (const section of Object.values(context.sections)) for (const entry of section) entry.note = 'changed';
  const { hash } = await pending;
  const again = await system.optimizeAgentContext('agent', copy);
  expect(again.changes).toEqual([]);
  expect(again.hash).toBe(hash);
});

test('the program goes on while a context is read and put together', async () => {
  const system = await open(FILTERING);
  let turns = 0;
  let isDone = false;
  const counting = (async () => {
    while (!isDone) {
      turns++;
      await turn();
    }
  })();
  const result = await system.optimizeAgentContext('backend-specialist', large());
  isDone = true;
  await counting;
  expect(turns).toBeGreaterThan(2);
  expect(bytes(result)).toBeLessThan(bytes(large()));
});

test('calls of one agent keep their order, whatever their size', async () => {
  const system = await open(KEEP);
  const receiver = new Receiver();
  const contexts = [large(), { a: 1 }, large('x'), { a: 2 }, {}, large('x')];
  const results = await Promise.all(contexts.map((context) => system.optimizeAgentContext('agent', context, WHOLE)));
  for (const [at, result] of results.entries()) expect(await receiver.take(system, result)).toEqual(contexts[at]);
});

test('a signal ends a call while it is read; the agent has what it had', async () => {
  const system = await open(KEEP);
  await system.optimizeAgentContext('agent', { a: 1 });
  for (const wait of [() => {}, turn]) {
    const controller = new AbortController();
    const pending = system.optimizeAgentContext('agent', large(), { signal: controller.signal });
    await wait();
    controller.abort(new Error('enough'));
    expect((await failureOf(pending)).message).toBe('enough');
  }
  expect((await system.optimizeAgentContext('agent', { a: 1 })).changes).toEqual([]);
});

test('a shutdown waits for what is being read', async () => {
  const system = await open(KEEP);
  const pending = system.optimizeAgentContext('agent', large());
  const [result] = await Promise.all([pending, system.shutdown()]);
  expect(result.type).toBe('full');
  expect(result.dropped).toEqual(expect.any(Array));
});

test('a context that is refused leaves nothing behind', async () => {
  const system = await open(KEEP);
  const cyclic = large();
  cyclic.last = { cyclic };
  for (const bad of [cyclic, { ...large(), big: 1n }, nested(1001)]) {
    expect((await failureOf(system.optimizeAgentContext('agent', bad))).code).toBe('E_CONTEXT_INVALID');
  }
  const results = await Promise.all([1, 2, 3].map((at) => system.optimizeAgentContext(`agent ${at}`, large(), WHOLE)));
  for (const result of results) expect(Object.keys(result.sections)).toHaveLength(60);
});

test('a context that is read by a getter of another one', async () => {
  const system = await open(KEEP);
  let inner;
  const outer = {
    before: 'a',
    get middle() {
      inner ??= system.optimizeAgentContext('inner', { x: [1, 'zwei', { drei: 3 }] });
      return 'b';
    },
    after: ['c', 4],
  };
  expect(await system.optimizeAgentContext('outer', outer)).toEqual({ before: 'a', middle: 'b', after: ['c', 4] });
  expect(await inner).toEqual({ x: [1, 'zwei', { drei: 3 }] });
});
