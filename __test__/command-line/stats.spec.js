'use strict';

/** The command `stats` where no system runs: once, again and again, and how it ends. What a running one says: see `live.spec.js`. */

const { spawnSync } = require('node:child_process');
const { start } = require('../processes.js');
const { linesOf: rowsOf } = require('../../js/cli/stats/figures.js');
const { tableOf } = require('../../js/cli/output.js');
const { CLI, REFUSED, WELL, begin, linesOf, onUnix, until, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

const TITLES = ['cache', 'tokens', 'memory', 'agents', 'latency'];

test('prints the figures once, by title', async () => {
  const { stdout, ...rest } = await cli(['stats']);
  expect(rest).toEqual(WELL);
  const lines = linesOf(stdout);
  expect(lines[0]).toMatch(/^source {2}made for this question/);
  expect(lines.filter((line) => TITLES.includes(line))).toEqual(TITLES);
  expect(stdout).toMatch(/^ +hit rate +– +0 lookups$/m);
  expect(stdout).toMatch(/^ +process +[\d.]+ MB +[\d.]+ % of 2 GB$/m);
});

test('--json has the same as data', async () => {
  const { stdout, ...rest } = await cli(['stats', '--json']);
  expect(rest).toEqual(WELL);
  expect(JSON.parse(stdout)).toMatchObject({
    source: 'created',
    timestamp: expect.any(String),
    score: 100,
    cache: { overall: { totalHits: 0, totalMisses: 0 } },
    tokens: { tokensSaved: 0 },
    memory: { pressure: 'normal', limit: 2048 },
    agents: [],
    latency: null,
  });
});

test('sizes that MB have no place for are not shown as nothing', () => {
  const layer = { entries: 2, sizeMB: 0, maxSizeMB: 64, hits: 0 };
  const cacheManager = {
    l1: layer,
    l2: { ...layer, storedBytes: 710 },
    l3: { ...layer, entries: 0, storedBytes: 0 },
    overall: { totalHits: 0, totalMisses: 0 },
  };
  const lines = rowsOf({ at: 0, status: { components: { cacheManager } } }, undefined, '', {
    paint: (text) => text,
    table: tableOf,
  });
  expect(lines.filter((line) => line.includes('entries')).map((line) => line.trim().replace(/ {2,}/g, '  '))).toEqual([
    'L1  2 entries, under 10.2 KB of 64 MB  0 hits',
    'L2  2 entries, 710 B of 64 MB  0 hits',
    'L3  0 entries, 0 B of 64 MB  0 hits',
  ]);
});

test('parts that are off are shown as off', async () => {
  configure('optimization.development.json', { enableAdvancedCaching: false, enableMemoryManagement: false });
  const { stdout, ...rest } = await cli(['stats']);
  expect(rest).toEqual(WELL);
  expect(stdout).toMatch(/^ +cache +off$/m);
  expect(stdout).toMatch(/^ +memory +off$/m);
});

describe('--watch', () => {
  onUnix.each(['SIGINT', 'SIGTERM'])('prints block after block until %s, which is a good end', async (signal) => {
    const { child, output, ended } = begin([CLI, 'stats', '--watch', '0.1'], { cwd: directory.path() });
    await until(() => output.stdout.split('\nlatency\n').length > 3);
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe('');
    const blocks = output.stdout.split(/\n\n(?=source)/);
    expect(blocks.length).toBeGreaterThan(2);
    // From the second on there is something to compare with.
    expect(blocks[0]).not.toContain('/s)');
    expect(blocks[1]).toContain('(0.0/s)');
    expect(output.stdout).not.toContain('\u001b');
  });

  test('with --json prints a line for each reading', async () => {
    const { child, output, ended } = begin([CLI, 'stats', '-w', '0.1', '--json'], { cwd: directory.path() });
    await until(() => output.stdout.split('\n').length > 3);
    child.kill('SIGINT');
    await ended;
    for (const line of linesOf(output.stdout)) expect(JSON.parse(line)).toMatchObject({ source: 'created' });
  });

  onUnix('ends when nobody reads any more', async () => {
    const script = '"$0" "$1" stats --watch 0.1 | head -n 1';
    const { code, stdout, stderr } = await start('sh', ['-c', script, process.execPath, CLI], {
      cwd: directory.path(),
    });
    expect([code, linesOf(stdout).length, stderr]).toEqual([0, 1, '']);
  });

  test.each(['0', '-1', 'x', '1e3', '100000', ''])('%j seconds are refused', async (seconds) => {
    const { stderr, ...rest } = await cli(['stats', `--watch=${seconds}`]);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^E_INVALID_ARGUMENT: --watch must be a number of seconds/),
    ]);
  });

  const inATerminal = spawnSync('script', ['--version']).status === 0 ? test : test.skip;

  inATerminal.each([
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ])('in a terminal draws a screen, and gives it back at %s', async (_, key) => {
    const command = `'${process.execPath}' '${CLI}' stats --watch 0.1`;
    const { child, output, ended } = begin(['-qec', command, '/dev/null'], {
      command: 'script',
      cwd: directory.path(),
      env: { TERM: 'xterm' },
    });
    await until(() => output.stdout.split('\u001b[H').length > 3);
    child.stdin.write(key);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stdout.startsWith('\u001b[?1049h')).toBe(true);
    expect(output.stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(output.stdout).toContain('every 0.1 s, q ends');
  });
});
