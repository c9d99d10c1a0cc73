/**
 * Memory pressure that is real: a limit under what the process has. The steps one after the other, and back.
 *
 * What ends pressure is a limit far above it; the machine's own memory has to be under two thirds then.
 */

const { MemoryManager } = require('../../index.js');
const {
  CALM,
  MB,
  STEPS,
  TIGHT,
  afterSamples,
  heardBy,
  intoPressure,
  next,
  outOfPressure,
  outputOf,
  steps,
  until,
  useManagers,
} = require('./support.js');

const { open } = useManagers();
const EVENTS = [
  'pressureChanged',
  'memoryAlert',
  'memoryAlertResolved',
  'emergencyCleanup',
  'garbageCollected',
  'agentThrottled',
  'agentUnthrottled',
];

/** Everything that a manager tells of one episode, and what it says at its height. */
async function episode(memory) {
  const heard = heardBy(memory, ...EVENTS);
  for (const name of ['a', 'b', '__proto__']) memory.registerAgentMemory(name, 1000, 0);
  await intoPressure(memory);
  await until(() => memory.getMemoryStats().actions.length >= STEPS.length - 2);
  await afterSamples(memory, 20);
  const high = { stats: memory.getMemoryStats(), heard: [...heard] };
  const reasons = ['a', 'b', '__proto__'].map((name) => memory.throttleReason(name));
  const throttled = ['a', 'b', '__proto__'].map((name) => memory.shouldThrottleAgent(name));
  const health = memory.getHealth();
  const recommended = memory.getRecommendedContextSize('a', 1001);
  heard.length = 0;
  await outOfPressure(memory);
  await until(() => ofName(heard, 'memoryAlertResolved').length >= lasting(high.heard).length);
  await afterSamples(memory, 20);
  return { high: { ...high, reasons, throttled, health, recommended }, back: heard };
}

const ofName = (heard, name) => heard.filter(([heardName]) => heardName === name).map(([, event]) => event);

/** Alerts that have an end; others are over when they are told. */
const lasting = (heard) => ofName(heard, 'memoryAlert').filter(({ type }) => type !== 'info');

