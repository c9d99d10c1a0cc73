'use strict';

/** Help, of the program and of every command, and that what it shows can be given. */

const { programFor, COMMANDS, NAME } = require('../../js/cli/program.js');
const { WELL, allCommands, useCommandLine } = require('./support.js');

const { cli } = useCommandLine();

/** All of a command's help, with what is added below. */
function helpOf(command) {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The examples of a help, as a shell would take them apart. */
function examplesOf(help) {
  const lines = help.split('\nExamples:\n')[1]?.split('\n\n')[0].split('\n') ?? [];
  return lines
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${NAME} `))
    .map((line) => [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].slice(1).map(([, a, b, c]) => a ?? b ?? c));
}

const parse = (argv) => {
  const program = programFor(argv, () => async () => {}, { all: true });
  return program.parseAsync(argv, { from: 'user' });
};

test.each([[[]], [['--help']], [['-h']], [['help']]])('%j prints the help of the program', async (args) => {
  const { stdout, ...rest } = await cli(args);
  expect(rest).toEqual(WELL);
  expect(stdout).toMatch(/^Usage: agentwise-optimization <command>/);
  for (const word of [...COMMANDS, '--environment', '--json', '--help', 'Exit codes']) expect(stdout).toContain(word);
});

test.each([
  [['status', '--help']],
  [['status', '-h']],
  [['help', 'status']],
  [['--json', 'status', '--help']],
])('%j prints the help of the command, with the options of all', async (args) => {
  const { stdout, ...rest } = await cli(args);
  expect(rest).toEqual(WELL);
  expect(stdout).toMatch(/^Usage: agentwise-optimization status/);
  for (const word of ['Examples:', '--environment', '--json', '--config']) expect(stdout).toContain(word);
});

test.each([['-V'], ['--version']])('%s prints the version', async (flag) => {
  const { stdout, ...rest } = await cli([flag]);
  expect(rest).toEqual(WELL);
  expect(stdout).toBe(`${require('../../package.json').version}\n`);
});

test.each([
  ['nothing', ['help', 'nothing'], 'nothing'],
  ['the nearest', ['help', 'staus'], 'status'],
  ['a command of none', ['help', 'health', 'ls'], 'ls'],
])('help of %s is wrong usage', async (_, args, word) => {
  const { code, stdout, stderr } = await cli(args);
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr.split('\n')[0]).toMatch(/^E_USAGE: /);
  expect(stderr.split('\n')[0]).toContain(word);
});

test('every command is a file of its name, and says what it is for', () => {
  expect(
    allCommands()
      .filter(({ names }) => names.length === 1)
      .map(({ names }) => names[0]),
  ).toEqual(COMMANDS);
  for (const { command } of allCommands()) expect(command.description()).not.toBe('');
});

describe.each(allCommands().map(({ names, command }) => [names.join(' '), command]))('%s', (name, command) => {
  const help = helpOf(command);
  const isGroup = command.commands.length > 0;

  test('has a help with examples', () => {
    expect(help).toContain(`Usage: ${NAME} ${name}`);
    if (!isGroup) expect(examplesOf(help).length).toBeGreaterThan(0);
    for (const line of examplesOf(help)) expect(line.join(' ')).toContain(name);
  });

  test('can be called as its examples say', async () => {
    for (const argv of examplesOf(help)) await expect(parse(argv)).resolves.toBeDefined();
  });

  test('has no line that is wider than 100 columns in its options', () => {
    const [options] = help.split('\nExamples:');
    expect(options.split('\n').filter((line) => line.length > 100 && !line.startsWith('Usage:'))).toEqual([]);
  });
});

test('the examples of the program can be called', async () => {
  const program = programFor([], () => async () => {}, { all: true });
  const found = examplesOf(helpOf(program));
  expect(found.length).toBeGreaterThan(2);
  for (const argv of found) await expect(parse(argv)).resolves.toBeDefined();
});
