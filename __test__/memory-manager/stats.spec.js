/** Figures: their shapes, and that they are those of this process. */

const fs = require('node:fs');
const os = require('node:os');
const v8 = require('node:v8');
const { MB, STEPS, afterSamples, intoPressure, until, useManagers } = require('./support.js');

const { open } = useManagers();
const onLinux = process.platform === 'linux' ? test : test.skip;
const number = expect.any(Number);
const LINUX = process.platform === 'linux';

/** A number, or `null` where the system does not say. */
const orNull = { asymmetricMatch: (value) => value === null || typeof value === 'number' };

/** Every number anywhere in a value, with its path. */
function numbers(value, path = []) {
  if (typeof value === 'number') return [[path.join('.'), value]];
  if (value === null || typeof value !== 'object' || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, part]) => numbers(part, [...path, key]));
}

/**
 * Whether a size is that of the same thing as sizes which were looked at before and after it, in a process that works: a
 * collection may come in between.
 */
function expectAlike(figure, ...references) {
  expect(figure).toBeGreaterThan(Math.min(...references) * 0.7 - 32);
  expect(figure).toBeLessThan(Math.max(...references) * 1.4 + 32);
}

describe('getMemoryStats', () => {
  test('has every field of the contract', async () => {
    const memory = open();
    memory.registerAgentMemory('agent', 1, 2);
    await afterSamples(memory, 2);
    const stats = memory.getMemoryStats();
    expect(stats).toMatchObject({
      process: {
        rss: number,
        pss: orNull,
        heapTotal: number,
        heapUsed: number,
        external: number,
        arrayBuffers: number,
      },
      system: { total: number, free: number, used: number, percentage: number, swapTotal: orNull, swapUsed: orNull },
      config: { maxMemory: 1_000_000, alertThreshold: 80, agentLimit: 256 },
      agents: [{ agentId: 'agent', totalMemory: 3 }],
      throttledAgents: [],
      recentAlerts: expect.any(Array),
      limits: { heapLimit: number, effective: number, effectiveSource: expect.any(String), all: expect.any(Array) },
      pressure: {
        percentage: number,
        source: expect.any(String),
        step: expect.any(String),
        reason: expect.any(String),
        thresholds: expect.any(Object),
      },
      percentage: stats.pressure.percentage,
      timeToLimit: orNull,
      native: { allocated: orNull, sqlite: orNull, accounted: number, parts: expect.any(Object) },
      actions: expect.any(Array),
      sampling: { intervalMs: number, samples: number, costMs: number, share: number },
    });
    expect(stats.limits).toHaveProperty('cgroup');
    expect(stats.pressure).toHaveProperty('psi');
    expect(STEPS).toContain(stats.pressure.step);
    // `null` before the first change.
    expect(Date.now() - (stats.pressure.since ?? new Date()).getTime()).toBeLessThan(3_600_000);
  });

  test('has only finite numbers, none below zero but growth', async () => {
    const memory = open();
    await afterSamples(memory, 3);
    const wrong = numbers(memory.getMemoryStats()).filter(
      ([path, figure]) => !Number.isFinite(figure) || (figure < 0 && !/growth|freed/i.test(path)),
    );
    expect(wrong).toEqual([]);
  });

  test('has the figures of Node', () => {
    const memory = open();
    const before = process.memoryUsage();
    const { process: figures, system, limits } = memory.getMemoryStats();
    const after = process.memoryUsage();
    for (const name of Object.keys(before)) expectAlike(figures[name], before[name] / MB, after[name] / MB);
    expect(figures.heapUsed).toBeLessThanOrEqual(figures.heapTotal);
    // Part of what V8 calls its limit is for objects that are young.
    const heapLimit = v8.getHeapStatistics().heap_size_limit / MB;
    expect(limits.heapLimit).toBeLessThanOrEqual(heapLimit + 0.01);
    expect(limits.heapLimit).toBeGreaterThan(heapLimit * 0.8);
    expect(system.total).toBeGreaterThan((os.totalmem() / MB) * 0.99);
    expect(system.total).toBeLessThan((os.totalmem() / MB) * 1.01);
    expect(system.used + system.free).toBeCloseTo(system.total, 0);
    expect(system.percentage).toBeCloseTo((system.used / system.total) * 100, 0);
  });

  onLinux('has the figures of /proc', async () => {
    const memory = open();
    // What takes longer to read is there with the first sample of the thread.
    await until(() => memory.getMemoryStats().process.pss !== null);
    const { process: figures, system } = memory.getMemoryStats();
    const kilobytes = (file, name) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync(file, 'utf8'))[1]);
    expectAlike(figures.rss, kilobytes('/proc/self/status', 'VmRSS') / 1024);
    expect(figures.pss).toBeGreaterThan(1);
    expect(figures.pss).toBeLessThan(figures.rss * 1.2 + 16);
    expect(system.swapTotal).toBeCloseTo(kilobytes('/proc/meminfo', 'SwapTotal') / 1024, 0);
    expect(system.swapUsed).toBeLessThanOrEqual(system.swapTotal);
  });

  test('sees what the process takes and gives back', () => {
    const memory = open();
    const before = memory.getMemoryStats().process;
    const held = Buffer.alloc(128 * MB, 1);
    const after = memory.getMemoryStats().process;
    expect(after.arrayBuffers - before.arrayBuffers).toBeGreaterThan(100);
    expect(after.external - before.external).toBeGreaterThan(100);
    // Some of what the process had before may have gone meanwhile.
    expect(after.rss - before.rss).toBeGreaterThan(64);
    expect(held[held.length - 1]).toBe(1);
  });

  test('names every limit that counts, the lowest and the fullest', async () => {
    const memory = open();
    await afterSamples(memory, 2);
    const { limits, pressure } = memory.getMemoryStats();
    const sources = limits.all.map(({ source }) => source);
    expect(sources).toEqual(expect.arrayContaining(['config', 'heap', 'system']));
    expect(new Set(sources).size).toBe(sources.length);
    for (const { limit, used, percentage, growth, timeToLimit } of limits.all) {
      expect([limit > 0, used >= 0]).toEqual([true, true]);
      expect(Math.abs(percentage - (used / limit) * 100)).toBeLessThan(1);
      expect([growth, timeToLimit]).toEqual([orNull, orNull]);
    }
    const by = Object.fromEntries(limits.all.map((one) => [one.source, one]));
    expect(by.config.limit).toBe(1_000_000);
    expect(by.heap.limit).toBeCloseTo(limits.heapLimit, 0);
    const fullest = Math.max(...limits.all.map(({ percentage }) => percentage));
    expect(by[pressure.source].percentage).toBe(fullest);
    expect(pressure.percentage).toBe(fullest);
    expect(limits.effective).toBe(Math.min(...limits.all.map(({ limit }) => limit)));
    expect(by[limits.effectiveSource].limit).toBeCloseTo(limits.effective, 0);
  });

  test.each([
    [80, [70, 75, 80, 80, 85, 95]],
    [60, [52.5, 56.25, 60, 60, 71.67, 95]],
  ])('has thresholds that move with an alertThreshold of %d', (alertThreshold, expected) => {
    const { thresholds } = open({ alertThreshold }).getMemoryStats().pressure;
    expect(Object.keys(thresholds)).toEqual(STEPS.slice(1));
    for (const [at, step] of STEPS.slice(1).entries()) expect(thresholds[step]).toBeCloseTo(expected[at], 1);
  });

  test('counts samples, and what they cost', async () => {
    const memory = open();
    await afterSamples(memory, 20);
    const { intervalMs, samples, costMs, share } = memory.getMemoryStats().sampling;
    expect(intervalMs).toBeGreaterThan(0);
    expect(samples).toBeGreaterThanOrEqual(20);
    expect(costMs).toBeGreaterThan(0);
    expect(share).toBeLessThan(100);
  });

  test('gives copies', () => {
    const memory = open();
    memory.registerAgentMemory('agent', 1, 0);
    const stats = memory.getMemoryStats();
    stats.config.maxMemory = 1;
    stats.agents[0].isThrottled = true;
    stats.throttledAgents.push('agent');
    expect(memory.getMemoryStats()).toMatchObject({
      config: { maxMemory: 1_000_000 },
      agents: [{ isThrottled: false }],
      throttledAgents: [],
    });
  });

  test('gives the last figures after stop()', () => {
    const memory = open();
    memory.registerAgentMemory('agent', 5, 0);
    memory.stop();
    const stats = memory.getMemoryStats();
    expect(stats.process.rss).toBeGreaterThan(1);
    expect(stats.throttledAgents).toEqual([]);
    expect(memory.getHealthScore()).toBeGreaterThanOrEqual(0);
  });

  if (LINUX && fs.existsSync('/proc/pressure/memory')) {
    test('has what the kernel says of waiting', async () => {
      const memory = open();
      await until(() => memory.getMemoryStats().pressure.psi !== null);
      const { psi } = memory.getMemoryStats().pressure;
      expect(psi).toEqual({ some: number, full: number });
      for (const share of Object.values(psi)) expect(share >= 0 && share <= 100).toBe(true);
    });
  }
});

