'use strict';

const { getEventListeners } = require('node:events');
const { ROOT, failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { node } = require('../processes.js');
const { open, parts, wait } = require('./support.js');

const own = useOwnDirectory();
const { open: openSystem } = useSystems();

/** About 5 MB that no filter has seen before. */
let made = 0;
function large() {
  const files = {};
  const source = parts(60);
  made++;
  for (let at = 0; at < 250; at++) files[`src/${at}.js`] = source.replaceAll('part', `p${made}x${at}y`);
  return { currentTask: 'Fix p1x7y30()', files };
}
const heard = (signal) => getEventListeners(signal, 'abort').length;
const abortedWith = (reason) => {
  const controller = new AbortController();
  controller.abort(reason);
  return controller.signal;
};

/** Both ways in: `run(context, options)`, and what a call that is done tells. */
const WAYS = [
  [
    'filterContext',
    async () => {
      const filter = open();
      const run = (context, options) => filter.filterContext('agent-7', context, 0, 0, options);
      return { target: filter, run, tells: ['contextFiltered'] };
    },
  ],
  [
    'optimizeAgentContext',
    async () => {
      const system = await openSystem();
      const run = (context, options) => system.optimizeAgentContext('agent-7', context, options);
      return { target: system, run, tells: ['contextFiltered', 'contextOptimized'] };
    },
  ],
];

describe.each(WAYS)('%s', (_, make) => {
  test('with a signal that is aborted already rejects with its reason and reads nothing', async () => {
    const { target, run } = await make();
    const told = [];
    for (const name of ['contextFiltered', 'contextOptimized', 'agentContextOptimized', 'optimizationError']) {
      target.on(name, () => told.push(name));
    }
    let read = 0;
    const context = {
      get currentTask() {
        read++;
        return 'x';
      },
    };
    for (const reason of [new Error('enough'), 'a text', null, 0]) {
      const signal = abortedWith(reason);
      const pending = run(context, { signal });
      expect(pending).toBeInstanceOf(Promise);
      expect(await failureOf(pending)).toBe(reason);
      expect(heard(signal)).toBe(0);
    }
    expect((await failureOf(run(context, { signal: abortedWith() }))).name).toBe('AbortError');
    expect([read, told]).toEqual([0, []]);
  });

  test('that is aborted at work on 5 MB rejects with the reason, and the next call works', async () => {
    const { target, run, tells } = await make();
    const told = [];
    for (const name of ['contextFiltered', 'contextOptimized']) target.on(name, () => told.push(name));
    for (const { when, tries } of [
      { when: () => {}, tries: 1 },
      // Where the machine gave this thread no turn for long the work may be done by then: that is tried again.
      { when: () => new Promise(setImmediate), tries: 5 },
      { when: () => wait(5), tries: 5 },
    ]) {
      let isAborted = false;
      for (let attempt = 0; attempt < tries && !isAborted; attempt++) {
        const controller = new AbortController();
        const reason = new Error('the user left');
        const pending = run(large(), { signal: controller.signal }).then(
          () => 'done',
          (error) => error,
        );
        await when();
        controller.abort(reason);
        const end = await pending;
        isAborted = end === reason;
        // What was done is told, and nothing else: none of an earlier try either.
        expect([end, told.splice(0).sort()]).toEqual(isAborted ? [reason, []] : ['done', tells]);
        expect(heard(controller.signal)).toBe(0);
      }
      expect(isAborted).toBe(true);
    }
    const context = { currentTask: 'x', a: 1 };
    const result = await run(context, { signal: new AbortController().signal });
    expect(result.filtered ?? result).toEqual(context);
  });

  test('leaves no listener on a signal, however a call ends', async () => {
    const { run } = await make();
    const { signal } = new AbortController();
    const cycle = {};
    cycle.self = cycle;
    for (let call = 0; call < 20; call++) {
      await run({ currentTask: 'x', call }, { signal });
      await failureOf(run(cycle, { signal }));
      await failureOf(run({ a: 1n }, { signal }));
      await failureOf(run({}, { signal, maxTokens: -1 }));
    }
    await Promise.all(Array.from({ length: 20 }, (_item, at) => run({ currentTask: 'x', at }, { signal })));
    expect(heard(signal)).toBe(0);
  });

  test('that is aborted after it ended is not touched', async () => {
    const { run } = await make();
    const controller = new AbortController();
    const result = await run({ currentTask: 'x', a: 1 }, { signal: controller.signal });
    controller.abort();
    expect(result.filtered ?? result).toEqual({ currentTask: 'x', a: 1 });
  });

  test('may be bounded in time', async () => {
    const { run } = await make();
    const error = await failureOf(run(large(), { signal: AbortSignal.timeout(1) }));
    expect(error.name).toBe('TimeoutError');
  });

  test('aborts one call of several, and no other', async () => {
    const { target, run } = await make();
    const controller = new AbortController();
    const method = target.filterContext ? 'filterContext' : 'optimizeAgentContext';
    const others = ['one', 'two'].map((agent) => target[method](agent, { currentTask: 'x', agent }));
    const stopped = failureOf(run(large(), { signal: controller.signal }));
    controller.abort('enough');
    expect(await stopped).toBe('enough');
    for (const [at, other] of (await Promise.all(others)).entries()) {
      expect(other.filtered ?? other).toEqual({ currentTask: 'x', agent: ['one', 'two'][at] });
    }
  });

  test.each([
    [{}],
    ['abort'],
    [new EventTarget()],
    [{ aborted: true }],
    [5],
    [[]],
    [true],
  ])('refuses %p as a signal', async (signal) => {
    const { run } = await make();
    const error = await failureOf(run({ currentTask: 'x' }, { signal }));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
    expect(error.message).toContain('signal');
  });
});

test('one signal stops fifty agents, and nothing is printed', async () => {
  const script = `
    const { AgentContextFilter } = require(${JSON.stringify(ROOT)});
    const { getEventListeners } = require('node:events');
    (async () => {
      const filter = new AgentContextFilter();
      const { signal } = new AbortController();
      await Promise.all(Array.from({ length: 50 }, (_, at) => filter.filterContext('agent ' + at, { at }, 0, 0, { signal })));
      const controller = new AbortController();
      // The last one is so large that it cannot have ended by then.
      const texts = Array.from({ length: 50 }, (_, at) => ('some' + at + ' words of a text ').repeat(at < 49 ? 2000 : 500000));
      const calls = texts.map((text, at) =>
        filter.filterContext('agent ' + at, { text }, 0, 0, { signal: controller.signal }));
      controller.abort('enough');
      const ends = (await Promise.allSettled(calls)).filter((end) => end.status === 'rejected');
      const listeners = [signal, controller.signal].map((each) => getEventListeners(each, 'abort').length);
      console.log(JSON.stringify({ reasons: [...new Set(ends.map((end) => end.reason))], listeners }));
    })();`;
  const { code, stdout, stderr } = await node(['-e', script], { cwd: own.path() });
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({ reasons: ['enough'], listeners: [0, 0] });
});

test('aborted calls leave what is remembered within its bound', async () => {
  const filter = open({ analysisCacheMB: 0.1 });
  for (let call = 0; call < 10; call++) {
    const controller = new AbortController();
    const stopped = failureOf(filter.filterContext('agent-7', large(), 0, 0, { signal: controller.signal }));
    controller.abort('enough');
    expect(await stopped).toBe('enough');
  }
  expect(filter.getFilterStats().analysisBytes).toBeLessThanOrEqual(0.1 * 1048576);
});

describe('a call of a system that was aborted', () => {
  test('has not been made: the next result of a new agent is a full one', async () => {
    const system = await openSystem();
    let agent;
    let context;
    let end;
    // Where the machine gave this thread no turn for long the work may be done by then: that is tried again.
    for (let attempt = 0; attempt < 5 && end !== 'enough'; attempt++) {
      agent = `agent-${attempt}`;
      context = large();
      const controller = new AbortController();
      const pending = system.optimizeAgentContext(agent, context, { signal: controller.signal }).then(
        () => system.resetAgent(agent),
        (error) => error,
      );
      await wait(5);
      controller.abort('enough');
      end = await pending;
    }
    expect(end).toBe('enough');
    const known = system.getStatus().components.memoryManager.agents.map(({ agentId }) => agentId);
    expect(known).not.toContain(agent);
    const first = await system.optimizeAgentContext(agent, context);
    expect(first.type).toBe('full');
    expect((await system.optimizeAgentContext(agent, context)).changes).toEqual([]);
  });

  test('has not been made: the next result is told against the one before it', async () => {
    const system = await openSystem();
    await system.optimizeAgentContext('agent-7', { currentTask: 'x', a: 1 });
    const controller = new AbortController();
    const stopped = failureOf(system.optimizeAgentContext('agent-7', large(), { signal: controller.signal }));
    controller.abort('enough');
    expect(await stopped).toBe('enough');
    expect(await system.optimizeAgentContext('agent-7', { currentTask: 'x', a: 2 })).toEqual({
      added: {},
      modified: { a: 2 },
      removed: [],
      unchanged: ['currentTask'],
    });
  });

  test('while it waits for its turn never begins, and those behind it go on', async () => {
    const system = await openSystem();
    const told = [];
    system.on('contextFiltered', ({ original }) => told.push(original.at));
    const controller = new AbortController();
    const calls = [0, 1, 2].map((at) =>
      system.optimizeAgentContext('agent-7', { currentTask: 'x', at }, at === 1 ? { signal: controller.signal } : {}),
    );
    controller.abort('enough');
    const [first, second, third] = await Promise.allSettled(calls);
    expect(first.value).toEqual({ currentTask: 'x', at: 0 });
    expect(second.reason).toBe('enough');
    expect(third.value.modified).toEqual({ at: 2 });
    expect(told).toEqual([0, 2]);
  });

  test('does not keep it from shutting down', async () => {
    const system = await openSystem();
    const controller = new AbortController();
    const stopped = failureOf(system.optimizeAgentContext('agent-7', large(), { signal: controller.signal }));
    const end = system.shutdown();
    controller.abort('enough');
    expect(await stopped).toBe('enough');
    await end;
  });
});
