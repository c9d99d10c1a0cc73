/** What a test system leaves alone: the disk, threads, handlers, variables, other systems. */

const { execFile, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { createTestSystem, FakeClock } = require('../../entry/testing.js');
const { ProductionOptimizationSystem } = require('../../index.js');
const { useOwnDirectory, useSystems } = require('../support.js');

const directory = useOwnDirectory();
const { own } = useSystems();
const open = async (...given) => own(await createTestSystem(...given));

const CHILD = path.join(__dirname, 'child.js');

/** All that is in a folder, with its bytes and when it was changed. */
function contents(folder) {
  return fs
    .readdirSync(folder, { recursive: true })
    .sort()
    .map((name) => {
      const { mtimeMs, size } = fs.statSync(path.join(folder, name));
      return [name, mtimeMs, size];
    });
}

function layBait() {
  fs.mkdirSync(directory.path('config'));
  fs.mkdirSync(directory.path('.claude', 'agents'), { recursive: true });
  fs.writeFileSync(directory.path('config', 'optimization.production.json'), '{ "cache": { "ttlSeconds": "bait" } }');
  fs.writeFileSync(directory.path('bait.json'), 'bait');
  fs.writeFileSync(directory.path('.claude', 'agents', 'bait.md'), '---\nname: bait-specialist\n---\nBait.');
}

const isLinux = process.platform === 'linux';

test('a process is left as it was, and so is its directory', async () => {
  layBait();
  const before = contents(directory.path());
  const env = {
    ...process.env,
    OPTIMIZATION_CONFIG: 'bait.json',
    CACHE_DIR: 'bait',
    AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS: 'bait',
  };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CHILD], { cwd: directory.path(), env });
  const said = JSON.parse(stdout);
  expect(stderr).toBe('');
  expect(contents(directory.path())).toEqual(before);
  expect(said.during.threads).toBe(said.before.threads);
  expect(said.names.filter((name) => name.startsWith('agentwise'))).toEqual([]);
  expect(isLinux).toBe(said.names.length > 0);
  for (const moment of ['during', 'after']) {
    expect(said[moment].descriptors).toEqual(said.before.descriptors);
    expect(said[moment].handlers).toEqual(said.before.handlers);
    expect(said[moment].resources).toEqual(said.before.resources);
  }
  expect(said).toMatchObject({ instance: 'E_CONFIG_REQUIRED', live: { socket: null, reason: null }, file: null });
});

