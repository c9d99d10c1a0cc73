'use strict';

/** Every command where things are not as they should be: wrong options, missing files, no permission, closed pipes. */

const fs = require('node:fs');
const { start } = require('../processes.js');
const { CLI, NOBODY, allCommands, asOther, linesOf, onUnix, runAs, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

/** A call of each command that ends by itself. `reads`: whether it reads the configuration. */
const CALLS = [
  { args: ['health'], reads: true },
  { args: ['status'], reads: true },
  { args: ['stats'], reads: true },
  { args: ['report'], reads: true },
  { args: ['tuning'], reads: true },
  { args: ['alert-test', '--channel', 'console'], reads: true },
  { args: ['config', 'check'], reads: true },
  { args: ['config', 'explain'], reads: true },
  { args: ['config', 'schema'] },
  { args: ['doctor'], reads: true },
  { args: ['migrate', '--undo'] },
  { args: ['completion', 'bash'] },
  { args: ['help'] },
];

/** It runs until it is asked to end; see `shared-context/processes.spec.js`. */
const GOES_ON = ['shared-context'];

const named = (calls) => calls.map((call) => [call.args.join(' '), call]);
const READING = named(CALLS.filter(({ reads }) => reads));

/** These tell what is wrong, and do not fail of it. */
const TELLS = ['doctor', 'config check'];

test('every command is called here', () => {
  const leaves = allCommands().filter(({ command }) => command.commands.length === 0);
  const called = CALLS.map(({ args }) => args.join(' '));
  const missing = leaves
    .map(({ names }) => names.join(' '))
    .filter((name) => !GOES_ON.includes(name) && !name.startsWith('cache '))
    .filter((name) => !called.some((call) => call === name || call.startsWith(`${name} `)));
  expect(missing).toEqual([]);
});

describe.each(named(CALLS))('%s', (name, { args }) => {
  test('refuses an option that it does not know', async () => {
    const { code, stdout, stderr } = await cli([...args, '--no-such-option']);
    expect([code, stdout]).toEqual([3, '']);
    const lines = linesOf(stderr);
    expect(lines[0]).toMatch(/^E_USAGE: .*--no-such-option/);
    expect(lines[1]).toMatch(/^Usage: agentwise-optimization /);
    expect(lines[2]).toMatch(/^See agentwise-optimization .*--help$/);
    expect(lines).toHaveLength(3);
  });

  onUnix('is quiet where nobody reads its output', async () => {
    const { code, signal, stderr } = await cli(args, { closeOutput: true });
    expect(signal).toBeNull();
    expect(stderr.replace(/^.*\[agentwise[^\n]*\n|^.*test.*\n/i, '')).toBe('');
    expect(code).not.toBe(3);
  });

  onUnix('is cut by head', async () => {
    const script = '"$0" "$@" | head -c 1';
    const { stdout, stderr } = await start('sh', ['-c', script, process.execPath, CLI, ...args], {
      cwd: directory.path(),
    });
    expect(stdout).toHaveLength(1);
    if (args[0] !== 'alert-test') expect(stderr).toBe('');
  });

  test('gives one document as data', async () => {
    const { stdout } = await cli([...args, '--json']);
    if (name === 'help') expect(stdout).toMatch(/^Usage/);
    else expect(() => JSON.parse(stdout)).not.toThrow();
  });

  asOther('another user in a directory that is not theirs', async () => {
    fs.chmodSync(directory.path(), 0o755);
    const { code, signal, stderr } = await runAs(NOBODY, args, { cwd: directory.path() });
    expect(signal).toBeNull();
    // A report has no place there; the others need none.
    if (name === 'report') expect([code, stderr]).toEqual([3, expect.stringMatching(/^E_IO: .*\n$/)]);
    else if (name === 'doctor') expect([1, 2]).toContain(code);
    else expect(code).not.toBe(3);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe.each(READING)('%s', (name, { args }) => {
  test('with a configuration file that is not there', async () => {
    const { code, stdout, stderr } = await cli([...args, '--config', 'nowhere.json']);
    if (name === 'doctor') {
      expect([code, stdout]).toEqual([2, expect.stringContaining('nowhere.json')]);
      return;
    }
    expect([code, stdout]).toEqual([3, '']);
    expect(linesOf(stderr)).toEqual(['E_CONFIG_MISSING: the configuration file nowhere.json does not exist']);
  });

  test('with a configuration file that is a directory', async () => {
    fs.mkdirSync(directory.path('config', 'optimization.development.json'), { recursive: true });
    await expectTold(name, await cli(args), /^E_(CONFIG_UNREADABLE|CONFIG_INVALID|IO): /);
  });

  test('with a configuration file that is wrong', async () => {
    configure('optimization.development.json', '{ "cache": { "ttlSeconds": -1 } }');
    await expectTold(name, await cli(args), /^E_CONFIG_INVALID: /);
  });

  asOther('with a configuration file that this user may not read', async () => {
    const file = configure('optimization.development.json', '{}');
    fs.chmodSync(directory.path(), 0o755);
    fs.chmodSync(file, 0o600);
    await expectTold(name, await runAs(NOBODY, args, { cwd: directory.path() }), /^E_CONFIG_(UNREADABLE|INVALID): /);
  });
});

/** One line with the code; from those whose task it is, a row. */
async function expectTold(name, { code, stdout, stderr }, message) {
  if (TELLS.includes(name)) {
    expect([code, stderr]).toEqual([2, '']);
    expect(stdout).toContain('optimization.development.json');
    return;
  }
  expect([code, stdout]).toEqual([3, '']);
  expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
}

test('-q keeps warnings from standard error, and the answer stays', async () => {
  configure('optimization.development.json', '{"configFile":"nowhere.json"}');
  const loud = await cli(['health', '--offline']);
  expect(linesOf(loud.stderr)).toEqual([expect.stringMatching(/^warning: configFile: /)]);
  const quiet = await cli(['health', '--offline', '-q']);
  expect([quiet.code, quiet.stderr]).toEqual([0, '']);
  expect(linesOf(quiet.stdout)).toHaveLength(linesOf(loud.stdout).length);
});

onUnix('a name with control characters is escaped on its way to the terminal', async () => {
  const { code, stderr } = await cli(['health', '--config', 'a\u001b[2J\nb']);
  expect(code).toBe(3);
  expect(stderr).toBe('E_CONFIG_MISSING: the configuration file a\\u001b[2J\\nb does not exist\n');
});
