'use strict';

/** The command `doctor`: what it finds in directories that are as they should not be, and that it leaves nothing behind. */

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { copyPackage, moduleName, node } = require('../processes.js');
const { NETWORK } = require('../../js/cli/doctor/disk.js');
const { groupLimit } = require('../../js/cli/doctor/limits.js');
const { CLI, NOBODY, ROOT, asOther, begin, linesOf, onUnix, runAs, until, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

const AREAS = ['binary', 'configuration', 'limits', 'disk', 'permissions', 'conflicts'];
const CODES = { ok: 0, warning: 1, problem: 2 };

/** What it found: `row(check)` is the row of that name. */
async function examined(options = {}) {
  const { code, stdout, stderr } = await (options.run ?? ((args) => cli(args, options)))(['doctor', '--json']);
  expect(stderr).toBe('');
  const data = JSON.parse(stdout);
  expect(code).toBe(CODES[data.state]);
  for (const { state, remedy } of data.checks) expect(remedy !== undefined).toBe(state !== 'ok');
  return { ...data, row: (check) => data.checks.find((row) => row.check === check) };
}

const cache = (...names) => directory.path('.cache', ...names);

describe('a fresh directory', () => {
  test('has every area in its order, and is left as it was', async () => {
    const { checks, row } = await examined();
    expect([...new Set(checks.map(({ area }) => area))]).toEqual(AREAS);
    expect(row('native module').value).toContain(moduleName());
    expect(row('package').value).toContain(require('../../package.json').version);
    expect(row('Node.js').value).toContain(process.versions.node);
    expect(row('cache directory')).toMatchObject({ state: 'ok', value: `${cache()}, not there yet` });
    expect(row('speed').value).toMatch(/^[\d.]+ [KMG]B\/s in synced writes of 128 KB, fsync [\d.]+ ms$/);
    expect(fs.readdirSync(directory.path())).toEqual([]);
  });

  test('as text has a remedy below each row that is not ok', async () => {
    fs.mkdirSync(cache('v1-000001'), { recursive: true, mode: 0o700 });
    fs.writeFileSync(cache('v1-000001', 'unusable'), 'bad checksum \u001b[2J\n');
    const { code, stdout, stderr } = await cli(['doctor']);
    expect([code, stderr]).toEqual([expect.any(Number), '']);
    const lines = linesOf(stdout);
    expect(lines.filter((line) => AREAS.includes(line))).toEqual(AREAS);
    for (const [at, line] of lines.entries()) {
      if (/^(warning|problem) /.test(line)) expect(lines[at + 1]).toMatch(/^ {2}→ /);
    }
    expect(stdout).not.toContain('\u001b');
    expect(lines.at(-1)).toMatch(/^(problems|warnings): \d/);
  });
});

describe('a cache directory', () => {
  test('of its own is fine', async () => {
    fs.mkdirSync(cache(), { mode: 0o700 });
    const { checks } = await examined();
    const rows = checks.filter(({ check }) => check === 'cache directory');
    expect(rows.map(({ state }) => state)).toEqual(['ok', 'ok']);
    expect(fs.readdirSync(cache())).toEqual([]);
  });

  onUnix.each([
    ['that others may change', 0o777, 'problem', /can be changed by others \(0777\)/],
    ['in which others may read nothing', 0o755, 'ok', /0755/],
  ])('%s', async (_, mode, state, value) => {
    fs.mkdirSync(cache());
    fs.chmodSync(cache(), mode);
    const { checks } = await examined();
    expect(checks).toContainEqual(
      expect.objectContaining({
        area: 'permissions',
        check: 'cache directory',
        state,
        value: expect.stringMatching(value),
      }),
    );
  });

  onUnix('in which others may read files', async () => {
    fs.mkdirSync(cache());
    fs.chmodSync(cache(), 0o755);
    fs.writeFileSync(cache('exported'), '');
    fs.chmodSync(cache('exported'), 0o644);
    const { checks } = await examined();
    expect(checks).toContainEqual(
      expect.objectContaining({ area: 'permissions', state: 'warning', remedy: expect.stringContaining('exported') }),
    );
  });

  test('that is a file', async () => {
    fs.writeFileSync(cache(), '');
    const { state, checks } = await examined();
    expect(state).toBe('problem');
    expect(checks).toContainEqual(
      expect.objectContaining({ state: 'problem', value: expect.stringContaining('is not a directory') }),
    );
  });

  asOther('of another user', async () => {
    fs.mkdirSync(cache(), { mode: 0o700 });
    fs.chownSync(cache(), NOBODY, NOBODY);
    const { checks } = await examined();
    expect(checks).toContainEqual(
      expect.objectContaining({ state: 'problem', value: expect.stringContaining(`belongs to user ${NOBODY}`) }),
    );
  });

  asOther('that this user may not look into', async () => {
    fs.mkdirSync(cache(), { mode: 0o700 });
    fs.chmodSync(directory.path(), 0o755);
    const run = (args) => runAs(NOBODY, args, { cwd: directory.path() });
    const { state, checks, row } = await examined({ run });
    expect(state).toBe('problem');
    expect(row('working directory').state).toBe('warning');
    expect(checks).toContainEqual(
      expect.objectContaining({ state: 'problem', value: expect.stringContaining('cannot be written by this user') }),
    );
  });

  const onTmpfs = process.platform === 'linux' && fs.existsSync('/dev/shm') ? test : test.skip;

  onTmpfs('in memory', async () => {
    const { row } = await examined({ env: { CACHE_DIR: '/dev/shm/nothing-here' } });
    expect(row('file system')).toMatchObject({ state: 'warning', value: expect.stringContaining('tmpfs') });
    expect(fs.existsSync('/dev/shm/nothing-here')).toBe(false);
  });
});

describe('leftovers', () => {
  test('a damaged generation is told with its reason', async () => {
    for (const number of [1, 2]) fs.mkdirSync(cache(`v1-00000${number}`), { recursive: true, mode: 0o700 });
    fs.writeFileSync(cache('v1-000001', 'unusable'), 'bad checksum \u001b[2J\n');
    const { row } = await examined();
    expect(row('damaged generation')).toMatchObject({
      state: 'warning',
      value: 'v1-000001, 18 B: bad checksum \\u001b[2J',
      remedy: expect.stringContaining(cache('v1-000001')),
    });
  });

  onUnix('a socket of a process that was killed', async () => {
    fs.mkdirSync(cache('live'), { recursive: true, mode: 0o700 });
    const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('listens'))`;
    const { child, output, ended } = begin(['-e', script, cache('live', 'a.sock')], { cwd: directory.path() });
    await until(() => output.stdout.includes('listens'));
    expect((await examined()).row('dead sockets')).toBeUndefined();
    child.kill('SIGKILL');
    await ended;
    const { row } = await examined();
    expect(row('dead sockets')).toMatchObject({ state: 'warning', value: 'a.sock' });
  });

  test('another copy of the package', async () => {
    const copy = directory.path('node_modules', 'other', 'node_modules', 'agentwise-optimization');
    fs.mkdirSync(copy, { recursive: true });
    fs.writeFileSync(path.join(copy, 'package.json'), '{"name":"agentwise-optimization","version":"9.9.9"}');
    const { row } = await examined();
    expect(row('copies of the package')).toMatchObject({
      state: 'warning',
      value: expect.stringContaining(`9.9.9 in ${copy}`),
    });
  });
});

describe('the configuration', () => {
  test('is told with every problem', async () => {
    configure('optimization.development.json', { cache: { ttlSeconds: -1 }, memory: { gcInterval: 'x' } });
    const { checks, state } = await examined();
    expect(state).toBe('problem');
    const told = checks.filter((row) => row.area === 'configuration' && row.state === 'problem');
    expect(told.map(({ check }) => check).sort()).toEqual(['cache.ttlSeconds', 'memory.gcInterval']);
  });

  test('counts: budgets, memory, a cache that is off', async () => {
    configure('optimization.development.json', {
      // The most that may be set, 20 TB together: more than any disk of a machine that builds has free.
      cache: { l2MaxSizeMB: 10_000_000, l3MaxSizeMB: 10_000_000 },
      memory: { maxMemoryUsage: 1_000_000 },
    });
    const { row } = await examined();
    expect(row('free space')).toMatchObject({ state: 'warning', remedy: expect.stringContaining('cache.l3MaxSizeMB') });
    expect(row('memory.maxMemoryUsage').state).toBe('warning');
    configure('optimization.development.json', { cache: { persistToDisk: false } });
    const off = await examined();
    expect(off.row('cache')).toMatchObject({ state: 'warning', value: 'nothing is kept on disk' });
    expect(off.checks.some(({ area }) => area === 'disk')).toBe(false);
  });

  onUnix.each([
    [
      'holds a secret that others may read',
      0o644,
      '{ // https://user:secretPart@example.org\n }',
      'warning',
      'chmod 600',
    ],
    ['holds a secret of its own', 0o600, '{ // https://user:secretPart@example.org\n }', 'ok'],
    ['holds none', 0o644, '{}', 'ok'],
    ['can be changed by others', 0o666, '{}', 'warning', 'chmod go-w'],
  ])('whose file %s', async (...[, mode, text, state, remedy]) => {
    const file = configure('optimization.development.json', text);
    fs.chmodSync(file, mode);
    const { checks } = await examined();
    const row = checks.find(({ check }) => check === 'configuration file');
    expect(row).toMatchObject({ state, value: expect.stringContaining(file) });
    if (remedy) expect(row.remedy).toContain(remedy);
    expect(JSON.stringify(checks)).not.toContain('secretPart');
  });

  test('with a port that is used', async () => {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address();
      configure('optimization.production.json', { monitoring: { metricsPort: port } });
      const run = (args) => cli([...args, '--environment', 'production']);
      expect((await examined({ run })).row('monitoring.metricsPort')).toMatchObject({
        state: 'warning',
        value: `${port} is used by another program`,
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

asOther('running systems of another user are a finding of the conflicts, which stand together', async () => {
  fs.mkdirSync(directory.path('.cache', 'live'), { recursive: true, mode: 0o700 });
  fs.chownSync(directory.path('.cache', 'live'), NOBODY, NOBODY);
  const { checks } = await examined();
  const areas = checks.map(({ area }) => area).filter((area, at, all) => area !== all[at - 1]);
  expect(areas).toEqual([...new Set(areas)]);
  const rows = checks.filter(({ check }) => check === 'running systems');
  expect(rows).toEqual([
    {
      area: 'conflicts',
      check: 'running systems',
      state: 'problem',
      value: expect.stringMatching(/live belongs to user 65534, not to user 0 .*: ask as that user$/),
      remedy: 'do as it says, or set cache.cacheDir to another directory',
    },
  ]);
});

describe('what it runs in', () => {
  test('a native module that does not load is a problem, and the rest is seen all the same', async () => {
    copyPackage(directory.path());
    fs.writeFileSync(directory.path('js', moduleName()), 'this is no module');
    fs.mkdirSync(directory.path('work'));
    const run = (args) => node([directory.path('js', 'cli', 'main.js'), ...args], { cwd: directory.path('work') });
    const { row, checks } = await examined({ run });
    expect(row('native module')).toMatchObject({ state: 'problem', remedy: expect.stringContaining('npm install') });
    expect(checks.map(({ area }) => area)).toEqual(expect.arrayContaining(['limits', 'permissions', 'conflicts']));
  });

  test.each([
    ['NODE_OPTIONS', { NODE_OPTIONS: '--no-addons' }, 'problem', '--no-addons'],
    ['V8 heap', { NODE_OPTIONS: '--max-old-space-size=1000000' }, 'warning', 'GB'],
    ['threads', { UV_THREADPOOL_SIZE: '1' }, 'warning', '1 threads'],
    ['DEBUG', { DEBUG: 'agentwise-optimization,-agentwise*' }, 'warning', 'logs'],
  ])('%s with %j', async (check, env, state, word) => {
    const { row } = await examined({ env });
    expect(row(check)).toMatchObject({ state, value: expect.stringContaining(word) });
  });

  test.each([
    [
      'version 2',
      {
        '/proc/self/cgroup': '0::/a/b\n',
        '/sys/fs/cgroup/a/memory.max': '1000\n',
        '/sys/fs/cgroup/a/b/memory.max': 'max\n',
      },
      1000,
    ],
    [
      'version 1',
      { '/proc/self/cgroup': '8:pids:/\n7:cpu,memory:/c\n', '/sys/fs/cgroup/memory/c/memory.limit_in_bytes': '2000\n' },
      2000,
    ],
    [
      'no limit',
      { '/proc/self/cgroup': '7:memory:/\n', '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' },
      null,
    ],
    ['a container', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '3000\n' }, 3000],
    ['nothing', {}, null],
  ])('the limit of a control group: %s', (_, files, limit) => {
    const read = (file) => {
      if (Object.hasOwn(files, file)) return files[file];
      throw new Error(file);
    };
    expect(groupLimit(read)).toBe(limit);
  });
});

test('network file systems are those that the cache refuses', () => {
  const source = fs.readFileSync(path.join(ROOT, 'src/cache/disk/location/network.rs'), 'utf8');
  const rows = [...source.matchAll(/\((0x[\dA-F_]+), "(\w+)"\)/g)].map(([, magic, name]) => [
    Number(magic.replaceAll('_', '')),
    name,
  ]);
  expect(rows.length).toBeGreaterThan(20);
  expect([...NETWORK]).toEqual(rows);
});

test('it is run by its name only', async () => {
  const { code, stdout } = await node([CLI, 'doctor', 'now'], { cwd: directory.path() });
  expect([code, stdout]).toEqual([3, '']);
});
