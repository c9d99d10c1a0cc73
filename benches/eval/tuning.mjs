/** A load that changes, through a system that tunes itself, beside the configured settings and the best fixed ones. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { countTokens, ProductionOptimizationSystem } from '../../index.mjs';
import { count, percent, table } from '../bench/format.mjs';
import { readTrace, traceFiles } from './traces.mjs';
import { tuningSvg } from './tuning-plot.mjs';

const FACTORS = [0.25, 0.5, 1, 2, 4];
const POLICIES = ['lru', 'adaptive'];
/** Answers of 50 to 750 tokens, always the same for a key. */
const WORDS =
  'the agent read the file and found that one test fails because a name was changed in another module '.repeat(40);
const text = (id) => WORDS.slice(0, 300 + ((id * 2_654_435_761) % 2_700));

/** As in docs/auto-tuning.md. */
const [MS_PER_TOKEN, MS_PER_MB_HOUR] = [10, 15];
const TOKENS = meanTokens();

function meanTokens() {
  const ids = Array.from({ length: 200 }, (_, id) => id);
  return ids.reduce((sum, id) => sum + countTokens(text(id)), 0) / ids.length;
}

const HELP = `Usage: npm run eval:tuning -- <data folder> [options]

The folder holds traces/*.txt.gz (one key per line). They are replayed one after the other, and then the first again.

Options:
  --limit <n>     requests of each trace at most (default: 100000)
  --every <n>     requests between two steps of the tuning (default: 5000)
  --entries <n>   configured l1MaxSize (default: 1000)
  --bytes <MB>    configured l1MaxSizeMB (default: 64)
  --disk          with the disk tiers, in a folder that is removed afterwards
  --order <list>  names of traces, in this order, instead of all and the first again
  --svg <file>    writes a picture
  --json          print only JSON on stdout
  --help          print this`;

