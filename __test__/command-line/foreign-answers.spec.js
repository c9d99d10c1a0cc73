'use strict';

/** What the commands make of running systems, files and outputs that are not as they should be. */

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { answerOf, usePretenders, WHO } = require('../live/support.js');
const { onUnix, useCommandLine } = require('./support.js');

const { cli, directory } = useCommandLine();
const pretend = usePretenders();

const ESCAPE = '\u001b';

const cacheDir = () => path.relative(process.cwd(), directory.path('.cache'));

/** A server that says who it is, and `said` to everything else. */
const system = (said, options) =>
  pretend((socket, request) => socket.end(answerOf(request.startsWith('GET / ') ? WHO : said)), {
    cacheDir: cacheDir(),
    ...options,
  });

function leaveState(state) {
  const name = `state-${createHash('sha256').update('staging\n-').digest('hex').slice(0, 16)}.json`;
  fs.mkdirSync(directory.path('.cache', 'live'), { recursive: true, mode: 0o700 });
  const times = { savedAt: WHO.startedAt, startedAt: WHO.startedAt };
  const whole = { version: 1, ...times, ended: 'shutdown', pid: 7, project: null, environment: 'staging', ...state };
  fs.writeFileSync(directory.path('.cache', 'live', name), JSON.stringify(whole));
}

onUnix.each([['{}'], ['null'], ['[1]'], ['{"components":{"cacheManager":{"l1":1}}}'], ['{"history":[{"at":"x"}]}']])(
  'an answer of another form is told with the version of the system: %s',
  async (said) => {
    await system(said);
    for (const command of ['status', 'stats', 'tuning', 'health']) {
      const ended = await cli([command]);
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toMatch(/^E_NOT_AVAILABLE: process 7 \(staging\): answers \/\w+ in a form .*0\.1\.0/);
    }
  },
);

onUnix('of two systems the one that is understood answers, and the health is unknown', async () => {
  await system('{}');
  await system({ overall: 'healthy', score: 90 }, { name: '1123456789abcdef.sock' });
  expect(await cli(['health'])).toMatchObject({ code: 3, stderr: '', stdout: expect.stringContaining('unknown') });
});

onUnix('a state of another form is ignored with a reason, and the health is a warning at least', async () => {
  leaveState({ packageVersion: `9${ESCAPE}[31m`, status: {}, health: {} });
  const health = await cli(['health', '--json']);
  expect(health).toMatchObject({ code: 1, stderr: expect.stringMatching(/^warning: .*of another form/) });
  expect(health.stderr).not.toContain(ESCAPE);
  expect(JSON.parse(health.stdout).source).toBe('created');
  expect((await cli(['health', '-q'])).code).toBe(1);
});

onUnix('sockets that are not believed make health --live unknown, with the reason, also with --quiet', async () => {
  const garbage = (name) => pretend((socket) => socket.end(`${ESCAPE}`), { cacheDir: cacheDir(), name });
  await garbage('0123456789abcdef.sock');
  await garbage('1123456789abcdef.sock');
  const refused = await cli(['health', '--live', '--quiet']);
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toMatch(
    /^E_NOT_AVAILABLE: whether .* is not known: .*[01]123456789abcdef\.sock cannot be asked: .*; 1 more\n$/,
  );
  expect(refused.stderr).not.toContain(ESCAPE);
  // It answers without it.
  expect(await cli(['health', '--quiet'])).toMatchObject({ code: 1, stderr: '' });
  await system({ overall: 'healthy', score: 90 }, { name: '2123456789abcdef.sock' });
  expect(await cli(['health', '--live', '--quiet'])).toMatchObject({ code: 0, stderr: '' });
});

onUnix('a state that is not believed leaves health --live down', async () => {
  leaveState({ status: {}, health: {} });
  expect(await cli(['health', '--live', '--quiet'])).toMatchObject({ code: 2, stderr: '' });
});

onUnix('nothing that a system says reaches the terminal as it is', async () => {
  const bad = `${ESCAPE}[2J`;
  const tier = { entries: bad, maxSize: bad, sizeMB: bad, maxSizeMB: bad, hits: bad };
  const memoryManager = { process: { rss: bad }, limits: { effective: bad }, percentage: bad };
  await system({
    overall: bad,
    score: bad,
    message: bad,
    recommendations: [bad],
    environment: bad,
    configFile: bad,
    overallScore: bad,
    uptime: bad,
    components: { cacheManager: { l1: tier, l2: tier, l3: tier, overall: {} }, memoryManager },
  });
  await system({ overall: bad, score: bad, components: { [bad]: { score: bad } } }, { name: '1123456789abcdef.sock' });
  for (const command of ['status', 'health', 'stats']) {
    const { stdout, stderr } = await cli([command, '--no-color']);
    expect(stdout).toContain('\\u001b');
    expect(stdout + stderr).not.toContain(ESCAPE);
  }
});
