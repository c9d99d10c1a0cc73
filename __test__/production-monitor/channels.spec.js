/** Alerts get to people once, whatever the servers do. Minutes and days of it are tested in Rust, with a clock. */

const { createHmac } = require('node:crypto');
const { failureOf, useOwnDirectory } = require('../support.js');
const { ALWAYS, heardBy, next, until, useMonitors } = require('./support.js');
const { textOf, useServers } = require('./servers.js');

useOwnDirectory();
const { open } = useMonitors();
const servers = useServers();

const IDLE = { metricsInterval: 3_600_000 };
const NEW = { type: 'critical', component: 'disk', title: 'The disk is <full> & slow', message: '99 % of 100 GB' };

/** By channel: how it is switched on, and where it sends to. */
const HTTP_CHANNELS = {
  slack: [{ enableSlackAlerts: true }, (url) => ({ SLACK_WEBHOOK_URL: url })],
  email: [
    { enableEmailAlerts: true, alertEmailFrom: 'monitor@example.com', alertEmailTo: ['ops@example.com'] },
    (url) => ({ EMAIL_SERVICE_API: url, EMAIL_SERVICE_TOKEN: 'tokenOfTheApi' }),
  ],
  webhook: [
    { enableWebhookAlerts: true },
    (url) => ({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: 'keyOfTheWebhook' }),
  ],
  pagerduty: [
    { enablePagerDutyAlerts: true },
    (url) => ({ PAGERDUTY_EVENTS_URL: url, PAGERDUTY_ROUTING_KEY: 'routingKey' }),
  ],
};
const NAMES = Object.keys(HTTP_CHANNELS);

function openFor(name, server, config) {
  const [settings, variables] = HTTP_CHANNELS[name];
  Object.assign(process.env, variables(server.url()));
  return open({ ...IDLE, ...settings, ...config });
}

const statusOf = (monitor, name) => monitor.getStatus().channels.find((channel) => channel.name === name);

