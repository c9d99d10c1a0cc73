'use strict';

/** Commands beside systems that run in other processes, hang, were killed, or have ended. */

const fs = require('node:fs');
const { usePrograms, systems } = require('../live/support.js');
const { CLI, NOBODY, asOther, begin, linesOf, onUnix, runAs, until, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();
const run = usePrograms();

/** However long a machine that is busy takes for the commands between. */
const DURATION = '\\d+ (?:min|s)(?: \\d+ s)?';

/** A system of this directory with something to tell, until it is killed or told to end. */
const program = (config = {}, more = '') =>
  run(`
    const system = await create(${JSON.stringify({ cache: { cacheDir: '.cache' }, ...config })});
    process.stdin.resume();
    setInterval(() => {}, 1000);
    await system.optimizeAgentContext('an\\u001b[31magent', { currentTask: 'Mend the button', files: { 'a.ts': 'const a = 1;' } });
    await system.cacheResponse('a question', 'an answer');
    await system.getCachedResponse('a question');
    await system.getCachedResponse('a question of another kind altogether');
    ${more}
    ready();`);

/** The first state is saved when a system has started. */
const stored = () =>
  until(() => fs.readdirSync(directory.path('.cache', 'live')).some((name) => /^state-.*\.json$/.test(name)));

const json = async (args, options) => {
  const { code, stdout, stderr } = await cli([...args, '--json'], options);
  return { code, stderr, ...(stdout === '' ? {} : { data: JSON.parse(stdout) }) };
};

describe('a system that runs', () => {
  test('is the one that answers health, status, stats and tuning', async () => {
    const { pid } = await program();
    await systems(1);
    for (const command of ['health', 'status', 'stats', 'tuning']) {
      const { code, stderr, data } = await json([command]);
      expect({ code, stderr, source: data.source, pid: data.pid }).toEqual({
        code: 0,
        stderr: '',
        source: 'live',
        pid,
      });
      const text = await cli([command]);
      expect(linesOf(text.stdout)[0]).toMatch(
        new RegExp(`^source +process ${pid} \\(staging\\), running for ${DURATION}$`),
      );
      expect(text.stdout).not.toContain('\u001b');
    }
    const { data: status } = await json(['status']);
    expect(status).toMatchObject({ environment: 'staging', systems: [{ pid, environment: 'staging' }] });
    expect(status.components.cacheManager.overall).toMatchObject({ totalHits: 1, totalMisses: 1 });
    const { data: stats } = await json(['stats']);
    expect(stats.cache.overall).toMatchObject({ totalHits: 1, totalMisses: 1 });
    expect(stats.agents.map(({ agentId }) => agentId)).toEqual(['an\u001b[31magent']);
    expect((await json(['tuning'])).data).toMatchObject({ enabled: false, steps: 0, history: [] });
    const { stdout } = await cli(['stats']);
    expect(stdout).toMatch(/^ +hit rate +50\.0 % +2 lookups$/m);
    expect(stdout).toContain('an\\u001b[31magent');
  });

  test('is not disturbed, and none of the commands leaves a trace', async () => {
    await program();
    await systems(1);
    await stored();
    // Not the file in which a state is being written.
    const names = () =>
      fs
        .readdirSync(directory.path('.cache', 'live'))
        .filter((name) => /\.(sock|json)$/.test(name))
        .sort();
    const before = names();
    for (const command of ['health', 'status', 'stats']) await cli([command]);
    await cli(['health', '--offline']);
    await cli(['alert-test', '--channel', 'console']);
    expect(names()).toEqual(before);
  });

  test('of another environment does not answer for this one', async () => {
    await program();
    await systems(1);
    expect((await json(['health', '--environment', 'production'])).data.source).not.toBe('live');
    expect((await json(['health'], { env: { NODE_ENV: 'production' } })).data.source).not.toBe('live');
    expect((await json(['health', '--environment', 'staging'])).data.source).toBe('live');
    expect((await json(['health', '--offline'])).data.source).toBe('created');
  });

  test('answers also where the configuration is wrong by now', async () => {
    const { pid } = await program();
    await systems(1);
    configure('optimization.development.json', '{ "cache": ');
    expect(await json(['health'])).toMatchObject({ code: 0, data: { source: 'live', pid } });
  });

  test('has its latencies where there is a monitor', async () => {
    await program({ enableProductionMonitoring: true, monitoring: { metricsInterval: 1000, console: false } });
    await systems(1);
    // Nobody answers where the machine is too busy for it.
    await until(async () => ((await json(['stats'])).data?.latency ?? null) !== null);
    expect((await cli(['stats'])).stdout).toMatch(/^ +all +p50 .* p95 .* p99 .* requests$/m);
  });
});

describe('several systems', () => {
  test('are told by health, and the worst one counts', async () => {
    const good = await program();
    await systems(1);
    const bad = await program({ memory: { maxMemoryUsage: 1 } });
    await systems(2);
    const { code, data } = await json(['health']);
    expect([1, 2]).toContain(code);
    expect(data).toMatchObject({ source: 'live', pid: bad.pid });
    expect(data.systems.map(({ pid }) => pid).sort()).toEqual([good.pid, bad.pid].sort());
    const { stdout } = await cli(['health']);
    expect(linesOf(stdout)[0]).toMatch(/, one of 2$/);
    expect(stdout).toMatch(new RegExp(`^process ${good.pid} +healthy`, 'm'));
  });

  test('are chosen from by --pid', async () => {
    const [one, other] = [await program(), await program()];
    await systems(2);
    for (const { pid } of [one, other]) {
      expect((await json(['status', '--pid', `${pid}`])).data).toMatchObject({ source: 'live', pid });
    }
    const { code, stderr } = await cli(['status', '--pid', '1']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^E_INVALID_ARGUMENT: no system of process 1 runs here; running: \d+, \d+\n$/);
  });
});

describe('a system that does not answer', () => {
  onUnix('is down, and doctor names it', async () => {
    const { pid, kill } = await program();
    await systems(1);
    kill('SIGSTOP');
    const { code, data } = await json(['health']);
    expect(code).toBe(2);
    expect(data).toMatchObject({ overall: 'down', source: 'live', pid, message: 'does not answer' });
    const text = await cli(['health']);
    expect(text.stdout).toMatch(/^health +down, score 0 of 100: does not answer$/m);
    const status = await cli(['status']);
    expect([status.code, status.stderr]).toEqual([
      3,
      expect.stringMatching(`^E_NOT_AVAILABLE: process ${pid} \\(staging\\): does not answer\n$`),
    ]);
    const { data: found } = await json(['doctor']);
    expect(found.checks).toContainEqual(
      expect.objectContaining({
        state: 'problem',
        check: 'running system',
        remedy: expect.stringContaining(`kill -CONT ${pid}`),
      }),
    );
    kill('SIGCONT');
  });
});

describe('a system that has ended', () => {
  const ended = async (how) => {
    const { pid, kill, ended: end } = await program();
    await systems(1);
    await stored();
    kill(how);
    await end;
    return pid;
  };

  test('has left its state', async () => {
    const pid = await ended('SIGTERM');
    for (const command of ['health', 'status', 'stats', 'tuning']) {
      const { code, data } = await json([command]);
      expect({ code, source: data.source, pid: data.pid }).toEqual({ code: 0, source: 'stored', pid });
    }
    const { stdout } = await cli(['health']);
    expect(linesOf(stdout)[0]).toMatch(
      new RegExp(`^source +stored ${DURATION} ago by process ${pid} \\(staging\\), which has ended$`),
    );
  });

  onUnix('without a shutdown is a warning', async () => {
    const pid = await ended('SIGKILL');
    const { code, data } = await json(['health']);
    expect({ code, source: data.source, pid: data.pid, overall: data.overall }).toEqual({
      code: 1,
      source: 'stored',
      pid,
      overall: 'warning',
    });
    expect(data.message).toBe(`process ${pid} (staging) is gone without a shutdown`);
    expect(data.gone.map((who) => who.pid)).toEqual([pid]);
    const { stdout } = await cli(['health']);
    expect(linesOf(stdout)[0]).toMatch(/which is gone without a shutdown$/);
    expect((await json(['health', '--offline'])).code).toBe(0);
  });
});

describe('a cache directory of another user', () => {
  asOther('is not believed', async () => {
    fs.mkdirSync(directory.path('.cache', 'live'), { recursive: true, mode: 0o700 });
    fs.chownSync(directory.path('.cache', 'live'), NOBODY, NOBODY);
    for (const command of ['health', 'status', 'stats']) {
      const { code, stdout, stderr } = await cli([command]);
      expect([code, stdout]).toEqual([3, '']);
      expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_NOT_OWNED: .*belongs to user 65534/)]);
      expect((await cli([command, '--offline'])).code).toBe(0);
    }
  });
});

