/** What filtering a context costs, measured in writing the same context as JSON. */

import { AgentContextFilter, ProductionOptimizationSystem } from '../../index.mjs';
import { CONTEXTS } from './contexts.mjs';
import { megabytes, milliseconds, times, withSpread } from './format.mjs';
import { compare, ratio, spread, target } from './harness.mjs';
import { SETTINGS } from './settings.mjs';

export const name = 'filter-context';
export const title = "filterContext('backend-specialist', context) against JSON.stringify(context)";

const SIZES = [100e3, 1e6, 5e6];
const AGENT = 'backend-specialist';

const ms = withSpread(milliseconds);
const factor = withSpread(times);

export const tables = {
  filter: {
    title: 'filterContext, with a filter that is kept and remembers what it read, and with a new one each time',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'filter', title: 'filter' },
      { key: 'jsonMs', title: 'JSON.stringify', format: ms },
      { key: 'mainMs', title: 'main thread', format: ms },
      { key: 'totalMs', title: 'total', format: ms },
      { key: 'mainRatio', title: 'main ÷ JSON', format: factor },
      { key: 'totalRatio', title: 'total ÷ JSON', format: factor },
    ],
  },
  create: {
    title: 'new AgentContextFilter(), for information',
    columns: [{ key: 'mainMs', title: 'main thread', format: ms }],
  },
  optimize: {
    title: 'optimizeAgentContext, for information (what is sent is counted besides)',
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

async function filterRows(label, context) {
  const kept = new AgentContextFilter();
  const cases = [
    { name: 'kept', run: () => kept.filterContext(AGENT, context) },
    { name: 'new', run: () => new AgentContextFilter().filterContext(AGENT, context) },
    { name: 'json', run: () => JSON.stringify(context).length },
  ];
  const { json, ...filters } = await compare(cases, { rounds: 15 });
  return Object.entries(filters).map(([filter, ours]) => ({
    context: label,
    bytes: Buffer.byteLength(JSON.stringify(context)),
    filter,
    jsonMs: spread(json.wall),
    mainMs: spread(ours.main),
    totalMs: spread(ours.wall),
    // CPU time against CPU time, wall time against wall time.
    mainRatio: ratio(ours.main, json.main),
    totalRatio: ratio(ours.wall, json.wall),
  }));
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
  const results = { filter: [], create: [await createRow()], optimize: [] };
  const targets = [];
  for (const [label, make] of Object.entries(CONTEXTS)) {
    for (const bytes of SIZES) {
      for (const row of await filterRows(label, make(bytes))) {
        results.filter.push(row);
        const what = `${label}, ${megabytes(bytes)}, ${row.filter} filter`;
        targets.push(target(`main thread ÷ JSON.stringify, ${what}`, row.mainRatio.median, '<=', 1.5));
        targets.push(target(`total ÷ JSON.stringify, ${what}`, row.totalRatio.median, '<=', 8));
      }
      results.optimize.push(await optimizeRow(label, make, bytes));
    }
  }
  return { results, targets, notes: [] };
}