describe.each(NAMES)('%s', (name) => {
  test('tells an alert once, and that it is over', async () => {
    const server = await servers.open();
    const monitor = openFor(name, server);
    const delivered = heardBy(monitor, 'alertDelivered', 'alertNotDelivered');
    const { id } = monitor.createAlert(NEW);
    const [first] = await server.got(1);
    expect(first.method).toBe('POST');
    expect(first.headers['content-type']).toMatch(/^application\/json/);
    expect(first.body).toContain('99 % of 100 GB');
    await until(() => delivered.length === 1);
    expect(delivered).toEqual([['alertDelivered', { channel: name, ids: [id] }]]);
    expect(statusOf(monitor, name)).toMatchObject({
      enabled: true,
      configured: true,
      delivered: 1,
      queued: 0,
      dead: 0,
    });
    expect(statusOf(monitor, name).lastDeliveredAt).toBeInstanceOf(Date);

    monitor.resolveAlert(id);
    const [, second] = await server.got(2);
    expect(second.body).toMatch(/resolve/i);
    await until(() => statusOf(monitor, name).delivered === 2);
    expect(server.requests).toHaveLength(2);
  });

  test('tries again whatever the server did, waits as long as it asked for, and is not heard twice', async () => {
    const heard = ['broken', 'busy', 'closes', 'garbage'].map(async (behaviour) => {
      const server = await servers.open(behaviour, 'ok');
      const monitor = openFor(name, server);
      monitor.createAlert(NEW);
      const [first, second] = await server.got(2);
      await until(() => statusOf(monitor, name).delivered === 1);
      const { retries, queued, dead } = statusOf(monitor, name);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const hasWaited = behaviour !== 'busy' || second.at - first.at >= 990;
      return { behaviour, retries, queued, dead, requests: server.requests.length, hasWaited };
    });
    const well = { retries: 1, queued: 0, dead: 0, requests: 2, hasWaited: true };
    expect(await Promise.all(heard)).toEqual(
      ['broken', 'busy', 'closes', 'garbage'].map((behaviour) => ({ behaviour, ...well })),
    );
  });

  test('gives up what is refused for good', async () => {
    const server = await servers.open('refused');
    const monitor = openFor(name, server);
    const { id } = monitor.createAlert(NEW);
    const event = await next(monitor, 'alertNotDelivered');
    expect(event).toMatchObject({ channel: name, ids: [id], reason: expect.stringMatching(/400/) });
    expect(statusOf(monitor, name)).toMatchObject({ delivered: 0, dead: 1, queued: 0, lastError: expect.any(String) });
    expect(server.requests).toHaveLength(1);
  });

  test('follows no redirection', async () => {
    const server = await servers.open('moved');
    const monitor = openFor(name, server);
    monitor.createAlert(NEW);
    await server.got(1);
    await until(() => statusOf(monitor, name).lastError !== undefined);
    expect(server.requests.map(({ url }) => url)).not.toContain('/elsewhere');
  });

  test('is told of by testAlert', async () => {
    const server = await servers.open('broken', 'ok');
    const monitor = openFor(name, server);
    const results = await monitor.testAlert();
    expect(results).toEqual([
      { channel: name, delivered: true, attempts: expect.any(Number), durationMs: expect.any(Number) },
    ]);
    expect(server.requests[0].body).toMatch(/test/i);
    expect(monitor.getRecentAlerts()).toEqual([]);
  });

  test('that is refused is told of by testAlert', async () => {
    const server = await servers.open('refused');
    const [result] = await openFor(name, server).testAlert({ channel: name });
    expect(result).toMatchObject({ channel: name, delivered: false, attempts: 1, error: expect.stringMatching(/400/) });
    expect(JSON.stringify(result)).not.toMatch(/s3cr3t|tokenOfTheApi|keyOfTheWebhook|routingKey/);
  });

  test('a thousand alerts in a second are one digest, and all are kept', async () => {
    let server;
    let monitor;
    // A digest has what comes in a second: on a machine that stood still meanwhile there are two.
    for (let tookMs = 1000, attempt = 0; tookMs > 500 && attempt < 5; attempt++) {
      await monitor?.stop();
      server = await servers.open();
      monitor = openFor(name, server, { persistMetrics: false });
      const started = performance.now();
      for (let at = 0; at < 1000; at++) monitor.createAlert({ ...NEW, title: `alert ${at}` });
      tookMs = performance.now() - started;
    }
    const [digest] = await server.got(1);
    await until(() => statusOf(monitor, name).queued === 0);
    expect(digest.body).toMatch(/1,?000/);
    expect(digest.body).toContain('alert 0');
    expect(digest.body.length).toBeLessThan(100_000);
    expect(statusOf(monitor, name)).toMatchObject({ delivered: 1000, digests: 1, dead: 0, dropped: 0 });
    expect(server.requests).toHaveLength(1);
    expect(monitor.getRecentAlerts()).toHaveLength(1000);
  });
});

test('a server that is silent or drips holds up neither the monitor nor other channels', async () => {
  const [good, ...bad] = await Promise.all([servers.open(), servers.open('silent', 'ok'), servers.open('drips', 'ok')]);
  const mailIsTriedAgain = mailTriedAgain({ silent: true });
  const monitors = bad.map((server) => {
    Object.assign(process.env, { SLACK_WEBHOOK_URL: server.url(), ALERT_WEBHOOK_URL: good.url('/hook') });
    const monitor = open({ metricsInterval: 100, enableSlackAlerts: true, enableWebhookAlerts: true });
    monitor.createAlert(NEW);
    return monitor;
  });
  await good.got(2);
  await Promise.all(monitors.map((monitor) => next(monitor, 'metricsCollected')));
  expect(monitors.map((monitor) => statusOf(monitor, 'slack').delivered)).toEqual([0, 0]);
  // One attempt takes ten seconds at most.
  await Promise.all(bad.map((server) => server.got(2)));
  await until(() => monitors.every((monitor) => statusOf(monitor, 'slack').delivered === 1));
  expect(bad.map((server) => server.requests.length)).toEqual([2, 2]);
  // A mail server that is silent takes ten seconds too, the same ones.
  await mailIsTriedAgain;
});

test('a huge answer is not read to its end', async () => {
  const server = await servers.open('huge');
  const monitor = openFor('webhook', server);
  monitor.createAlert(NEW);
  await until(() => statusOf(monitor, 'webhook').delivered + statusOf(monitor, 'webhook').dead > 0);
  expect(server.requests).toHaveLength(1);
});

