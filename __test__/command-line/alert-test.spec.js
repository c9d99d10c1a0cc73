'use strict';

/** The command `alert-test`, against servers of the test's own. */

const fs = require('node:fs');
const { useOwnDirectory } = require('../support.js');
const { CLI, linesOf, node } = require('../processes.js');
const { useServers } = require('../production-monitor/servers.js');

const directory = useOwnDirectory();
const servers = useServers();

const cli = (args = [], options = {}) => node([CLI, 'alert-test', ...args], { cwd: directory.path(), ...options });

function configure(monitoring, name = 'optimization.development.json') {
  fs.mkdirSync(directory.path('config'), { recursive: true });
  fs.writeFileSync(directory.path('config', name), JSON.stringify({ monitoring }));
}

const SLACK = { console: false, enableSlackAlerts: true };
const BOTH = { ...SLACK, enableWebhookAlerts: true };

test('sends one message by each channel that is switched on, and says so line by line', async () => {
  const server = await servers.open();
  configure(BOTH);
  const env = { SLACK_WEBHOOK_URL: server.url('/slack/secretPart'), ALERT_WEBHOOK_URL: server.url('/hook/secretPart') };
  const { stdout, ...rest } = await cli([], { env });
  expect(rest).toEqual({ code: 0, signal: null, stderr: '' });
  expect(linesOf(stdout)).toEqual([
    expect.stringMatching(/^slack +delivered \(1 attempt, \d+ ms\)$/),
    expect.stringMatching(/^webhook +delivered \(1 attempt, \d+ ms\)$/),
  ]);
  expect(server.requests.map(({ url }) => url).sort()).toEqual(['/hook/secretPart', '/slack/secretPart']);
  for (const { body } of server.requests) expect(body).toMatch(/test/i);
});

test('by one channel only, as data', async () => {
  const server = await servers.open();
  configure(BOTH);
  const env = { SLACK_WEBHOOK_URL: server.url('/slack'), ALERT_WEBHOOK_URL: server.url('/hook') };
  const { stdout, ...rest } = await cli(['--channel', 'webhook', '--json'], { env });
  expect(rest).toEqual({ code: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual([
    { channel: 'webhook', delivered: true, attempts: 1, durationMs: expect.any(Number) },
  ]);
  expect(server.requests.map(({ url }) => url)).toEqual(['/hook']);
});

test('a channel that refuses is exit code 2, and the others are told all the same', async () => {
  const [bad, good] = [await servers.open('refused'), await servers.open()];
  configure(BOTH);
  const env = { SLACK_WEBHOOK_URL: bad.url('/secretPart'), ALERT_WEBHOOK_URL: good.url('/hook') };
  const { code, stdout, stderr } = await cli([], { env });
  expect(code).toBe(2);
  expect(stdout).toMatch(/^slack +not delivered \(1 attempt, \d+ ms\): .*400/m);
  expect(stdout).toMatch(/^webhook +delivered/m);
  expect(stdout + stderr).not.toContain('secretPart');
});

test('a channel without its secret is exit code 2, with the name of the variable', async () => {
  configure(SLACK);
  const { code, stdout } = await cli();
  expect(code).toBe(2);
  expect(stdout).toMatch(/^slack +not delivered .*SLACK_WEBHOOK_URL/m);
});

test('a channel that is not switched on can be tried', async () => {
  const server = await servers.open();
  configure(SLACK);
  const { code, stdout } = await cli(['--channel', 'webhook'], { env: { ALERT_WEBHOOK_URL: server.url() } });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^webhook +delivered/)]);
});

test('the console is a channel', async () => {
  const { code, stdout, stderr } = await cli(['--channel', 'console']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^console +delivered/);
  expect(linesOf(stderr)).toHaveLength(1);
});

test.each([
  ['nothing is switched on', { console: false }, [], /E_CONFIG_INVALID: .*no alert channel/],
  ['there is no such channel', SLACK, ['--channel', 'fax'], /E_INVALID_ARGUMENT: .*slack/],
  ['the configuration is refused', { metricsInterval: 1 }, [], /E_CONFIG_INVALID: .*metricsInterval/],
])('is exit code 3 where %s', async (_, monitoring, args, message) => {
  configure(monitoring);
  const { code, stdout, stderr } = await cli(args);
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toMatch(message);
});

test.each([
  [['--channel'], '--channel'],
  [['slack'], 'alert-test slack'],
  [['--port', '5'], '--port'],
  [['--token-file', 'x'], '--token-file'],
])('is exit code 3, with how to use it, for %j', async (args, word) => {
  const { code, stdout, stderr } = await cli(args);
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr.split('\n')[0]).toContain(word);
  expect(stderr).toContain('Usage:');
});

test('takes the configuration of the environment, and disturbs neither a port nor files', async () => {
  const server = await servers.open();
  configure({ ...SLACK, metricsPort: server.port }, 'optimization.staging.json');
  const { code, stdout } = await cli(['--environment', 'staging'], { env: { SLACK_WEBHOOK_URL: server.url() } });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^slack +delivered/)]);
  expect(fs.readdirSync(directory.path())).toEqual(['config']);
});
