/** Settings: defaults, what is refused, and that a refusal changes nothing. */

const { ProductionMonitor } = require('../../index.js');
const { failureOf, useOwnDirectory } = require('../support.js');
const { ALWAYS, NEVER, heardBy, next, sample, useMonitors } = require('./support.js');

const directory = useOwnDirectory();
const { open, own } = useMonitors();

const DEFAULTS = {
  alertsEnabled: true,
  alertThresholds: {
    memoryWarning: 80,
    memoryCritical: 95,
    cacheHitRateWarning: 60,
    cpuWarning: 80,
    cpuCritical: 95,
    diskUsageWarning: 85,
  },
  healthCheckInterval: 30_000,
  metricsRetention: 7,
  enableSlackAlerts: false,
  enableEmailAlerts: false,
  enableWebhookAlerts: false,
  enablePagerDutyAlerts: false,
  console: true,
  metricsInterval: 10_000,
  persistMetrics: true,
  alertRules: [],
  alertEmailTo: [],
  metricsHost: '127.0.0.1',
  enableOtlpExport: false,
  otlpInterval: 60_000,
};

const ALL = {
  alertsEnabled: false,
  alertThresholds: NEVER,
  healthCheckInterval: 10,
  metricsRetention: 0.01,
  enableSlackAlerts: true,
  enableEmailAlerts: true,
  enableWebhookAlerts: true,
  enablePagerDutyAlerts: true,
  console: false,
  metricsInterval: 100,
  persistMetrics: false,
  alertEmailFrom: 'monitor@example.com',
  alertEmailTo: ['one@example.com', 'other@example.com'],
  metricsPort: 0,
  metricsHost: 'localhost',
  enableOtlpExport: true,
  otlpEndpoint: 'http://127.0.0.1:9/v1',
  otlpInterval: 3_600_000,
};

/** The settings in force. */
function configOf(monitor) {
  let found;
  monitor.once('configUpdated', ({ newConfig }) => {
    found = newConfig;
  });
  monitor.updateConfig({});
  return found;
}

const WRONG = [
  ['alertsEnabled', 'yes'],
  ['alertsEnabled', null],
  ['alertThresholds', []],
  ['alertThresholds', 80],
  ['healthCheckInterval', 9],
  ['healthCheckInterval', 10.5],
  ['healthCheckInterval', 2 ** 31],
  ['healthCheckInterval', NaN],
  ['metricsRetention', 0],
  ['metricsRetention', 3651],
  ['metricsRetention', '7'],
  ['enableSlackAlerts', 1],
  ['enableEmailAlerts', 'true'],
  ['enableWebhookAlerts', {}],
  ['enablePagerDutyAlerts', []],
  ['console', 0],
  ['metricsInterval', 99],
  ['metricsInterval', 3_600_001],
  ['metricsInterval', Infinity],
  ['alertRules', {}],
  ['alertRules', 'cpu.usage > 5'],
  ['alertEmailFrom', 5],
  ['persistMetrics', 'no'],
  ['alertEmailTo', 'ops@example.com'],
  ['metricsPort', -1],
  ['metricsPort', 65_536],
  ['metricsPort', 1.5],
  ['metricsPort', '9464'],
  ['metricsHost', 5],
  ['enableOtlpExport', 'yes'],
  ['otlpEndpoint', 'localhost:4318'],
  ['otlpEndpoint', 'ftp://localhost'],
  ['otlpEndpoint', 'javascript:alert(1)'],
  ['otlpEndpoint', 5],
  ['otlpInterval', 0],
  ['otlpInterval', 999],
  ['otlpInterval', -60_000],
  ['environment', 'test'],
  ['slackWebhookUrl', 'https://hooks.slack.com/services/x'],
];

const keyOf = (path) => path.split('.')[0];

test('made of nothing it has the defaults', () => {
  expect(configOf(own(new ProductionMonitor()))).toMatchObject(DEFAULTS);
});

