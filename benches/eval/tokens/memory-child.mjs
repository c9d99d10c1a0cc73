/**
 * Memory of 50 agents with contexts of 1 MB, of which four fifths are common to all. Prints JSON. Run with --expose-gc, as what
 * the caller dropped is collected before it is measured.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { countTokens, TokenOptimizer } from '../../../index.mjs';
import { sourceText } from './generated.mjs';

const [encoding, form, cacheDir] = process.argv.slice(2);
const AGENTS = 50;
const FILE_BYTES = 20_000;
const COMMON_FILES = 40;
const OWN_FILES = 10;
const SEEN_AFTER = [1, 10, 25, AGENTS];

const files = (number, bytes, seed, name) =>
  Array.from({ length: number }, (_, at) => [`${name}/file-${at}.txt`, sourceText(bytes, seed * 1000 + at)]);

const contextOf = (all) => (form === 'one' ? { files: Object.fromEntries(all) } : Object.fromEntries(all));

/** The context of an agent, out of JSON as from a socket: no text is shared with that of another agent. */
function contextOfAgent(agent, fileBytes = FILE_BYTES, salt = 0) {
  const own = files(OWN_FILES, fileBytes, 100 + agent + salt, 'own');
  return JSON.parse(JSON.stringify(contextOf([...files(COMMON_FILES, fileBytes, 1 + salt, 'common'), ...own])));
}

async function collect() {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc();
    await wait(50);
  }
}

async function memory() {
  await collect();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return { rss, heapUsed, heapTotal, external };
}

const since = (now, before) => Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - before[name]]));

// What a process has once, not for each context: the token table, compiled code, threads.
countTokens('');
const optimizer = new TokenOptimizer(null, null, null, null, { encoding, cacheDir, projectId: 'memory' });
for (let agent = 0; agent < 3; agent++) await optimizer.optimizeContext('first', contextOfAgent(agent, 1_000, 50_000));
optimizer.resetAgent('first');
// V8 makes room for new objects as they come, whoever makes them.
for (let agent = 0; agent < 20; agent++) contextOfAgent(agent);
const before = await memory();
const steps = [];
for (let agent = 1; agent <= AGENTS; agent++) {
  await optimizer.optimizeContext(`agent-${agent}`, contextOfAgent(agent));
  if (SEEN_AFTER.includes(agent)) steps.push({ agents: agent, ...since(await memory(), before) });
}
const blocks = optimizer.getBlockStats();
await optimizer.close();
const closed = since(await memory(), before);
const distinct = FILE_BYTES * (COMMON_FILES + OWN_FILES * AGENTS);
const whole = FILE_BYTES * (COMMON_FILES + OWN_FILES) * AGENTS;
console.log(JSON.stringify({ agents: AGENTS, whole, distinct, steps, closed, blocks }));
