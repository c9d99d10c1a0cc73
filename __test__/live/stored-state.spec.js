/** The state that a system leaves for when it does not run: what it holds, and which files are believed. */

const fs = require('node:fs');
const path = require('node:path');
const { useOwnDirectory, useSystems, KEEP_ALL } = require('../support.js');
const { storedState, until } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();
const asRoot = process.geteuid?.() === 0 ? test : test.skip;
const onUnix = process.platform === 'win32' ? test.skip : test;

/** The same as in `src/monitor/live/state.rs`. */
const SHOP = 'state-6ebc0738b8e2a3a5.json';
const directory = path.join('.cache', 'live');

const STATE = {
  version: 1,
  savedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2025-12-31T00:00:00.000Z',
  ended: 'shutdown',
  pid: 7,
  project: 'shop',
  environment: 'production',
  packageVersion: '0.1.0',
  status: { initialized: true, components: {} },
  health: { overall: 'healthy' },
};

function leave(state, name = SHOP) {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(directory, name), typeof state === 'string' ? state : JSON.stringify(state));
}

/** What is found, and what was ignored. */
function found(whose = { project: 'shop', environment: 'production' }) {
  const ignored = [];
  const state = storedState('.cache', { ...whose, onIgnored: (why) => ignored.push(why) });
  return { state, ignored };
}

test('a system leaves its status and health when it is shut down, and no secret', async () => {
  process.env.SLACK_WEBHOOK_URL = 'https://hooks.slack.example/services/hunter2';
  const system = await open({
    ...KEEP_ALL,
    projectId: 'shop',
    environment: 'production',
    monitoring: { enableSlackAlerts: true },
  });
  delete process.env.SLACK_WEBHOOK_URL;
  await system.optimizeAgentContext('agent', { currentTask: 'a secret task' });
  await system.cacheResponse('a secret question', 'a secret answer');
  const status = JSON.parse(JSON.stringify(system.getStatus()));
  const running = await until(() => found().state);
  expect(running).toMatchObject({ ended: 'running', pid: process.pid });
  await system.shutdown();
  const { state, ignored } = found();
  expect(ignored).toEqual([]);
  expect(state).toMatchObject({
    ended: 'shutdown',
    pid: process.pid,
    project: 'shop',
    environment: 'production',
    status: { initialized: true, environment: 'production', lastOptimization: status.lastOptimization },
    health: { overall: 'healthy' },
  });
  expect(state.status.components.cacheManager.l1.entries).toBe(1);
  expect(state.savedAt.getTime()).toBeGreaterThanOrEqual(running.savedAt.getTime());
  expect(state.startedAt).toEqual(running.startedAt);
  const file = path.join(directory, SHOP);
  expect(path.resolve(state.file)).toBe(path.resolve(file));
  expect(fs.readFileSync(file, 'utf8')).not.toMatch(/hunter2|a secret/);
  if (process.platform !== 'win32') expect(fs.statSync(file).mode & 0o777).toBe(0o600);
});

test('a system that was off the socket leaves nothing', async () => {
  const system = await open({ ...KEEP_ALL, liveSocket: false });
  await system.shutdown();
  expect(fs.existsSync(directory)).toBe(false);
});

test('projects and environments have a state of their own', async () => {
  for (const [projectId, environment] of [
    ['a', 'staging'],
    ['b', 'staging'],
    [undefined, 'development'],
  ]) {
    const system = await open({ ...KEEP_ALL, ...(projectId && { projectId }), environment });
    await system.shutdown();
  }
  expect(storedState('.cache', { project: 'a', environment: 'staging' }).project).toBe('a');
  expect(storedState('.cache', { project: 'a', environment: 'production' })).toBeNull();
  expect(storedState('.cache', { project: null, environment: 'development' }).project).toBeNull();
  // The last one of any.
  expect(storedState('.cache', { environment: 'staging' }).project).toBe('b');
  expect(storedState('.cache').environment).toBe('development');
  expect(storedState('.cache', { project: null }).environment).toBe('development');
});

test('times are dates', () => {
  leave(STATE);
  expect(found().state).toMatchObject({ savedAt: new Date(STATE.savedAt), startedAt: new Date(STATE.startedAt) });
  expect(found({}).state.pid).toBe(7);
});

test.each([
  ['cut off', JSON.stringify(STATE).slice(0, 50), 'is no JSON'],
  ['empty', '', 'is no JSON'],
  ['something else', [1], 'is no state'],
  ['of a newer version', { ...STATE, version: 2, packageVersion: '9.9.9' }, 'newer version (9.9.9)'],
  ['of no version', { ...STATE, version: '1' }, 'unknown version'],
  ['without a time', { ...STATE, savedAt: 'soon' }, 'has no savedAt'],
  ['without an end', { ...STATE, ended: 'later' }, 'does not say how'],
  ['without a pid', { ...STATE, pid: 1.5 }, 'does not say how'],
  ['of nobody', { ...STATE, project: 5 }, 'does not say whose'],
  ['of another project', { ...STATE, project: 'other' }, 'another project'],
  ['without a status', { ...STATE, status: null }, 'no status'],
])('a file that is %s is ignored with a reason', (...[, state, reason]) => {
  leave(state);
  expect(found()).toEqual({ state: null, ignored: [expect.stringContaining(reason)] });
  expect(found({})).toEqual({ state: null, ignored: [expect.stringContaining(reason)] });
});

test('a file that is too large is ignored with a reason', () => {
  leave(STATE);
  fs.truncateSync(path.join(directory, SHOP), 2 ** 30);
  expect(found()).toEqual({ state: null, ignored: [expect.stringContaining('bytes')] });
});

onUnix('a file that is a link or no file at all is refused', () => {
  leave(STATE, 'elsewhere');
  const file = path.join(directory, SHOP);
  fs.symlinkSync(path.resolve(directory, 'elsewhere'), file);
  expect(() => found()).toThrow(expect.objectContaining({ code: 'E_NOT_OWNED' }));
  fs.rmSync(file);
  fs.mkdirSync(file);
  expect(() => found()).toThrow(expect.objectContaining({ code: 'E_NOT_OWNED' }));
});

asRoot('a file of another user is refused', () => {
  leave(STATE);
  fs.chownSync(path.join(directory, SHOP), 12345, 12345);
  expect(() => found()).toThrow(expect.objectContaining({ code: 'E_NOT_OWNED' }));
});
