/**
 * Does the steps of one page, in a process of its own: `node worker.mjs <page> <directory>`, with `project/` and `checkout/` in
 * the directory. Prints its result as one line of JSON: `{ page, done: { <kind>: <number> }, exceptions, problems }`.
 */

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { codeBlocks, ROOT } from '../markdown.mjs';
import { runByCi } from './by-ci.mjs';
import { DECLARATIONS, exampleSteps } from './declarations.mjs';
import { environment } from './place.mjs';
import { isPrinted, steps } from './steps.mjs';

const MOST_MS = 120_000;
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const [page, directory] = process.argv.slice(2);
const project = join(directory, 'project');
const env = environment(directory);
const { checkConfiguration, configurationSchema } = createRequire(import.meta.url)(ROOT);

const result = { page, done: {}, exceptions: [], problems: [] };
const problem = (line, message) => result.problems.push({ line, message });
const count = (kind) => {
  result.done[kind] = (result.done[kind] ?? 0) + 1;
};

const MARK = '\u0001';
const mark = (line) => `${MARK}${line}`;
/** What each block printed, by its line. */
const printed = new Map();
const servers = [];

/** Runs a command to its end; both outputs go to one file, so that their order stays. */
async function run(command, args, { cwd, ms = MOST_MS }) {
  const file = join(directory, 'output');
  const out = openSync(file, 'w');
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, out], detached: true });
  const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), ms);
  const code = await new Promise((resolve) => {
    child.once('error', () => resolve('no such command'));
    child.once('exit', (status, signal) => resolve(status ?? (signal === 'SIGKILL' ? `none after ${ms} ms` : signal)));
  });
  clearTimeout(late);
  closeSync(out);
  return { code, output: readFileSync(file, 'utf8') };
}

/** Compiles programs in one go; what the compiler says, by file. */
async function compile(files) {
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
  const rest = ['--types', 'node', '--sourceMap', '--noEmitOnError', '--pretty', 'false'];
  const { code, output } = await run(process.execPath, [TSC, ...files, ...options, ...rest], { cwd: project });
  if (code === 0) return new Map();
  const said = new Map();
  for (const text of output.split('\n').filter(Boolean)) {
    // Lines after the first of a message are indented.
    const file = files.find((name) => text.startsWith(name)) ?? [...said.keys()].at(-1) ?? files[0];
    said.set(file, `${said.get(file) ?? ''}${text}\n`);
  }
  return said;
}

const nameOf = ({ line, ending }) => `${basename(page).split('.')[0].toLowerCase()}-${line}.${ending}`;

async function program(step) {
  const file = nameOf(step).replace(/mts$/, 'mjs');
  const { code, output } = await run(process.execPath, ['--enable-source-maps', file], { cwd: project });
  let line = step.line;
  for (const text of output.split('\n')) {
    if (text.startsWith(MARK)) line = Number(text.slice(1));
    else printed.set(line, `${printed.get(line) ?? ''}${text}\n`);
  }
  const wanted = Number(step.blocks.at(-1).meta.exit ?? 0);
  if (code !== wanted) problem(step.line, `ended with ${code} instead of ${wanted}:\n${output}`);
  for (const _ of step.blocks) count('run');
}

/** Starts what goes on running, and waits for the first thing that it says. */
async function serve(line, command, cwd) {
  // npx ends with a signal and leaves the command behind; what it would start is found without it.
  const child = spawn('bash', ['-c', `exec ${command.replace(/^npx (--no-install )?/, '')}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const said = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
        resolve();
      });
    }
  });
  const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), MOST_MS);
  const code = await Promise.race([said, ended]);
  clearTimeout(late);
  if (code !== undefined) problem(line, `ended with ${code}:\n${output}`);
  servers.push({ line, child, ended, said: () => output });
}

/** Programs that a reader may have to install, and so may whoever runs this. */
const MAY_BE_MISSING = ['curl'];
const isMissing = (name) =>
  MAY_BE_MISSING.includes(name) && spawnSync(name, ['--version'], { env, stdio: 'ignore' }).error !== undefined;

async function shell(step) {
  const cwd = join(directory, step.meta.checkout ? 'checkout' : 'project');
  const wanted = Number(step.meta.exit ?? 0);
  for (const { line, command, expected } of step.lines) {
    const parts = command.split(' && ').map((part) => ({ part, by: runByCi(part) }));
    const missing = parts.find(({ by }) => by === false);
    if (missing) {
      problem(line, `\`${missing.part}\` is too much to be run here, and .ci/run does not call it`);
      continue;
    }
    if (parts.some(({ by }) => by === true)) {
      // What goes before is what makes it possible: all of a line is run by CI, or nothing.
      const light = parts.find(({ by }) => by === null);
      if (light) problem(line, `\`${light.part}\` stands in one line with what .ci/run runs, but is not in it`);
      count('run by .ci/run');
      continue;
    }
    const [name] = command.split(' ');
    if (isMissing(name)) {
      result.exceptions.push({ line, reason: `${name} is not installed here` });
      continue;
    }
    if (step.meta.serves) {
      await serve(line, command, cwd);
    } else {
      const { code, output } = await run('bash', ['-o', 'pipefail', '-c', command], { cwd });
      if (code !== wanted) problem(line, `ended with ${code} instead of ${wanted}:\n${output}`);
      printed.set(step.line, `${printed.get(step.line) ?? ''}${output}`);
      if (expected && !isPrinted(expected, output)) problem(line, `printed:\n${output}instead of:\n${expected}`);
    }
    count('run');
  }
}

