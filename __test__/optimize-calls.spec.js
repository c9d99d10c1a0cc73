const { useOwnDirectory, useSystems, failureOf, applyChanges, contextA: A, contextB: B } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const bytes = (value) => Buffer.byteLength(JSON.stringify(value));
let system;
beforeEach(async () => {
  system = await open();
});

describe('maxSize', () => {
  const large = () => ({
    currentTask: 'x',
    ...Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`note ${at}`, `text of note ${at} `.repeat(20)])),
  });

  test.each([100, 1000, 10_000, 50_000])('of %d bytes bounds the JSON of the result', async (maxSize) => {
    const result = await system.optimizeAgentContext('agent', large(), { maxSize });
    expect(bytes(result)).toBeLessThanOrEqual(maxSize);
    expect(result.currentTask).toBe('x');
  });

  test('that is large enough leaves nothing out', async () => {
    const result = await system.optimizeAgentContext('agent', large(), { maxSize: bytes(large()) });
    expect(result).toEqual(large());
  });

  test('never drops required fields, and debug says so', async () => {
    const context = { currentTask: 'long '.repeat(100), other: 1 };
    const result = await system.optimizeAgentContext('agent', context, { maxSize: 10, includeDebugInfo: true });
    expect(result).toEqual({ currentTask: context.currentTask });
    expect(result.debug.adaptations.join('\n')).toMatch(/required/);
  });

  test.each([Number.NaN, -1, '5', Number.POSITIVE_INFINITY, 10n])('of %p is refused', async (maxSize) => {
    const error = await failureOf(system.optimizeAgentContext('agent', A(), { maxSize }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain('maxSize');
  });
});

