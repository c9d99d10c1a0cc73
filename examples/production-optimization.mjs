/**
 * The main job, end to end, on a real project: its context for three agents, twice, with an edit in between.
 *
 *   node examples/production-optimization.mjs [directory] [--json]
 *
 * The directory is this repository unless one is given. Every number is measured in this run.
 */

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ProductionOptimizationSystem from '../index.mjs';
import { projectContext } from './project-context.mjs';

const AGENTS = ['frontend-specialist', 'backend-specialist', 'testing-specialist'];
const TASK = 'Make the cache return a clear error when the configuration file cannot be read, and test it';

/** Rows that are shown of what was left out. */
const SHOWN = 4;

/** Texts of the context that are not files. */
const PROJECT_FIELDS = new Set(['projectName', 'currentTask']);

/** One agent's turn: what it is sent and what that cost. */
async function turn(system, agentId, context) {
  const started = performance.now();
  const result = await system.optimizeAgentContext(agentId, context, { includeDebugInfo: true });
  const { tokens, dropped, importanceScores, reductionRatio } = result.debug;
  return {
    agentId,
    type: result.type,
    tokensBefore: tokens.original,
    tokensFiltered: tokens.filtered,
    tokensSent: tokens.result,
    tokensSaved: result.tokensSaved,
    reductionPercent: Math.round(reductionRatio * 1000) / 10,
    kept: Object.keys(importanceScores),
    leftOut: summaryOf(dropped),
    changedKeys: result.type === 'incremental' ? Object.keys(result.modified ?? {}) : [],
    ms: Math.round((performance.now() - started) * 10) / 10,
  };
}

/** What was left out of a context: how much, why, and the parts with the most tokens. */
function summaryOf(dropped) {
  const reasons = {};
  for (const { reason } of dropped) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    values: dropped.filter(({ lines }) => !lines).length,
    partsOfTexts: dropped.filter(({ lines }) => lines).length,
    tokens: dropped.reduce((sum, { tokens }) => sum + tokens, 0),
    reasons,
    largest: [...dropped].sort((a, b) => b.tokens - a.tokens).slice(0, SHOWN),
  };
}

/** Has what was left out given back, as a model would that misses it. */
async function askFor(system, { leftOut }) {
  const [part] = leftOut.largest;
  if (!part) return null;
  const value = await system.resolveReference(part.reference);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { path: part.path, lines: part.lines ?? null, reference: part.reference, characters: text.length };
}

/** Caches an answer and finds it: by another agent, by a question not asked yet, and a private one by its owner only. */
async function useCache(system) {
  await system.cacheResponse('How is the cache configured?', { answer: 'cache.l1MaxSize, cache.ttlSeconds' });
  await system.cacheResponse('Which test failed?', 'cache.spec', 600, { agentId: 'testing-specialist' });
  const found = async (query, agentId) => (await system.getCachedResponse(query, agentId)) !== null;
  return [
    { lookup: 'shared answer, any agent', found: await found('How is the cache configured?', 'frontend-specialist') },
    { lookup: 'own answer, its owner', found: await found('Which test failed?', 'testing-specialist') },
    { lookup: 'own answer, another agent', found: await found('Which test failed?', 'backend-specialist') },
    { lookup: 'not asked yet', found: await found('What is the weather?', 'backend-specialist') },
  ];
}

async function main(root) {
  const readStarted = performance.now();
  const context = await projectContext(root, TASK);
  const readMs = performance.now() - readStarted;

  const started = performance.now();
  // A demonstration leaves no files behind: no final report.
  const system = await ProductionOptimizationSystem.create({
    environment: 'development',
    finalReport: false,
    cache: { persistToDisk: false },
  });
  const createMs = performance.now() - started;
  try {
    const ms = { readProject: Math.round(readMs), createSystem: Math.round(createMs * 10) / 10 };
    return { project: root, ...(await demonstrate(system, context)), ms };
  } finally {
    await system.shutdown();
  }
}

async function demonstrate(system, context) {
  const round = async (of) => {
    const turns = [];
    for (const agentId of AGENTS) turns.push(await turn(system, agentId, of));
    return turns;
  };
  const first = await round(context);
  const askedFor = await askFor(system, first[0]);
  const paths = Object.keys(context).filter((key) => typeof context[key] === 'string' && !PROJECT_FIELDS.has(key));
  const edited = first[0].kept.find((path) => paths.includes(path));
  const after = { ...context, currentTask: `${TASK}; then document it` };
  if (edited) after[edited] = `${context[edited]}\nAn edited line.\n`;
  const afterEdit = await round(after);
  const unchanged = await round(after);
  const lookups = await useCache(system);
  const { memoryManager: memory, cacheManager } = system.getStatus().components;
  const health = system.getHealthStatus();
  return {
    files: paths.length,
    edited: edited ?? null,
    rounds: { first, afterEdit, unchanged },
    askedFor,
    cache: { lookups, hits: cacheManager.overall.totalHits, misses: cacheManager.overall.totalMisses },
    memory: {
      processMb: memory.process.rss,
      limitMb: memory.limits.effective,
      limitFrom: memory.limits.effectiveSource,
    },
    health: { overall: health.overall, score: health.score, productionReady: system.isProductionReady() },
  };
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const isNumber = (text) => /^[\d.,\-+ %]+$/.test(text);
  return rows
    .map((row) =>
      row.map((cell, at) =>
        isNumber(String(cell)) ? String(cell).padStart(widths[at]) : String(cell).padEnd(widths[at]),
      ),
    )
    .map((row) => `  ${row.join('  ').trimEnd()}`)
    .join('\n');
}