test('it takes all its settings', () => {
  const monitor = own(new ProductionMonitor({ ...ALL, environment: 'staging', alertRules: [ALWAYS] }));
  expect(configOf(monitor)).toMatchObject(ALL);
});

describe('a configuration', () => {
  test.each(WRONG)('with %s: %p is refused by the constructor and by updateConfig', async (path, value) => {
    const monitor = open();
    const heard = heardBy(monitor, 'configUpdated');
    const construct = () => new ProductionMonitor({ [keyOf(path)]: value });
    const update = () => monitor.updateConfig({ metricsRetention: 3, [keyOf(path)]: value });
    for (const action of [construct, update]) {
      const error = await failureOf(action);
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
      expect(error.problems.map((problem) => problem.path)).toEqual([path]);
    }
    expect(heard).toEqual([]);
    expect(configOf(monitor).metricsRetention).toBe(7);
  });

  test.each([null, 5, 'text', []])('%p is refused', async (config) => {
    const monitor = open();
    for (const action of [() => new ProductionMonitor(config), () => monitor.updateConfig(config)]) {
      expect((await failureOf(action)).code).toBe('E_CONFIG_INVALID');
    }
  });

  test('lists all that is wrong with it', async () => {
    const wrong = { metricsInterval: 1, alertThresholds: { cpuWarning: 101 }, alertRules: [{ id: '' }], unknown: 1 };
    const { problems } = await failureOf(() => new ProductionMonitor(wrong));
    const found = problems.map(({ path }) => path);
    for (const path of ['metricsInterval', 'alertThresholds.cpuWarning', 'unknown']) expect(found).toContain(path);
    expect(found.some((path) => path.startsWith('alertRules.0'))).toBe(true);
  });
});

describe('thresholds', () => {
  test.each([
    [{ memoryWarning: 96 }, 'memoryWarning'],
    [{ memoryCritical: 79 }, 'memoryWarning'],
    [{ cpuWarning: 60, cpuCritical: 50 }, 'cpuWarning'],
  ])('out of order are refused: %j', async (alertThresholds, name) => {
    const monitor = open({ alertThresholds: DEFAULTS.alertThresholds });
    for (const action of [
      () => new ProductionMonitor({ alertThresholds }),
      () => monitor.updateConfig({ alertThresholds }),
    ]) {
      const error = await failureOf(action);
      expect([error.code, error.problems.map(({ path }) => path)]).toEqual([
        'E_CONFIG_INVALID',
        [`alertThresholds.${name}`],
      ]);
    }
    expect(configOf(monitor).alertThresholds).toEqual(DEFAULTS.alertThresholds);
  });

  test.each([-1, 101, NaN, Infinity, '80', null, 5n])('%p is refused', async (value) => {
    const error = await failureOf(() => new ProductionMonitor({ alertThresholds: { diskUsageWarning: value } }));
    expect(error.problems.map(({ path }) => path)).toEqual(['alertThresholds.diskUsageWarning']);
  });

  test('a misspelt one names the right one', async () => {
    const error = await failureOf(() => new ProductionMonitor({ alertThresholds: { cpuWarnings: 50 } }));
    expect(error.message).toContain('cpuWarning');
  });
});

const RULE = { id: 'mine', metric: 'cpu.usage', above: 90, level: 'warning' };

