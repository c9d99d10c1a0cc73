/** Alerts: when they begin and end, those of the application, silences. Times of minutes are tested in Rust, with a clock. */

const { MemoryManager } = require('../../index.js');
const { failureOf, useOwnDirectory } = require('../support.js');
const { ALWAYS, COMPONENTS, heardBy, next, sample, until, useMonitors } = require('./support.js');

useOwnDirectory();
const { open } = useMonitors();

const NEW = { type: 'warning', component: 'agents', title: 'Budget used up', message: 'Team A has spent 20 USD' };
const IDLE = { metricsInterval: 3_600_000 };

describe('a built-in rule', () => {
  let memory;
  beforeEach(() => {
    memory = new MemoryManager({ agentMemoryLimit: 1 });
  });
  afterEach(() => memory.stop());

  test('fires at the first sample over its threshold, once', async () => {
    const monitor = open({ alertThresholds: { memoryWarning: 1 } }, memory);
    const heard = heardBy(monitor, 'alertCreated');
    const alert = await next(monitor, 'alertCreated');
    expect(alert).toMatchObject({
      id: expect.any(String),
      type: 'warning',
      component: 'memory',
      title: expect.any(String),
      message: expect.stringMatching(/\d/),
      timestamp: expect.any(Date),
      resolved: false,
      metadata: { rule: 'memoryWarning', metric: 'memory.percentage', threshold: 1, value: expect.any(Number) },
    });
    for (let at = 0; at < 3; at++) await sample(monitor);
    expect(heard).toHaveLength(1);
    expect(monitor.getStatus().alerts).toMatchObject({
      total: 1,
      critical: 0,
      warnings: 1,
      recent: [{ id: alert.id }],
    });
    expect((await sample(monitor)).alerts.active).toBe(1);
  });

  test('ends by itself when the figure is well again, and says so', async () => {
    const monitor = open({ alertThresholds: { memoryWarning: 1 } }, memory);
    const { id } = await next(monitor, 'alertCreated');
    const ended = next(monitor, 'alertResolved');
    monitor.updateConfig({ alertThresholds: { memoryWarning: 100, memoryCritical: 100 } });
    expect(await ended).toMatchObject({ id, resolved: true, resolvedAt: expect.any(Date) });
    expect(monitor.getRecentAlerts()).toMatchObject([{ id, resolved: true }]);
  });

  test('of a critical level holds back the warning', async () => {
    const monitor = open({ alertThresholds: { memoryWarning: 1, memoryCritical: 1.1 } }, memory);
    const heard = heardBy(monitor, 'alertCreated');
    await next(monitor, 'alertCreated');
    await sample(monitor);
    await sample(monitor);
    expect(heard.map(([, { type }]) => type)).toEqual(['critical']);
  });

  test('tells of throttled agents', async () => {
    const monitor = open({}, memory);
    const created = next(monitor, 'alertCreated');
    memory.registerAgentMemory('agent', 2 * 2 ** 20, 0);
    expect(await created).toMatchObject({
      type: 'warning',
      component: 'agents',
      metadata: { rule: 'throttledAgents' },
    });
    const ended = next(monitor, 'alertResolved');
    memory.registerAgentMemory('agent', 0, 0);
    await ended;
  });

  test('tells of failing and of slow requests', async () => {
    const monitor = open({ metricsInterval: 500 });
    const heard = heardBy(monitor, 'alertCreated');
    // Right after a sample: all of them are in the next one.
    await sample(monitor);
    for (let at = 0; at < 20; at++) monitor.recordRequest('chat', 6000, { error: at < 5 });
    await until(() => heard.length >= 2);
    expect(heard.map(([, { type, metadata }]) => [type, metadata.rule]).sort()).toEqual([
      ['critical', 'errorRate'],
      ['warning', 'responseTime'],
    ]);
  });

  test('says nothing of a single failure, and nothing without data', async () => {
    const monitor = open({ alertThresholds: { cacheHitRateWarning: 100 } });
    const heard = heardBy(monitor, 'alertCreated');
    monitor.recordRequest('chat', 5, { error: true });
    for (let at = 0; at < 4; at++) await sample(monitor);
    expect(heard).toEqual([]);
  });

  test('is switched off by its id', async () => {
    const alertRules = [{ id: 'throttledAgents', enabled: false }];
    const monitor = open({ alertRules }, memory);
    const heard = heardBy(monitor, 'alertCreated');
    memory.registerAgentMemory('agent', 2 * 2 ** 20, 0);
    for (let at = 0; at < 4; at++) await sample(monitor);
    expect(heard).toEqual([]);
  });
});

