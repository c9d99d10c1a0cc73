/**
 * Measures cases in turn: in every round each case runs one batch, so that whatever slows the machine down for a while
 * slows all of them. What is compared are the times of one round with each other, and of those ratios the median.
 *
 * A case is `{ name, run, prepare? }`. `run` may return a promise, which is awaited before the next iteration.
 * `prepare(iterations)` is not measured and gives an array with the argument of each iteration, for work that must not
 * see the same input twice.
 */

import { readFileSync } from 'node:fs';

const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`;
const MAX_ITERATIONS = 1_000_000;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Nanoseconds of processor time this thread has had. */
function linuxThreadTime() {
  // The kernel brings the figure of a running thread up to date only at its next tick, up to 4 ms later, or when the
  // thread goes to sleep: so it sleeps for a moment.
  Atomics.wait(sleeper, 0, 0, 0.01);
  return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ', 1)[0]);
}

function loopActiveTime() {
  return performance.eventLoopUtilization().active * 1e6;
}

function chooseMainThreadClock() {
  try {
    if (linuxThreadTime() > 0) return { read: linuxThreadTime, name: 'CPU time of the main thread (schedstat)' };
  } catch {
    // Not Linux, or a kernel without it.
  }
  return { read: loopActiveTime, name: 'active time of the event loop (eventLoopUtilization)' };
}

const mainThread = chooseMainThreadClock();

/** How main-thread time is measured on this machine. */
export const mainThreadClock = mainThread.name;

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.ceil(at);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/** Median and the range that holds four of five values. */
export function spread(values) {
  return { median: quantile(values, 0.5), p10: quantile(values, 0.1), p90: quantile(values, 0.9) };
}

/** Collects what earlier batches left. Native objects are freed a turn after that: this must not fall into a batch. */
async function collect() {
  for (let turn = 0; turn < 2; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function runBatch({ run, prepare }, iterations) {
  const inputs = prepare?.(iterations);
  await collect();
  const mainBefore = mainThread.read();
  const before = performance.now();
  for (let i = 0; i < iterations; i++) {
    const result = run(inputs?.[i]);
    // Awaiting what is no promise would be measured too, as a turn of the microtask queue.
    if (typeof result?.then === 'function') await result;
  }
  const wallMs = performance.now() - before;
  const mainMs = (mainThread.read() - mainBefore) / 1e6;
  return { wall: wallMs / iterations, main: mainMs / iterations };
}

/** Runs a case until it is compiled and its caches are filled; gives the iterations that take about `batchMs`. */
async function warmUp(subject, { warmMs, batchMs }) {
  let iterations = 1;
  let total = 0;
  // The very first run says nothing about the next: tables are unpacked, files are read.
  await runBatch(subject, 1);
  for (;;) {
    const { wall } = await runBatch(subject, iterations);
    total += wall * iterations;
    if (total >= warmMs) return Math.min(MAX_ITERATIONS, Math.max(1, Math.round(batchMs / wall)));
    iterations = Math.min(MAX_ITERATIONS, iterations * 2);
  }
}

/**
 * @param {{ name: string, run: Function, prepare?: Function }[]} cases
 * @returns {Promise<Record<string, { iterations: number, wall: number[], main: number[] }>>} ms per iteration in each
 * round, by the name of the case
 */
export async function compare(cases, { rounds = 11, warmMs = 150, batchMs = 60 } = {}) {
  const results = {};
  for (const subject of cases) {
    results[subject.name] = { iterations: await warmUp(subject, { warmMs, batchMs }), wall: [], main: [] };
  }
  for (let round = 0; round < rounds; round++) {
    // Who comes first changes from round to round.
    const order = cases.map((_, at) => cases[(at + round) % cases.length]);
    for (const subject of order) {
      const result = results[subject.name];
      const { wall, main } = await runBatch(subject, result.iterations);
      result.wall.push(wall);
      result.main.push(main);
    }
  }
  return results;
}

/** Spread of `a / b` over the rounds. */
export function ratio(a, b) {
  return spread(a.map((value, round) => value / b[round]));
}

/** The case with the lowest median. */
export function fastest(results, names) {
  return names.reduce((best, name) =>
    quantile(results[name].wall, 0.5) < quantile(results[best].wall, 0.5) ? name : best,
  );
}

/** A target of the project and whether it is met. `bound` is `'<='`, `'<'` or `'>='`. */
export function target(name, value, bound, limit, unit = '×') {
  const met = { '<=': value <= limit, '<': value < limit, '>=': value >= limit }[bound];
  return { name, value, bound, limit, unit, met };
}
