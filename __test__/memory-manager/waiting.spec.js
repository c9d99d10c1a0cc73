/** Waiting until an agent need not wait. */

const { getEventListeners } = require('node:events');
const { failureOf } = require('../support.js');
const { MB, isSettled, outputOf, useManagers } = require('./support.js');

const { open } = useManagers();

/** A manager with agents over their limit of 10 MB. */
function throttling(...names) {
  const memory = open({ agentMemoryLimit: 10 });
  for (const name of names) memory.registerAgentMemory(name, 20 * MB, 0);
  return memory;
}

describe('whenUnthrottled', () => {
  test('resolves at once for an agent that is not throttled, known or not', async () => {
    const memory = throttling();
    memory.registerAgentMemory('agent', 1, 0);
    expect(await memory.whenUnthrottled('agent')).toBeUndefined();
    expect(await memory.whenUnthrottled('unknown', { timeout: 1000 })).toBeUndefined();
    expect(await memory.whenUnthrottled('agent', {})).toBeUndefined();
  });

  test('waits until the agent holds less than 80 % of its limit', async () => {
    const memory = throttling('agent');
    const waiting = memory.whenUnthrottled('agent');
    expect(await isSettled(waiting)).toBe(false);
    memory.registerAgentMemory('agent', 8 * MB, 0);
    expect(await isSettled(waiting)).toBe(false);
    memory.registerAgentMemory('agent', 8 * MB - 1, 0);
    expect(await waiting).toBeUndefined();
  });

  test.each([
    ['forgetAgent', (memory) => memory.forgetAgent('agent')],
    [
      'unthrottleAgent',
      (memory) => {
        memory.updateConfig({ agentMemoryLimit: 100 });
        memory.unthrottleAgent('agent');
      },
    ],
    ['stop', (memory) => memory.stop()],
  ])('resolves after %s', async (_, release) => {
    const memory = throttling('agent');
    const waiting = memory.whenUnthrottled('agent');
    expect(await isSettled(waiting)).toBe(false);
    release(memory);
    expect(await waiting).toBeUndefined();
  });

  test('keeps those who wait for other agents waiting', async () => {
    const memory = throttling('a', 'b');
    const [a, b] = ['a', 'b'].map((name) => memory.whenUnthrottled(name));
    memory.registerAgentMemory('b', 0, 0);
    await b;
    expect(await isSettled(a)).toBe(false);
    memory.registerAgentMemory('a', 0, 0);
    await a;
  });

  test('releases who came first first, all of many', async () => {
    const memory = throttling('agent');
    const order = [];
    const all = Array.from({ length: 2000 }, (_, at) => memory.whenUnthrottled('agent').then(() => order.push(at)));
    expect(await isSettled(Promise.race(all))).toBe(false);
    memory.registerAgentMemory('agent', 0, 0);
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 2000 }, (_, at) => at));
  });

  test('waits again for an agent that is throttled again', async () => {
    const memory = throttling('agent');
    for (let round = 0; round < 3; round++) {
      const waiting = memory.whenUnthrottled('agent');
      expect(await isSettled(waiting)).toBe(false);
      memory.registerAgentMemory('agent', 0, 0);
      await waiting;
      memory.registerAgentMemory('agent', 20 * MB, 0);
    }
  });

  test('is told after the listeners of agentUnthrottled', async () => {
    const memory = throttling('agent');
    const order = [];
    memory.on('agentUnthrottled', () => order.push('event'));
    const waiting = memory.whenUnthrottled('agent').then(() => order.push('waiter'));
    memory.registerAgentMemory('agent', 0, 0);
    await waiting;
    expect(order).toEqual(['event', 'waiter']);
  });
});