describe('what is sent', () => {
  test('to Slack is a Block Kit message, escaped', async () => {
    const server = await servers.open();
    const monitor = openFor('slack', server);
    monitor.createAlert({ ...NEW, message: '<!channel> & <https://example.com|click>' });
    const [request] = await server.got(1);
    expect(request.url).toBe('/services/T000/B000/s3cr3tOfTheUrl');
    const message = request.json();
    expect(message.text).toEqual(expect.any(String));
    expect(JSON.stringify(message)).toContain('"blocks"');
    expect(request.body).not.toMatch(/<!channel>|<https/);
    expect(request.body).toContain('&lt;!channel&gt;');
  });

  test('to the API of an email service is JSON, with its token', async () => {
    const server = await servers.open();
    const monitor = openFor('email', server);
    monitor.createAlert(NEW);
    const [request] = await server.got(1);
    expect(request.headers.authorization).toBe('Bearer tokenOfTheApi');
    const mail = request.json();
    expect(mail).toMatchObject({
      from: 'monitor@example.com',
      to: ['ops@example.com'],
      subject: expect.stringContaining('The disk is'),
      text: expect.stringContaining('99 % of 100 GB'),
      html: expect.stringContaining('&lt;full&gt; &amp; slow'),
      alerts: [{ event: 'created', alert: expect.objectContaining({ title: NEW.title, type: 'critical' }) }],
    });
    expect(mail.html).not.toContain('<full>');
  });

  test('to a webhook is signed', async () => {
    const server = await servers.open();
    const monitor = openFor('webhook', server);
    monitor.createAlert(NEW);
    const [{ headers, body }] = await server.got(1);
    expect(JSON.parse(body)).toMatchObject({
      version: 1,
      type: 'alerts',
      alerts: [{ event: 'created', alert: { title: NEW.title, timestamp: expect.stringMatching(/^\d{4}-.*Z$/) } }],
    });
    const [, timestamp, signature] = headers['x-agentwise-signature'].match(/^t=(\d+),v1=([0-9a-f]{64})$/);
    const expected = createHmac('sha256', 'keyOfTheWebhook').update(`${timestamp}.${body}`).digest('hex');
    expect(signature).toBe(expected);
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(60);
  });

  test('to PagerDuty begins and ends one incident', async () => {
    const server = await servers.open();
    const monitor = openFor('pagerduty', server);
    const { id } = monitor.createAlert(NEW);
    const [begun] = await server.got(1);
    expect(begun.json()).toMatchObject({
      routing_key: 'routingKey',
      event_action: 'trigger',
      dedup_key: expect.stringContaining(id),
      payload: { severity: 'critical', summary: expect.stringContaining('The disk is'), source: expect.any(String) },
    });
    await until(() => statusOf(monitor, 'pagerduty').delivered === 1);
    monitor.resolveAlert(id);
    const [, ended] = await server.got(2);
    expect(ended.json()).toMatchObject({ event_action: 'resolve', dedup_key: begun.json().dedup_key });
  });
});

const MAIL = { enableEmailAlerts: true, alertEmailFrom: 'monitor@example.com', alertEmailTo: ['ops@example.com'] };

/** That a mail for a server which takes none is sent again. */
async function mailTriedAgain(options) {
  const server = await servers.openMail(options);
  process.env.EMAIL_SERVICE_API = server.url();
  const monitor = open({ ...IDLE, ...MAIL });
  monitor.createAlert(NEW);
  await until(() => server.connections() >= 2);
  expect(statusOf(monitor, 'email')).toMatchObject({ delivered: 0, queued: 1, lastError: expect.any(String) });
}

