/**
 * Runs the examples as a reader would, each in a process of its own and an empty working directory, and compares what they
 * print with `expected/<name>.txt`. Fails also if one leaves a file behind, writes to standard error, does not end by itself,
 * or is not in the list of docs/examples.md.
 *
 *   node run.mjs [name …]
 *
 * Before it: `npm install` in this folder; for the examples in TypeScript also in the folder above.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { difference } from './expected.cjs';

const run = promisify(execFile);

const HERE = fileURLToPath(new URL('.', import.meta.url));
const COMPILED = join(HERE, 'node_modules', '.cache', 'typescript');
const PAGE = new URL('../docs/examples.md', import.meta.url);

/** For one that takes a second: a loaded machine may need long, one that hangs never ends. */
const LIMIT_MS = 120_000;

/** What is in this folder beside the examples. */
const NO_EXAMPLES = new Set(['run.mjs', 'project-context.mjs']);

const files = readdirSync(HERE).filter((file) => /\.m[jt]s$/.test(file) && !NO_EXAMPLES.has(file));

/** Every example has a row on the page and an expected output, and there is neither for what is not there. */
function listed() {
  const page = readFileSync(PAGE, 'utf8');
  const rows = [...page.matchAll(/\]\(\.\.\/examples\/([\w-]+\.m[jt]s)\)/g)].map(([, file]) => file);
  const outputs = readdirSync(join(HERE, 'expected')).map((file) => basename(file, '.txt'));
  return [
    ...files.filter((file) => !rows.includes(file)).map((file) => `${file}: not in docs/examples.md`),
    ...rows.filter((file) => !files.includes(file)).map((file) => `${file}: in docs/examples.md only`),
    ...files
      .filter((file) => !outputs.includes(nameOf(file)))
      .map((file) => `${file}: no expected/${nameOf(file)}.txt`),
    ...outputs.filter((name) => !files.some((file) => nameOf(file) === name)).map((name) => `${name}: only expected`),
  ];
}

const nameOf = (file) => basename(file, extname(file));

/** Compiles the examples in TypeScript, strictly, to where they find their packages as if they stood here. */
async function compile() {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc');
  rmSync(COMPILED, { recursive: true, force: true });
  const options = ['--noEmit', 'false', '--outDir', COMPILED];
  await run(process.execPath, [tsc, '--project', HERE, ...options]).catch(({ stdout }) => {
    throw new Error(`TypeScript: ${stdout}`);
  });
}

/** What is wrong with an example, or `null`. */
async function problemOf(file) {
  const path = extname(file) === '.mts' ? join(COMPILED, `${nameOf(file)}.mjs`) : join(HERE, file);
  const cwd = mkdtempSync(join(tmpdir(), 'agentwise-example-'));
  // A folder for temporary files of its own, so that what is left there is seen.
  const temporary = mkdtempSync(join(tmpdir(), 'agentwise-example-'));
  try {
    const env = { ...process.env, TMPDIR: temporary, NO_COLOR: '1' };
    const { stdout, stderr } = await run(process.execPath, [path], {
      cwd,
      env,
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    if (stderr !== '') return `standard error: ${stderr}`;
    const left = [...readdirSync(cwd), ...readdirSync(temporary)];
    if (left.length > 0) return `left behind: ${left.join(', ')}`;
    return difference(readFileSync(join(HERE, 'expected', `${nameOf(file)}.txt`), 'utf8'), stdout);
  } catch (error) {
    if (error.killed) return `did not end within ${LIMIT_MS / 1000} s`;
    return `exit code ${error.code}\n${error.stdout ?? ''}${error.stderr ?? error.message}`;
  } finally {
    for (const folder of [cwd, temporary]) rmSync(folder, { recursive: true, force: true });
  }
}

/** All below this folder and the one above, but for what is installed or built there. */
const around = () =>
  [HERE, join(HERE, '..')].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));

async function main(chosen) {
  const problems = listed();
  const unknown = chosen.filter((name) => !files.some((file) => nameOf(file) === name));
  if (unknown.length > 0)
    throw new Error(`no example ${unknown.join(', ')}; there are ${files.map(nameOf).join(', ')}`);
  const wanted = files.filter((file) => chosen.length === 0 || chosen.includes(nameOf(file)));
  if (wanted.some((file) => extname(file) === '.mts')) await compile();
  const before = around();
  for (const file of wanted) {
    const started = performance.now();
    const problem = await problemOf(file);
    console.log(`${problem ? 'FAILED' : 'ok    '}  ${file}  ${Math.round(performance.now() - started)} ms`);
    if (problem) problems.push(`${file}: ${problem}`);
  }
  const after = around().filter((path) => !before.includes(path));
  if (after.length > 0) problems.push(`left behind: ${after.join(', ')}`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

try {
  await main(parseArgs({ allowPositionals: true }).positionals);
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