describe('a signal', () => {
  test('that has fired before ends the waiting at once, with its reason', async () => {
    const memory = throttling('agent');
    const reason = new Error('of the caller');
    const signal = AbortSignal.abort(reason);
    expect(await failureOf(memory.whenUnthrottled('agent', { signal }))).toBe(reason);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.each([
    [new Error('of the caller')],
    ['text'],
    [null],
    [0],
  ])('that fires with %p ends it with that', async (reason) => {
    const memory = throttling('agent');
    const controller = new AbortController();
    const { signal } = controller;
    const others = memory.whenUnthrottled('agent');
    const waiting = memory.whenUnthrottled('agent', { signal });
    expect(await isSettled(waiting)).toBe(false);
    controller.abort(reason);
    const outcome = await waiting.then(
      () => ['resolved'],
      (error) => ['rejected', error],
    );
    expect(outcome).toEqual(['rejected', reason]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(await isSettled(others)).toBe(false);
    memory.registerAgentMemory('agent', 0, 0);
    await others;
  });

  test('that fires afterwards changes nothing, and is not held', async () => {
    const memory = throttling('agent');
    const controller = new AbortController();
    const waiting = memory.whenUnthrottled('agent', { signal: controller.signal, timeout: 50_000 });
    memory.registerAgentMemory('agent', 0, 0);
    await waiting;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    controller.abort();
    await waiting;
  });
});

describe('a time limit', () => {
  test('ends the waiting with E_TIMEOUT; the agent is as it was', async () => {
    const memory = throttling('agent');
    const others = memory.whenUnthrottled('agent');
    const error = await failureOf(memory.whenUnthrottled('agent', { timeout: 20 }));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_TIMEOUT']);
    expect(error.message).toContain('20');
    expect(memory.shouldThrottleAgent('agent')).toBe(true);
    expect(await isSettled(others)).toBe(false);
  });

  test('is not passed before: longer ones than a timer can do are none the less long', async () => {
    const memory = throttling('agent');
    const all = [60_000, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER].map((timeout) =>
      memory.whenUnthrottled('agent', { timeout }),
    );
    // A timer that overflowed would have fired before these two.
    const error = await failureOf(memory.whenUnthrottled('agent', { timeout: 50 }));
    expect(error.code).toBe('E_TIMEOUT');
    expect(await isSettled(Promise.race(all))).toBe(false);
    memory.registerAgentMemory('agent', 0, 0);
    await Promise.all(all);
  });
});

describe('after stop()', () => {
  test('nobody is throttled and nobody waits', async () => {
    const memory = throttling('agent');
    memory.stop();
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
    expect(memory.throttleReason('agent')).toBeNull();
    expect(await memory.whenUnthrottled('agent')).toBeUndefined();
    expect(memory.getRecommendedContextSize('agent', 1000)).toBe(1000);
  });
});

describe('a process', () => {
  const THROTTLED = `
    const memory = new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 });
    memory.registerAgentMemory('agent', 2 * MB, 0);`;

  test('stays alive while somebody waits, and ends then', async () => {
    const said = await outputOf(`${THROTTLED}
      setTimeout(() => memory.registerAgentMemory('agent', 0, 0), 200).unref();
      memory.whenUnthrottled('agent').then(() => console.log('"released"'));`);
    expect(said).toBe('released');
  });

  test('ends when those who waited gave up', async () => {
    const said = await outputOf(`${THROTTLED}
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 200).unref();
      Promise.allSettled([
        memory.whenUnthrottled('agent', { signal: controller.signal }),
        memory.whenUnthrottled('agent', { timeout: 100 }),
      ]).then((ended) => console.log(JSON.stringify(ended.map(({ reason }) => reason.code ?? reason.name))));`);
    expect(said).toEqual([20, 'E_TIMEOUT']);
  });

  test('ends when what nobody waits for any more was stopped', async () => {
    const said = await outputOf(`${THROTTLED}
      memory.whenUnthrottled('agent').then(() => console.log('"stopped"'));
      setTimeout(() => memory.stop(), 50).unref();`);
    expect(said).toBe('stopped');
  });

  test('is not held by an agent that is throttled and nobody waits for', async () => {
    const said = await outputOf(`${THROTTLED}
      console.log(JSON.stringify(memory.shouldThrottleAgent('agent')));`);
    expect(said).toBe(true);
  });
});
