'use strict';

/** Runs programs in directories of the caller's, until they really ended. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { ROOT, VARIABLES } = require('./support.js');

const CLI = path.join(ROOT, 'js', 'cli', 'main.js');

/** Only catches hangs: nothing here takes longer than some seconds, more on a machine with much else to do. */
const HANG_MS = 240_000;

/** What would change the behaviour of the package or of Node. */
const FOREIGN = [...VARIABLES, 'CARGO_BUILD_TARGET', 'DEBUG', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];

function environment(extra = {}) {
  const env = { ...process.env };
  for (const name of FOREIGN) delete env[name];
  // Shells warn of a locale that is not installed; this one is there without being.
  if (process.platform === 'linux') env.LC_ALL = 'C.UTF-8';
  return { ...env, ...extra };
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: object, closeOutput?: boolean }} options `closeOutput`: nobody reads standard output
 */
async function start(command, args, { cwd, env, closeOutput = false }) {
  const child = spawn(command, args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  if (closeOutput) child.stdout.destroy();
  const how = await untilEnd(child, args, output);
  return { ...how, ...output };
}

/** How a child ended; one that does not end by itself, in `hangMs`, is killed and is an error with what it printed. */
async function untilEnd(child, what, output, hangMs = HANG_MS) {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, hangMs);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...how) => resolve(how));
  });
  clearTimeout(timer);
  if (hung) throw new Error(`${what.join(' ')} did not end by itself:\n${output.stdout}\n${output.stderr}`);
  return { code, signal };
}

/** Kills, after each test of the file, what a test that failed left behind of `children`: it would fail another one when it counts as hung. */
function endAfterEach(children) {
  afterEach(async () => {
    for (const { child } of children) child.kill('SIGKILL');
    await Promise.all(children.splice(0).map(({ ended }) => ended.catch(() => {})));
  });
}

const node = (args, options) => start(process.execPath, args, options);

/** The lines of an output that ends with a newline. */
function linesOf(output) {
  if (output === '') return [];
  expect(output.endsWith('\n')).toBe(true);
  return output.slice(0, -1).split('\n');
}

/** Copies the files that the package needs to run into `directory`, with or without its native module. */
function copyPackage(directory, { withModule = true } = {}) {
  for (const name of ['index.js', 'index.mjs', 'package.json']) {
    fs.copyFileSync(path.join(ROOT, name), path.join(directory, name));
  }
  const isModule = (name) => name.endsWith('.node');
  fs.cpSync(path.join(ROOT, 'js'), path.join(directory, 'js'), {
    recursive: true,
    filter: (source) =>
      fs.statSync(source).isDirectory() || (isModule(source) ? withModule : /\.(js|ts)$/.test(source)),
  });
  // Beside the package, as npm puts what it depends on.
  for (const name of Object.keys(require('../package.json').dependencies)) {
    fs.cpSync(path.join(ROOT, 'node_modules', name), path.join(directory, 'node_modules', name), { recursive: true });
  }
}

/** Name of the native module of this platform in `js/`. */
function moduleName() {
  const start = `agentwise-optimization.${process.platform}-${process.arch}`;
  const name = fs.readdirSync(path.join(ROOT, 'js')).find((file) => file.startsWith(start) && file.endsWith('.node'));
  if (!name) throw new Error(`no ${start}*.node in js/: build it first`);
  return name;
}

module.exports = { CLI, environment, start, untilEnd, endAfterEach, node, linesOf, copyPackage, moduleName };