describe('a rule', () => {
  test.each([
    ['the metric', { metric: 'cpu.use' }, 'metric', 'cpu.usage'],
    ['the metric', { metric: 'cpu' }, 'metric'],
    ['the metric', { metric: '__proto__' }, 'metric'],
    ['the metric', { metric: 5 }, 'metric'],
    ['the metric', { metric: undefined }, 'metric'],
    ['both above and below', { below: 5 }, ''],
    ['neither above nor below', { above: undefined }, ''],
    ['the threshold', { above: NaN }, 'above'],
    ['the threshold', { above: Infinity }, 'above'],
    ['the threshold', { above: '90' }, 'above'],
    ['the level', { level: 'fatal' }, 'level', 'critical'],
    ['the level', { level: undefined }, 'level'],
    ['the component', { component: 'tokens' }, 'component'],
    ['for', { for: -1 }, 'for'],
    ['for', { for: NaN }, 'for'],
    ['for', { for: '1m' }, 'for'],
    ['hysteresis', { hysteresis: -1 }, 'hysteresis'],
    ['hysteresis', { hysteresis: NaN }, 'hysteresis'],
    ['the id', { id: '' }, 'id'],
    ['the id', { id: 'a'.repeat(65) }, 'id'],
    ['the id', { id: 'a b' }, 'id'],
    ['the id', { id: 'a\r\nb' }, 'id'],
    ['the id', { id: undefined }, 'id'],
    ['the title', { title: '' }, 'title'],
    ['the title', { title: 'x'.repeat(10_000) }, 'title'],
    ['the title', { title: 'a\r\nX-Header: b' }, 'title'],
    ['the message', { message: 'x'.repeat(100_000) }, 'message'],
    ['the message', { message: 'a\u0000b' }, 'message'],
    ['enabled', { enabled: 'no' }, 'enabled'],
    ['a key that there is not', { treshold: 5 }, 'treshold', 'threshold|unknown'],
  ])('with a wrong %s is refused: %p', async (...[, change, field, word]) => {
    const monitor = open();
    const alertRules = [
      { id: 'sound', metric: 'uptime', above: 1e9, level: 'info' },
      { ...RULE, ...change },
    ];
    for (const action of [() => new ProductionMonitor({ alertRules }), () => monitor.updateConfig({ alertRules })]) {
      const error = await failureOf(action);
      expect(error.code).toBe('E_CONFIG_INVALID');
      expect(error.problems).toHaveLength(1);
      expect(error.problems[0].path).toContain('alertRules.1');
      if (field) expect(error.problems[0].path).toBe(`alertRules.1.${field}`);
      if (word) expect(error.problems[0].message).toMatch(new RegExp(word));
    }
  });

  test('twice under one id is refused, and so are more than 100', async () => {
    expect((await failureOf(() => new ProductionMonitor({ alertRules: [RULE, RULE] }))).code).toBe('E_CONFIG_INVALID');
    const many = Array.from({ length: 101 }, (_, at) => ({ ...RULE, id: `rule-${at}` }));
    expect((await failureOf(() => new ProductionMonitor({ alertRules: many }))).code).toBe('E_CONFIG_INVALID');
    open({ alertRules: many.slice(0, 100) });
  });

  test('that is no object is refused', async () => {
    for (const rule of [null, 5, 'cpu.usage', []]) {
      const error = await failureOf(() => new ProductionMonitor({ alertRules: [rule] }));
      expect(error.problems.map(({ path }) => path)).toEqual(['alertRules.0']);
    }
  });
});