asOther('a directory that only root may read is said to be that of root', async () => {
  fs.mkdirSync(directory.path('.cache', 'live'), { recursive: true });
  for (const open of ['.', '.cache']) fs.chmodSync(directory.path(open), 0o755);
  fs.chmodSync(directory.path('.cache', 'live'), 0o700);
  for (const command of ['health', 'status', 'stats', 'tuning']) {
    const { code, stdout, stderr } = await runAs(NOBODY, [command], { cwd: directory.path() });
    expect([code, stdout]).toEqual([3, '']);
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(
        /^E_IO: cannot read .*live: it belongs to user 0, not to user 65534 who asks; ask as that user/,
      ),
    ]);
  }
});

describe('stats --watch', () => {
  onUnix('follows systems as they come and go', async () => {
    const { child, output, ended } = begin([CLI, 'stats', '--watch', '0.1', '--json'], { cwd: directory.path() });
    const sources = () =>
      output.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).source);
    await until(() => sources().includes('created'));
    const { kill } = await program();
    await until(() => sources().includes('live'));
    kill('SIGSTOP');
    await until(() => output.stdout.includes('does not answer'));
    kill('SIGCONT');
    kill('SIGTERM');
    await until(() => sources().includes('stored'));
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe('');
  });

  onUnix('goes on where no system can be made meanwhile, as the configuration is not right', async () => {
    const { kill, ended: end } = await program();
    await systems(1);
    const { child, output, ended } = begin([CLI, 'stats', '--watch', '0.1', '--json'], { cwd: directory.path() });
    await until(() => output.stdout.includes('"source":"live"'));
    configure('optimization.development.json', '{ "cache": ');
    kill('SIGKILL');
    await end;
    for (const name of fs.readdirSync(directory.path('.cache', 'live')).filter((one) => one.startsWith('state-')))
      fs.rmSync(directory.path('.cache', 'live', name));
    await until(() => output.stdout.includes('"source":"created","error"') || child.exitCode !== null);
    configure('optimization.development.json', '{}');
    await until(() => output.stdout.includes('"source":"created","timestamp"') || child.exitCode !== null);
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  onUnix('goes on while the file of --config is not right, and does not begin with one', async () => {
    const config = { cache: { cacheDir: directory.path('elsewhere') } };
    const file = configure('named.json', config);
    const { pid } = await program({ configFile: file, ...config });
    await systems(1, 'elsewhere');
    const args = ['stats', '--watch', '0.1', '--json', '--config', file];
    const { child, output, ended } = begin([CLI, ...args], { cwd: directory.path() });
    const lines = () => output.stdout.split('\n').slice(0, -1);
    const more = async () => {
      const before = lines().length;
      // The one that was begun before counts for nothing.
      await until(() => lines().length > before + 1 || child.exitCode !== null);
    };
    await more();
    for (const change of [() => configure('named.json', '{ "cache": '), () => fs.rmSync(file)]) {
      change();
      await more();
      expect(await cli(args)).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(/^E_CONFIG_/) });
    }
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe('');
    const readings = lines().map((line) => JSON.parse(line));
    // On a machine that is busy one may come too late.
    for (const { source, error, pid: whose } of readings)
      expect([source, whose]).toEqual(['live', error ? undefined : pid]);
  });
});