describe('email by SMTP', () => {
  test('is a mail to all recipients', async () => {
    const server = await servers.openMail();
    process.env.EMAIL_SERVICE_API = server.url();
    const monitor = open({ ...IDLE, ...MAIL, alertEmailTo: ['ops@example.com', 'other@example.com'] });
    monitor.createAlert({ ...NEW, title: 'Disk: größer\u00a0日本' });
    const [mail] = await server.got(1);
    expect(server.commands).toContain('MAIL FROM:<monitor@example.com>');
    for (const to of ['ops', 'other']) expect(server.commands.join('\n')).toContain(`RCPT TO:<${to}@example.com>`);
    expect(mail).toMatch(/^Subject: /m);
    expect(mail).toMatch(/^From: .*monitor@example\.com/m);
    expect(textOf(mail)).toContain('99 % of 100 GB');
    await until(() => statusOf(monitor, 'email').delivered === 1);
  });

  test('is tried again where the server closes', () => mailTriedAgain({ closes: true }));

  test('is given up where the recipient is refused', async () => {
    const server = await servers.openMail({ isRefused: true });
    process.env.EMAIL_SERVICE_API = server.url();
    const monitor = open({ ...IDLE, ...MAIL });
    monitor.createAlert(NEW);
    expect(await next(monitor, 'alertNotDelivered')).toMatchObject({ channel: 'email', reason: expect.any(String) });
  });

  test('signs in with the user and the password of the address', async () => {
    const server = await servers.openMail({ needsPassword: true });
    process.env.EMAIL_SERVICE_API = server.url('user:pass%20word@');
    const monitor = open({ ...IDLE, ...MAIL });
    const [result] = await monitor.testAlert({ channel: 'email' });
    expect(result).toMatchObject({ delivered: true });
    expect(server.commands.some((command) => command.startsWith('AUTH '))).toBe(true);
  });

  test('without recipients is not configured', async () => {
    const server = await servers.openMail();
    process.env.EMAIL_SERVICE_API = server.url();
    const monitor = open({ ...IDLE, ...MAIL, alertEmailTo: [] });
    expect(statusOf(monitor, 'email')).toMatchObject({ enabled: true, configured: false });
  });
});

describe('testAlert', () => {
  test.each([[{ channel: 'fax' }], [{ channel: '' }], [{ channel: 5 }], [5]])('refuses %p', async (options) => {
    expect((await failureOf(open(IDLE).testAlert(options))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('takes a channel that is not switched on', async () => {
    const server = await servers.open();
    process.env.ALERT_WEBHOOK_URL = server.url();
    expect(await open(IDLE).testAlert({ channel: 'webhook' })).toMatchObject([{ channel: 'webhook', delivered: true }]);
    expect(server.requests).toHaveLength(1);
  });

  test('gives nothing where no channel is switched on', async () => {
    expect(await open(IDLE).testAlert()).toEqual([]);
  });

  test('tells of a channel that has not what it needs', async () => {
    const monitor = open({ ...IDLE, enableSlackAlerts: true });
    const [result] = await monitor.testAlert();
    expect(result).toMatchObject({ channel: 'slack', delivered: false });
    expect(result.error).toContain('SLACK_WEBHOOK_URL');
  });
});

test('a silenced alert reaches nobody until the silence ends', async () => {
  const server = await servers.open();
  const monitor = openFor('webhook', server, { metricsInterval: 100 });
  const silence = monitor.silence({ component: 'disk', durationMs: 60_000 });
  monitor.createAlert(NEW);
  monitor.createAlert({ ...NEW, component: 'cpu', title: 'Another' });
  const [first] = await server.got(1);
  expect(first.body).toContain('Another');
  expect(first.body).not.toContain('The disk is');
  monitor.removeSilence(silence.id);
  const [, second] = await server.got(2);
  expect(second.body).toContain('The disk is');
});

test('a rule alert is told, and so is its end', async () => {
  const server = await servers.open();
  const monitor = openFor('webhook', server, { metricsInterval: 100, alertRules: [ALWAYS] });
  const [first] = await server.got(1);
  expect(first.body).toContain('It runs');
  await until(() => statusOf(monitor, 'webhook').delivered === 1);
  monitor.updateConfig({ alertRules: [] });
  const [, second] = await server.got(2);
  expect(second.body).toMatch(/resolve/i);
});

test('updateConfig switches channels on and off', async () => {
  const server = await servers.open();
  process.env.ALERT_WEBHOOK_URL = server.url();
  const monitor = open(IDLE);
  monitor.createAlert(NEW);
  monitor.updateConfig({ enableWebhookAlerts: true });
  monitor.createAlert({ ...NEW, title: 'Another' });
  const [first] = await server.got(1);
  expect(first.body).toContain('Another');
  monitor.updateConfig({ enableWebhookAlerts: false });
  expect(statusOf(monitor, 'webhook').enabled).toBe(false);
});

test('what is under way is sent before stop() is done, and what is not stays for the next one', async () => {
  const server = await servers.open('broken', 'broken', 'broken', 'ok');
  const first = openFor('webhook', server);
  const { id } = first.createAlert(NEW);
  await server.got(1);
  await first.stop();
  const second = openFor('webhook', server, { metricsInterval: 100 });
  await until(() => statusOf(second, 'webhook').delivered === 1);
  expect(second.getRecentAlerts().map((alert) => alert.id)).toContain(id);
  const answered = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.requests).toHaveLength(answered);
});
