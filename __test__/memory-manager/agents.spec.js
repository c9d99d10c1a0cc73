/** What agents hold, and who is throttled for its own limit. */

const { MB, heardBy, useManagers } = require('./support.js');

const { open } = useManagers();
const LIMIT = { agentMemoryLimit: 10 };
const AGENT_EVENTS = ['agentMemoryUpdate', 'agentThrottled', 'agentUnthrottled'];

const agentsOf = (memory) => memory.getMemoryStats().agents;

describe('registerAgentMemory', () => {
  test('says what an agent holds now, in place of what was said before', () => {
    const memory = open();
    const before = Date.now();
    memory.registerAgentMemory('agent', 1000, 24);
    memory.registerAgentMemory('agent', 500, 1);
    const [agent, ...others] = agentsOf(memory);
    expect(others).toEqual([]);
    expect(agent).toEqual({
      agentId: 'agent',
      contextSize: 500,
      cacheSize: 1,
      totalMemory: 501,
      lastAccessed: expect.any(Date),
      isThrottled: false,
    });
    expect(agent.lastAccessed.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(agent.lastAccessed.getTime()).toBeLessThanOrEqual(Date.now() + 1);
  });

  test('takes 0 and the largest exact numbers', () => {
    const memory = open();
    memory.registerAgentMemory('none', 0, 0);
    memory.registerAgentMemory('most', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const [none, most] = agentsOf(memory);
    expect([none.totalMemory, none.isThrottled]).toEqual([0, false]);
    expect([most.contextSize, most.cacheSize]).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    expect(most.totalMemory).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
    expect(memory.shouldThrottleAgent('most')).toBe(true);
  });

  test('tells who listens, with the new figures', () => {
    const memory = open();
    const heard = heardBy(memory, 'agentMemoryUpdate');
    memory.registerAgentMemory('agent', 7, 8);
    expect(heard).toEqual([
      [
        'agentMemoryUpdate',
        {
          agentId: 'agent',
          contextSize: 7,
          cacheSize: 8,
          totalMemory: 15,
          lastAccessed: expect.any(Date),
          isThrottled: false,
        },
      ],
    ]);
  });

  test('lists the one that was not used for longest first', () => {
    const memory = open();
    for (const name of ['a', 'b', 'c', 'a']) memory.registerAgentMemory(name, 1, 1);
    expect(agentsOf(memory).map(({ agentId }) => agentId)).toEqual(['b', 'c', 'a']);
  });

  test('keeps agents of other managers apart', () => {
    const [one, other] = [open(LIMIT), open(LIMIT)];
    one.registerAgentMemory('agent', 20 * MB, 0);
    expect([one, other].map((memory) => memory.shouldThrottleAgent('agent'))).toEqual([true, false]);
    expect(agentsOf(other)).toEqual([]);
  });
});

describe('an agent over its limit', () => {
  test('is throttled, with the reason; at the limit it is not', () => {
    const memory = open(LIMIT);
    const heard = heardBy(memory, 'agentThrottled', 'agentUnthrottled');
    memory.registerAgentMemory('agent', 6 * MB, 4 * MB);
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
    expect(memory.throttleReason('agent')).toBeNull();
    const before = Date.now();
    memory.registerAgentMemory('agent', 6 * MB, 4 * MB + 1);
    expect(memory.shouldThrottleAgent('agent')).toBe(true);
    const reason = memory.throttleReason('agent');
    expect(reason).toEqual({ code: 'agentLimit', message: expect.any(String), since: expect.any(Date) });
    expect(reason.message).toContain('10');
    expect(reason.since.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(heard).toEqual([['agentThrottled', { agentId: 'agent', reason: expect.any(String) }]]);
    expect(memory.getMemoryStats()).toMatchObject({ throttledAgents: ['agent'], agents: [{ isThrottled: true }] });
  });

  test('is told of once, and keeps the time since when', () => {
    const memory = open(LIMIT);
    const heard = heardBy(memory, 'agentThrottled');
    memory.registerAgentMemory('agent', 20 * MB, 0);
    const { since } = memory.throttleReason('agent');
    for (const size of [30, 9, 20, 8]) memory.registerAgentMemory('agent', size * MB, 0);
    expect(memory.throttleReason('agent').since).toEqual(since);
    expect(heard).toHaveLength(1);
  });

  test('is released under 80 % of it, no sooner', () => {
    const memory = open(LIMIT);
    const heard = heardBy(memory, ...AGENT_EVENTS);
    for (const bytes of [11 * MB, 8 * MB, 8 * MB - 1]) memory.registerAgentMemory('agent', bytes, 0);
    expect(heard.map(([name, { isThrottled }]) => [name, isThrottled]).filter(([, is]) => is !== undefined)).toEqual([
      ['agentMemoryUpdate', true],
      ['agentMemoryUpdate', true],
      ['agentMemoryUpdate', false],
    ]);
    expect(heard.filter(([name]) => name !== 'agentMemoryUpdate')).toEqual([
      ['agentThrottled', { agentId: 'agent', reason: expect.any(String) }],
      ['agentUnthrottled', { agentId: 'agent' }],
    ]);
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
    expect(memory.throttleReason('agent')).toBeNull();
  });

  test('is no reason to throttle others', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('large', 100 * MB, 0);
    memory.registerAgentMemory('small', 1, 0);
    expect(['large', 'small', 'unknown'].map((name) => memory.shouldThrottleAgent(name))).toEqual([true, false, false]);
    expect(memory.throttleReason('unknown')).toBeNull();
  });
});

describe('unthrottleAgent', () => {
  test('releases nobody who holds 80 % or more', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 11 * MB, 0);
    memory.registerAgentMemory('agent', 8 * MB, 0);
    expect(memory.unthrottleAgent('agent')).toBe(false);
    expect(memory.shouldThrottleAgent('agent')).toBe(true);
  });

  test('has nothing to release when a raised limit did', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 11 * MB, 0);
    const heard = heardBy(memory, 'agentUnthrottled');
    memory.updateConfig({ agentMemoryLimit: 100 });
    expect([memory.shouldThrottleAgent('agent'), memory.unthrottleAgent('agent')]).toEqual([false, false]);
    expect(heard).toEqual([['agentUnthrottled', { agentId: 'agent' }]]);
  });

  test('is false for an agent that is not throttled or not known', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 1, 0);
    expect([memory.unthrottleAgent('agent'), memory.unthrottleAgent('unknown')]).toEqual([false, false]);
  });
});

