'use strict';

/** Where the output goes: a pipe that is closed, a full disk, a terminal, colours. */

const { spawnSync } = require('node:child_process');
const { start } = require('../processes.js');
const { outputOf, tableOf, wantsColour } = require('../../js/cli/output.js');
const { clipped, columns, duration, visible } = require('../../js/cli/text.js');
const { CLI, inTerminal, linesOf, onUnix, useCommandLine } = require('./support.js');

const { cli, directory } = useCommandLine();

describe('an output that nobody reads to its end', () => {
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

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('an output that cannot be written is a failure with its code', async () => {
  const { code, stderr } = await start('sh', ['-c', '"$0" "$1" status --json >/dev/full', process.execPath, CLI], {
    cwd: directory.path(),
  });
  expect(code).toBe(3);
  expect(linesOf(stderr)).toEqual(['E_IO: cannot write the output (ENOSPC)']);
});

onUnix.each(['health', '--help'])('%s works without any of its streams', async (command) => {
  const { code, stdout, stderr } = await start(
    'sh',
    ['-c', '"$0" "$1" "$2" <&- >&- 2>&-', process.execPath, CLI, command],
    { cwd: directory.path() },
  );
  expect([code, stdout, stderr]).toEqual([0, '', '']);
});

describe('colours', () => {
  const hasScript = spawnSync('script', ['--version']).status === 0;
  const inATerminal = hasScript ? test : test.skip;
  const COLOUR = '\u001b[3';

  test.each([
    [[], {}, false],
    [[], { FORCE_COLOR: '1' }, true],
    [[], { FORCE_COLOR: '0' }, false],
    [['--no-color'], { FORCE_COLOR: '1' }, false],
    [[], { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('on a pipe, with %j and %j: %s', async (flags, env, isColoured) => {
    const { stdout } = await cli(['health', ...flags], { env: { NO_COLOR: '', ...env } });
    expect(stdout.includes(COLOUR)).toBe(isColoured);
  });

  inATerminal.each([
    [[], { NO_COLOR: '' }, true],
    [[], { NO_COLOR: '1' }, false],
    [['--no-color'], { NO_COLOR: '' }, false],
    [[], { NO_COLOR: '', TERM: 'dumb' }, false],
  ])('in a terminal, with %j and %j: %s', async (flags, env, isColoured) => {
    const [command, args] = inTerminal([process.execPath, CLI, 'health', ...flags]);
    const { code, stdout } = await start(command, args, { cwd: directory.path(), env: { TERM: 'xterm', ...env } });
    expect([code, stdout.includes(COLOUR)]).toEqual([0, isColoured]);
  });

  test('NO_COLOR counts unless it is empty', () => {
    const terminal = { isTTY: true };
    expect(wantsColour(terminal, false, { NO_COLOR: '' })).toBe(true);
    expect(wantsColour(terminal, false, { NO_COLOR: '0' })).toBe(false);
  });
});

describe('text', () => {
  test.each([
    ['plain é 日本 😀', 'plain é 日本 😀'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\u001b[2J\u009b31m', '\\u001b[2J\\u009b31m'],
    ['\u202eevil\u2066\u200b', '\\u202eevil\\u2066\\u200b'],
    ['\ud800 \u2028 \u{e0001}', '\\ud800 \\u2028 \\u{e0001}'],
  ])('%j is shown as %j', (text, shown) => expect(visible(text)).toBe(shown));

  test.each([
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['😀', 2],
    ['\u001b[31mred\u001b[39m', 3],
  ])('%j takes %i columns', (text, width) => expect(columns(text)).toBe(width));

  test('is cut to columns, not to characters', () => {
    expect(clipped('abcdef', 4)).toBe('abc…');
    expect(clipped('日本語', 5)).toBe('日本…');
    expect(clipped('abc', 3)).toBe('abc');
  });

  test.each([
    [0, '0 s'],
    [59.9, '59 s'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [90_061, '1 day 1 h'],
    [Number.NaN, 'unknown'],
  ])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  test('a table is aligned by columns, without blanks at the ends', () => {
    expect(
      tableOf([
        ['a', '日本', 'x'],
        ['bbb', 'c', ''],
      ]),
    ).toBe('a    日本  x\nbbb  c');
    expect(
      tableOf(
        [
          ['a', '1'],
          ['b', '10'],
        ],
        { align: ['left', 'right'] },
      ),
    ).toBe('a   1\nb  10');
    expect(tableOf([])).toBe('');
  });
});

test('progress is drawn on a terminal only, and cleared', () => {
  const written = (isTTY) => {
    let text = '';
    const stream = { isTTY, columns: 60, write: (part) => (text += part) };
    const progress = outputOf({}, { stdout: stream, stderr: stream }).progress('verifying');
    progress.update(50, 100);
    progress.end();
    return text;
  };
  expect(written(false)).toBe('');
  expect(written(true)).toContain('verifying');
  expect(written(true)).toMatch(/50 % \(50 of 100\)/);
  expect(written(true).endsWith('\r\u001b[2K')).toBe(true);
});
