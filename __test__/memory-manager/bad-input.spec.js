/** Arguments that are wrong or easy to get wrong. */

const { failureOf } = require('../support.js');
const { MB, heardBy, useManagers } = require('./support.js');

const { open } = useManagers();

/** Names that are allowed, each with a trap. */
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'a',
  ' ',
  'A',
  'ä',
  'a\u0308',
  '日本語',
  '😀',
  '\u0000',
  'a\u0000b',
  '\u0001"lone"',
  '\ud800',
  '\udc00',
  '\ud800a',
  '\uffff',
  '"\\\n',
  '{"agentId":1}',
  '../../etc/passwd',
  'null',
  '0',
  'x'.repeat(1024),
  'é'.repeat(512),
];

const TOO_LONG = ['x'.repeat(1025), 'é'.repeat(513), '😀'.repeat(257), 'x'.repeat(1_000_000)];

const NO_TEXTS = [[undefined], [null], [5], [true], [{}], [[]], [Symbol('agent')], [5n], [() => 'agent']];

const NO_SIZES = [
  [undefined],
  [null],
  [Number.NaN],
  [Infinity],
  [-Infinity],
  [-1],
  [2 ** 53],
  ['5'],
  [5n],
  [true],
  [{}],
  [[5]],
  [new Date()],
];

async function expectRefused(action) {
  const error = await failureOf(action);
  expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
  return error;
}

describe('names', () => {
  test('are told apart and given back as they are', () => {
    const memory = open({ agentMemoryLimit: 1 });
    const heard = heardBy(memory, 'agentMemoryUpdate', 'agentThrottled');
    for (const [at, name] of NAMES.entries()) memory.registerAgentMemory(name, at, at % 2 === 0 ? 0 : 2 * MB);
    const { agents, throttledAgents } = memory.getMemoryStats();
    expect(agents.map(({ agentId, contextSize }) => [agentId, contextSize])).toEqual(
      NAMES.map((name, at) => [name, at]),
    );
    const odd = NAMES.filter((_, at) => at % 2 === 1);
    expect(throttledAgents).toEqual(odd);
    expect(heard.filter(([name]) => name === 'agentThrottled').map(([, { agentId }]) => agentId)).toEqual(odd);
    expect(heard.filter(([name]) => name === 'agentMemoryUpdate').map(([, { agentId }]) => agentId)).toEqual(NAMES);
    for (const [at, name] of NAMES.entries()) {
      expect(memory.shouldThrottleAgent(name)).toBe(at % 2 === 1);
      expect(memory.throttleReason(name)?.code).toBe(at % 2 === 1 ? 'agentLimit' : undefined);
    }
    for (const name of NAMES) expect(memory.forgetAgent(name)).toBe(true);
    expect(memory.getMemoryStats().agents).toEqual([]);
    expect({}.contextSize).toBeUndefined();
  });

  test('of contexts too', () => {
    const memory = open();
    for (const [at, key] of NAMES.entries()) memory.holdContext(key, { agentId: NAMES.at(-1 - at), bytes: at });
    for (const key of NAMES) memory.updateContextAccess(key);
    for (const key of NAMES) expect(memory.releaseContext(key)).toBe(true);
    for (const key of NAMES) expect(memory.releaseContext(key)).toBe(false);
  });

  test.each([
    [''],
    ...TOO_LONG.map((name) => [name]),
  ])('that are empty or too long are refused where they would be kept', async (name) => {
    const memory = open();
    await expectRefused(() => memory.registerAgentMemory(name, 1, 1));
    await expectRefused(() => memory.holdContext('key', { agentId: name, bytes: 1 }));
    expect(memory.getMemoryStats().agents).toEqual([]);
    expect(memory.releaseContext('key')).toBe(false);
  });

  test('that are too long belong to nobody elsewhere', async () => {
    const memory = open();
    for (const name of TOO_LONG) {
      expect([memory.shouldThrottleAgent(name), memory.forgetAgent(name), memory.unthrottleAgent(name)]).toEqual([
        false,
        false,
        false,
      ]);
      expect(memory.throttleReason(name)).toBeNull();
      expect(memory.contextsToDrop(name)).toEqual([]);
      await memory.whenUnthrottled(name);
    }
  });

  test.each(NO_TEXTS)('%p is none', async (name) => {
    const memory = open();
    await expectRefused(() => memory.registerAgentMemory(name, 1, 1));
    await expectRefused(() => memory.forgetAgent(name));
    await expectRefused(() => memory.shouldThrottleAgent(name));
    await expectRefused(() => memory.throttleReason(name));
    await expectRefused(() => memory.unthrottleAgent(name));
    await expectRefused(() => memory.getRecommendedContextSize(name, 1));
    await expectRefused(() => memory.updateContextAccess(name));
    await expectRefused(() => memory.holdContext(name, { agentId: 'agent', bytes: 1 }));
    await expectRefused(() => memory.holdContext('key', { agentId: name, bytes: 1 }));
    await expectRefused(() => memory.releaseContext(name));
    await expectRefused(memory.whenUnthrottled(name));
    expect(memory.getMemoryStats().agents).toEqual([]);
  });

  test('do not stand whole in errors', async () => {
    const secret = `secret ${'x'.repeat(2000)}`;
    const { message } = await expectRefused(() => open().registerAgentMemory(secret, 1, 1));
    expect(message).not.toContain('secret');
    expect(message).toContain('1024');
  });
});

