/** Every member of the class, with what it gives before the first sample, after it, and after the end. */

const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { AdvancedCacheManager, AgentContextFilter, MemoryManager, ProductionMonitor } = require('../../index.js');
const entry = require('../../entry/monitor.js');
const { failureOf, useOwnDirectory } = require('../support.js');
const { ALWAYS, CHANNELS, COMPONENTS, LEVELS, QUICK, heardBy, next, sample, useMonitors } = require('./support.js');

useOwnDirectory();
const { open, own } = useMonitors();

const IDLE = { metricsInterval: 3_600_000, healthCheckInterval: 2_147_483_647 };

const number = expect.any(Number);

/** A number, or null where the machine does not say. */
const known = (value) => value === null || Number.isFinite(value);

test('the class is that of the entry, by name and as default', () => {
  expect(entry.ProductionMonitor).toBe(ProductionMonitor);
  expect(entry.default).toBe(ProductionMonitor);
});

test.each([
  ['nothing', () => new ProductionMonitor()],
  ['undefined', () => new ProductionMonitor(undefined, undefined, undefined, undefined)],
  ['no components', () => new ProductionMonitor({}, null, null, null)],
  ['an environment', () => new ProductionMonitor({ environment: 'production' })],
])('it is made of %s', (_, make) => {
  const monitor = own(make());
  expect(monitor).toBeInstanceOf(EventEmitter);
  expect(monitor.getCurrentMetrics()).toBeNull();
});

test.each([
  [{}, 5],
  [{}, null, 'cache'],
  [{}, null, null, true],
])('components that are no objects are refused: %p', async (...given) => {
  expect((await failureOf(() => new ProductionMonitor(...given))).code).toBe('E_INVALID_ARGUMENT');
});

test('it is made with new', async () => {
  expect(await failureOf(() => ProductionMonitor())).toBeInstanceOf(TypeError);
});

describe('before the first sample and the first check', () => {
  test('nothing is known, and nothing is wrong', () => {
    const monitor = open(IDLE);
    expect(monitor.getOverallHealth()).toMatchObject({ score: number, status: 'unknown', components: [] });
    expect(monitor.getCurrentMetrics()).toBeNull();
    expect(monitor.getMetricsHistory()).toEqual([]);
    expect(monitor.getRecentAlerts()).toEqual([]);
    expect(monitor.getRecommendations()).toEqual([]);
    expect(monitor.getDegradations()).toEqual([]);
    expect(monitor.getSilences()).toEqual([]);
    expect(monitor.resolveAlert('there is none')).toBe(false);
    expect(monitor.removeSilence('there is none')).toBe(false);
  });

  test('the status has all its fields', () => {
    const status = open({ ...IDLE, environment: 'staging' }).getStatus();
    expect(status).toMatchObject({
      environment: 'staging',
      uptime: number,
      health: { status: 'unknown' },
      metrics: null,
      alerts: { total: 0, critical: 0, warnings: 0, recent: [] },
      degradations: [],
      recommendations: [],
      silences: [],
      exporter: { url: null, otlp: null },
      warnings: [],
      store: expect.anything(),
    });
    expect(Object.keys(status.components).sort()).toEqual(['agents', 'cache', 'memory', 'performance', 'system']);
    expect(status.channels.map(({ name }) => name).sort()).toEqual([...CHANNELS].sort());
    for (const channel of status.channels) {
      expect(channel).toMatchObject({
        enabled: false,
        configured: expect.any(Boolean),
        queued: 0,
        delivered: 0,
        retries: 0,
        dead: 0,
        dropped: 0,
        digests: 0,
      });
    }
  });
});

