#!/usr/bin/env node
/**
 * Programs written from the API of the replaced package alone, compiled against the packed package by several compilers, in
 * every way in which a project resolves modules, strictly and not, and then run. Nothing is skipped in the check of
 * declarations, also not those of Node.js. Tests of an application (`mocks.ts`) are compiled too, with both types that Jest has.
 *
 *     npm run test:consumers                 packs, then tries some combinations: each compiler and each way both ways
 *     npm run test:consumers -- --all        all combinations
 *     npm run test:consumers -- --packed <directory>    with the tarballs that lie there
 *
 * The compilers are those of package.json here, installed when they are not there.
 */

import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { pack } from '../../npm/pack.mjs';
import { findTarballs, installOffline, makeProject, packDependencies } from '../packages/project.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MODULES = join(HERE, 'node_modules');
const OURS = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** Compilers, the oldest that is supported and the last ones of each later line, and versions of the types of Node.js. */
const COMPILERS = [
  { name: '5.3', node: '20.0' },
  { name: '5', node: '20' },
  { name: '6', node: '26' },
  { name: '7', node: '26' },
];

/** How a project finds modules, and what it is compiled to. */
const KINDS = {
  // The map of `exports` is not read for types; TypeScript 7 has this no more.
  node10: { type: 'commonjs', options: { module: 'commonjs', moduleResolution: 'node10' } },
  'node16-cjs': { type: 'commonjs', options: { module: 'node16' } },
  'node16-esm': { type: 'module', options: { module: 'node16' } },
  bundler: { type: 'module', options: { module: 'esnext', moduleResolution: 'bundler' } },
};

const BOTH = [true, false];

/** Flags that projects add to `strict`. */
const STRICTEST = {
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  isolatedModules: true,
};

/** Where `jest` comes from in `mocks.ts`. */
const JESTS = {
  '@types/jest': { before: '', types: ['node', 'jest'] },
  '@jest/globals': { before: "import { expect, jest } from '@jest/globals';\n", types: ['node'] },
};

function combinations(all) {
  const found = [];
  COMPILERS.forEach((compiler, row) => {
    Object.keys(KINDS).forEach((kind, column) => {
      if (kind === 'node10' && compiler.name === '7') return;
      // As on a chessboard: each compiler and each kind is tried both ways.
      const isWhite = (row + column) % 2 === 0;
      for (const strict of BOTH) {
        for (const esModuleInterop of BOTH) {
          // TypeScript 7 has only the one.
          if (!esModuleInterop && compiler.name === '7') continue;
          const isChosen = strict === isWhite && (esModuleInterop === isWhite || compiler.name === '7');
          if (all || isChosen) found.push({ compiler, kind, options: { strict, esModuleInterop } });
        }
      }
    });
  });
  for (const compiler of all ? COMPILERS : [COMPILERS[0], COMPILERS.at(-1)]) {
    found.push({ compiler, kind: 'node16-cjs', options: { strict: true, ...STRICTEST } });
    // In these two, fields that nobody declared are read with dots.
    const options = { strict: true, noPropertyAccessFromIndexSignature: true };
    found.push({ compiler, kind: 'node16-esm', options, without: ['loose.ts', 'main.ts'] });
    for (const mocks of Object.keys(JESTS)) {
      for (const strict of all ? BOTH : [true]) {
        found.push({ compiler, kind: 'node16-cjs', options: { strict, esModuleInterop: true }, mocks });
      }
    }
  }
  return found.map((one, index) => ({ ...one, index }));
}

const work = realpathSync(mkdtempSync(join(tmpdir(), 'agentwise-consumers-')));
const run = promisify(execFile);

/** A project for each kind and types of Node.js, all with the package beneath one directory. */
function prepare(packed) {
  const { main, own } = findTarballs(packed);
  const root = makeProject(join(work, 'root'));
  installOffline(root, [main, own, ...packDependencies(main, join(work, 'dependencies'))], join(work, 'cache'));
  for (const node of new Set(COMPILERS.map((compiler) => compiler.node))) {
    const types = join(root, node, 'node_modules', '@types', 'node');
    const from = join(MODULES, `types-node-${node}`);
    cpSync(from, types, { recursive: true });
    const nested = join(from, 'node_modules', 'undici-types');
    const undici = existsSync(nested) ? nested : join(MODULES, 'undici-types');
    if (existsSync(undici)) cpSync(undici, join(root, node, 'node_modules', 'undici-types'), { recursive: true });
    for (const [kind, { type }] of Object.entries(KINDS)) {
      const directory = makeProject(join(root, node, kind), { type });
      cpSync(join(HERE, 'program'), join(directory, 'program'), { recursive: true });
    }
  }
  return root;
}

