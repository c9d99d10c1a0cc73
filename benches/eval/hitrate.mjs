/** Hit rates on recorded requests, beside npm's lru-cache and the best that is possible. */

import { existsSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { count, optional, percent, table, targetLine } from '../bench/format.mjs';
import { layerRow } from './layers.mjs';
import { DEFAULT, policyRows, policyTargets, summarize } from './policies.mjs';
import { toolCallRows } from './tool-calls.mjs';
import { readTrace, traceFiles } from './traces.mjs';

const QUICK_REQUESTS = 300_000;
const NOTABLE = 0.8;
const PARTS = ['policies', 'layers', 'tools'];

const HELP = `Usage: npm run eval:hitrate -- <data folder> [options]

The folder holds traces/*.txt.gz (one key per line) and, for the tool calls, recorded runs of tau-bench.

Options:
  --sizes <list>     sizes in % of the distinct keys (default: 1,5,10,25)
  --policies <list>  eviction policies, '${DEFAULT}' for none set (default: ${DEFAULT},lfu,adaptive)
  --only <part>      one of ${PARTS.join(', ')}
  --dir <folder>     where what is written on disk goes (default: the system's folder for temporary files)
  --quick            only the first ${count(QUICK_REQUESTS)} requests of each trace
  --json             print only JSON on stdout (with npm's --silent: npm run --silent eval:hitrate -- …)
  --help             print this

Missed targets do not change the exit status; unknown options give 2.`;

function refuse(message) {
  console.error(`eval:hitrate: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  const kinds = { sizes: text, policies: text, only: text, dir: text, quick: flag, json: flag, help: flag };
  try {
    const { values, positionals } = parseArgs({ options: kinds, allowPositionals: true });
    return { ...values, folder: positionals[0], further: positionals.slice(1) };
  } catch (error) {
    return refuse(error.message);
  }
}

const points = (value) => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;
const rate = (key, title) => ({ key, title, format: optional(percent) });

const policyTable = (policies) => ({
  title: 'hits in memory, entries bound only (in brackets: points against lru-cache)',
  columns: [
    { key: 'trace', title: 'trace' },
    { key: 'requests', title: 'requests', format: count },
    { key: 'sizePercent', title: 'size', format: (value) => `${value} %` },
    { key: 'entries', title: 'entries', format: count },
    rate('lruCache', 'lru-cache'),
    ...policies.map((policy) => ({ key: policy, title: policy })),
    rate('optimum', 'optimum'),
  ],
});

const summaryTable = {
  title: 'against lru-cache, over all traces and sizes',
  columns: [
    { key: 'policy', title: 'policy' },
    { key: 'averageGain', title: 'average, points', format: points },
    { key: 'worst', title: 'worst, points', format: points },
    { key: 'where', title: 'where' },
  ],
};

const beside = [
  rate('all', 'together'),
  rate('lruCache', 'lru-cache as L1'),
  rate('optimum', 'optimum as L1'),
  rate('unbounded', 'nothing evicted'),
];

const layerTable = {
  title: 'hits of the three layers, values of 2 KB of compressible text',
  columns: [
    { key: 'trace', title: 'trace' },
    { key: 'requests', title: 'requests', format: count },
    { key: 'l1Entries', title: 'L1 entries', format: count },
    { key: 'l2MB', title: 'L2 MB' },
    { key: 'l3MB', title: 'L3 MB' },
    ...['l1', 'l2', 'l3'].map((layer) => rate(layer, `in ${layer.toUpperCase()}`)),
    ...beside,
  ],
};

const toolTable = {
  title: 'repeated calls of read-only tools, one cache for all runs',
  columns: [
    { key: 'workload', title: 'workload' },
    { key: 'requests', title: 'calls', format: count },
    { key: 'sizePercent', title: 'L1', format: (value) => `${value} %` },
    { key: 'entries', title: 'L1 entries', format: count },
    { key: 'l2MB', title: 'L2 MB' },
    ...['l1', 'l2', 'l3'].map((layer) => rate(layer, `in ${layer.toUpperCase()}`)),
    ...beside,
  ],
};

/** Where 80 % or more are hits: only with workload and size does that say something. */
function notable({ policies, layers, tools }) {
  const found = [];
  const keep = (share, what) => share >= NOTABLE && found.push(`${percent(share)}: ${what}`);
  for (const { trace, sizePercent, entries, hitRates } of policies) {
    for (const [policy, share] of Object.entries(hitRates)) {
      keep(share, `${trace}, memory of ${count(entries)} entries (${sizePercent} % of the keys), ${policy}`);
    }
  }
  for (const row of layers) {
    keep(row.all, `${row.trace}, L1 ${count(row.l1Entries)} entries, L2 ${row.l2MB} MB, L3 ${row.l3MB} MB`);
  }
  for (const row of tools) {
    keep(row.all, `${row.workload}, L1 ${count(row.entries)} entries, L2 ${row.l2MB} MB`);
  }
  return found;
}

function print({ machine, results, targets, notes }, policies) {
  console.log(`machine: ${machine.cpu}, ${machine.os}, Node.js ${machine.node}`);
  const rows = results.policies.map((row) => {
    const cells = policies.map((policy) => {
      const share = row.hitRates[policy];
      return [policy, share === undefined ? '–' : `${percent(share)} (${points(row.gains[policy])})`];
    });
    return { ...row, ...Object.fromEntries(cells) };
  });
  if (rows.length > 0)
    console.log(`\n${table(policyTable(policies), rows)}\n\n${table(summaryTable, results.summary)}`);
  if (results.layers.length > 0) console.log(`\n${table(layerTable, results.layers)}`);
  if (results.tools.length > 0) console.log(`\n${table(toolTable, results.tools)}`);
  if (results.notable.length > 0)
    console.log(`\n80 % or more:\n${results.notable.map((one) => `  ${one}`).join('\n')}`);
  if (notes.length > 0) console.log(`\n${notes.map((note) => `  note: ${note}`).join('\n')}`);
  if (targets.length > 0) console.log(`\n${targets.map(targetLine).join('\n')}`);
}

const { folder, further, only, dir, quick = false, json, help, ...lists } = options();
if (help) {
  console.log(HELP);
  process.exit(0);
}
if (!folder || further.length > 0) refuse('name one data folder');
for (const one of [folder, dir ?? folder]) if (!existsSync(one)) refuse(`there is no folder ${one}`);
if (only !== undefined && !PARTS.includes(only)) refuse(`unknown part '${only}'; there are ${PARTS.join(', ')}`);
const sizes = (lists.sizes ?? '1,5,10,25').split(',').map(Number);
if (sizes.some((size) => !(size > 0 && size <= 100))) refuse(`sizes are over 0 and up to 100 %, not '${lists.sizes}'`);
const policies = (lists.policies ?? `${DEFAULT},lfu,adaptive`).split(',').filter(Boolean);

const started = performance.now();
const progress = (text) => console.error(`${((performance.now() - started) / 1e3).toFixed(0).padStart(4)} s  ${text}`);
const wanted = (part) => only === undefined || only === part;

const results = { policies: [], summary: [], layers: [], tools: [], notable: [] };
const notes = [];
const traces = join(folder, 'traces');
if (!existsSync(traces)) notes.push(`there is no folder ${traces}: no traces were replayed`);
else if (wanted('policies') || wanted('layers')) {
  for (const file of await traceFiles(traces)) {
    progress(`reading ${file.name}`);
    const trace = await readTrace(file, quick ? QUICK_REQUESTS : undefined);
    if (trace.ids.length === 0) continue;
    if (wanted('policies')) results.policies.push(...(await policyRows(trace, { sizes, policies, progress })));
    if (wanted('layers')) results.layers.push(await layerRow(trace, { dir, progress }));
  }
  results.summary = summarize(results.policies, policies);
  const known = new Set(results.summary.map(({ policy }) => policy));
  for (const policy of policies) if (!known.has(policy)) notes.push(`the cache has no policy '${policy}'`);
}
let tools;
if (wanted('tools')) {
  try {
    ({ rows: results.tools, tools } = await toolCallRows(folder, { dir, progress }));
    const named = (kind) => Object.keys(tools).filter((tool) => tools[tool] === kind);
    notes.push(`tools that only read: ${named('read').join(', ')}; that write: ${named('write').join(', ')}`);
    notes.push(`tools that are not looked at: ${named('neutral').join(', ')}`);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    notes.push('there are no runs of tau-bench in the folder: no tool calls were replayed');
  }
}
results.notable = notable(results);

const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  os: `${type()} ${release()} ${process.arch}`,
  node: process.version,
};
const targets = policyTargets(results.summary);
const seconds = (performance.now() - started) / 1e3;
const report = { machine, quick, sizes, policies, results, tools, targets, notes, seconds };
if (json) console.log(JSON.stringify(report, null, 2));
else print(report, policies);
progress('done');
