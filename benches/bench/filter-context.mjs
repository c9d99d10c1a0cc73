/** What filtering a context costs, measured in writing the same context as JSON. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AgentContextFilter, countTokensAsync, ProductionOptimizationSystem } from '../../index.mjs';
import { CONTEXTS, repositoryOfFiles, withChanges } from './contexts.mjs';
import { count, megabytes, milliseconds, times, withSpread } from './format.mjs';
import { compare, quantile, ratio, spread, target } from './harness.mjs';
import { SETTINGS } from './settings.mjs';

export const name = 'filter-context';
export const title = "filterContext('backend-specialist', context) against JSON.stringify(context)";

const SIZES = [100e3, 1e6, 5e6];
const AGENT = 'backend-specialist';
/** About 5 MB, no two files alike. */
const REPOSITORY_FILES = 2000;
const REPOSITORY_BYTES = 2500;
const MEMORY_BYTES = 20e6;
const CALLS = { again: 'again', changed: '1 % changed', task: 'another task', first: 'first' };

const ms = withSpread(milliseconds);
const factor = withSpread(times);

export const tables = {
  filter: {
    title:
      'filterContext: the same context again, one with 1 % changed, another task, and for the first time (new filter)',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'call', title: 'call' },
      { key: 'jsonMs', title: 'JSON.stringify', format: ms },
      { key: 'mainMs', title: 'main thread', format: ms },
      { key: 'totalMs', title: 'total', format: ms },
      {
        key: 'countMs',
        title: 'of it token counts',
        format: (value) => (value === undefined ? '' : milliseconds(value)),
      },
      { key: 'mainRatio', title: 'main ÷ JSON', format: factor },
      { key: 'totalRatio', title: '(total − counts) ÷ JSON', format: factor },
    ],
  },
  repository: {
    title: 'A repository of 2,000 files',
    columns: [
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'tokens', title: 'tokens', format: count },
      { key: 'firstMs', title: 'first time, with token counts', format: ms },
      { key: 'countMs', title: 'of it token counts', format: milliseconds },
      { key: 'taskMs', title: 'another task', format: ms },
    ],
  },
  memory: {
    title: 'Growth of the process while one context is filtered for the first time',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'peak', title: 'memory', format: megabytes },
      { key: 'ratio', title: 'memory ÷ JSON', format: times },
    ],
  },
  create: {
    title: 'new AgentContextFilter(), for information',
    columns: [{ key: 'mainMs', title: 'main thread', format: ms }],
  },
  optimize: {
    title: 'optimizeAgentContext, for information (the whole context is counted once more)',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'firstMainMs', title: 'first: main thread', format: ms },
      { key: 'firstTotalMs', title: 'first: total', format: ms },
      { key: 'repeatedMainMs', title: 'unchanged: main thread', format: ms },
      { key: 'repeatedTotalMs', title: 'unchanged: total', format: ms },
    ],
  },
};

/** Runs a filter and remembers how long its token counts took. */
const counting = (counts, work) => async (input) => {
  const { stages } = await work(input);
  counts.push(stages.find(({ name }) => name === 'count').ms);
};

/** Mean of the values that belong to each round: the last of them, in order. */
function byRound(values, { wall, iterations }) {
  const last = values.slice(-wall.length * iterations);
  return wall.map((_, round) => {
    const some = last.slice(round * iterations, (round + 1) * iterations);
    return some.reduce((sum, value) => sum + value, 0) / some.length;
  });
}

async function filterRows(label, make, bytes) {
  const context = make(bytes);
  const kept = new AgentContextFilter();
  const counts = { again: [], changed: [], task: [], first: [] };
  let serial = 0;
  const changed = () => withChanges(context, 0.01, ++serial);
  const task = () => ({ ...context, currentTask: `${context.currentTask}, part ${++serial}: walk over the documents` });
  const many = (one) => (iterations) => Array.from({ length: iterations }, one);
  const keptRun = (input = context) => kept.filterContext(AGENT, input);
  const cases = [
    { name: 'again', run: counting(counts.again, () => keptRun()) },
    { name: 'changed', prepare: many(changed), run: counting(counts.changed, keptRun) },
    { name: 'task', prepare: many(task), run: counting(counts.task, keptRun) },
    { name: 'first', run: counting(counts.first, () => new AgentContextFilter().filterContext(AGENT, context)) },
    { name: 'json', run: () => JSON.stringify(context).length },
  ];
  const { json, ...calls } = await compare(cases, { rounds: 11, batchMs: 40 });
  return Object.entries(calls).map(([call, ours]) => {
    const countMs = byRound(counts[call], ours);
    const net = ours.wall.map((wall, round) => wall - countMs[round]);
    return {
      context: label,
      bytes: Buffer.byteLength(JSON.stringify(context)),
      call: CALLS[call],
      jsonMs: spread(json.wall),
      mainMs: spread(ours.main),
      totalMs: spread(ours.wall),
      countMs: quantile(countMs, 0.5),
      // CPU time against CPU time, wall time against wall time.
      mainRatio: ratio(ours.main, json.main),
      totalRatio: ratio(net, json.wall),
    };
  });
}