const describe = ({ compiler, kind, options, mocks }) => {
  const flags = Object.entries(options).map(([name, value]) => (value ? name : `no ${name}`));
  return `TypeScript ${compiler.name}, ${kind}, ${flags.join(', ')}${mocks ? `, mocks of ${mocks}` : ''}`;
};

/** A test with its `jest`, in a directory beside the programs. @returns what its `tsconfig.json` has. */
function prepareMocks(root, { compiler, mocks, index }, directory) {
  const { before, types } = JESTS[mocks];
  const name = `mocks-${index}`;
  mkdirSync(join(directory, name));
  writeFileSync(join(directory, name, 'mocks.ts'), before + readFileSync(join(HERE, 'mocks.ts'), 'utf8'));
  return {
    include: [name],
    compilerOptions: {
      rootDir: name,
      types,
      typeRoots: [join(root, compiler.node, 'node_modules', '@types'), join(MODULES, '@types')],
      paths: { '@jest/globals': [join(OURS, '@jest', 'globals', 'build', 'index.d.ts')] },
      // Jest's own declarations are not made for every compiler.
      skipLibCheck: true,
    },
  };
}

/** Compiles one combination, and runs what comes out. @returns what went wrong. */
async function attempt(root, combination) {
  const { compiler, kind, options, without = [], mocks, index } = combination;
  const directory = join(root, compiler.node, kind);
  const isCommonJs = KINDS[kind].type === 'commonjs';
  const outDir = `out-${index}`;
  const compilerOptions = {
    target: 'es2020',
    // Without `lib` the browser's declarations come along, as in many projects.
    ...(options.strict ? {} : { lib: ['es2020'] }),
    ...KINDS[kind].options,
    ...options,
    types: ['node'],
    skipLibCheck: false,
    rootDir: 'program',
    outDir,
    // What TypeScript 7 has no more, 6 wants to be asked for.
    ...(compiler.name === '6' ? { ignoreDeprecations: '6.0' } : {}),
  };
  const exclude = [...without, ...(isCommonJs ? [] : ['commonjs'])].map((name) => `program/${name}`);
  const config = join(directory, `tsconfig.${index}.json`);
  const test = mocks && prepareMocks(root, combination, directory);
  if (test) Object.assign(compilerOptions, test.compilerOptions);
  writeFileSync(config, JSON.stringify({ compilerOptions, include: test?.include ?? ['program'], exclude }));
  const tsc = join(MODULES, `typescript-${compiler.name}`, 'bin', 'tsc');
  try {
    await run(process.execPath, [tsc, '--project', config], { cwd: directory, maxBuffer: 64 << 20 });
  } catch (error) {
    return `${describe(combination)}: does not compile\n${error.stdout || error.message}`;
  }
  if (without.length > 0 || mocks) return null;
  const cwd = join(work, `run-${index}`);
  mkdirSync(cwd);
  const program = join(directory, outDir, isCommonJs ? 'commonjs/main.js' : 'main.js');
  try {
    const { stdout } = await run(process.execPath, [program], { cwd, timeout: 120_000 });
    if (!/^\d+ parts$/m.test(stdout)) throw new Error(`it printed ${stdout}`);
  } catch (error) {
    return `${describe(combination)}: does not run\n${error.stdout ?? ''}${error.stderr ?? ''}${error.message}`;
  }
  return null;
}

async function main() {
  const { values } = parseArgs({ options: { all: { type: 'boolean', default: false }, packed: { type: 'string' } } });
  if (!existsSync(join(MODULES, '@types', 'jest'))) {
    execFileSync('npm ci --no-audit --no-fund --loglevel=error', { cwd: HERE, shell: true, stdio: 'inherit' });
  }
  const packed = values.packed ? resolve(values.packed) : join(work, 'packed');
  if (!values.packed) pack(packed);
  const root = prepare(packed);
  const wanted = combinations(values.all);
  const waiting = [...wanted];
  const failures = [];
  const started = performance.now();
  // Two at a time: a compiler takes a core, and some hundred MB.
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const failure = await attempt(root, next);
      if (failure) failures.push(failure);
    }
  };
  await Promise.all([worker(), worker()]);
  // The first lines say it: the rest repeats them.
  for (const failure of failures) console.error(failure.split('\n').slice(0, 12).join('\n'));
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${wanted.length - failures.length} of ${wanted.length} combinations compile and run, in ${seconds} s`);
  if (failures.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