function refuse(message) {
  console.error(`eval:tuning: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  const word = { type: 'string' };
  const flag = { type: 'boolean' };
  const kinds = { limit: word, every: word, entries: word, bytes: word, order: word, svg: word };
  try {
    const { values, positionals } = parseArgs({
      options: { ...kinds, disk: flag, json: flag, help: flag },
      allowPositionals: true,
    });
    return { ...values, folder: positionals[0], further: positionals.slice(1) };
  } catch (error) {
    return refuse(error.message);
  }
}

const given = options();
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const whole = (name, fallback) => {
  const value = Number(given[name] ?? fallback);
  if (!(value > 0)) refuse(`--${name} is a number over 0`);
  return value;
};
const [limit, every] = [whole('limit', 100_000), whole('every', 5_000)];
const [entries, bytes] = [whole('entries', 1000), whole('bytes', 64)];
if (!given.folder || given.further.length > 0) refuse('name one data folder');
const traces = join(given.folder, 'traces');
if (!existsSync(traces)) refuse(`there is no folder ${traces}`);

const started = performance.now();
const progress = (what) => console.error(`${((performance.now() - started) / 1e3).toFixed(0).padStart(4)} s  ${what}`);

const known = [];
for (const file of await traceFiles(traces)) {
  progress(`reading ${file.name}`);
  known.push(await readTrace(file, limit));
}
const named = (name) => known.find((trace) => trace.name === name) ?? refuse(`there is no trace ${name}`);
const phases = given.order ? given.order.split(',').map(named) : [...known, ...(known.length > 1 ? [known[0]] : [])];

function settings(dir, { factor, policy, isTuned, fixed = [] }) {
  return {
    environment: 'development',
    finalReport: false,
    autoTuning: isTuned,
    enableProductionMonitoring: false,
    enableContextFiltering: false,
    tuning: { interval: 2_000_000_000, fixed },
    cache: {
      l1MaxSize: Math.round(entries * factor),
      l1MaxSizeMB: bytes * factor,
      evictionPolicy: policy,
      persistToDisk: given.disk === true,
      cacheDir: dir,
      enableSimilarityDetection: false,
    },
  };
}

/** Replays all phases; hits and memory by phase and by step. */
async function run(name, setting) {
  const dir = mkdtempSync(join(tmpdir(), 'eval-tuning-'));
  const system = await ProductionOptimizationSystem.create(settings(dir, setting));
  const figures = () => system.getStatus().components.cacheManager;
  const result = { name, ...setting, phases: [], steps: [], adjustments: [] };
  // The first turn starts what runs behind.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const begun = performance.now();
  let at = 0;
  let before = figures();
  for (const { name: phase, ids, keys } of phases) {
    const row = { phase, requests: ids.length, hits: 0, l1Hits: 0, mb: 0, steps: 0 };
    const start = figures();
    for (const id of ids) {
      const key = `${phase} ${keys[id]}`;
      if ((await system.getCachedResponse(key)) !== null) row.hits++;
      else await system.cacheResponse(key, text(id));
      if (++at % every !== 0) continue;
      const now = figures();
      const [lookups, l1Hits] = [every, now.l1.hits - before.l1.hits];
      result.steps.push({ at, l1HitRate: l1Hits / lookups, mb: now.l1.sizeMB, entries: now.l1.maxSize });
      row.mb += now.l1.sizeMB;
      row.steps++;
      before = now;
      if (setting.isTuned)
        result.adjustments.push(...(await system.tune()).adjustments.map((one) => ({ request: at, ...one })));
      await new Promise((resolve) => setImmediate(resolve));
    }
    row.l1Hits = figures().l1.hits - start.l1.hits;
    row.mb = row.steps > 0 ? row.mb / row.steps : figures().l1.sizeMB;
    result.phases.push(row);
  }
  result.seconds = (performance.now() - begun) / 1e3;
  if (setting.isTuned) result.history = system.tuningHistory;
  await system.shutdown();
  rmSync(dir, { recursive: true, force: true });
  const sum = (key) => result.phases.reduce((total, row) => total + row[key], 0);
  result.requests = sum('requests');
  result.hitRate = sum('hits') / result.requests;
  result.l1HitRate = sum('l1Hits') / result.requests;
  result.mb = result.phases.reduce((total, row) => total + row.mb * row.requests, 0) / result.requests;
  result.hitsPerMB = sum('l1Hits') / result.mb;
  // At one request a second, so that the price of memory does not depend on how fast this replays.
  const hours = result.requests / 3600;
  const savedMs = sum('hits') * TOKENS * MS_PER_TOKEN;
  result.netSecondsPerHour = (savedMs / hours - result.mb * MS_PER_MB_HOUR) / 1e3;
  progress(`${name}: ${percent(result.l1HitRate)} in memory, ${result.mb.toFixed(2)} MB`);
  return result;
}

/** How often a setting's value was changed, and how often into the other direction. */
function changes(history) {
  const bySetting = new Map();
  const place = { lru: 0, lfu: 1, adaptive: 2 };
  const number = (value) => place[value] ?? value;
  for (const { setting, from, to, outcome } of history) {
    const row = bySetting.get(setting) ?? { setting, changes: 0, turns: 0, last: 0 };
    const moves = [number(to) - number(from)];
    if (outcome === 'undone' || outcome === 'abandoned') moves.push(-moves[0]);
    for (const move of moves) {
      row.changes++;
      if (row.last !== 0 && Math.sign(move) !== row.last) row.turns++;
      row.last = Math.sign(move);
    }
    bySetting.set(setting, row);
  }
  return [...bySetting.values()].map(({ last, ...row }) => row);
}

const start = { factor: 1, policy: 'lru', isTuned: false };
const tuned = await run('tuned', { ...start, isTuned: true });
const sized = await run('tuned, size fixed', { ...start, isTuned: true, fixed: ['cache.l1MaxSize'] });
const untouched = await run('configured', start);
const fixed = [untouched];
for (const policy of POLICIES) {
  for (const factor of FACTORS) {
    if (policy === start.policy && factor === 1) continue;
    fixed.push(await run(`${policy}, ${factor} ×`, { factor, policy, isTuned: false }));
  }
}
const best = fixed.toSorted((a, b) => b.l1HitRate - a.l1HitRate)[0];
const affordable = fixed.filter((one) => one.mb <= tuned.mb * 1.02).toSorted((a, b) => b.l1HitRate - a.l1HitRate)[0];
const report = {
  machine: { cpu: cpus()[0]?.model.trim() ?? 'unknown', os: `${type()} ${release()}`, node: process.version },
  requests: phases.map(({ name, ids }) => ({ trace: name, requests: ids.length })),
  every,
  entries,
  bytes,
  disk: given.disk === true,
  runs: [tuned, sized, ...fixed],
  best: best.name,
  bestInTheSameMemory: affordable?.name ?? null,
  changes: changes(tuned.history),
  seconds: (performance.now() - started) / 1e3,
};
if (given.svg) writeFileSync(given.svg, tuningSvg({ tuned, configured: untouched, best, phases, every }));

if (given.json) {
  console.log(JSON.stringify(report, null, 2));
} else {
  const columns = [
    { key: 'name', title: 'settings' },
    ...phases.map(({ name }, at) => ({ key: `phase${at}`, title: name })),
    { key: 'l1HitRate', title: 'all', format: percent },
    ...(given.disk ? [{ key: 'hitRate', title: 'with disk', format: percent }] : []),
    { key: 'mb', title: 'mean MB', format: (value) => value.toFixed(2) },
    { key: 'hitsPerMB', title: 'hits/MB', format: (value) => count(Math.round(value)) },
    { key: 'netSecondsPerHour', title: 'net s/h', format: (value) => count(Math.round(value)) },
    { key: 'seconds', title: 's', format: (value) => value.toFixed(1) },
  ];
  const rows = report.runs.map((one) => ({
    ...one,
    ...Object.fromEntries(one.phases.map((row, at) => [`phase${at}`, percent(row.l1Hits / row.requests)])),
  }));
  console.log(`machine: ${report.machine.cpu}, ${report.machine.os}, Node.js ${report.machine.node}`);
  console.log(`\n${table({ title: `hits in memory; a step every ${count(every)} requests`, columns }, rows)}`);
  console.log(`\nbest fixed: ${best.name}; in no more memory than tuned: ${report.bestInTheSameMemory ?? 'none'}`);
  for (const { request, setting, from, to, outcome, why, reason } of tuned.adjustments) {
    console.log(`  ${count(request).padStart(9)}  ${outcome.padEnd(8)} ${setting} ${from} → ${to}: ${why ?? reason}`);
  }
  for (const { setting, changes: made, turns } of report.changes) {
    console.log(`  ${setting}: ${made} changes, ${turns} of them into the other direction`);
  }
}
progress('done');
