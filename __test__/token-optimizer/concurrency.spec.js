/** Many calls at once: each agent's results are a chain from its first context to its last. */

const { applyDelta, AgentContextFilter } = require('../../index.js');
const { failureOf, randomValue, seeded } = require('../support.js');
const { changed, hashOf, linesOf, useOptimizers, wire } = require('./support.js');

const open = useOptimizers();

/** Follows the results of one agent: every one is about the one before. */
async function expectChain(optimizer, results, contexts) {
  let has;
  let hash;
  for (const [at, result] of results.entries()) {
    const message = wire(result);
    expect(message.base).toBe(at === 0 ? undefined : hash.slice(0, 16));
    has = applyDelta(has, wire(await optimizer.resolveBlocks(message)));
    expect(has).toEqual(contexts[at]);
    hash = message.hash;
    expect(hash).toBe(hashOf(contexts[at]));
  }
}

/** The same contexts, a filter that takes a while, and one that does not. */
const FILTERS = [
  ['no filter', () => undefined],
  ['our filter', () => new AgentContextFilter({ contextImportanceThreshold: 0, adaptiveReduction: false })],
  [
    'a filter whose calls overtake each other',
    () => {
      let calls = 0;
      return {
        filterContext: async (_, context) => {
          for (let turns = (calls++ * 7) % 5; turns > 0; turns--) await new Promise(setImmediate);
          return { filtered: context };
        },
      };
    },
  ],
];

describe.each(FILTERS)('with %s', (_, makeFilter) => {
  test.each(['keys', 'blocks'])('a hundred calls for one agent, in %s', async (encoding) => {
    const random = seeded(1);
    const optimizer = open({ encoding }, { filter: makeFilter() });
    const text = linesOf(random, 40);
    const contexts = Array.from({ length: 100 }, (_, at) => ({ text: text.slice(at % 9).join(''), at, n: at % 3 }));
    const results = await Promise.all(contexts.map((context) => optimizer.optimizeContext('agent', context)));
    await expectChain(optimizer, results, contexts);
  });

  test('a hundred calls for ten agents', async () => {
    const random = seeded(2);
    const optimizer = open({}, { filter: makeFilter() });
    const contexts = Array.from({ length: 10 }, () => []);
    const calls = Array.from({ length: 10 }, () => []);
    for (let call = 0; call < 100; call++) {
      const agent = Math.floor(random() * 10);
      const context = JSON.parse(
        JSON.stringify(changed(contexts[agent].at(-1) ?? {}, random, () => randomValue(random, 1))),
      );
      contexts[agent].push(context);
      calls[agent].push(optimizer.optimizeContext(`agent ${agent}`, context));
    }
    for (const [agent, results] of calls.entries()) {
      await expectChain(optimizer, await Promise.all(results), contexts[agent]);
    }
  });
});

test('what fails is left out of the chain', async () => {
  let calls = 0;
  const filter = {
    filterContext: async (_, context) => {
      if (calls++ % 3 === 1) throw new Error('the filter is out of order');
      return { filtered: context };
    },
  };
  const optimizer = open({}, { filter });
  const contexts = Array.from({ length: 30 }, (_, at) => ({ at }));
  const settled = await Promise.allSettled(contexts.map((context) => optimizer.optimizeContext('agent', context)));
  const done = (_, at) => settled[at].status === 'fulfilled';
  expect(settled.filter(({ reason }) => reason?.message === 'the filter is out of order').length).toBe(10);
  await expectChain(
    optimizer,
    settled.filter(done).map(({ value }) => value),
    contexts.filter(done),
  );
});

test('acknowledged while calls are under way', async () => {
  const optimizer = open({ acknowledgement: 'explicit' });
  const had = new Map();
  const calls = Array.from({ length: 60 }, async (_, at) => {
    const context = { at, same: 'for all of them' };
    const message = wire(await optimizer.optimizeContext('agent', context));
    had.set(message.hash.slice(0, 16), context);
    if (at % 4 === 0) optimizer.acknowledge('agent', message.hash);
    if (message.type === 'full') return;
    expect(applyDelta(had.get(message.base), message)).toEqual(context);
  });
  await Promise.all(calls);
  expect((await optimizer.optimizeContext('agent', { last: 1 })).type).toBe('incremental');
});

test('reset while calls are under way', async () => {
  const optimizer = open();
  let has;
  const calls = Array.from({ length: 60 }, async (_, at) => {
    const context = { at };
    if (at % 5 === 0) optimizer.resetAgent('agent');
    const message = wire(await optimizer.optimizeContext('agent', context));
    has = applyDelta(has, message);
    expect(has).toEqual(context);
  });
  await Promise.all(calls);
});

describe('a signal', () => {
  const reason = new Error('not wanted any more');

  test('that fired before costs nothing', async () => {
    const optimizer = open();
    const error = await failureOf(optimizer.optimizeContext('agent', { a: 1 }, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect((await optimizer.optimizeContext('agent', { a: 1 })).type).toBe('full');
  });

  test('ends what waits for its turn, and the others go on', async () => {
    let release;
    const gate = new Promise((resolve) => {
      release = resolve;
    });
    const filter = {
      filterContext: async (_, context) => {
        if (context.at === 0) await gate;
        return { filtered: context };
      },
    };
    const optimizer = open({}, { filter });
    const controller = new AbortController();
    const contexts = Array.from({ length: 6 }, (_, at) => ({ at }));
    const calls = contexts.map((context, at) =>
      optimizer.optimizeContext('agent', context, at % 2 === 1 ? { signal: controller.signal } : {}),
    );
    const aborted = Promise.allSettled(calls.filter((_, at) => at % 2 === 1));
    controller.abort(reason);
    // The first one has not even been filtered.
    expect((await aborted).map((each) => each.reason)).toEqual([reason, reason, reason]);
    release();
    const even = (_, at) => at % 2 === 0;
    await expectChain(optimizer, await Promise.all(calls.filter(even)), contexts.filter(even));
  });

  test('reaches the filter', async () => {
    const controller = new AbortController();
    const filter = {
      filterContext: (_agent, _context, _memory, _load, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          controller.abort(reason);
        }),
    };
    const call = open({}, { filter }).optimizeContext('agent', {}, { signal: controller.signal });
    expect(await failureOf(call)).toBe(reason);
  });

  test('does not break the chain, whenever it fires', async () => {
    const optimizer = open();
    const contexts = Array.from({ length: 100 }, (_, at) => ({ at, text: 'x'.repeat(2000) }));
    const settled = await Promise.allSettled(
      contexts.map((context, at) => {
        const controller = new AbortController();
        const call = optimizer.optimizeContext('agent', context, { signal: controller.signal });
        if (at % 3 === 1) controller.abort(reason);
        if (at % 3 === 2) setImmediate(() => controller.abort(reason));
        return call;
      }),
    );
    const done = (_, at) => settled[at].status === 'fulfilled';
    expect(settled.some(({ status }) => status === 'rejected')).toBe(true);
    await expectChain(
      optimizer,
      settled.filter(done).map(({ value }) => value),
      contexts.filter(done),
    );
  });
});
