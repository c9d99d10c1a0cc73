/** The commands `cache …` where things are not as they should be: others write, somebody kills, files are damaged or foreign. */

const fs = require('node:fs');
const path = require('node:path');
const { ROOT, useOwnDirectory } = require('../support.js');
const { runCache } = require('../cache/support.js');
const { CLI, NOBODY, WELL, asOther, begin, linesOf, onUnix, runAs, until, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

const PACKAGE = JSON.stringify(path.join(ROOT, 'index.js'));

const data = async (...args) => JSON.parse((await cli(['cache', ...args, '--json'])).stdout);

/** `live` entries, `expired` ones of a life of a millisecond, and the directory they are in. */
async function fill({ live, expired = 0, where = '.cache' }) {
  const source = `
    const cache = new AdvancedCacheManager({ cacheDir: ${JSON.stringify(where)}, l1MaxSize: 10 });
    (async () => {
      for (let at = 0; at < ${live}; at++) await cache.set('live ' + at, 'value '.repeat(300) + '#' + at + '#', 3600);
      for (let at = 0; at < ${expired}; at++) await cache.set('expired ' + at, 'value '.repeat(300) + at, 0.001);
      await cache.stop();
    })();`;
  expect(await runCache(source, directory.path())).toEqual({ ...WELL, stdout: '' });
}

const generation = (...names) => directory.path('.cache', 'v1-000001', ...names);

/** A program that writes and reads without end until it is told to stop; prints what went wrong. */
const WRITER = `
  const { AdvancedCacheManager } = require(${PACKAGE});
  const cache = new AdvancedCacheManager({ cacheDir: '.cache', l1MaxSize: 20 });
  const problems = [];
  cache.on('degraded', (event) => problems.push(event));
  let isEnding = false;
  process.stdin.on('data', () => { isEnding = true; });
  (async () => {
    for (let round = 0; !isEnding; round++) {
      const key = 'moving ' + (round % 50);
      await cache.set(key, 'x'.repeat(round % 5000), round % 3 ? 3600 : 0.001);
      if (round % 20 === 0) await cache.flush();
      if (round % 7 === 0 && (await cache.get('live 1')) === null) problems.push('lost');
      if (round === 200) console.log('begun');
    }
    await cache.stop();
    const { failures, corrupt } = cache.getStats().disk;
    console.log(JSON.stringify({ problems, failures, corrupt }));
    process.exit();
  })();`;

test('others write and read meanwhile: nothing is wrong, lost or held up', async () => {
  await fill({ live: 200, expired: 200 });
  const writer = begin(['-e', WRITER], { cwd: directory.path() });
  await until(() => writer.output.stdout.includes('begun'));
  for (let round = 0; round < 3; round++) {
    const keys = (await data('ls', 'live')).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toHaveLength(200);
    const { damagedCount, totals, database } = await data('verify');
    expect([damagedCount, totals.ok, database.state]).toEqual([0, true, 'ok']);
    const { before, after } = await data('compact');
    expect([before, after]).toEqual([expect.any(Number), expect.any(Number)]);
  }
  writer.child.stdin.write('end\n');
  expect(await writer.ended).toEqual({ code: 0, signal: null });
  expect(JSON.parse(linesOf(writer.output.stdout).at(-1))).toEqual({ problems: [], failures: 0, corrupt: 0 });
  expect(writer.output.stderr).toBe('');
});

onUnix('compact that is killed at any time loses nothing', async () => {
  for (const round of [1, 2, 3, 4, 5, 6]) {
    const where = `round-${round}`;
    await fill({ live: 100, expired: 1500, where });
    const { child, ended } = begin([CLI, 'cache', 'compact', '--dir', where], { cwd: directory.path() });
    const log = directory.path(where, 'v1-000001', 'cache.db-wal');
    // Once it has begun to write, and a little later each time.
    await until(() => child.exitCode !== null || (fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0);
    await new Promise((resolve) => setTimeout(resolve, round * 4));
    child.kill('SIGKILL');
    await ended;
    const { checked, damagedCount, totals, database } = await data('verify', '--dir', where);
    expect([damagedCount, totals.ok, database.state]).toEqual([0, true, 'ok']);
    expect(checked).toBeGreaterThanOrEqual(100);
    expect(await data('ls', '--dir', where)).toHaveLength(100);
    await data('compact', '--dir', where);
    expect((await data('verify', '--dir', where)).checked).toBe(100);
  }
});

test('a signal ends verify and compact as it would end any program', async () => {
  await fill({ live: 2000 });
  for (const name of ['verify', 'compact']) {
    const { child, ended } = begin([CLI, 'cache', name], { cwd: directory.path() });
    child.kill('SIGINT');
    const { signal, code } = await ended;
    expect([0, null]).toContain(code);
    expect(['SIGINT', null]).toContain(signal);
  }
  expect((await data('verify')).checked).toBe(2000);
});

/** Changes a byte of the values of these entries, also where a page has an older copy. */
function damageValues(...numbers) {
  const file = generation('cache.db');
  const bytes = fs.readFileSync(file);
  for (const number of numbers) {
    for (let at = bytes.indexOf(`#${number}#`); at !== -1; at = bytes.indexOf(`#${number}#`)) bytes[at] ^= 1;
  }
  fs.writeFileSync(file, bytes);
}

test('damaged entries are told, removed unless --dry-run, and not found again', async () => {
  await fill({ live: 100 });
  damageValues(7, 42, 99);
  const dry = await cli(['cache', 'verify', '--dry-run']);
  expect([dry.code, dry.stderr]).toEqual([1, '']);
  const lines = linesOf(dry.stdout);
  expect(lines).toHaveLength(4);
  for (const line of lines.slice(0, 3)) expect(line).toMatch(/^damaged {2}L2 {2}checksum {2}\(default\) {2}live \d+$/);
  expect(lines[3]).toMatch(/^100 entries \(.*\) checked: 3 damaged, 0 removed$/);
  expect((await data('verify')).removed).toBe(3);
  expect(await data('verify')).toMatchObject({ checked: 97, damagedCount: 0, totals: { ok: true } });
  expect(await data('ls')).toHaveLength(97);
});

test.each([
  [['ls']],
  [['get', 'key']],
  [['stats']],
  [['verify', '--dry-run']],
])('%j with a database that is none is refused, and begins no other', async (args) => {
  await fill({ live: 10 });
  fs.writeFileSync(generation('cache.db'), 'this is not a database '.repeat(1000));
  const { code, stdout, stderr } = await cli(['cache', ...args]);
  expect([code, stdout, stderr]).toEqual([
    3,
    '',
    expect.stringMatching(/^E_CACHE_DISK: the database in .* is damaged/),
  ]);
  expect(fs.existsSync(generation('unusable'))).toBe(false);
});

test('compact with a database that is none begins another, and says so', async () => {
  await fill({ live: 10 });
  fs.writeFileSync(generation('cache.db'), 'this is not a database '.repeat(1000));
  const { code, stderr } = await cli(['cache', 'compact']);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^warning: the database in .* was damaged/)]);
  expect(fs.existsSync(generation('unusable'))).toBe(true);
  expect(await cli(['cache', 'compact'])).toMatchObject({ code: 0, stderr: '' });
});