describe('a rule of the application', () => {
  test('fires with its words, filled in', async () => {
    const monitor = open({
      alertRules: [{ ...ALWAYS, level: 'critical', message: '{metric} is {value} {unit}, over {threshold}' }],
    });
    const alert = await next(monitor, 'alertCreated');
    expect(alert).toMatchObject({ type: 'critical', title: 'It runs', metadata: { rule: 'always', metric: 'uptime' } });
    expect(alert.message).toMatch(/^uptime is [\d.]+ s, over 0$/);
  });

  test('below its threshold', async () => {
    const monitor = open({ alertRules: [{ id: 'low', metric: 'uptime', below: 1e6, level: 'info' }] });
    expect(await next(monitor, 'alertCreated')).toMatchObject({ type: 'info', metadata: { rule: 'low' } });
  });

  test('waits for as long as it says', async () => {
    const monitor = open({ alertRules: [{ ...ALWAYS, for: 600 }] });
    const created = next(monitor, 'alertCreated');
    const first = await sample(monitor);
    const alert = await created;
    expect(alert.timestamp - first.timestamp).toBeGreaterThanOrEqual(500);
  });

  test('takes the place of a built-in one', async () => {
    const rule = { id: 'responseTime', metric: 'performance.slowestP95', above: 50, level: 'critical', title: 'Slow' };
    const monitor = open({ alertRules: [rule] });
    const heard = heardBy(monitor, 'alertCreated');
    for (let at = 0; at < 20; at++) monitor.recordRequest('chat', 6000);
    await next(monitor, 'alertCreated');
    await sample(monitor);
    expect(heard.map(([, { type, title }]) => [type, title])).toEqual([['critical', 'Slow']]);
  });

  test('that is gone ends its alert', async () => {
    const monitor = open({ alertRules: [ALWAYS] });
    const { id } = await next(monitor, 'alertCreated');
    const ended = next(monitor, 'alertResolved');
    monitor.updateConfig({ alertRules: [] });
    expect(await ended).toMatchObject({ id, metadata: { resolvedBy: 'rule' } });
  });

  test('does nothing while alerts are off', async () => {
    const monitor = open({ alertsEnabled: false, alertRules: [ALWAYS] });
    const heard = heardBy(monitor, 'alertCreated', 'alertResolved');
    await sample(monitor);
    await sample(monitor);
    expect(heard).toEqual([]);
    monitor.updateConfig({ alertsEnabled: true });
    await next(monitor, 'alertCreated');
    const ended = next(monitor, 'alertResolved');
    monitor.updateConfig({ alertsEnabled: false });
    await ended;
  });
});