describe('with components of this package', () => {
  let memory;
  let cache;
  beforeEach(() => {
    memory = new MemoryManager();
    cache = new AdvancedCacheManager({ persistToDisk: false });
  });
  afterEach(async () => {
    memory.stop();
    await cache.stop();
  });

  test('a sample has every figure', async () => {
    memory.registerAgentMemory('agent', 3 * 2 ** 20, 2 ** 20);
    await cache.set('key', 1);
    for (let at = 0; at < 3; at++) await cache.get('key');
    await cache.get('another');
    const filter = new AgentContextFilter();
    const before = Date.now();
    const monitor = open({}, memory, cache, filter);
    await sample(monitor);
    const metrics = await sample(monitor);
    expect(metrics.timestamp).toBeInstanceOf(Date);
    // By another clock, which may be a fraction of a millisecond beside.
    expect(metrics.timestamp.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(metrics.timestamp.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    expect(metrics).toMatchObject({
      memory: { process: number, system: number, available: number, percentage: number, limit: number },
      cpu: { usage: number, process: number, time: number, cores: number, loadAverage: [number, number, number] },
      disk: { usage: number, available: number, percentage: number },
      cache: { l1: { entries: 1, maxSize: 1000 }, overall: { totalHits: 3, totalMisses: 1, hitRate: 0.75 } },
      agents: { active: 1, throttled: 0, totalMemory: 4 },
      uptime: number,
    });
    for (const name of ['responseTime', 'throughput', 'errorRate', 'p50', 'p99', 'max']) {
      expect(known(metrics.performance[name])).toBe(true);
    }
    for (const name of ['p50', 'p99', 'max', 'utilization']) expect(known(metrics.eventLoop[name])).toBe(true);
    for (const name of ['count', 'time', 'max']) expect(known(metrics.gc[name])).toBe(true);
    expect(metrics.operations).toEqual({});
    expect(metrics.memory.process).toBeGreaterThan(10);
    expect(metrics.memory.percentage).toBeGreaterThan(0);
  });

  test('fresh and healthy they are checked as healthy', async () => {
    const monitor = open({}, memory, cache, new AgentContextFilter());
    const health = await next(monitor, 'healthCheckCompleted');
    expect(health).toMatchObject({ score: number, status: 'healthy' });
    expect(health.score).toBeGreaterThanOrEqual(70);
    expect(monitor.getOverallHealth()).toMatchObject({ status: 'healthy' });
    expect(health.components.map(({ component }) => component).sort()).toEqual([
      'agents',
      'cache',
      'memory',
      'performance',
      'system',
    ]);
    for (const check of health.components) {
      expect(check).toMatchObject({ status: 'healthy', score: number, message: expect.any(String) });
      expect(check.timestamp).toBeInstanceOf(Date);
    }
  });
});

test('without components there are figures of the process and the machine', async () => {
  const monitor = open();
  await sample(monitor);
  const metrics = await sample(monitor);
  expect(metrics.memory.process).toBeGreaterThan(10);
  expect(metrics.cpu.process).toBeGreaterThanOrEqual(0);
  expect(metrics.cpu.loadAverage).toHaveLength(3);
  // The API promises a number.
  expect(metrics.agents.active).toBe(0);
  expect(await next(monitor, 'healthCheckCompleted')).toMatchObject({ status: 'healthy' });
});

describe('events', () => {
  test('come with what the methods give', async () => {
    const monitor = open({ alertRules: [ALWAYS] });
    const heard = heardBy(monitor, 'metricsCollected', 'alertCreated', 'healthCheckResult', 'healthCheckCompleted');
    await Promise.all([next(monitor, 'alertCreated'), next(monitor, 'healthCheckCompleted')]);
    const of = (name) => heard.filter(([each]) => each === name).map(([, event]) => event);
    expect(of('metricsCollected')[0]).toMatchObject({ cpu: expect.anything(), timestamp: expect.any(Date) });
    const [alert] = of('alertCreated');
    expect(monitor.getRecentAlerts()).toEqual([alert]);
    expect(alert).toMatchObject({ type: 'warning', component: 'performance', title: 'It runs', resolved: false });
    // Parts that are not there are not checked; others once for each check that was completed, or is under way.
    const names = of('healthCheckResult').map(({ component }) => component);
    const completed = of('healthCheckCompleted').length;
    const each = Array.from({ length: completed + 1 }, () => ['system', 'performance']).flat();
    expect(names).toEqual(each.slice(0, Math.max(names.length, 2 * completed)));
    expect(monitor.resolveAlert(alert.id)).toBe(true);
    const resolved = monitor.getRecentAlerts()[0];
    expect(resolved).toMatchObject({ id: alert.id, resolved: true, resolvedAt: expect.any(Date) });
  });

  test('updateConfig changes what is given only, and says what was and is', () => {
    const monitor = open();
    const heard = heardBy(monitor, 'configUpdated');
    monitor.updateConfig({ metricsRetention: 1, alertThresholds: { cpuWarning: 50 } });
    expect(heard).toHaveLength(1);
    const { oldConfig, newConfig } = heard[0][1];
    expect(oldConfig).toMatchObject({ ...QUICK, metricsRetention: 7 });
    const alertThresholds = { ...QUICK.alertThresholds, cpuWarning: 50 };
    expect(newConfig).toMatchObject({ ...QUICK, metricsRetention: 1, alertThresholds });
  });
});

describe('stop()', () => {
  test('is idempotent, tells it once, and nothing comes afterwards', async () => {
    const monitor = open({ alertRules: [ALWAYS] });
    await sample(monitor);
    const heard = heardBy(monitor, 'stopped', 'metricsCollected', 'healthCheckCompleted', 'alertCreated');
    await Promise.all([monitor.stop(), monitor.stop()]);
    await monitor.stop();
    const names = heard.map(([name]) => name);
    expect(names.filter((name) => name === 'stopped')).toHaveLength(1);
    expect(names.at(-1)).toBe('stopped');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).toHaveLength(names.length);
  });

  test('leaves what was seen to be read', async () => {
    const monitor = open();
    await sample(monitor);
    await monitor.stop();
    for (const name of ['getOverallHealth', 'getCurrentMetrics', 'getRecentAlerts', 'getStatus', 'getSilences']) {
      expect(() => monitor[name]()).not.toThrow();
    }
    expect(await monitor.measure('after', async () => 5)).toBe(5);
    monitor.recordRequest('after', 5);
  });

  test('ends what changes something', async () => {
    const monitor = open(IDLE);
    await monitor.stop();
    const alert = { type: 'info', component: 'cpu', title: 'title', message: 'message' };
    for (const action of [
      () => monitor.createAlert(alert),
      () => monitor.silence({ component: 'cpu', durationMs: 5 }),
      () => monitor.testAlert(),
    ]) {
      expect((await failureOf(action)).code).toBe('E_SHUT_DOWN');
    }
  });

  test('is what `await using` calls', async () => {
    const monitor = open();
    const stopped = next(monitor, 'stopped');
    await monitor[Symbol.asyncDispose]();
    await stopped;
  });
});

test('it may be subclassed, and does not keep or change the object that it was given', async () => {
  const config = Object.freeze({ ...QUICK, alertThresholds: Object.freeze({ cpuWarning: 50 }) });
  class Watched extends ProductionMonitor {
    seen = 0;
    constructor() {
      super(config);
      this.on('metricsCollected', () => this.seen++);
    }
    getRecentAlerts() {
      return ['mine'];
    }
  }
  const monitor = own(new Watched());
  await sample(monitor);
  expect(monitor.seen).toBeGreaterThan(0);
  expect(monitor.getRecentAlerts()).toEqual(['mine']);
});

test('two of one process do not know each other', async () => {
  const [one, other] = [open({ alertRules: [ALWAYS] }), open()];
  await next(one, 'alertCreated');
  await sample(other);
  one.recordRequest('of one', 5);
  expect(other.getRecentAlerts()).toEqual([]);
  await one.stop();
  expect((await sample(other)).operations).toEqual({});
});

describe('the report', () => {
  test('is JSON in the working directory, readable by its owner only', async () => {
    const monitor = open({ alertRules: [ALWAYS] });
    await next(monitor, 'alertCreated');
    const file = await monitor.exportReport();
    expect(path.dirname(file)).toBe(process.cwd());
    expect(path.extname(file)).toBe('.json');
    if (process.platform !== 'win32') expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    const report = JSON.parse(fs.readFileSync(file, 'utf8'));
    expect(JSON.stringify(report)).toContain('It runs');
    expect(await monitor.exportReport()).not.toBe(file);
  });

  test.each([
    ['a name that ends in .html', 'report.html', undefined],
    ['the format', 'report.txt', { format: 'html' }],
  ])('is a page by %s', async (_, name, options) => {
    const monitor = open({ alertRules: [{ ...ALWAYS, title: '<script>alert(1)</script>' }] });
    await next(monitor, 'alertCreated');
    const file = await monitor.exportReport(name, options);
    expect(file).toBe(path.resolve(name));
    const page = fs.readFileSync(file, 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain('<svg');
    expect(page).not.toContain('<script>alert(1)');
    expect(page).not.toMatch(/(src|href)="https?:/);
  });

  test('replaces a file as a whole, and says which one cannot be written', async () => {
    const monitor = open(IDLE);
    fs.writeFileSync('report.json', 'x'.repeat(1_000_000));
    await monitor.exportReport('report.json');
    expect(() => JSON.parse(fs.readFileSync('report.json', 'utf8'))).not.toThrow();
    const error = await failureOf(monitor.exportReport(path.join('nowhere', 'report.json')));
    expect(error.code).toBe('E_IO');
    expect(error.message).toContain('nowhere');
    expect((await failureOf(monitor.exportReport('x', { format: 'pdf' }))).code).toBe('E_INVALID_ARGUMENT');
    expect((await failureOf(monitor.exportReport(5))).code).toBe('E_INVALID_ARGUMENT');
  });
});

test('the words of alerts are those of the table', () => {
  const monitor = open(IDLE);
  for (const type of LEVELS) {
    for (const component of COMPONENTS) {
      expect(monitor.createAlert({ type, component, title: `${type} ${component}`, message: 'text' })).toMatchObject({
        type,
        component,
      });
    }
  }
  expect(monitor.getStatus().alerts).toMatchObject({ total: 18, critical: 6, warnings: 6 });
  expect(monitor.getStatus().alerts.recent).toHaveLength(5);
});