describe('forgetAgent', () => {
  test('ends what an agent holds and its throttling', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 20 * MB, 0);
    memory.registerAgentMemory('other', 1, 0);
    expect([memory.forgetAgent('agent'), memory.forgetAgent('agent'), memory.forgetAgent('unknown')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
    expect(memory.getMemoryStats()).toMatchObject({ agents: [{ agentId: 'other' }], throttledAgents: [] });
  });

  test('lets an agent of the same name begin anew', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 20 * MB, 0);
    memory.forgetAgent('agent');
    memory.registerAgentMemory('agent', 9 * MB, 0);
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
  });
});

describe('getRecommendedContextSize', () => {
  test('is what was asked for while there is room', () => {
    const memory = open();
    for (const requested of [0, 1, 0.5, 1000, Number.MAX_SAFE_INTEGER]) {
      expect(memory.getRecommendedContextSize('agent', requested)).toBe(requested);
    }
  });

  test('is 60 % for a throttled agent, rounded down', () => {
    const memory = open(LIMIT);
    memory.registerAgentMemory('agent', 20 * MB, 0);
    expect([0, 1, 5, 1001].map((size) => memory.getRecommendedContextSize('agent', size))).toEqual([0, 0, 3, 600]);
    expect(memory.getRecommendedContextSize('other', 1001)).toBe(1001);
  });
});

test('a new limit judges agents when they are registered next', () => {
  const memory = open({ agentMemoryLimit: 100 });
  memory.registerAgentMemory('agent', 50 * MB, 0);
  memory.updateConfig({ agentMemoryLimit: 10 });
  memory.registerAgentMemory('agent', 50 * MB, 0);
  expect(memory.shouldThrottleAgent('agent')).toBe(true);
});
