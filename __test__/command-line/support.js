'use strict';

/** The commands of the package, each in a process of its own, in a directory of the test's. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { ROOT, useOwnDirectory } = require('../support.js');
const { CLI, environment, linesOf, node, untilEnd, endAfterEach } = require('../processes.js');

/** How a command that works ends, and one that is refused. */
const WELL = { code: 0, signal: null, stderr: '' };
const REFUSED = { code: 3, signal: null, stdout: '' };

const onUnix = process.platform === 'win32' ? test.skip : test;

/** Root may do everything: what is refused to other users needs one. */
const asOther = process.platform === 'linux' && process.getuid() === 0 ? test : test.skip;

/** Only catches hangs. */
const PATIENCE_MS = 100_000;

/** The user `nobody`, everywhere. */
const NOBODY = 65_534;

/** Commands that were begun by the test that runs. */
const begun = [];

/** `cli(args, { env?, cwd?, closeOutput? })` runs a command until it ended; `configure(name, text)` writes a file into `config`. */
function useCommandLine() {
  const directory = useOwnDirectory();
  endAfterEach(begun);
  return {
    directory,
    cli: (args, options = {}) => node([CLI, ...args], { cwd: directory.path(), ...options }),
    configure(name, content) {
      fs.mkdirSync(directory.path('config'), { recursive: true });
      const file = directory.path('config', name);
      fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      return file;
    },
  };
}

/** A command that goes on: `{ child, output, ended }`; `output` grows, `ended` resolves with how it ended. */
function begin(args, { command = process.execPath, cwd, env, user } = {}) {
  const whose = user === undefined ? {} : { uid: user, gid: user };
  const child = spawn(command, args, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'], ...whose });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const ended = untilEnd(child, args, output);
  // Whoever does not wait for it has another failure to tell.
  ended.catch(() => {});
  begun.push({ child, ended });
  return { child, output, ended };
}

/** Runs a command as another user, until it ended. */
async function runAs(user, args, options) {
  const { output, ended } = begin([CLI, ...args], { ...options, user });
  return { ...(await ended), ...output };
}

/** Waits until `isSo()`, or fails: a wait without an end would keep Jest from ending. */
async function until(isSo) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every command's names, a group's own included: `['cache', 'ls']`. */
function allCommands() {
  const { programFor } = require('../../js/cli/program.js');
  const found = [];
  const visit = (command, names) => {
    found.push({ names, command });
    for (const sub of command.commands) visit(sub, [...names, sub.name()]);
  };
  const program = programFor([], () => () => {}, { all: true });
  for (const command of program.commands) visit(command, [command.name()]);
  return found;
}

/** A program in Node that runs `args` in a terminal of its own, where there is `script`. */
const inTerminal = (args) => ['script', ['-qec', args.map((text) => `'${text}'`).join(' '), '/dev/null']];

module.exports = {
  CLI,
  NOBODY,
  REFUSED,
  ROOT,
  WELL,
  allCommands,
  asOther,
  begin,
  inTerminal,
  linesOf,
  onUnix,
  runAs,
  until,
  useCommandLine,
};