const count = (number) => number.toLocaleString('en-US');

function roundTable(turns) {
  const head = ['agent', 'result', 'tokens before', 'after filter', 'sent', 'saved', 'ms'];
  const rows = turns.map((row) => [
    row.agentId,
    row.type,
    count(row.tokensBefore),
    count(row.tokensFiltered),
    count(row.tokensSent),
    `${row.tokensBefore > 0 ? Math.round((row.tokensSaved / row.tokensBefore) * 1000) / 10 : 0} %`,
    row.ms,
  ]);
  return table([head, ...rows]);
}

const placeOf = ({ path, lines }) => (lines ? `${path}, lines ${lines[0]} to ${lines[1]}` : path);

function leftOutTable(turns) {
  const rows = turns.map(({ agentId, leftOut }) => [
    agentId,
    count(leftOut.values),
    count(leftOut.partsOfTexts),
    count(leftOut.tokens),
    Object.entries(leftOut.reasons)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, parts]) => `${reason} ${parts}`)
      .join(', ') || 'nothing',
  ]);
  return table([['agent', 'values', 'parts of texts', 'tokens', 'why'], ...rows]);
}

/** What stands under "why" in these tables; `dropped` in docs/context-filter.md has all of it. */
const REASONS = {
  excluded: 'an exclude pattern matches it',
  score: 'not important enough for the agent and the task',
  reduction: 'the least important of what is left, until the context is as much smaller as it is to be',
  limit: 'it does not fit',
  pressure: 'memory or load is high',
  blocks: 'parts of a text of which other parts stayed',
};

function reasonsText(turns) {
  const used = new Set(turns.flatMap(({ leftOut }) => Object.keys(leftOut.reasons)));
  return Object.entries(REASONS)
    .filter(([reason]) => used.has(reason))
    .map(([reason, text]) => `  ${reason}: ${text}`)
    .join('\n');
}

function largestTable({ leftOut }) {
  const rows = leftOut.largest.map((part) => [
    placeOf(part),
    count(part.tokens),
    part.reason,
    part.score,
    part.reference,
  ]);
  return table([['what', 'tokens', 'why', 'score', 'reference'], ...rows]);
}

function printLeftOut({ rounds, askedFor }) {
  const parts = ['Left out of the first contexts', leftOutTable(rounds.first), reasonsText(rounds.first)];
  console.log(`${parts.filter(Boolean).join('\n')}\n`);
  if (!askedFor) return;
  console.log(`The most of it, for ${rounds.first[0].agentId}\n${largestTable(rounds.first[0])}\n`);
  console.log(`Asked for by its reference ${askedFor.reference}: ${count(askedFor.characters)} characters\n`);
}

function print(report) {
  const { rounds, cache, memory, health, ms } = report;
  console.log(`Project ${report.project}: ${report.files} text files\n`);
  console.log(`First context of each agent (exact o200k_base tokens of the JSON)\n${roundTable(rounds.first)}\n`);
  printLeftOut(report);
  console.log(`After an edit of ${report.edited ?? 'no file'} and of the task\n${roundTable(rounds.afterEdit)}\n`);
  console.log(`The same again\n${roundTable(rounds.unchanged)}\n`);
  const lookups = cache.lookups.map(({ lookup, found }) => [lookup, found ? 'found' : 'not found']);
  console.log(`Cached answers: ${cache.hits} hits, ${cache.misses} misses\n${table(lookups)}\n`);
  console.log(`Memory  ${memory.processMb} MB of ${memory.limitMb} MB (limit from ${memory.limitFrom})`);
  console.log(
    `Health  ${health.overall}, score ${health.score}, production ready: ${health.productionReady ? 'yes' : 'no'}`,
  );
  console.log(`Time    ${ms.readProject} ms to read the project, ${ms.createSystem} ms to create the system`);
}

const USAGE = 'usage: node examples/production-optimization.mjs [directory] [--json]';

/** What was asked for, or an error that says how to ask. */
async function asked() {
  const refused = (code, message) => Object.assign(new Error(`${message}; ${USAGE}`), { code });
  let given;
  try {
    given = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true });
  } catch (error) {
    throw refused('E_USAGE', error.message.split('. ')[0]);
  }
  const [directory, ...more] = given.positionals;
  if (more.length > 0) throw refused('E_USAGE', `one directory only, not also ${more.join(' ')}`);
  const root = resolve(directory ?? fileURLToPath(new URL('..', import.meta.url)));
  const found = await stat(root).catch(() => null);
  if (!found?.isDirectory()) throw refused('E_INVALID_ARGUMENT', `there is no directory ${root}`);
  return { root, json: given.values.json };
}

try {
  const { root, json } = await asked();
  const report = await main(root);
  if (json) console.log(JSON.stringify(report, null, 2));
  else print(report);
} catch (error) {
  const { code, message } = error;
  console.error(!code || message.startsWith(code) ? message : `${code}: ${message}`);
  process.exitCode = 1;
}
