/** Requests and their percentiles, history, figures in text. */

const { failureOf, seeded, useOwnDirectory } = require('../support.js');
const { cacheOf, memoryOf, next, sample, sampleWhere, until, useMonitors } = require('./support.js');

useOwnDirectory();
const { open } = useMonitors();

/** The sample that has requests of this name. */
const withRequests = (monitor, name = 'chat') => sampleWhere(monitor, ({ operations }) => name in operations);

/**
 * The sample that has all of `count` requests which `record(monitor)` makes in one turn, and its monitor. On a machine that
 * stands still in the midst of it two samples share them: that is tried again. None is lost, or this never ends.
 */
async function inOneSample(count, record, config) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const monitor = open({ metricsInterval: 500, ...config });
    await sample(monitor);
    record(monitor);
    let seen = 0;
    while (seen < count) {
      const metrics = await sample(monitor);
      const own = Object.values(metrics.operations).reduce((sum, operation) => sum + operation.count, 0);
      if (own === count) return { monitor, ...metrics };
      seen += own;
    }
    expect(seen).toBe(count);
  }
  throw new Error('the requests of one turn were never in one sample');
}

/** The exact percentile: the smallest value that as many are not above. */
function exact(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

const SERIES = {
  uniform: (random) => 1 + random() * 99,
  lognormal: (random) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(3 + normal);
  },
  bimodal: (random) => (random() < 0.95 ? 5 + random() : 900 + random() * 100),
  constant: () => 42.42,
  tiny: (random) => 0.001 + random() * 0.01,
  long: (random) => 1000 + random() * 1_000_000,
};

describe('latencies', () => {
  test.each(Object.entries(SERIES))('of a %s series are within 2 %% of the exact ones', async (_, draw) => {
    const random = seeded(7);
    const values = Array.from({ length: 20_000 }, () => draw(random));
    const { operations, performance: all } = await inOneSample(values.length, (monitor) => {
      for (const value of values) monitor.recordRequest('chat', value);
    });
    const { count, errors, errorRate, mean, p50, p95, p99, max } = operations.chat;
    expect({ count, errors, errorRate }).toEqual({ count: 20_000, errors: 0, errorRate: 0 });
    const sum = values.reduce((total, value) => total + value, 0);
    for (const [found, wanted] of [
      [mean, sum / values.length],
      [p50, exact(values, 0.5)],
      [p95, exact(values, 0.95)],
      [p99, exact(values, 0.99)],
      [max, Math.max(...values)],
      [all.p50, exact(values, 0.5)],
      [all.responseTime, exact(values, 0.95)],
      [all.p99, exact(values, 0.99)],
    ]) {
      // Shown to a thousandth of a millisecond.
      expect(Math.abs(found - wanted)).toBeLessThanOrEqual(Math.max(wanted * 0.02, 0.0011));
    }
  });

  test('of operations are apart, and errors are counted', async () => {
    const { monitor, ...metrics } = await inOneSample(200, (made) => {
      for (let at = 0; at < 100; at++) {
        made.recordRequest('fast', 1);
        made.recordRequest('slow', 100, { error: at < 25 });
      }
    });
    expect(metrics.operations).toMatchObject({
      fast: { count: 100, errors: 0, errorRate: 0 },
      slow: { count: 100, errors: 25, errorRate: 25 },
    });
    expect(metrics.operations.fast.p99).toBeCloseTo(1, 1);
    expect(metrics.operations.slow.throughput).toBeGreaterThan(0);
    expect(metrics.performance).toMatchObject({ errorRate: 12.5, requests: 200, errors: 25 });
    // The next one has none of them.
    expect((await sample(monitor)).operations).toEqual({});
  });
});