describe('includeDebugInfo', () => {
  test('adds a hidden debug property; without it there is none', async () => {
    expect((await system.optimizeAgentContext('one', A())).debug).toBeUndefined();
    const result = await system.optimizeAgentContext('two', A(), { includeDebugInfo: true });
    expect(Object.keys(result)).not.toContain('debug');
    expect(result.debug).toMatchObject({
      removedElements: [],
      adaptations: expect.any(Array),
      importanceScores: expect.any(Object),
    });
  });

  test('is there on unchanged and changed results, too', async () => {
    const results = [];
    for (const context of [A(), A(), B()])
      results.push(await system.optimizeAgentContext('agent', context, { includeDebugInfo: true }));
    for (const result of results) expect(result.debug.adaptations).toEqual(expect.any(Array));
  });

  test('tells of an unknown agent, and of no known one', async () => {
    const unknown = await system.optimizeAgentContext('gardener', A(), { includeDebugInfo: true });
    expect(unknown.debug.adaptations.join('\n')).toMatch(/generic.*gardener/);
    const known = await system.optimizeAgentContext('backend-specialist', A(), { includeDebugInfo: true });
    expect(known.debug.adaptations.join('\n')).not.toMatch(/generic/);
  });

  test('names what was left out', async () => {
    const context = { currentTask: 'x', 'a.b': 'y'.repeat(5000) };
    const result = await system.optimizeAgentContext('agent', context, { includeDebugInfo: true, maxSize: 100 });
    expect(result.debug.removedElements).toEqual(['a.b']);
  });

  test.each(['includeDebugInfo', 'prioritizeRecent'])('%s that is no boolean is refused', async (name) => {
    const error = await failureOf(system.optimizeAgentContext('agent', A(), { [name]: 'yes' }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
  });
});

describe('agents', () => {
  test('are independent of each other', async () => {
    const results = await Promise.all(
      ['one', 'two', 'One', 'one '].map((agent) => system.optimizeAgentContext(agent, A())),
    );
    expect(results.map((result) => result.type)).toEqual(['full', 'full', 'full', 'full']);
    await system.optimizeAgentContext('one', B());
    expect((await system.optimizeAgentContext('two', A())).changes).toEqual([]);
  });

  const ODD = [
    '__proto__',
    'constructor',
    'toString',
    ' ',
    'a.b',
    'a\u0000',
    'a',
    '\ud800',
    '\ud801',
    '\ufffd',
    '\\ud800',
    '\u0001',
    '\u0001"\\ud800"',
    'x'.repeat(500),
  ];

  test('may have any name, and each is its own', async () => {
    const first = await Promise.all(ODD.map((agent) => system.optimizeAgentContext(agent, { agent })));
    expect(first.map((result) => result.type)).toEqual(ODD.map(() => 'full'));
    expect(first).toEqual(ODD.map((agent) => ({ agent })));
    const second = await Promise.all(ODD.map((agent) => system.optimizeAgentContext(agent, { agent })));
    expect(second.map((result) => result.changes)).toEqual(ODD.map(() => []));
  });

  test('are named in events and in the status as the caller named them', async () => {
    const heard = [];
    system.on('contextOptimized', (event) => heard.push(event.agentId));
    for (const agent of ODD) await system.optimizeAgentContext(agent, { agent });
    expect(heard).toEqual(ODD);
    const listed = system.getStatus().components.memoryManager.agents.map((agent) => agent.agentId);
    expect(listed.sort()).toEqual([...ODD].sort());
  });

  test('of 1 to 1024 bytes are accepted, others refused', async () => {
    expect((await system.optimizeAgentContext('x'.repeat(1024), A())).type).toBe('full');
    for (const agent of ['', 'x'.repeat(1025)]) {
      expect((await failureOf(system.optimizeAgentContext(agent, A()))).code).toBe('E_INVALID_ARGUMENT');
    }
  });

  test.each([[undefined], [null], [5], [{}], [['a']], [Symbol('a')]])('that are %p are refused', async (agent) => {
    const error = await failureOf(system.optimizeAgentContext(agent, A()));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain('agentId');
  });
});

describe('concurrent calls for one agent', () => {
  test('are answered in the order of the calls, each against the one before', async () => {
    const contexts = Array.from({ length: 30 }, (_, at) => ({
      currentTask: 'x',
      at,
      text: 'word '.repeat((30 - at) * 200),
      [`key${at}`]: at,
    }));
    const order = [];
    const results = await Promise.all(
      contexts.map((context, at) =>
        system.optimizeAgentContext('agent', context).then((result) => {
          order.push(at);
          return result;
        }),
      ),
    );
    expect(order).toEqual(contexts.map((_, at) => at));
    let held = results[0];
    expect(held).toEqual(contexts[0]);
    for (let at = 1; at < contexts.length; at++) {
      held = applyChanges(held, results[at]);
      expect(held).toEqual(contexts[at]);
    }
  });

  test('see the context as it was when they were made', async () => {
    const context = { currentTask: 'x', version: 1 };
    const first = system.optimizeAgentContext('agent', context);
    context.version = 2;
    const second = system.optimizeAgentContext('agent', context);
    context.version = 3;
    expect(await first).toEqual({ currentTask: 'x', version: 1 });
    expect((await second).modified).toEqual({ version: 2 });
  });

  test('are not stopped by one that is refused', async () => {
    const cycle = { currentTask: 'x' };
    cycle.self = cycle;
    const [first, refused, last] = await Promise.allSettled([
      system.optimizeAgentContext('agent', { a: 1 }),
      system.optimizeAgentContext('agent', cycle),
      system.optimizeAgentContext('agent', { a: 2 }),
    ]);
    expect(first.value).toEqual({ a: 1 });
    expect(refused.reason.code).toBe('E_CONTEXT_INVALID');
    expect(last.value.modified).toEqual({ a: 2 });
  });
});

describe('events', () => {
  test('come before the promise resolves', async () => {
    const heard = [];
    for (const name of ['contextOptimized', 'agentContextOptimized'])
      system.on(name, (event) => heard.push([name, event]));
    await system.optimizeAgentContext('agent', A());
    expect(heard).toEqual([
      ['contextOptimized', expect.objectContaining({ agentId: 'agent', reductionRatio: 0, memoryUsage: bytes(A()) })],
      [
        'agentContextOptimized',
        expect.objectContaining({ agentId: 'agent', success: true, optimizationTime: expect.any(Number) }),
      ],
    ]);
    expect(heard[1][1].optimizationTime).toBeGreaterThanOrEqual(0);
  });

  test('tell how much was left out', async () => {
    const heard = [];
    system.on('contextOptimized', (event) => heard.push(event));
    const context = { currentTask: 'x', other: 'y'.repeat(1000) };
    const result = await system.optimizeAgentContext('agent', context, { maxSize: 100 });
    expect(heard[0].memoryUsage).toBe(bytes(result));
    expect(heard[0].reductionRatio).toBeCloseTo(1 - bytes(result) / bytes(context), 6);
  });

  test('come for every call, and to listeners that were added later', async () => {
    await system.optimizeAgentContext('agent', A());
    let count = 0;
    const listener = () => count++;
    system.on('contextOptimized', listener);
    await system.optimizeAgentContext('agent', A());
    await system.optimizeAgentContext('agent', B());
    expect(count).toBe(2);
    system.off('contextOptimized', listener);
    await system.optimizeAgentContext('agent', A());
    expect(count).toBe(2);
  });
});