test('memoryUpdate carries the figures', async () => {
  const memory = open();
  memory.registerAgentMemory('agent', 5, 0);
  const [event] = await new Promise((resolve) => memory.once('memoryUpdate', (...given) => resolve(given)));
  expect(event).toMatchObject({ process: { rss: number }, system: { total: number, percentage: number } });
  expect(event).toHaveProperty('agents');
});

test('getMemoryHistory has memory over time', async () => {
  const memory = open();
  await until(() => memory.getMemoryHistory().length > 0);
  const history = memory.getMemoryHistory();
  for (const { total, used, free, percentage, timestamp } of history) {
    expect(timestamp).toBeInstanceOf(Date);
    expect(used + free).toBeCloseTo(total, 0);
    expect(percentage).toBeCloseTo((used / total) * 100, 0);
    expect(Math.abs(Date.now() - timestamp.getTime())).toBeLessThan(60_000);
  }
  history.length = 0;
  expect(memory.getMemoryHistory().length).toBeGreaterThan(0);
});

describe('health', () => {
  const lost = ({ parts }) => parts.reduce((sum, part) => sum + part.lost, 0);

  function expectSound(health) {
    expect(health.score).toBeCloseTo(Math.max(0, 100 - lost(health)), 1);
    expect(health.score >= 0 && health.score <= 100).toBe(true);
    for (const part of health.parts) {
      expect(part).toEqual({ name: expect.any(String), lost: number, explanation: expect.any(String) });
      expect(part.lost).toBeGreaterThanOrEqual(0);
      expect([part.name.length > 0, part.explanation.length > 0]).toEqual([true, true]);
    }
    expect(new Set(health.parts.map(({ name }) => name)).size).toBe(health.parts.length);
  }

  test('is good in a process that has just begun', () => {
    const memory = open();
    expectSound(memory.getHealth());
    expect(memory.getHealthScore()).toBeGreaterThanOrEqual(70);
  });

  test('is the sum of its parts, throttled agents among them', () => {
    const memory = open({ agentMemoryLimit: 1 });
    const before = memory.getHealth().score;
    for (let at = 0; at < 50; at++) memory.registerAgentMemory(`agent ${at}`, 2 * MB, 0);
    const health = memory.getHealth();
    expectSound(health);
    expect(health.score).toBeLessThan(before);
    expect(Math.abs(memory.getHealthScore() - health.score)).toBeLessThan(10);
  });

  test('is bad under pressure', async () => {
    const memory = open();
    await intoPressure(memory);
    const health = memory.getHealth();
    expectSound(health);
    expect(memory.getHealthScore()).toBeLessThan(50);
  });
});
