'use strict';

/** The commands of the package, each in a process of its own. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { useOwnDirectory } = require('./support.js');
const { CLI, copyPackage, linesOf, moduleName, node, start } = require('./processes.js');

const directory = useOwnDirectory();

const cli = (args, options = {}) => node([CLI, ...args], { cwd: directory.path(), ...options });
const WELL = { code: 0, signal: null, stderr: '' };
const REFUSED = { code: 3, signal: null, stdout: '' };

function configure(name, text) {
  fs.mkdirSync(directory.path('config'), { recursive: true });
  const file = directory.path('config', name);
  fs.writeFileSync(file, text);
  return file;
}

describe('a command that works ends by itself with exit code 0', () => {
  test('health prints a table', async () => {
    const { stdout, ...rest } = await cli(['health']);
    expect(rest).toEqual(WELL);
    const lines = linesOf(stdout);
    expect(lines[0]).toMatch(/^health +healthy, score \d+ of 100$/);
    expect(lines.slice(1, 5).map((line) => line.split(/ +/)[0])).toEqual([
      'tokenOptimizer',
      'memoryManager',
      'cacheManager',
      'contextFilter',
    ]);
  });

  test('health --json prints what getHealthStatus() gives, and nothing else', async () => {
    const { stdout, ...rest } = await cli(['health', '--json']);
    expect(rest).toEqual(WELL);
    expect(JSON.parse(stdout)).toMatchObject({
      overall: 'healthy',
      score: expect.any(Number),
      components: { memoryManager: { healthy: true }, cacheManager: { healthy: true, score: expect.any(Number) } },
      recommendations: expect.any(Array),
      environment: 'development',
    });
  });

  test('status prints a table', async () => {
    const { stdout, ...rest } = await cli(['status']);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^environment +development$/m);
    expect(stdout).toMatch(/^configuration +built-in defaults$/m);
    expect(stdout).toMatch(/^memory +[\d.]+ MB of [\d.]+ MB \([\d.]+ %\)$/m);
    expect(stdout).toMatch(/^cache +0 of 1000 entries, 0 MB$/m);
  });

  test('status --json prints what getStatus() gives, and nothing else', async () => {
    const { stdout, ...rest } = await cli(['status', '--json']);
    expect(rest).toEqual(WELL);
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({ initialized: true, environment: 'development', configFile: null, warnings: [] });
    expect(status.components.memoryManager.process.rss).toBeGreaterThan(1);
  });

  test('status names the configuration file of the directory', async () => {
    const file = configure('optimization.development.json', '{"cache":{"l1MaxSize":7}}');
    const { stdout, ...rest } = await cli(['status', '--json']);
    expect(rest).toEqual(WELL);
    const { configFile, components } = JSON.parse(stdout);
    expect([configFile, components.cacheManager.l1.maxSize]).toEqual([file, 7]);
  });

  test('a component that is off is shown as off', async () => {
    configure('optimization.development.json', '{"enableAdvancedCaching":false}');
    const [health, status] = [await cli(['health']), await cli(['status'])];
    expect([health.code, health.stdout]).toEqual([0, expect.stringMatching(/^cacheManager +off$/m)]);
    expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/^cache +off$/m)]);
  });

  test.each([[[]], [['--json']]])('report %j writes the only file, readable by its owner only', async (flags) => {
    const { stdout, ...rest } = await cli(['report', ...flags]);
    expect(rest).toEqual(WELL);
    const file = flags.length > 0 ? JSON.parse(stdout).path : linesOf(stdout)[0];
    expect(stdout).toBe(flags.length > 0 ? `${JSON.stringify({ path: file }, null, 2)}\n` : `${file}\n`);
    expect(path.dirname(file)).toBe(directory.path());
    expect(path.basename(file)).toMatch(/^optimization-report-\d+\.json$/);
    expect(fs.readdirSync(directory.path())).toEqual([path.basename(file)]);
    if (process.platform !== 'win32') expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({ environment: 'development' });
  });

  test.each(['health', 'status'])('%s leaves no file', async (command) => {
    await cli([command]);
    expect(fs.readdirSync(directory.path())).toEqual([]);
  });
});

describe('help', () => {
  test.each([[[]], [['--help']], [['-h']], [['status', '--help']]])('is printed for %j', async (args) => {
    const { stdout, ...rest } = await cli(args);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^Usage: agentwise-optimization <command>/);
    for (const word of ['health', 'status', 'report', '--environment', '--json', '--help']) {
      expect(stdout).toContain(word);
    }
  });
});

describe('a usage error has exit code 3, its message on standard error and nothing on standard output', () => {
  test.each([
    ['an unknown command', ['dance'], 'dance'],
    ['a name of Object.prototype', ['toString'], 'toString'],
    ['the name __proto__', ['__proto__'], '__proto__'],
    ['an empty command', [''], 'command'],
    ['an argument too many', ['health', 'now'], 'health now'],
    ['an unknown option', ['health', '--verbose'], '--verbose'],
    ['an unknown short option', ['health', '-x'], '-x'],
    ['an option without a command', ['--json'], 'command is missing'],
    ['--environment without a value', ['health', '--environment'], '--environment'],
    ['--json with a value', ['health', '--json=yes'], '--json'],
  ])('%s', async (_, args, word) => {
    const { stderr, ...rest } = await cli(args);
    expect(rest).toEqual(REFUSED);
    expect(stderr.split('\n')[0]).toContain(word);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.each(['test', '', 'Production'])("the environment '%s' is refused with its code", async (environment) => {
    const { stderr, ...rest } = await cli(['health', `--environment=${environment}`]);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_INVALID: .*environment.*production/)]);
  });
});

describe('a failure has exit code 3 and one line on standard error, with the code', () => {
  test.each(['health', 'status', 'report'])('%s with a broken configuration file names the file', async (command) => {
    const file = configure('optimization.development.json', '{ "cache": ');
    const { stderr, ...rest } = await cli([command, '--json']);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/^E_CONFIG_UNREADABLE: /);
    expect(stderr).toContain(file);
  });

  test('a configuration file with wrong values names every setting and the file', async () => {
    const file = configure('optimization.development.json', '{"cache":{"ttlSeconds":-1},"memory":{"gcInterval":"x"}}');
    const { stderr, ...rest } = await cli(['status']);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_INVALID: .*2 problems/)]);
    for (const word of ['cache.ttlSeconds', 'memory.gcInterval', file]) expect(stderr).toContain(word);
  });

  test('a file of OPTIMIZATION_CONFIG that is not there', async () => {
    const { stderr, ...rest } = await cli(['health'], { env: { OPTIMIZATION_CONFIG: 'nowhere.json' } });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_MISSING: .*nowhere\.json/)]);
  });

  test('report into a directory that takes no file', async () => {
    // Nothing is unwritable for root: the directory is removed once the process runs in it.
    const preload = path.join(os.tmpdir(), `agentwise-preload-${process.pid}.cjs`);
    fs.writeFileSync(preload, "require('node:fs').rmdirSync(process.cwd());");
    try {
      const inside = directory.path('gone');
      fs.mkdirSync(inside);
      const { stderr, ...rest } = await node(['--require', preload, CLI, 'report'], { cwd: inside });
      expect(rest).toEqual(REFUSED);
      expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_IO: cannot write optimization-report.*gone/)]);
    } finally {
      fs.rmSync(preload);
    }
  });

  const onUnix = process.platform === 'win32' ? test.skip : test;

  onUnix.each(['health', 'report'])('%s in a directory that was removed before', async (command) => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" "$2"';
    const { stderr, ...rest } = await start('sh', ['-c', script, process.execPath, CLI, command], {
      cwd: directory.path(),
    });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toHaveLength(1);
    // The code is told once.
    expect(stderr).toMatch(/^E(NOENT|_[A-Z]+): (?!ENOENT)/);
  });

  test.each(['health', '--help'])('%s with a native module that does not load', async (argument) => {
    copyPackage(directory.path());
    const cwd = directory.path('work');
    fs.mkdirSync(cwd);
    const name = moduleName();
    fs.writeFileSync(directory.path('js', name), 'this is no module');
    const { stdout, stderr, code } = await node([directory.path('js', 'cli', 'main.js'), argument], { cwd });
    if (argument === '--help') {
      // Help needs no module.
      expect([code, stderr, stdout.split('\n')[0]]).toEqual([0, '', expect.stringContaining('Usage')]);
      return;
    }
    expect([code, stdout]).toEqual([3, '']);
    const lines = linesOf(stderr);
    expect(lines).toEqual([expect.stringMatching(/^E_NOT_AVAILABLE: .*could not be loaded: .*npm install/)]);
    expect(lines[0]).toContain(name);
    expect(lines[0]).not.toMatch(/Cannot find|npm has a bug/);
  });

  test('a native module that is not there', async () => {
    copyPackage(directory.path(), { withModule: false });
    const { stderr, ...rest } = await node([directory.path('js', 'cli', 'main.js'), 'status'], { cwd: directory.path() });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_NOT_AVAILABLE: .*npm install/)]);
  });
});

describe('an output that nobody reads to its end', () => {
  const onUnix = process.platform === 'win32' ? test.skip : test;

  onUnix('is cut by head without a word', async () => {
    const script = '"$0" "$1" status --json | head -c 1';
    const { stdout, stderr } = await start('sh', ['-c', script, process.execPath, CLI], { cwd: directory.path() });
    expect({ stdout, stderr }).toEqual({ stdout: '{', stderr: '' });
  });

  onUnix.each(['health', 'status', 'report', '--help'])('is no failure of %s', async (command) => {
    const { code, signal, stderr } = await cli([command], { closeOutput: true });
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });
});

describe('the environment', () => {
  test.each([
    ['production', [], 'production'],
    ['staging', [], 'staging'],
    ['development', [], 'development'],
    ['test', [], 'development'],
    ['', [], 'development'],
    ['production', ['--environment', 'staging'], 'staging'],
  ])("with NODE_ENV '%s' and %j is %s", async (NODE_ENV, flags, expected) => {
    const { stdout, code } = await cli(['status', '--json', ...flags], { env: { NODE_ENV } });
    expect([code, JSON.parse(stdout).environment]).toEqual([0, expected]);
  });

  test('picks the configuration file', async () => {
    configure('optimization.staging.json', '{"cache":{"l1MaxSize":11}}');
    configure('optimization.json', '{"cache":{"l1MaxSize":12}}');
    const sizes = [];
    for (const NODE_ENV of ['staging', 'production', 'development']) {
      const { stdout } = await cli(['status', '--json'], { env: { NODE_ENV } });
      sizes.push(JSON.parse(stdout).components.cacheManager.l1.maxSize);
    }
    expect(sizes).toEqual([11, 12, 1000]);
  });
});

test('a warning goes to standard error and keeps standard output JSON', async () => {
  configure('optimization.development.json', '{"configFile":"nowhere.json"}');
  const { stdout, stderr, code } = await cli(['status', '--json']);
  expect(code).toBe(0);
  expect(linesOf(stderr)).toEqual([expect.stringMatching(/^warning: configFile: /)]);
  expect(JSON.parse(stdout).warnings).toEqual([expect.objectContaining({ path: 'configFile' })]);
});

test('a critical or warning health is told by the exit code', async () => {
  configure('optimization.development.json', '{"memory":{"maxMemoryUsage":1}}');
  const { stdout, code } = await cli(['health', '--json']);
  const { overall } = JSON.parse(stdout);
  expect(overall).not.toBe('healthy');
  expect(code).toBe({ warning: 1, critical: 2 }[overall]);
});
