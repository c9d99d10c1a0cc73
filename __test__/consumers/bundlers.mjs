#!/usr/bin/env node
/**
 * The lines of docs/bundlers.md, each of which bundles an application that has the packed package; what comes out is put elsewhere
 * and run. Whatever has the package in it runs without `node_modules`.
 *
 *     node __test__/consumers/bundlers.mjs [--packed <directory>]    else packs itself
 */

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { pack } from '../../npm/pack.mjs';
import { findTarballs, installOffline, makeProject, packDependencies, ROOT } from '../packages/project.mjs';

const MODULES = fileURLToPath(new URL('node_modules', import.meta.url));
const work = realpathSync(mkdtempSync(join(tmpdir(), 'agentwise-bundlers-')));
const run = promisify(execFile);

/** Uses the native module, the disk, a server and what is compiled from JSON. */
const BODY = `
  const system = await ProductionOptimizationSystem.create({ environment: 'staging', finalReport: false });
  await system.cacheResponse('q', { a: 1 });
  const result = await system.optimizeAgentContext('frontend-specialist', { currentTask: 'x', text: 'word '.repeat(50_000) });
  const server = await startSharedContextServer({ port: 0 });
  const client = new SharedContextClient({ projectId: 'p', url: server.url });
  const { isNew } = await client.setContext({ a: 1 });
  await client.disconnect();
  await server.close();
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  await cache.set('k', [1]);
  const found = [await system.getCachedResponse('q'), await cache.get('k')];
  await cache.stop();
  await system.shutdown();
  console.log(JSON.stringify([countTokens('hello world'), result.type, isNew, found, Object.keys(configurationSchema()).length > 0]));
`;
const PRINTS = '[2,"full",true,[{"a":1},[1]],true]\n';
const NAMES =
  '{ ProductionOptimizationSystem, SharedContextClient, startSharedContextServer, configurationSchema, countTokens }';

/** The page's lines, each with whether the package is in what it makes. */
function linesOfPage() {
  const page = readFileSync(join(ROOT, 'docs/bundlers.md'), 'utf8');
  const found = [];
  for (const [, lang, file, code] of page.matchAll(/^```(sh|js)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)) {
    const text = code.replace(/\\\n\s*/g, '');
    found.push({
      command: lang === 'sh' ? text.replace(/^npx /, '').trim() : `webpack --config ${file}`,
      config: lang === 'js' ? { file, text: code } : null,
      isBundled: /loader/.test(text),
    });
  }
  return found;
}

function makeApplication(packed) {
  const { main, own } = findTarballs(packed);
  const project = makeProject(join(work, 'project'));
  installOffline(project, [main, own, ...packDependencies(main, join(work, 'dependencies'))], join(work, 'cache'));
  symlinkSync(join(MODULES, 'node-loader'), join(project, 'node_modules', 'node-loader'), 'junction');
  writeFileSync(
    join(project, 'server.mjs'),
    `import ${NAMES} from 'agentwise-optimization';\nimport AdvancedCacheManager from 'agentwise-optimization/cache';\n${BODY}`,
  );
  writeFileSync(
    join(project, 'server.cjs'),
    `const ${NAMES} = require('agentwise-optimization');\nconst { AdvancedCacheManager } = require('agentwise-optimization/cache');\n(async () => {${BODY}})();`,
  );
  return project;
}

/** Bundles by a line of the page and runs what comes out. @returns what went wrong. */
async function attempt(project, { command, config, isBundled }, index) {
  if (config) writeFileSync(join(project, config.file), config.text);
  rmSync(join(project, 'dist'), { recursive: true, force: true });
  const PATH = [join(MODULES, '.bin'), process.env.PATH].join(delimiter);
  const elsewhere = join(work, `elsewhere-${index}`);
  try {
    await run('sh', ['-c', command], {
      cwd: project,
      env: { ...process.env, PATH, NO_COLOR: '1' },
      maxBuffer: 64 << 20,
    });
    cpSync(join(project, 'dist'), join(elsewhere, 'dist'), { recursive: true });
    const made = readdirSync(join(elsewhere, 'dist'));
    if (made.some((name) => name.endsWith('.node')) !== isBundled) throw new Error(`it made ${made.join(', ')}`);
    if (!isBundled) symlinkSync(join(project, 'node_modules'), join(elsewhere, 'node_modules'), 'junction');
    const program = made.find((name) => /^server\.[cm]?js$/.test(name));
    const { stdout } = await run(process.execPath, [join('dist', program)], { cwd: elsewhere, timeout: 120_000 });
    if (stdout !== PRINTS) throw new Error(`it printed ${stdout}`);
    return null;
  } catch (error) {
    return `${command}: ${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`;
  }
}

async function main() {
  const { values } = parseArgs({ options: { packed: { type: 'string' } } });
  if (!existsSync(join(MODULES, '.bin', 'webpack'))) throw new Error('npm ci --prefix __test__/consumers comes first');
  const packed = values.packed ? resolve(values.packed) : join(work, 'packed');
  if (!values.packed) pack(packed);
  const project = makeApplication(packed);
  const lines = linesOfPage();
  if (lines.length < 6) throw new Error(`docs/bundlers.md has only ${lines.length} lines that are understood`);
  const failures = [];
  for (const [index, line] of lines.entries()) {
    const failure = await attempt(project, line, index);
    if (failure) failures.push(failure);
  }
  for (const failure of failures) console.error(failure.split('\n').slice(0, 12).join('\n'));
  console.log(`${lines.length - failures.length} of ${lines.length} bundles run`);
  if (failures.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
