/** Addresses, passwords, keys and tokens stand nowhere: not in status, reports, events, errors, metrics, files or logs. */

const fs = require('node:fs');
const path = require('node:path');
const { useOwnDirectory } = require('../support.js');
const { runMonitor } = require('./support.js');
const { useServers } = require('./servers.js');

const directory = useOwnDirectory();
const servers = useServers();

const SECRETS = {
  slack: 'T000/B000/zzSlackSecret',
  api: 'zzApiPathSecret',
  token: 'zzApiTokenSecret',
  webhook: 'zzWebhookPathSecret',
  key: 'zzWebhookKeySecret',
  routing: 'zzRoutingKeySecret',
  metrics: 'zzMetricsTokenSecret',
  header: 'zzOtlpHeaderSecret',
};

const variables = (port) => ({
  SLACK_WEBHOOK_URL: `http://127.0.0.1:${port}/services/${SECRETS.slack}`,
  EMAIL_SERVICE_API: `http://127.0.0.1:${port}/send/${SECRETS.api}`,
  EMAIL_SERVICE_TOKEN: SECRETS.token,
  ALERT_WEBHOOK_URL: `http://127.0.0.1:${port}/hook/${SECRETS.webhook}`,
  ALERT_WEBHOOK_SECRET: SECRETS.key,
  PAGERDUTY_EVENTS_URL: `http://127.0.0.1:${port}/events`,
  PAGERDUTY_ROUTING_KEY: SECRETS.routing,
  METRICS_TOKEN: SECRETS.metrics,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${SECRETS.header}`,
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
});

/** All files below a directory, as bytes. */
function filesIn(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => [file.name, fs.readFileSync(path.join(file.parentPath ?? file.path, file.name), 'latin1')]);
}

function expectNone(where, text) {
  for (const [name, secret] of Object.entries(SECRETS)) {
    const last = secret.split('/').at(-1);
    expect([where, name, text.includes(last)]).toEqual([where, name, false]);
  }
}

const PROGRAM = `
  const monitor = new ProductionMonitor({
    ...QUICK, console: true, enableSlackAlerts: true, enableEmailAlerts: true, enableWebhookAlerts: true, enablePagerDutyAlerts: true,
    alertEmailFrom: 'monitor@example.com', alertEmailTo: ['ops@example.com'], metricsPort: 0, enableOtlpExport: true, otlpInterval: 1000,
    alertRules: [ALWAYS],
  });
  const said = [];
  const emit = monitor.emit;
  monitor.emit = function (name, ...data) { said.push([name, data]); return emit.call(this, name, ...data); };
  for (const name of ['metricsCollected', 'alertCreated', 'alertResolved', 'healthCheckResult', 'healthCheckCompleted', 'alertDelivered',
    'alertNotDelivered', 'warning', 'configUpdated', 'stopped']) monitor.on(name, () => {});
  const held = setInterval(() => {}, 1000);
  (async () => {
    said.push(await monitor.testAlert());
    await until(() => monitor.getStatus().channels.filter(({ name }) => name !== 'console').every(({ delivered, dead, retries }) => delivered + dead + retries > 0));
    monitor.updateConfig({ metricsRetention: 1 });
    for (const action of [() => monitor.updateConfig({ otlpEndpoint: 'ftp://x' }), () => new ProductionMonitor({ metricsPort: 'x' })]) {
      try { action(); } catch (error) { said.push(error.message, error.stack, error.problems, require('node:util').inspect(error)); }
    }
    await monitor.exportReport('report.json');
    await monitor.exportReport('report.html');
    said.push(monitor.getStatus(), monitor.metricsText(), monitor.getMetricsHistory(), require('node:util').inspect(monitor, { depth: 9 }));
    await monitor.stop();
    clearInterval(held);
    console.log(JSON.stringify(said));
  })();`;

test.each([
  ['that answer', 'ok'],
  ['that refuse', 'refused'],
  ['that are broken', 'broken'],
])('with servers %s', async (_, behaviour) => {
  const server = await servers.open(behaviour);
  const cwd = directory.path();
  const env = { ...variables(server.port), DEBUG: 'agentwise-optimization', RUST_LOG: 'trace' };
  const { code, signal, stdout, stderr } = await runMonitor(PROGRAM, { cwd, env });
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(JSON.parse(stdout).length).toBeGreaterThan(5);
  // They did go where they belong.
  const sent = JSON.stringify(server.requests);
  for (const secret of [SECRETS.slack, SECRETS.token, SECRETS.routing]) expect(sent).toContain(secret);
  expectNone('standard output', stdout);
  expectNone('standard error', stderr);
  const files = filesIn(cwd);
  expect(files.map(([name]) => name)).toEqual(expect.arrayContaining(['report.json', 'report.html']));
  for (const [name, text] of files) expectNone(name, text);
});

test('with nobody at the other end', async () => {
  const server = await servers.open();
  const { port } = server;
  await server.close();
  const cwd = directory.path();
  const env = { ...variables(port), DEBUG: 'agentwise-optimization' };
  const { code, stdout, stderr } = await runMonitor(PROGRAM, { cwd, env });
  expect(code).toBe(0);
  expectNone('standard output', stdout);
  expectNone('standard error', stderr);
  for (const [name, text] of filesIn(cwd)) expectNone(name, text);
});

test('of an address that is none', async () => {
  const env = {
    SLACK_WEBHOOK_URL: 'zzSlackSecret is no address',
    EMAIL_SERVICE_API: 'smtp://user:zzApiPathSecret@exa mple.com',
    ALERT_WEBHOOK_URL: 'gopher://example.com/zzWebhookPathSecret',
    DEBUG: 'agentwise-optimization',
  };
  const { code, stdout, stderr } = await runMonitor(
    `const monitor = new ProductionMonitor({ ...QUICK, enableSlackAlerts: true, enableEmailAlerts: true, enableWebhookAlerts: true,
       alertEmailFrom: 'a@example.com', alertEmailTo: ['b@example.com'] });
     const said = [];
     monitor.on('warning', (warning) => said.push(warning));
     (async () => {
       said.push(await monitor.testAlert(), monitor.getStatus());
       await monitor.stop();
       console.log(JSON.stringify(said));
     })();`,
    { cwd: directory.path(), env },
  );
  expect(code).toBe(0);
  expect(stdout).toContain('SLACK_WEBHOOK_URL');
  expectNone('standard output', stdout);
  expectNone('standard error', stderr);
});