describe('an episode', () => {
  let memory;
  let high;
  let back;

  beforeAll(async () => {
    memory = new MemoryManager(CALM);
    ({ high, back } = await episode(memory));
  });

  afterAll(() => memory.stop());

  test('goes up the steps to the last one', () => {
    const taken = steps(high.heard);
    expect(taken.at(-1)).toBe('throttleAll');
    const ranks = taken.map((step) => STEPS.indexOf(step));
    expect(ranks).toEqual([...new Set(ranks)].sort((one, other) => one - other));
    const events = ofName(high.heard, 'pressureChanged');
    expect(events.map(({ previous }) => previous)).toEqual(['normal', ...taken.slice(0, -1)]);
    for (const event of events) {
      expect(event).toMatchObject({
        step: expect.any(String),
        previous: expect.any(String),
        percentage: expect.any(Number),
        source: 'config',
        reason: expect.any(String),
        timestamp: expect.any(Date),
      });
    }
    expect(events.at(-1).percentage).toBeGreaterThan(100);
  });

  test('says in the figures where it is', () => {
    const { pressure, percentage, limits } = high.stats;
    expect(pressure).toMatchObject({ step: 'throttleAll', source: 'config', since: expect.any(Date) });
    expect(pressure.reason.length).toBeGreaterThan(5);
    expect(pressure.percentage).toBeGreaterThan(1000);
    expect(percentage).toBe(pressure.percentage);
    expect(limits).toMatchObject({ effective: 1, effectiveSource: 'config' });
  });

  test('throttles all agents, with the reason', () => {
    const told = ofName(high.heard, 'agentThrottled').map(({ agentId }) => agentId);
    expect([...new Set(told)].sort()).toEqual(['__proto__', 'a', 'b']);
    // One may have its turn already.
    const reasons = high.reasons.filter((reason) => reason !== null);
    expect(reasons.length).toBeGreaterThanOrEqual(2);
    for (const reason of reasons) {
      expect(reason).toEqual({ code: 'allAgents', message: expect.any(String), since: expect.any(Date) });
    }
    expect(high.throttled).toEqual(high.reasons.map((reason) => reason !== null));
    expect(high.stats.throttledAgents.length).toBeGreaterThanOrEqual(2);
    for (const { reason } of ofName(high.heard, 'agentThrottled')) expect(reason).toEqual(expect.any(String));
  });

  test('halves what agents should ask for', () => {
    expect(high.recommended).toBe(500);
  });

  test('raises one critical alert', () => {
    const alerts = ofName(high.heard, 'memoryAlert');
    const critical = alerts.filter(({ type }) => type === 'critical');
    expect(critical).toHaveLength(1);
    expect(critical[0]).toMatchObject({
      id: expect.any(String),
      type: 'critical',
      message: expect.any(String),
      memoryUsage: expect.any(Number),
      threshold: expect.any(Number),
      timestamp: expect.any(Date),
      recommendations: expect.any(Array),
    });
    expect(critical[0].memoryUsage).toBeGreaterThan(critical[0].threshold);
    expect(critical[0].recommendations.length).toBeGreaterThan(0);
    expect(alerts.filter(({ type }) => type === 'warning').length).toBeLessThanOrEqual(1);
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(alerts.length);
    const { recentAlerts } = high.stats;
    expect(recentAlerts.filter(({ type }) => type === 'critical')).toHaveLength(1);
    for (const { timestamp } of recentAlerts) expect(timestamp).toBeInstanceOf(Date);
  });

  test('cleans up once, and collects garbage', () => {
    expect(ofName(high.heard, 'emergencyCleanup')).toEqual([{ timestamp: expect.any(Date) }]);
    const [collected] = ofName(high.heard, 'garbageCollected');
    expect(collected).toEqual({
      freedMemory: expect.any(Number),
      timestamp: expect.any(Date),
      durationMs: expect.any(Number),
    });
    expect(collected.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('books what was done, with its cost', () => {
    const done = Object.fromEntries(high.stats.actions.map((action) => [action.step, action]));
    // Caches that are dropped at once are not shrunk before.
    for (const step of STEPS.slice(2)) {
      expect(done[step]).toMatchObject({ count: expect.any(Number), lastAt: expect.any(Date) });
      expect(done[step].count).toBeGreaterThan(0);
      expect(done[step].lastReason.length).toBeGreaterThan(0);
    }
    expect(done.collectGarbage.costMs).toBeGreaterThan(0);
    expect(done.collectGarbage.maxCostMs).toBeGreaterThanOrEqual(done.collectGarbage.costMs);
  });

  test('lowers the health', () => {
    expect(high.health.score).toBeLessThan(50);
    expect(high.health.parts.some(({ lost, explanation }) => lost > 0 && explanation.length > 0)).toBe(true);
  });

  test('goes back by every step, in reverse order', () => {
    expect(steps(back)).toEqual(STEPS.slice(0, -1).reverse());
    expect(memory.getMemoryStats().pressure.step).toBe('normal');
  });

  test('releases the agents when it is over', () => {
    const told = ofName(back, 'agentUnthrottled').map(({ agentId }) => agentId);
    // Who had its turn was released before, in part of the runs.
    expect(new Set(told).size).toBeGreaterThanOrEqual(2);
    expect(['a', 'b', '__proto__'].map((name) => memory.throttleReason(name))).toEqual([null, null, null]);
    expect(memory.getMemoryStats().throttledAgents).toEqual([]);
    expect(memory.getRecommendedContextSize('a', 1001)).toBe(1001);
  });

  test('resolves its alerts, each once', () => {
    const raised = lasting(high.heard);
    const resolved = ofName(back, 'memoryAlertResolved');
    expect(resolved.map(({ id, type }) => [id, type]).sort()).toEqual(raised.map(({ id, type }) => [id, type]).sort());
    for (const event of resolved) {
      expect(event).toEqual({
        id: expect.any(String),
        type: expect.any(String),
        resolvedAt: expect.any(Date),
        durationMs: expect.any(Number),
      });
      expect(event.durationMs).toBeGreaterThan(0);
    }
    expect(lasting(back)).toEqual([]);
  });
});

test('a second episode has an alert of its own', async () => {
  const memory = open();
  const heard = heardBy(memory, 'memoryAlert');
  const isCritical = ([, { type }]) => type === 'critical';
  for (let round = 0; round < 2; round++) {
    const resolved = next(memory, 'memoryAlertResolved', ({ type }) => type === 'critical');
    await intoPressure(memory);
    await afterSamples(memory, 5);
    await outOfPressure(memory);
    await resolved;
  }
  const ids = heard.filter(isCritical).map(([, { id }]) => id);
  expect(ids).toHaveLength(2);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a manager that is made under pressure knows it from the beginning', () => {
  const memory = open(TIGHT);
  expect(memory.getRecommendedContextSize('agent', 1001)).toBe(500);
  expect(memory.getHealthScore()).toBeLessThan(50);
});

test('a manager that is made under pressure acts by itself', async () => {
  const memory = open(TIGHT);
  const codes = [];
  memory.on('agentThrottled', ({ agentId }) => codes.push(memory.throttleReason(agentId).code));
  const throttled = next(memory, 'agentThrottled');
  memory.registerAgentMemory('agent', 1, 0);
  expect((await throttled).agentId).toBe('agent');
  expect(codes[0]).toBe('allAgents');
});

test('who listens in the turn in which a manager was made misses nothing', async () => {
  const memory = open(TIGHT);
  // Long enough for the thread to look.
  const from = performance.now();
  while (performance.now() - from < 50);
  const heard = heardBy(memory, 'pressureChanged', 'memoryAlert');
  await afterSamples(memory, 20);
  expect(ofName(heard, 'memoryAlert').map(({ type }) => type)).toEqual(['critical']);
  expect(steps(heard).at(-1)).toBe('throttleAll');
});

test('an agent that comes while all are throttled is throttled too', async () => {
  const memory = open();
  await intoPressure(memory);
  expect(memory.shouldThrottleAgent('unknown')).toBe(true);
  const throttled = new Promise((resolve) =>
    memory.on('agentThrottled', ({ agentId }) => resolve([agentId, memory.throttleReason(agentId).code])),
  );
  memory.registerAgentMemory('late', 1, 0);
  expect(await throttled).toEqual(['late', 'allAgents']);
});

test('who waits for the end of pressure is released by it', async () => {
  const memory = open({ agentMemoryLimit: 10 });
  for (const name of ['small', 'large']) memory.registerAgentMemory(name, name === 'small' ? 1 : 20 * MB, 0);
  await intoPressure(memory);
  await afterSamples(memory, 2);
  let isLargeReleased = false;
  const large = memory.whenUnthrottled('large').then(() => {
    isLargeReleased = true;
  });
  const small = memory.whenUnthrottled('small');
  await outOfPressure(memory);
  await small;
  // Its own limit holds it all the same.
  await afterSamples(memory, 3);
  expect([isLargeReleased, memory.throttleReason('large').code]).toEqual([false, 'agentLimit']);
  memory.registerAgentMemory('large', 0, 0);
  await large;
});

test('stop() ends it at once', async () => {
  const memory = open();
  memory.registerAgentMemory('agent', 1, 0);
  await intoPressure(memory);
  await afterSamples(memory, 2);
  const heard = heardBy(memory, 'stopped');
  const waiting = memory.whenUnthrottled('agent');
  memory.stop();
  memory.stop();
  await waiting;
  expect(memory.shouldThrottleAgent('agent')).toBe(false);
  expect(memory.getRecommendedContextSize('agent', 1001)).toBe(1001);
  expect(heard).toHaveLength(1);
});

test('before all agents are throttled, those that hold the most are', async () => {
  // In a process of its own, whose memory stays as it is: 90 % of the limit are between the last two steps.
  const { first, code, step } = await outputOf(`
    const attempt = async () => {
      const memory = new MemoryManager({ maxMemoryUsage: 1_000_000, agentMemoryLimit: 1000 });
      for (let at = 0; at < 20; at++) memory.registerAgentMemory('agent ' + at, at === 7 ? 500 * MB : 1000, 0);
      let seen;
      memory.on('agentThrottled', ({ agentId }) => {
        seen ??= { first: agentId, code: memory.throttleReason(agentId)?.code, step: memory.getMemoryStats().pressure.step };
      });
      memory.updateConfig({ maxMemoryUsage: process.memoryUsage().rss / MB / 0.9 });
      await until(() => seen);
      memory.stop();
      return seen;
    };
    (async () => {
      let seen;
      // What else the process does may take it over 95 %.
      do seen = await attempt(); while (seen.step !== 'throttleLargest');
      console.log(JSON.stringify(seen));
    })();`);
  expect({ first, code, step }).toEqual({ first: 'agent 7', code: 'largestAgents', step: 'throttleLargest' });
});

test('agents have their turns also while memory stays short: nobody waits for ever', async () => {
  const memory = open();
  const names = ['a', 'b', 'c'];
  for (const name of names) memory.registerAgentMemory(name, 1000, 0);
  await intoPressure(memory);
  const order = [];
  const work = names.map(async (name) => {
    await memory.whenUnthrottled(name);
    order.push(name);
    memory.forgetAgent(name);
  });
  await Promise.all(work);
  expect(order.sort()).toEqual(names);
  expect(memory.getMemoryStats().pressure.step).toBe('throttleAll');
});

test('caches of the process get smaller, and are right all the same', async () => {
  const said = await outputOf(`
    const { AdvancedCacheManager } = require('./index.js');
    const cache = new AdvancedCacheManager({ persistToDisk: false, l1MaxSizeMB: 64 });
    const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
    (async () => {
      for (let at = 0; at < 200; at++) await cache.set('key ' + at, String(at).repeat(50_000));
      const before = cache.getStats().l1.sizeMB;
      memory.updateConfig({ maxMemoryUsage: 1 });
      await until(() => memory.getMemoryStats().pressure.step === 'throttleAll');
      await until(() => cache.getStats().l1.sizeMB < before);
      const wrong = [];
      for (let at = 0; at < 200; at++) {
        const value = await cache.get('key ' + at);
        if (value !== null && value !== String(at).repeat(50_000)) wrong.push(at);
      }
      await cache.set('new', 1);
      const { parts } = memory.getMemoryStats().native;
      console.log(JSON.stringify({ before, wrong, parts }));
      memory.stop();
      await cache.stop();
    })();`);
  expect(said.before).toBeGreaterThan(5);
  expect(said.wrong).toEqual([]);
  expect(Object.keys(said.parts).length).toBeGreaterThan(0);
});
