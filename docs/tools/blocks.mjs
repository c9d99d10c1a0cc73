/**
 * Runs every code block of the documentation.
 *
 *   npm run docs:blocks                     all pages
 *   npm run docs:blocks -- docs/cache.md    some of them
 *
 * Each page has a project of its own with the package in it, and a copy of the checkout, both in a temporary directory; where the
 * machine allows it (`unshare` of Linux) it also has a network of its own, with nothing in it but itself. What the blocks may be
 * and how they are marked stands in `blocks/steps.mjs`. Exit code 1 if a block does not do what its page says.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeTree } from '../../__test__/remove.js';
import { DECLARATIONS } from './blocks/declarations.mjs';
import { makeCheckout, makeProject } from './blocks/place.mjs';
import { codeBlocks, pages, ROOT } from './markdown.mjs';

const WORKER = fileURLToPath(new URL('blocks/worker.mjs', import.meta.url));
const AT_A_TIME = 2;
/** For one page. Each of its programs has less. */
const MOST_MS = 300_000;

/** A program that is started with only itself to talk to, where that can be had. */
const ALONE = ['unshare', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const isAlone = spawnSync(ALONE[0], [...ALONE.slice(1), 'true'], { stdio: 'ignore' }).status === 0;

const state = () => execFileSync('git', ['status', '--porcelain'], { cwd: ROOT, encoding: 'utf8' });

async function onePage(page) {
  const directory = mkdtempSync(join(tmpdir(), 'agentwise-docs-'));
  try {
    for (const place of ['home', 'tmp', 'project', 'checkout']) mkdirSync(join(directory, place));
    makeProject(join(directory, 'project'));
    if (!DECLARATIONS.includes(page) && codeBlocks(page).some(({ meta }) => meta.checkout))
      makeCheckout(join(directory, 'checkout'));
    const [command, ...args] = [...(isAlone ? ALONE : []), process.execPath, WORKER, page, directory];
    const started = performance.now();
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    const late = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
    const code = await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(late);
    if (code !== 0)
      return { page, done: {}, exceptions: [], problems: [{ line: 0, message: `its runner ended with ${code}` }] };
    return { ...JSON.parse(output), seconds: (performance.now() - started) / 1000 };
  } finally {
    // What a block started may write for a moment longer.
    removeTree(directory);
  }
}

const { positionals } = parseArgs({ allowPositionals: true });
/** The reference is made of declarations, whose examples run from there. */
const isWritten = (page) => !page.startsWith('docs/api/');
const has = (page) => DECLARATIONS.includes(page) || codeBlocks(page).length > 0;
const waiting = (positionals.length > 0 ? positionals : [...DECLARATIONS, ...pages().filter(isWritten)]).filter(has);
const before = state();
const results = [];
const lane = async () => {
  for (let page = waiting.shift(); page; page = waiting.shift()) {
    const result = await onePage(page);
    results.push(result);
    const counts = Object.entries(result.done).map(([kind, number]) => `${number} ${kind}`);
    console.log(
      `${result.problems.length > 0 ? 'FAILED' : 'ok    '} ${page}: ${counts.join(', ')} (${result.seconds?.toFixed(1)} s)`,
    );
    for (const { line, message } of result.problems)
      console.log(`  ${page}:${line} ${message.replace(/\n/g, '\n    ')}`);
  }
};
await Promise.all(Array.from({ length: AT_A_TIME }, lane));

const totals = {};
for (const { done } of results)
  for (const [kind, number] of Object.entries(done)) totals[kind] = (totals[kind] ?? 0) + number;
const exceptions = results.flatMap(({ page, exceptions: some }) => some.map((one) => ({ page, ...one })));
console.log(
  `\n${Object.entries(totals)
    .map(([kind, number]) => `${number} ${kind}`)
    .join(', ')}, ${exceptions.length} exceptions`,
);
for (const { page, line, reason } of exceptions) console.log(`  not run: ${page}:${line} ${reason}`);
if (!isAlone) console.log('the network was not cut off: unshare is not to be had here');
const after = state();
if (after !== before) console.log(`the blocks changed the checkout:\n${after}`);
if (after !== before || results.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