test('verify with a database that is none is critical', async () => {
  await fill({ live: 10 });
  fs.writeFileSync(generation('cache.db'), 'this is not a database '.repeat(1000));
  const { code, stdout } = await cli(['cache', 'verify', '--json']);
  expect([code, JSON.parse(stdout).database]).toEqual([
    2,
    expect.objectContaining({ state: 'damaged', replaced: true }),
  ]);
  expect((await cli(['cache', 'verify'])).code).toBe(0);
});

test('a file in place of the directory is refused', async () => {
  fs.writeFileSync(directory.path('file'), 'content');
  const { code, stderr } = await cli(['cache', 'ls', '--dir', 'file']);
  expect([code, stderr]).toEqual([3, expect.stringMatching(/^E_CACHE_DISK: .*not a directory\n$/)]);
  expect(fs.readFileSync(directory.path('file'), 'utf8')).toBe('content');
});

describe('of another user', () => {
  const foreign = useOwnDirectory();

  asOther.each(['ls', 'stats', 'verify', 'compact'])('%s is refused, and nothing is changed', async (name) => {
    const source = `
      const cache = new AdvancedCacheManager({ cacheDir: '.cache' });
      cache.set('secret key', 1).then(() => cache.stop());`;
    await runCache(source, foreign.path());
    fs.chmodSync(foreign.path(), 0o755);
    for (const mode of [0o700, 0o755]) {
      fs.chmodSync(foreign.path('.cache'), mode);
      const { code, stdout, stderr } = await runAs(NOBODY, ['cache', name], { cwd: foreign.path() });
      expect([code, stdout]).toEqual([3, '']);
      expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CACHE_DISK: .*(no permission|belongs to)/)]);
    }
  });
});

describe.each([
  ['ls'],
  ['get', 'key'],
  ['rm', 'key'],
  ['clear', '--yes'],
  ['stats'],
  ['verify'],
  ['compact'],
])('%s', (...given) => {
  const args = ['cache', ...given.filter((text) => typeof text === 'string')];

  test('refuses an option that it does not know', async () => {
    const { code, stdout, stderr } = await cli([...args, '--no-such-option']);
    expect([code, stdout]).toEqual([3, '']);
    expect(linesOf(stderr)[0]).toMatch(/^E_USAGE: .*--no-such-option/);
  });

  test('with a configuration file that is not there', async () => {
    const { code, stdout, stderr } = await cli([...args, '--config', 'nowhere.json']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^E_CONFIG_MISSING: /);
  });

  onUnix('is quiet where nobody reads its output', async () => {
    await fill({ live: 3 });
    const { signal, stderr, code } = await cli(args, { closeOutput: true });
    expect([signal, stderr]).toEqual([null, '']);
    expect(code).not.toBe(3);
  });
});

test('a cache that is only in memory has nothing to look into', async () => {
  configure('optimization.development.json', { cache: { persistToDisk: false } });
  const { code, stderr } = await cli(['cache', 'ls']);
  // Until the configuration can be asked without a system, it is where it usually is.
  expect([
    [3, expect.stringMatching(/^E_NOT_AVAILABLE: /)],
    [0, expect.stringMatching(/^warning: nothing/)],
  ]).toContainEqual([code, stderr]);
});