const strace = (() => {
  try {
    // It may be there and not be allowed to look, as in some containers.
    execFileSync('strace', ['-f', '-qq', '-o', os.devNull, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** What the kernel is asked for by a program: files, sockets, names of threads. */
async function traced(...args) {
  const trace = directory.path('..', `${path.basename(directory.path())}.trace`);
  const options = ['-f', '-qq', '-e', 'trace=%file,socket,bind,connect,prctl', '-o', trace];
  await promisify(execFile)('strace', [...options, process.execPath, ...args], { cwd: directory.path() });
  const lines = fs.readFileSync(trace, 'utf8').split('\n');
  fs.rmSync(trace);
  return {
    inside: lines.filter((line) => /bait|\.claude|[/"]config[/"]|[/"]\.cache/.test(line) && !line.includes('execve')),
    sockets: lines.filter((line) => /\b(socket|bind|connect)\(/.test(line)),
    // Also of those that are gone again.
    threads: lines.filter((line) => /PR_SET_NAME, "agentwise/.test(line)),
  };
}

const REAL = `
  const { ProductionOptimizationSystem } = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
  ProductionOptimizationSystem.create({ environment: 'staging', finalReport: false }).then(async (system) => {
    await system.cacheResponse('q', 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await system.shutdown();
  });`;

test('no file is opened in the working directory, no socket made, no thread named, as the kernel sees it', async () => {
  if (!strace) {
    console.warn('SKIPPED: strace is not installed, or may not look');
    return;
  }
  layBait();
  expect(await traced(CHILD)).toEqual({ inside: [], sockets: [], threads: [] });
  // And it would be seen: a real system does all of it.
  const real = await traced('-e', REAL);
  for (const seen of Object.values(real)) expect(seen.length).toBeGreaterThan(0);
});

test('a report is written where it is asked for', async () => {
  const system = await open();
  const file = await system.generateSystemReport({ path: directory.path('report.json') });
  expect(JSON.parse(fs.readFileSync(file, 'utf8')).timestamp).toBe('2026-01-01T00:00:00.000Z');
  expect(fs.readdirSync(directory.path())).toEqual(['report.json']);
  const last = await createTestSystem({ finalReport: true });
  await last.shutdown();
  expect(fs.readdirSync(directory.path()).sort()).toEqual(['optimization-report-1767225600000.json', 'report.json']);
});

test('environment variables are those of the test', async () => {
  process.env.AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS = '5';
  const ttl = async (env) => {
    const system = await open({}, env === undefined ? {} : { env });
    return system.explainConfig().settings['cache.ttlSeconds'].value;
  };
  const before = await ttl();
  const given = await ttl({ AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS: '7' });
  delete process.env.AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS;
  expect([before, given]).toEqual([3600, 7]);
});

test('systems share nothing: answers, pressure, agents, the instance of the process', async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const instance = own(
    await ProductionOptimizationSystem.getInstance({ environment: 'development', finalReport: false }),
  );
  await one.cacheResponse('q', 1);
  one.setMachine({ memoryPercentage: 98 });
  await Promise.all([one.clock.advance(10_000), two.clock.advance(10_000)]);
  expect(await two.getCachedResponse('q')).toBeNull();
  expect([one, two].map((system) => system.shouldThrottleAgent('a'))).toEqual([true, false]);
  expect(instance.shouldThrottleAgent('a')).toBe(false);
  expect(await ProductionOptimizationSystem.getInstance()).toBe(instance);
  expect(one).toBeInstanceOf(ProductionOptimizationSystem);
});

test('settings are checked as ever, and what a test system cannot do is said', async () => {
  for (const [config, surroundings, code, named] of [
    [{ cache: { ttlSecond: 1 } }, {}, 'E_CONFIG_INVALID', 'ttlSecond'],
    [{ configFile: 'x.json' }, {}, 'E_INVALID_ARGUMENT', 'configFile'],
    ['production', {}, 'E_INVALID_ARGUMENT', 'config'],
    [{ monitoring: 5 }, {}, 'E_INVALID_ARGUMENT', 'config.monitoring'],
    [{}, { clock: Date }, 'E_INVALID_ARGUMENT', 'surroundings.clock'],
    [{}, { clok: new FakeClock() }, 'E_INVALID_ARGUMENT', 'surroundings.clok'],
    [{}, { machine: { cpu: 'full' } }, 'E_INVALID_ARGUMENT', 'machine.cpu'],
    [{}, { env: 'PATH' }, 'E_INVALID_ARGUMENT', 'surroundings.env'],
    [{}, 5, 'E_INVALID_ARGUMENT', 'surroundings'],
  ]) {
    await expect(createTestSystem(config, surroundings)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(named),
    });
  }
  const system = await open();
  await expect(system.updateConfiguration({ cache: { ttlSeconds: 5 } }, { save: true })).rejects.toMatchObject({
    code: 'E_NOT_AVAILABLE',
  });
  expect(await system.reloadConfiguration()).toMatchObject({ file: null });
  expect(fs.readdirSync(directory.path())).toEqual([]);
});

test('a system that could not be made leaves nothing on its clock', async () => {
  const clock = new FakeClock();
  await expect(createTestSystem({ cache: { x: 1 } }, { clock })).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' });
  await clock.advance(60_000);
  const system = await open({}, { clock });
  await system.shutdown();
  await clock.advance(60_000);
  expect(clock.now()).toBe(Date.UTC(2026, 0, 1, 0, 2));
});

test('disposal ends it', async () => {
  const system = await open();
  await system[Symbol.asyncDispose]();
  expect(system.getStatus().initialized).toBe(false);
  system.setMachine({ cpu: 1 });
  expect(system.machine.cpu).toBe(1);
});