async function repositoryRow() {
  const context = repositoryOfFiles(REPOSITORY_FILES, REPOSITORY_BYTES);
  const kept = new AgentContextFilter();
  const counts = [];
  let serial = 0;
  const task = () => ({ ...context, currentTask: `Part ${++serial}: say which documents cannot be read` });
  const cases = [
    { name: 'first', run: counting(counts, () => new AgentContextFilter().filterContext('coding-agent', context)) },
    {
      name: 'task',
      prepare: (iterations) => Array.from({ length: iterations }, task),
      run: (input) => kept.filterContext('coding-agent', input),
    },
  ];
  const { first, task: again } = await compare(cases, { rounds: 7, warmMs: 100, batchMs: 50 });
  const json = JSON.stringify(context);
  return {
    bytes: Buffer.byteLength(json),
    tokens: await countTokensAsync(json),
    firstMs: spread(first.wall),
    countMs: quantile(byRound(counts, first), 0.5),
    taskMs: spread(again.wall),
  };
}

/** Where the kernel says how much memory a process had at most. */
function memoryRows() {
  if (process.platform !== 'linux') return [];
  return Object.keys(CONTEXTS).map((context) => {
    const child = fileURLToPath(new URL('filter-memory-child.mjs', import.meta.url));
    const found = execFileSync(process.execPath, ['--expose-gc', child, context, MEMORY_BYTES], { encoding: 'utf8' });
    const { bytes, peak } = JSON.parse(found);
    return { context, bytes, peak, ratio: peak / bytes };
  });
}

async function createRow() {
  const { create } = await compare([{ name: 'create', run: () => new AgentContextFilter() }]);
  return { mainMs: spread(create.main) };
}

async function optimizeRow(label, make, bytes) {
  const system = await ProductionOptimizationSystem.create(SETTINGS);
  let serial = 0;
  // Agent and text are new in every iteration: nothing is remembered of either.
  const fresh = () => ({ agent: `${AGENT}-${++serial}`, context: make(bytes, `#${serial}`) });
  const context = make(bytes, '#0');
  const cases = [
    {
      name: 'first',
      prepare: (iterations) => Array.from({ length: iterations }, fresh),
      run: (input) => system.optimizeAgentContext(input.agent, input.context),
    },
    { name: 'repeated', run: () => system.optimizeAgentContext(AGENT, context) },
  ];
  try {
    const { first, repeated } = await compare(cases, { rounds: 5, warmMs: 50, batchMs: 25 });
    return {
      context: label,
      bytes: Buffer.byteLength(JSON.stringify(context)),
      firstMainMs: spread(first.main),
      firstTotalMs: spread(first.wall),
      repeatedMainMs: spread(repeated.main),
      repeatedTotalMs: spread(repeated.wall),
    };
  } finally {
    await system.shutdown();
  }
}

export async function run() {
  const results = {
    filter: [],
    repository: [await repositoryRow()],
    memory: memoryRows(),
    create: [await createRow()],
    optimize: [],
  };
  const targets = [];
  for (const [label, make] of Object.entries(CONTEXTS)) {
    for (const bytes of SIZES) {
      for (const row of await filterRows(label, make, bytes)) {
        results.filter.push(row);
        const what = `${label}, ${megabytes(bytes)}, ${row.call}`;
        targets.push(target(`main thread ÷ JSON.stringify, ${what}`, row.mainRatio.median, '<=', 1.5));
        const limit = { [CALLS.first]: 6, [CALLS.changed]: 2 }[row.call];
        if (limit && bytes === 1e6) {
          targets.push(target(`total ÷ JSON.stringify, ${what}`, row.totalRatio.median, '<=', limit));
        }
      }
      results.optimize.push(await optimizeRow(label, make, bytes));
    }
  }
  const [{ firstMs, taskMs }] = results.repository;
  targets.push(target('repository, first time', firstMs.median, '<=', 400, 'ms'));
  targets.push(target('repository, another task', taskMs.median, '<=', 40, 'ms'));
  for (const { context, ratio: grown } of results.memory) {
    targets.push(target(`memory ÷ JSON while at work, ${context}`, grown, '<=', 3));
  }
  return { results, targets, notes: [] };
}