test.each(NO_SIZES)('%p is no size', async (size) => {
  const memory = open();
  memory.registerAgentMemory('agent', 1, 2);
  await expectRefused(() => memory.registerAgentMemory('agent', size, 0));
  await expectRefused(() => memory.registerAgentMemory('agent', 0, size));
  await expectRefused(() => memory.getRecommendedContextSize('agent', size));
  await expectRefused(() => memory.holdContext('key', { agentId: 'agent', bytes: size }));
  expect(memory.getMemoryStats().agents).toMatchObject([{ contextSize: 1, cacheSize: 2 }]);
});

test.each([[Number.NaN], [-0.1], [1.1], ['0.5'], [{}], [5n]])('%p is no importance', async (importance) => {
  const memory = open();
  await expectRefused(() => memory.holdContext('key', { agentId: 'agent', bytes: 1, importance }));
  expect(memory.releaseContext('key')).toBe(false);
});

test.each([[undefined], [null], [5], ['text'], [[]]])('%p is no context', async (context) => {
  await expectRefused(() => open().holdContext('key', context));
});

test.each([
  ['options that are text', 'options'],
  ['options that are a list', []],
  ['a signal that is none', { signal: {} }],
  ['a signal that is true', { signal: true }],
  ['a time that is text', { timeout: '5' }],
  ['a time that is no number', { timeout: Number.NaN }],
  ['a time below 0', { timeout: -1 }],
  ['a time without end', { timeout: Infinity }],
  ['a time that is too long', { timeout: 2 ** 53 }],
])('whenUnthrottled refuses %s', async (_, options) => {
  const memory = open({ agentMemoryLimit: 1 });
  memory.registerAgentMemory('agent', 2 * MB, 0);
  await expectRefused(memory.whenUnthrottled('agent', options));
  await expectRefused(memory.whenUnthrottled('other', options));
});

test.each([[5], [{}], [[]], [Symbol('a')]])('contextsToDrop refuses %p', async (agentId) => {
  await expectRefused(() => open().contextsToDrop(agentId));
});

test('methods called on nothing are refused, and nothing happens to others', async () => {
  const { registerAgentMemory, getMemoryStats } = open();
  for (const action of [() => registerAgentMemory('agent', 1, 1), () => getMemoryStats()]) {
    expect(await failureOf(action)).toBeInstanceOf(TypeError);
  }
});

test('100,000 agents are known, one more takes the place of the one that was not used for longest', () => {
  const memory = open({ agentMemoryLimit: 1 });
  for (let at = 0; at < 100_000; at++) memory.registerAgentMemory(`agent ${at}`, at, at === 0 ? 2 * MB : 0);
  expect(memory.getMemoryStats().agents).toHaveLength(100_000);
  expect(memory.getMemoryStats().throttledAgents).toEqual(['agent 0']);
  memory.registerAgentMemory('one more', 1, 1);
  const { agents, throttledAgents } = memory.getMemoryStats();
  expect(agents).toHaveLength(100_000);
  expect([agents[0].agentId, agents.at(-1).agentId]).toEqual(['agent 1', 'one more']);
  expect(throttledAgents).toEqual([]);
  expect(memory.forgetAgent('agent 99999')).toBe(true);
  expect(memory.forgetAgent('agent 0')).toBe(false);
});
