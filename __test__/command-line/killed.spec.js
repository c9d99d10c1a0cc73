'use strict';

/** Commands where a system was killed before it saved a first state, or where none runs at all. */

const fs = require('node:fs');
const path = require('node:path');
const { usePrograms, systems, filesOf } = require('../live/support.js');
const { lastText } = require('../../js/cli/running.js');
const { linesOf, onUnix, until, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();
const run = usePrograms();

const live = () => directory.path('.cache', 'live');
const states = () => fs.readdirSync(live()).filter((name) => name.startsWith('state-'));

/** A system of this directory that runs until it is killed or told to end. */
async function started(config = {}) {
  const program = await run(`
    await create(${JSON.stringify({ cache: { cacheDir: '.cache' }, ...config })});
    setInterval(() => {}, 1000);
    ready();`);
  await systems(1);
  return program;
}

/** Ended by `SIGTERM`, which leaves a state. */
async function ended(config) {
  const { pid, kill, ended: end } = await started(config);
  kill('SIGTERM');
  await end;
  return pid;
}

/** Killed before it saved a state of its own, however slow this machine is: what was there before stays. */
async function killed(config) {
  const before = fs.existsSync(live()) ? states().map((name) => [name, fs.readFileSync(path.join(live(), name))]) : [];
  const { pid, kill, ended: end } = await started(config);
  kill('SIGKILL');
  await end;
  for (const name of states()) fs.rmSync(path.join(live(), name));
  for (const [name, content] of before) fs.writeFileSync(path.join(live(), name), content, { mode: 0o600 });
  return pid;
}

const json = async (args, options) => {
  const { code, stdout, stderr } = await cli([...args, '--json'], options);
  return { code, stderr, data: JSON.parse(stdout) };
};

const goneText = (pid, environment = 'staging') => `process ${pid} (${environment}) is gone without a shutdown`;

onUnix(
  'a system that was killed before it saved a state is a warning, in the text, the data and the exit code',
  async () => {
    const pid = await killed();
    const { code, data } = await json(['health']);
    expect({ code, ...data }).toMatchObject({ code: 1, overall: 'warning', source: 'created', message: goneText(pid) });
    expect(data.gone).toEqual([{ pid, startedAt: expect.any(String), project: null, environment: 'staging' }]);
    const { stdout } = await cli(['health']);
    expect(linesOf(stdout)[0]).toMatch(
      new RegExp(`^source +made for this question: process ${pid} .* without a shutdown$`),
    );
    expect(linesOf(stdout)[1]).toMatch(/^health +warning, score \d+ of 100: process \d+ .* without a shutdown$/);
    for (const command of ['status', 'stats', 'tuning']) {
      expect(await json([command])).toMatchObject({ code: 0, data: { source: 'created', gone: [{ pid }] } });
      expect(linesOf((await cli([command])).stdout)[0]).toContain(goneText(pid));
    }
  },
);

onUnix('it is one too where a state of an earlier system is there, which ended well', async () => {
  const earlier = await ended();
  expect((await json(['health'])).data.gone).toBeUndefined();
  const pid = await killed();
  const { code, data } = await json(['health']);
  expect({ code, ...data }).toMatchObject({
    code: 1,
    overall: 'warning',
    source: 'stored',
    pid: earlier,
    ended: 'shutdown',
  });
  expect(data.gone.map((who) => who.pid)).toEqual([pid]);
  expect(linesOf((await cli(['health'])).stdout)[0]).toMatch(
    new RegExp(
      `by process ${earlier} \\(staging\\), which has ended; process ${pid} \\(staging\\) is gone without a shutdown$`,
    ),
  );
});

onUnix('it stays one, however often and late is asked, until a system ends well', async () => {
  await killed();
  const [socket] = filesOf('.sock');
  const old = new Date(Date.now() - 3_600_000);
  fs.utimesSync(path.join(live(), socket), old, old);
  for (let asks = 0; asks < 2; asks++) expect((await cli(['health'])).code).toBe(1);
  expect(filesOf('.sock')).toEqual([socket]);
  await ended();
  const { code, data } = await json(['health']);
  expect({ code, gone: data.gone, source: data.source }).toEqual({ code: 0, gone: undefined, source: 'stored' });
});

onUnix('after a saved state it is a warning until one of its environment ends well', async () => {
  const development = { environment: 'development' };
  const { pid, kill, ended: end } = await started(development);
  await until(() => states().length > 0);
  kill('SIGKILL');
  await end;
  const last = await ended({ environment: 'production' });
  const { code, data } = await json(['health']);
  const text = goneText(pid, 'development');
  expect({ code, ...data }).toMatchObject({ code: 1, overall: 'warning', source: 'stored', pid: last, message: text });
  expect(data.gone).toEqual([{ pid, startedAt: expect.any(String), project: null, ...development }]);
  expect(linesOf((await cli(['health'])).stdout)[0]).toMatch(/\(production\), which has ended; .* without a shutdown$/);
  expect(await json(['health', '--live'])).toMatchObject({ code: 2, data: { gone: [{ pid }] } });
  expect(await json(['health', '--environment', 'development'])).toMatchObject({ code: 1, data: { gone: [{ pid }] } });
  const other = await json(['health', '--environment', 'production']);
  expect({ code: other.code, gone: other.data.gone }).toEqual({ code: 0, gone: undefined });
  await ended(development);
  expect((await json(['health'])).data.gone).toBeUndefined();
});

onUnix('each one that was killed is told, whenever that was, the newest first', async () => {
  const pids = [];
  for (const environment of ['production', 'development']) {
    const { pid, kill, ended: end } = await started({ environment });
    await until(() => states().length > pids.length);
    kill('SIGKILL');
    await end;
    pids.unshift(pid);
  }
  pids.unshift(await killed({ environment: 'production' }));
  const { code, data } = await json(['health']);
  expect({ code, gone: data.gone.map(({ pid }) => pid) }).toEqual({ code: 1, gone: pids });
});

onUnix('it is none for another environment, for --offline, and while another system runs', async () => {
  const pid = await killed();
  expect((await cli(['health', '--environment', 'production'])).code).toBe(0);
  expect((await cli(['health', '--environment', 'staging'])).code).toBe(1);
  expect((await cli(['health', '--offline'])).code).toBe(0);
  const other = await started({ environment: 'production' });
  expect(await json(['health'])).toMatchObject({ code: 0, data: { source: 'live', pid: other.pid } });
  expect(pid).not.toBe(other.pid);
});

onUnix('a system that nobody knows any more counts as well', async () => {
  await killed();
  for (const name of filesOf('.json')) fs.writeFileSync(path.join(live(), name), 'x');
  const { code, data } = await json(['health', '--environment', 'production']);
  expect({ code, gone: data.gone }).toEqual({
    code: 1,
    gone: [{ pid: null, startedAt: null, project: null, environment: null }],
  });
});

test.each([
  ['shutdown', '10:01', 'process 1 (staging), which has ended; process 1 (staging) is gone without a shutdown'],
  [
    'running',
    '10:01',
    'process 1 (staging), which is gone without a shutdown; process 1 (staging) is gone without a shutdown',
  ],
  ['running', '10:00', 'process 1 (staging), which is gone without a shutdown'],
])('a system is told from another of the same number by when it started: %s, %s', (...[end, startedAt, text]) => {
  const at = (time) => new Date(`2026-01-01T${time}:00.000Z`);
  const who = { pid: 1, project: null, environment: 'staging' };
  const state = { ...who, startedAt: at('10:00'), savedAt: at('10:00'), ended: end };
  const found = { source: 'stored', state, gone: [{ ...who, startedAt: at(startedAt) }] };
  expect(lastText(found, at('10:02').getTime())).toBe(`stored 2 min ago by ${text}`);
});

describe('health --live', () => {
  onUnix('is what health is while a system runs', async () => {
    const { pid } = await started();
    expect(await json(['health', '--live'])).toMatchObject({ code: 0, stderr: '', data: { source: 'live', pid } });
    expect((await cli(['health', '--live', '--environment', 'production'])).code).toBe(2);
  });

  onUnix('is down where none runs, whatever is stored', async () => {
    const none = await json(['health', '--live']);
    const down = { overall: 'down', score: 0, source: 'live', systems: [] };
    expect(none).toEqual({ code: 2, stderr: '', data: { ...down, message: 'no system of this directory runs' } });
    expect(fs.existsSync(directory.path('.cache'))).toBe(false);
    const last = await ended();
    expect((await cli(['health'])).code).toBe(0);
    const { code, data } = await json(['health', '--live']);
    expect({ code, ...data }).toMatchObject({ code: 2, ...down });
    expect(data.message).toMatch(
      new RegExp(`^stored \\d+ (?:min|s)(?: \\d+ s)? ago by process ${last} \\(staging\\), which has ended$`),
    );
    const { stdout } = await cli(['health', '--live']);
    expect(linesOf(stdout)).toEqual([
      'source  no system of this directory runs',
      expect.stringMatching(/^health {2}down, score 0 of 100: stored .*, which has ended$/),
    ]);
  });

  onUnix('is down where a system was killed, and says so', async () => {
    const pid = await killed();
    const { code, data } = await json(['health', '--live']);
    expect({ code, ...data }).toMatchObject({ code: 2, overall: 'down', message: goneText(pid), gone: [{ pid }] });
  });

  test('is unknown where no system can be asked', async () => {
    configure('optimization.development.json', { cache: { persistToDisk: false } });
    const { code, stdout, stderr } = await cli(['health', '--live']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^E_NOT_AVAILABLE: .*no socket\n$/);
  });

  test('is no question with --offline', async () => {
    expect(await cli(['health', '--live', '--offline'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'E_INVALID_ARGUMENT: --live and --offline exclude each other\n',
    });
  });
});

onUnix('a system that was stopped for a moment is not one that was killed', async () => {
  const { kill } = await started();
  kill('SIGSTOP');
  expect(await json(['health'])).toMatchObject({ code: 2, data: { overall: 'down', message: 'does not answer' } });
  kill('SIGCONT');
  await until(async () => (await cli(['health', '--live'])).code === 0);
});