describe('measure', () => {
  test('gives what the work gives, and books how long it took', async () => {
    const monitor = open();
    const value = { any: 'thing' };
    expect(monitor.measure('sync', () => value)).toBe(value);
    const began = performance.now();
    const work = new Promise((resolve) => setTimeout(resolve, 60, value));
    const measured = monitor.measure('async', () => work);
    expect(await measured).toBe(value);
    const tookMs = performance.now() - began;
    const { operations } = await withRequests(monitor, 'async');
    expect(operations.async).toMatchObject({ count: 1, errors: 0 });
    expect(operations.async.max).toBeGreaterThan(50);
    expect(operations.async.max).toBeLessThan(tookMs * 1.02 + 1);
  });

  test('books what throws or rejects as failed, and throws it on', async () => {
    const error = new Error('of the work');
    const failures = [];
    const { operations } = await inOneSample(2, (monitor) => {
      failures.push(
        failureOf(() =>
          monitor.measure('throws', () => {
            throw error;
          }),
        ),
        failureOf(monitor.measure('throws', () => Promise.reject(error))),
      );
    });
    for (const failure of await Promise.all(failures)) expect(failure).toBe(error);
    expect(operations.throws).toMatchObject({ count: 2, errors: 2, errorRate: 100 });
  });

  test('takes anything that has a then, and calls the work once', async () => {
    const monitor = open();
    let calls = 0;
    // biome-ignore lint/suspicious/noThenProperty: the subject of the test
    const thenable = { then: (resolve) => resolve(7) };
    expect(
      await monitor.measure('thenable', () => {
        calls++;
        return thenable;
      }),
    ).toBe(7);
    expect(calls).toBe(1);
    expect((await withRequests(monitor, 'thenable')).operations.thenable.count).toBe(1);
  });

  test.each([
    [undefined, () => {}],
    [5, () => {}],
    ['name', undefined],
    ['name', 'no function'],
  ])('refuses (%p, %p)', async (name, work) => {
    expect((await failureOf(() => open().measure(name, work))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('recordRequest', () => {
  test.each([
    [undefined, 5],
    [null, 5],
    [5, 5],
    [{}, 5],
    ['chat', undefined],
    ['chat', '5'],
    ['chat', null],
    ['chat', 5n],
  ])('refuses (%p, %p)', async (name, duration) => {
    const monitor = open();
    expect((await failureOf(() => monitor.recordRequest(name, duration))).code).toBe('E_INVALID_ARGUMENT');
    expect((await sample(monitor)).performance.requests ?? 0).toBe(0);
  });

  test.each([['no object'], [5], [{ error: 'yes' }]])('refuses the options %p', async (options) => {
    expect((await failureOf(() => open().recordRequest('chat', 5, options))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([
    NaN,
    Infinity,
    -Infinity,
    -1,
  ])('counts %p, which is no time, and measures by the others', async (duration) => {
    const {
      monitor,
      operations,
      performance: all,
    } = await inOneSample(3, (made) => {
      made.recordRequest('chat', duration);
      made.recordRequest('chat', 5, { error: true });
      made.recordRequest('untimed', duration);
    });
    expect(operations.chat).toMatchObject({ count: 2, errors: 1 });
    expect(operations.chat.max).toBeCloseTo(5, 1);
    expect(operations.untimed).toMatchObject({ count: 1, mean: null, p50: null, p99: null, max: null });
    expect(all.requests).toBe(3);
    expect(monitor.metricsText()).not.toMatch(/ (NaN|[+-]?Inf)$/m);
  });

  test('takes the shortest and the longest', async () => {
    const { operations } = await inOneSample(5, (monitor) => {
      for (const duration of [0, Number.MIN_VALUE, 1e-9, 1e9, 9e11]) monitor.recordRequest('chat', duration);
    });
    const { chat } = operations;
    expect(chat.count).toBe(5);
    for (const value of Object.values(chat)) expect(Number.isFinite(value)).toBe(true);
  });

  test('keeps ten thousand names apart as 64, and loses no request', async () => {
    const {
      monitor,
      operations,
      performance: all,
    } = await inOneSample(10_000, (made) => {
      for (let at = 0; at < 10_000; at++) made.recordRequest(`operation of agent ${at}`, 5);
    });
    const names = Object.keys(operations);
    expect(names.length).toBeLessThanOrEqual(65);
    expect(Object.values(operations).reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
    expect(all.requests).toBe(10_000);
    expect(monitor.metricsText().split('\n').length).toBeLessThan(5000);
  });

  test.each([
    ['an empty name', ''],
    ['the longest name', 'x'.repeat(100_000)],
    ['a name of Object.prototype', '__proto__'],
    ['line breaks', 'a\r\nb{evil="1"} 5\n# HELP x'],
    ['quotes and backslashes', 'a"b\\c'],
    ['half a character', '\ud800'],
  ])('takes %s, and forges nothing with it', async (_, name) => {
    const monitor = open();
    monitor.recordRequest(name, 5);
    const metrics = await sampleWhere(monitor, ({ performance: all }) => all.requests === 1);
    expect(Object.keys(metrics.operations)).toHaveLength(1);
    for (const line of monitor.metricsText().split('\n')) {
      expect(line).toMatch(/^(|# (HELP|TYPE|UNIT) \S+.*|# EOF|[a-zA-Z_:][\w:]*(\{.*\})? [^ ]+( \d+)?)$/);
    }
  });
});

describe('what components say', () => {
  test.each([NaN, Infinity, -Infinity, 'text', null, undefined, {}, 5n])('%p is no figure', async (value) => {
    const stats = () => ({ overall: { totalHits: value, totalMisses: value, hitRate: value }, l1: { entries: value } });
    const memory = memoryOf({ getMemoryStats: () => ({ process: { rss: value }, system: {}, percentage: value }) });
    const monitor = open({}, memory, cacheOf({ getStats: stats }));
    const metrics = await sample(monitor);
    // The API promises a number.
    expect(metrics.cache.overall.totalHits).toBe(0);
    expect(metrics.memory.percentage ?? null).not.toBeNaN();
    expect(JSON.stringify(metrics)).not.toMatch(/NaN|Infinity/);
    expect(monitor.metricsText()).not.toMatch(/NaN|Inf(?!o)(?!")/);
  });
});

describe('history', () => {
  test('has the samples, the oldest first', async () => {
    const monitor = open();
    const seen = [await sample(monitor), await sample(monitor), await sample(monitor)];
    const history = monitor.getMetricsHistory(1);
    expect(history.length).toBeGreaterThanOrEqual(3);
    const times = history.map(({ timestamp }) => timestamp.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (const { timestamp } of seen) expect(times).toContain(timestamp.getTime());
    expect(history.at(-1)).toMatchObject({ cpu: { loadAverage: expect.any(Array) }, memory: expect.anything() });
  });

  test('goes back as far as it is asked to, with as many points as are wanted', async () => {
    const monitor = open();
    await until(() => monitor.getMetricsHistory().length >= 10);
    // Nothing but a sample of this very millisecond.
    await until(() => monitor.getMetricsHistory(1e-9).length === 0);
    const few = monitor.getMetricsHistory(1, { maxPoints: 4 });
    expect(few.length).toBeGreaterThan(1);
    expect(few.length).toBeLessThanOrEqual(4);
    expect(monitor.getMetricsHistory(1, { maxPoints: 1_000_000 }).length).toBeGreaterThanOrEqual(10);
  });

  test.each([-1, NaN, Infinity, '24', null])('refuses %p hours', async (hours) => {
    expect((await failureOf(() => open().getMetricsHistory(hours))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([0, 1, -1, NaN, '4'])('refuses %p points', async (maxPoints) => {
    expect((await failureOf(() => open().getMetricsHistory(1, { maxPoints }))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('metricsText', () => {
  test('is what Prometheus reads, and as OpenMetrics too', async () => {
    const monitor = open();
    monitor.recordRequest('chat', 5);
    await next(monitor, 'metricsCollected');
    const text = monitor.metricsText();
    expect(text).toMatch(/^# TYPE agentwise_memory_resident_bytes gauge$/m);
    expect(text).toMatch(/^agentwise_memory_resident_bytes(\{[^}]*\})? \d/m);
    expect(text).toMatch(/operation="chat"/);
    expect(text.endsWith('\n')).toBe(true);
    const other = monitor.metricsText({ format: 'openmetrics' });
    expect(other.endsWith('# EOF\n')).toBe(true);
    expect(monitor.metricsText({ format: 'prometheus' })).not.toContain('# EOF');
  });

  test.each([['json'], [5], [{}]])('refuses the format %p', async (format) => {
    expect((await failureOf(() => open().metricsText({ format }))).code).toBe('E_INVALID_ARGUMENT');
  });
});

test('a row of the history has every group of the metric table, and is a plain object to whoever copies it', async () => {
  const { groupNames } = require('../../js/metrics-history.js');
  const monitor = open();
  monitor.recordRequest('chat', 5);
  await sampleWhere(monitor, ({ performance: all }) => all.requests === 1);
  let row;
  let current;
  // The next sample may come in between.
  await until(() => {
    [row] = monitor.getMetricsHistory().slice(-1);
    current = monitor.getCurrentMetrics();
    return row.timestamp.getTime() === current.timestamp.getTime();
  });
  expect(Object.keys(row).sort()).toEqual([...groupNames(), 'operations', 'timestamp'].sort());
  expect({ ...row }).toEqual(current);
  expect(JSON.parse(JSON.stringify(row)).cpu.loadAverage).toHaveLength(3);
  expect(row.memory).toBe(row.memory);
});

test('what begins its work when it is asked is asked once, and a failure that nobody handles is still one', async () => {
  const monitor = open();
  let asked = 0;
  const query = {
    // biome-ignore lint/suspicious/noThenProperty: queries of databases have it
    then(resolve) {
      asked++;
      resolve('row');
    },
  };
  expect(await monitor.measure('query', () => query)).toBe('row');
  expect(asked).toBe(1);
  await expect(monitor.measure('fails', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});
