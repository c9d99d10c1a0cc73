/** Many entries beside a small JavaScript heap: what it grows by and how long the event loop is held. */

import { spawn } from 'node:child_process';
import { freemem } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { count, gigabytes, megabytes, milliseconds, optional } from './format.mjs';
import { target } from './harness.mjs';

export const name = 'cache-large-heap';
export const title = '500,000 entries of 2 KB in a process with a heap of 512 MB, then 5,000 calls per second';

const HEAP_MB = 512;
const ENTRIES = 500_000;
const NEEDED_BYTES = 2.5e9;
const CHILD_TIMEOUT_MS = 240_000;
const CHILD = fileURLToPath(new URL('./cache-large-heap-child.mjs', import.meta.url));
/** lru-cache is tried with these shares of the entries at which the process dies. */
const SHARES = [0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];

export const tables = {
  caches: {
    title: 'after the filling and during the calls (delay of the event loop as read: its sampling of 1 ms is in it)',
    columns: [
      { key: 'cache', title: 'cache' },
      { key: 'entries', title: 'entries', format: optional(count) },
      { key: 'heapGrowthBytes', title: 'heap growth', format: optional(megabytes) },
      { key: 'rssGrowthBytes', title: 'process growth', format: optional(megabytes) },
      { key: 'fillPerSecond', title: 'filled/s', format: optional(count) },
      { key: 'callsPerSecond', title: 'calls/s', format: optional(count) },
      { key: 'idleP99', title: 'idle p99', format: optional(milliseconds) },
      { key: 'delayP50', title: 'delay p50', format: optional(milliseconds) },
      { key: 'delayP99', title: 'delay p99', format: optional(milliseconds) },
      { key: 'delayMax', title: 'delay max', format: optional(milliseconds) },
      { key: 'longestGc', title: 'longest GC', format: optional(milliseconds) },
    ],
  },
  attempts: {
    title: 'lru-cache, until it lives through filling and calls',
    columns: [
      { key: 'entries', title: 'entries', format: count },
      { key: 'outcome', title: 'outcome' },
    ],
  },
};

/** Runs a child; gives all it reported and how it ended. */
async function inChild(task) {
  const flags = [`--max-old-space-size=${HEAP_MB}`, '--expose-gc'];
  const child = spawn(process.execPath, [...flags, CHILD, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  // A heap that ends prints pages; the head says what happened.
  child.stderr.on('data', (text) => {
    if (errors.length < 4000) errors += text;
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, CHILD_TIMEOUT_MS);
  const ended = new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal })));
  const report = {};
  for await (const line of createInterface({ input: child.stdout })) Object.assign(report, JSON.parse(line));
  const { status, signal } = await ended;
  clearTimeout(timer);
  const outOfHeap = /heap out of memory|Reached heap limit/.test(errors);
  const how = late ? 'took too long' : outOfHeap ? 'out of heap' : `ended with ${signal ?? `status ${status}`}`;
  return { report, ok: status === 0, how, errors };
}

/** lru-cache with as many entries as it can hold. */
async function largestLru(seconds) {
  const attempts = [];
  const probe = await inChild({ kind: 'lru', entries: ENTRIES, seconds: 0 });
  const death = probe.report.filled ?? 0;
  if (probe.ok) attempts.push({ entries: ENTRIES, outcome: 'filled' });
  else attempts.push({ entries: death, outcome: `while filling: ${probe.how}` });
  const sizes = probe.ok ? [ENTRIES] : SHARES.map((share) => Math.floor((death * share) / 1000) * 1000);
  for (const entries of sizes) {
    const { report, ok, how } = await inChild({ kind: 'lru', entries, seconds });
    const stage = report.heapGrowthBytes === undefined ? 'while filling' : 'during the calls';
    attempts.push({ entries, outcome: ok ? 'lives' : `${stage}: ${how}` });
    if (ok) return { attempts, report };
  }
  return { attempts, report: undefined };
}

export async function run({ quick = false } = {}) {
  const seconds = quick ? 10 : 30;
  if (freemem() < NEEDED_BYTES) {
    const notes = [`skipped: ${gigabytes(freemem())} of memory are free, ${gigabytes(NEEDED_BYTES)} are needed`];
    return { results: { caches: [], attempts: [] }, targets: [], notes };
  }
  const ours = await inChild({ kind: 'ours', entries: ENTRIES, seconds });
  if (!ours.ok) throw new Error(`the process with our cache: ${ours.how}\n${ours.errors}`);
  const lru = await largestLru(seconds);
  const rows = [{ cache: 'ours', ...ours.report }];
  if (lru.report) rows.push({ cache: 'lru-cache', ...lru.report });
  const died = lru.attempts[0];
  return {
    results: { caches: rows, attempts: lru.attempts },
    targets: [
      target(`growth of the heap with ${count(ENTRIES)} entries`, ours.report.heapGrowthBytes / 1e6, '<=', 60, 'MB'),
      target('delay of the event loop, p99', ours.report.delayP99, '<=', 5, 'ms'),
    ],
    notes: [
      `calls: half gets, half sets, keys by Zipf's law (exponent 0.99), for ${seconds} s`,
      'delay: the time between two turns of a timer of 1 ms (monitorEventLoopDelay); idle: the same before the calls',
      died.outcome === 'filled' ? 'lru-cache held all' : `lru-cache: ${died.outcome} at ${count(died.entries)} entries`,
    ],
  };
}
