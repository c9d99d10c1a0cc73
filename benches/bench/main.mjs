/** Runs the benchmarks and prints what came out. */

import { existsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.mjs';
import { gigabytes, table, targetLine } from './format.mjs';
import { mainThreadClock } from './harness.mjs';

const NAMES = BENCHMARKS.map((benchmark) => benchmark.name);

const HELP = `Usage: npm run bench -- [options]

Options:
  --only <name>    run one benchmark: ${NAMES.join(', ')}
  --json           print only JSON on stdout (with npm's --silent: npm run --silent bench -- --json)
  --data <folder>  recorded runs, for cache-compression
  --dir <folder>   where what is written on disk goes (default: the system's folder for temporary files)
  --quick          fewer rounds, runs and seconds in pipeline, cache-disk, cache-large-heap, memory-* and monitor-*
  --runs <n>       runs of each arm of memory-agents (default: 20)
  --seconds <n>    how long processes rest in memory-cost and monitor-cost, and work in monitor-agrees (default: 60)
  --no-cgroup      memory-agents without a control group, as where none can be made
  --help           print this

Missed targets do not change the exit status; unknown options give 2.`;

function refuse(message) {
  console.error(`bench: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  try {
    const text = { type: 'string' };
    const flag = { type: 'boolean' };
    const numbers = { runs: text, seconds: text };
    const kinds = {
      only: text,
      data: text,
      dir: text,
      json: flag,
      quick: flag,
      help: flag,
      'no-cgroup': flag,
      ...numbers,
    };
    return parseArgs({ options: kinds, allowPositionals: false }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function machine() {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    // Of the last minute; on a busy machine totals say little.
    load: loadavg()[0],
    os: `${type()} ${release()} ${process.arch}`,
    node: process.version,
    mainThreadClock,
  };
}

function printHead({ cpu, cores, memoryBytes, load, os, node }) {
  console.log(`machine: ${cpu}, ${cores} cores, ${gigabytes(memoryBytes)} of memory, ${os}, Node.js ${node}`);
  console.log(
    `load before the first benchmark: ${load.toFixed(1)}${load > cores / 2 ? ' (busy: totals say little)' : ''}`,
  );
  console.log(`main-thread time: ${mainThreadClock}`);
  console.log('values: median (p10–p90) of the rounds; ratios: of each round, then their median');
}

function print({ title, name, tables }, { results, targets, notes, seconds }) {
  console.log(`\n${name}: ${title} (took ${seconds.toFixed(0)} s)`);
  for (const [key, layout] of Object.entries(tables)) {
    if (results[key].length > 0) console.log(`\n${table(layout, results[key])}`);
  }
  if (notes.length > 0) console.log(`\n${notes.map((note) => `  note: ${note}`).join('\n')}`);
  if (targets.length > 0) console.log(`\n${targets.map(targetLine).join('\n')}`);
}

/** A number given as text, or undefined. */
function positive(option, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0
    ? value
    : refuse(`--${option} is a whole number over 0, not '${text}'`);
}

const { only, json, help, data, dir, quick, 'no-cgroup': noGroup, ...given } = options();
if (help) {
  console.log(HELP);
  process.exit(0);
}
if (only !== undefined && !NAMES.includes(only)) refuse(`unknown benchmark '${only}'; there are ${NAMES.join(', ')}`);
for (const folder of [data, dir]) {
  if (folder !== undefined && !existsSync(folder)) refuse(`there is no folder ${folder}`);
}
const runs = positive('runs', given.runs);
const seconds = positive('seconds', given.seconds);
if (typeof globalThis.gc !== 'function') refuse('run node with --expose-gc, as npm run bench does');

// A turn of the event loop, so that its clocks run.
await new Promise((resolve) => setImmediate(resolve));

const report = { machine: machine(), benchmarks: [] };
if (!json) printHead(report.machine);
for (const benchmark of BENCHMARKS) {
  if (only !== undefined && benchmark.name !== only) continue;
  console.error(`running ${benchmark.name} …`);
  const started = performance.now();
  const outcome = await benchmark.run({ data, dir, quick, runs, seconds, noGroup });
  outcome.seconds = (performance.now() - started) / 1e3;
  report.benchmarks.push({ name: benchmark.name, title: benchmark.title, ...outcome });
  if (!json) print(benchmark, outcome);
}

const targets = report.benchmarks.flatMap((benchmark) => benchmark.targets);
const missed = targets.filter((one) => !one.met);
if (json) console.log(JSON.stringify(report, null, 2));
else if (targets.length > 0) console.log(`\n${targets.length - missed.length} of ${targets.length} targets met`);