/** Comments and last commas, as configuration files may have them; a text is skipped as a whole. */
const plain = (code) =>
  code
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, text) => text ?? '')
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, text) => text ?? '');

async function data(step) {
  let value;
  if (step.lang === 'yaml') {
    const document = parseDocument(step.code);
    if (document.errors.length > 0) return problem(step.line, `is no YAML: ${document.errors[0].message}`);
    value = document.toJS();
  } else {
    try {
      value = JSON.parse(step.lang === 'jsonc' ? plain(step.code) : step.code);
    } catch (error) {
      return problem(step.line, `is no JSON: ${error.message}`);
    }
  }
  count('parsed');
  const keys = Object.keys(value ?? {});
  if (keys.length === 0 || !keys.every((key) => Object.hasOwn(configurationSchema().properties, key))) return;
  // All of its keys are settings: it is a configuration.
  const file = join(directory, `configuration-${step.line}.${step.lang === 'yaml' ? 'yaml' : 'json'}`);
  writeFileSync(file, step.code);
  const { problems } = await checkConfiguration({ environment: 'development', configFile: file });
  for (const { path, message } of problems) problem(step.line, `is no configuration: ${path}: ${message}`);
}

function writeDown(step) {
  const file = join(project, step.file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${step.code}\n`);
  count('written');
}

const plan = DECLARATIONS.includes(page)
  ? { steps: exampleSteps(page, mark), problems: [] }
  : steps(codeBlocks(page), mark);
result.problems.push(...plan.problems);
for (const step of plan.steps) {
  if (step.kind === 'file') writeDown(step);
  if (step.kind === 'program') writeFileSync(join(project, nameOf(step)), step.code);
}
const typed = plan.steps.filter(({ ending }) => ending === 'mts');
const refused = typed.length > 0 ? await compile(typed.map(nameOf)) : new Map();
for (const step of typed) {
  const said = refused.get(nameOf(step));
  if (said) problem(step.line, `is not compiled:\n${said}`);
}
let last = null;
for (const step of plan.steps) {
  if (step.kind === 'program' && refused.size === 0) await program(step);
  else if (step.kind === 'shell') await shell(step);
  else if (step.kind === 'server') await serve(step.line, step.command, project);
  else if (step.kind === 'data') await data(step);
  else if (step.kind === 'text') count('text');
  else if (step.kind === 'exception') result.exceptions.push({ line: step.line, reason: step.reason });
  else if (step.kind === 'output') {
    const shown = Math.max(...[...printed.keys()].filter((line) => line < step.line));
    const output = printed.get(shown) ?? '';
    if (!isPrinted(step.expected, output)) problem(step.line, `line ${shown} printed instead:\n${output}`);
    count('compared');
  }
  last = step;
}
for (const { line, child, ended, said } of servers) {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGTERM');
  const code = await ended;
  if (code !== 0) problem(line, `ended with ${code} after SIGTERM:\n${said()}`);
}
for (const place of ['home', 'tmp']) {
  // npm keeps its own notes in the home directory.
  const left = readdirSync(join(directory, place)).filter(
    (name) => name !== '.npm' && !name.startsWith('node-compile-cache'),
  );
  if (left.length > 0) problem(last.line, `left behind in ${place}: ${left.join(', ')}`);
}
console.log(JSON.stringify(result));