describe('resolveAlert', () => {
  test('ends an alert by hand; it does not come back while its condition goes on', async () => {
    const monitor = open({ alertRules: [ALWAYS] });
    const { id } = await next(monitor, 'alertCreated');
    const heard = heardBy(monitor, 'alertCreated', 'alertResolved');
    expect(monitor.resolveAlert(id)).toBe(true);
    expect(monitor.resolveAlert(id)).toBe(false);
    for (let at = 0; at < 4; at++) await sample(monitor);
    expect(heard.map(([name, alert]) => [name, alert.id])).toEqual([['alertResolved', id]]);
    expect(monitor.getRecentAlerts()).toMatchObject([{ id, resolved: true, metadata: { resolvedBy: 'manual' } }]);
  });

  test.each([undefined, null, 5, {}, Symbol('id')])('refuses %p', async (id) => {
    expect((await failureOf(() => open(IDLE).resolveAlert(id))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each(['', 'there is none', '__proto__', 'x'.repeat(100_000)])('knows no %j', (id) => {
    expect(open(IDLE).resolveAlert(id)).toBe(false);
  });
});

describe('createAlert', () => {
  test('makes one like any other', async () => {
    const monitor = open(IDLE);
    const heard = heardBy(monitor, 'alertCreated', 'alertResolved');
    const metadata = { team: 'a', deep: { list: [1, null] } };
    const alert = monitor.createAlert({ ...NEW, metadata });
    expect(alert).toMatchObject({ ...NEW, resolved: false, metadata, timestamp: expect.any(Date) });
    expect(monitor.getRecentAlerts()).toEqual([alert]);
    expect(monitor.resolveAlert(alert.id)).toBe(true);
    await until(() => heard.length === 2);
    expect(heard.map(([name, { id }]) => [name, id])).toEqual([
      ['alertCreated', alert.id],
      ['alertResolved', alert.id],
    ]);
  });

  test('not again within five minutes, by component, type and title', () => {
    const monitor = open(IDLE);
    const { id } = monitor.createAlert(NEW);
    expect(monitor.createAlert({ ...NEW, message: 'other words' })).toBeNull();
    monitor.resolveAlert(id);
    expect(monitor.createAlert(NEW)).toBeNull();
    for (const change of [{ title: 'Another' }, { type: 'critical' }, { component: 'cpu' }]) {
      expect(monitor.createAlert({ ...NEW, ...change })).toMatchObject(change);
    }
    expect(monitor.getRecentAlerts()).toHaveLength(4);
  });

  test.each([
    [undefined],
    [null],
    ['text'],
    [{ ...NEW, type: 'fatal' }],
    [{ ...NEW, type: undefined }],
    [{ ...NEW, component: 'tokens' }],
    [{ ...NEW, component: '__proto__' }],
    [{ ...NEW, title: '' }],
    [{ ...NEW, title: 'x'.repeat(201) }],
    [{ ...NEW, title: 'a\r\nBcc: b@example.com' }],
    [{ ...NEW, title: 'a\u001b[31mb' }],
    [{ ...NEW, title: 'a\u202eb' }],
    [{ ...NEW, title: 5 }],
    [{ ...NEW, metadata: { silenced: true } }],
    [{ ...NEW, level: 'info' }],
    [{ ...NEW, message: 'x'.repeat(4001) }],
    [{ ...NEW, message: 'a\u0000b' }],
    [{ ...NEW, message: undefined }],
    [{ ...NEW, metadata: 'text' }],
    [{ ...NEW, metadata: { big: 'x'.repeat(17 << 10) } }],
    [{ ...NEW, metadata: { n: 5n } }],
  ])('refuses %p', async (alert) => {
    const monitor = open(IDLE);
    expect((await failureOf(() => monitor.createAlert(alert))).code).toBe('E_INVALID_ARGUMENT');
    expect(monitor.getRecentAlerts()).toEqual([]);
  });

  test('takes line feeds in a message, any language, and the longest of all', () => {
    const monitor = open(IDLE);
    const alert = { ...NEW, title: '🔥'.repeat(100), message: 'a\nb 日本' };
    expect(monitor.createAlert(alert)).toMatchObject({ title: alert.title, message: alert.message });
    expect(monitor.createAlert({ ...NEW, title: 'x'.repeat(200), message: 'y'.repeat(4000) })).not.toBeNull();
  });

  test('a thousand in a second are all kept, the newest first', () => {
    const monitor = open(IDLE);
    const made = Array.from({ length: 1000 }, (_, at) => monitor.createAlert({ ...NEW, title: `alert ${at}` }).id);
    expect(new Set(made).size).toBe(1000);
    expect(monitor.getRecentAlerts().map(({ id }) => id)).toEqual(made.reverse());
    expect(monitor.getStatus().alerts).toMatchObject({ total: 1000, warnings: 1000 });
  });

  test('ten thousand are kept at most', () => {
    const monitor = open(IDLE);
    for (let at = 0; at < 10_050; at++) monitor.createAlert({ ...NEW, title: `alert ${at}` });
    const alerts = monitor.getRecentAlerts();
    expect(alerts.length).toBeLessThanOrEqual(10_000);
    expect(alerts[0].title).toBe('alert 10049');
  });
});

describe('getRecentAlerts', () => {
  test.each([-1, NaN, Infinity, '24', null, {}])('refuses %p hours', async (hours) => {
    expect((await failureOf(() => open(IDLE).getRecentAlerts(hours))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('goes back as far as it is asked to', async () => {
    const monitor = open(IDLE);
    monitor.createAlert(NEW);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const hours of [0, 1e-9]) expect(monitor.getRecentAlerts(hours)).toEqual([]);
    for (const hours of [undefined, 1, 24, 1e6]) expect(monitor.getRecentAlerts(hours)).toHaveLength(1);
  });
});

describe('a silence', () => {
  test('is listed until it is removed', () => {
    const monitor = open(IDLE);
    const before = Date.now();
    const silence = monitor.silence({ component: 'disk', type: 'warning', durationMs: 60_000, comment: 'moving' });
    expect(silence).toMatchObject({
      id: expect.any(String),
      component: 'disk',
      type: 'warning',
      comment: 'moving',
      from: expect.any(Date),
      until: expect.any(Date),
    });
    expect(silence.until - silence.from).toBe(60_000);
    // By another clock, which may be a fraction of a millisecond beside.
    expect(silence.from.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(silence.from.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    const other = monitor.silence({ rule: 'cpuWarning', until: new Date(before + 120_000) });
    expect(other.until.getTime()).toBe(before + 120_000);
    expect(monitor.getSilences().map(({ id }) => id)).toEqual(expect.arrayContaining([silence.id, other.id]));
    expect(monitor.getStatus().silences).toHaveLength(2);
    expect([monitor.removeSilence(silence.id), monitor.removeSilence(silence.id)]).toEqual([true, false]);
    expect(monitor.getSilences().map(({ id }) => id)).toEqual([other.id]);
  });

  test('ends by itself', async () => {
    const monitor = open(IDLE);
    monitor.silence({ title: 'a title', durationMs: 20 });
    await until(() => monitor.getSilences().length === 0);
  });

  test('marks what it matches, and nothing else', () => {
    const monitor = open(IDLE);
    monitor.silence({ component: 'disk', type: 'critical', durationMs: 60_000 });
    const marked = COMPONENTS.flatMap((component) =>
      ['warning', 'critical'].map((type) => monitor.createAlert({ ...NEW, component, type })),
    ).filter(({ metadata }) => metadata?.silenced === true);
    expect(marked.map(({ component, type }) => [component, type])).toEqual([['disk', 'critical']]);
  });

  test.each([
    [undefined],
    [{}],
    [{ durationMs: 5 }],
    [{ component: 'disk' }],
    [{ component: 'tokens', durationMs: 5 }],
    [{ type: 'fatal', durationMs: 5 }],
    [{ rule: 5, durationMs: 5 }],
    [{ component: 'disk', durationMs: 0 }],
    [{ component: 'disk', durationMs: -5 }],
    [{ component: 'disk', durationMs: NaN }],
    [{ component: 'disk', durationMs: 367 * 24 * 3_600_000 }],
    [{ component: 'disk', durationMs: 5, until: new Date(Date.now() + 5000) }],
    [{ component: 'disk', until: new Date(NaN) }],
    [{ component: 'disk', until: new Date(0) }],
    [{ component: 'disk', until: 'tomorrow' }],
    [{ component: 'disk', durationMs: 5, comment: 'x'.repeat(501) }],
    [{ component: 'disk', durationMs: 5, comment: 5 }],
  ])('is refused: %p', async (silence) => {
    const monitor = open(IDLE);
    expect((await failureOf(() => monitor.silence(silence))).code).toBe('E_INVALID_ARGUMENT');
    expect(monitor.getSilences()).toEqual([]);
  });

  test('there are a thousand at most', async () => {
    const monitor = open(IDLE);
    for (let at = 0; at < 1000; at++) monitor.silence({ title: `alert ${at}`, durationMs: 60_000 });
    expect((await failureOf(() => monitor.silence({ title: 'more', durationMs: 5 }))).code).toBe('E_INVALID_ARGUMENT');
  });
});