describe('addresses in the environment', () => {
  const CASES = [
    ['SLACK_WEBHOOK_URL', 'slack', 'enableSlackAlerts'],
    ['EMAIL_SERVICE_API', 'email', 'enableEmailAlerts'],
    ['ALERT_WEBHOOK_URL', 'webhook', 'enableWebhookAlerts'],
  ];
  const ADDRESSES = [
    'no address but a s3cr3t',
    'ftp://example.com/s3cr3t',
    'javascript:alert("s3cr3t")',
    'file:///etc/s3cr3t',
    'https://example.com/s3cr3t\r\nX-Header: 1',
    'https://',
    'https://exa mple.com/s3cr3t',
  ];

  test.each(
    CASES.flatMap(([variable, ...rest]) => ADDRESSES.map((address) => [variable, address, ...rest])),
  )('%s of %j is told without the address, and the channel is not configured', async (variable, address, name, setting) => {
    process.env[variable] = address;
    const monitor = open({ [setting]: true, alertEmailTo: ['ops@example.com'], alertEmailFrom: 'm@example.com' });
    const warnings = heardBy(monitor, 'warning');
    await sample(monitor);
    const channel = monitor.getStatus().channels.find((each) => each.name === name);
    expect(channel).toMatchObject({ enabled: true, configured: false });
    expect(warnings.map(([, { path }]) => path)).toEqual([variable]);
    expect(monitor.getStatus().warnings.map(({ path }) => path)).toEqual([variable]);
    expect(JSON.stringify([warnings, monitor.getStatus()])).not.toContain('s3cr3t');
  });

  test('of Slack and PagerDuty are not plain http:// but to the loopback', async () => {
    process.env.SLACK_WEBHOOK_URL = 'http://hooks.example.com/services/s3cr3t';
    process.env.PAGERDUTY_ROUTING_KEY = 'key';
    process.env.PAGERDUTY_EVENTS_URL = 'http://events.example.com/v2/enqueue';
    const monitor = open({ enableSlackAlerts: true, enablePagerDutyAlerts: true });
    const { channels } = monitor.getStatus();
    const configured = channels.filter((channel) => channel.configured).map(({ name }) => name);
    expect(configured).not.toContain('slack');
    expect(configured).not.toContain('pagerduty');
  });

  test.each([
    ['alertEmailFrom', { alertEmailFrom: 'a@example.com\r\nBcc: b@example.com' }],
    ['alertEmailTo.0', { alertEmailTo: ['a@example.com\nb@example.com'] }],
    ['metricsHost', { metricsHost: '127.0.0.1\r\nX-Header: 1' }],
    ['otlpEndpoint', { otlpEndpoint: 'https://user:s3cr3t@example.com' }],
    ['otlpEndpoint', { otlpEndpoint: 'https://example.com/?key=s3cr3t' }],
  ])('%s with what it must not hold is refused, and not repeated: %j', async (path, settings) => {
    const error = await failureOf(() => new ProductionMonitor(settings));
    expect([error.code, error.problems.map((problem) => problem.path)]).toEqual(['E_CONFIG_INVALID', [path]]);
    expect(error.message).not.toContain('s3cr3t');
  });

  test.each([
    ['alertEmailFrom', { alertEmailFrom: 'no address' }],
    ['alertEmailTo', { alertEmailTo: ['no address'] }],
    ['alertEmailTo', { alertEmailTo: ['ops@example.com', 'a@example.com, b@example.com>'] }],
  ])('%s that is none is told, and no mail is sent: %j', async (path, settings) => {
    process.env.EMAIL_SERVICE_API = 'http://127.0.0.1:9/';
    const monitor = open({ enableEmailAlerts: true, ...settings });
    const warnings = heardBy(monitor, 'warning');
    await sample(monitor);
    expect(warnings.map(([, warning]) => warning.path)).toEqual([expect.stringContaining(path)]);
    expect(monitor.getStatus().channels.find(({ name }) => name === 'email')).toMatchObject({ configured: false });
  });

  test('that are missing are told, and nothing else suffers', async () => {
    const monitor = open({ enableSlackAlerts: true, enableWebhookAlerts: true, alertRules: [ALWAYS] });
    const warnings = heardBy(monitor, 'warning');
    await next(monitor, 'alertCreated');
    expect(warnings.map(([, { message }]) => message.match(/[A-Z_]{5,}/)[0]).sort()).toEqual([
      'ALERT_WEBHOOK_URL',
      'SLACK_WEBHOOK_URL',
    ]);
  });
});

test('a file of a system is checked like code', async () => {
  const fs = require('node:fs');
  const { ProductionOptimizationSystem } = require('../../index.js');
  const file = directory.path('config.json');
  fs.writeFileSync(file, JSON.stringify({ monitoring: { alertRules: [{ ...RULE, below: 5 }], metricsInterval: 5 } }));
  const error = await failureOf(
    ProductionOptimizationSystem.create({ environment: 'development', configFile: file, finalReport: false }),
  );
  expect(error.code).toBe('E_CONFIG_INVALID');
  expect(error.problems.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['monitoring.metricsInterval', expect.stringMatching(/^monitoring\.alertRules\.0/)]),
  );
});
