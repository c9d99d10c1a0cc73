/** What the production monitor costs: processes at rest, and a request that is booked. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as agentwise from '../../index.mjs';
import { milliseconds, withSpread } from './format.mjs';
import { compare, spread, target } from './harness.mjs';
import { random } from './random.mjs';
import { temporaryFolder } from './temporary.mjs';

export const name = 'monitor-cost';
export const title = 'what the production monitor costs at rest and in each request';

const SECONDS = 60;
const QUICK_SECONDS = 20;
/** Calls in one measured iteration, so that what an iteration costs is not in the figure. */
const CALLS = 1000;
const ROUNDS = 15;
const CHILD = fileURLToPath(new URL('./monitor-rest-child.mjs', import.meta.url));
const OPERATIONS = ['chat', 'search', 'embed', 'tool', 'plan', 'review', 'test', 'summary'];

/** Which process at rest is compared with which. */
const PAIRS = [
  ['monitor', 'plain'],
  ['exporting', 'plain'],
  ['monitoredSystem', 'system'],
];
const LABELS = {
  plain: 'nothing',
  monitor: 'a monitor',
  exporting: 'a monitor that serves /metrics, with a listener',
  system: 'a system',
  monitoredSystem: 'a system with its monitor',
};

const share = (value) => `${value.toFixed(3)} %`;

export const tables = {
  rest: {
    title: 'processor time at rest, all processes at the same time',
    columns: [
      { key: 'label', title: 'process with' },
      { key: 'seconds', title: 'for', format: (value) => `${value.toFixed(0)} s` },
      { key: 'cpuMs', title: 'CPU time', format: milliseconds },
      { key: 'core', title: 'of a core', format: share },
    ],
  },
  threads: {
    title: 'by thread, those of the monitor and the main one',
    columns: [
      { key: 'label', title: 'process with' },
      { key: 'name', title: 'thread' },
      { key: 'cpuMs', title: 'CPU time', format: milliseconds },
      { key: 'core', title: 'of a core', format: share },
    ],
  },
  calls: {
    title: 'time per request, eight operations in random order',
    columns: [
      { key: 'call', title: 'call' },
      { key: 'ms', title: 'time', format: withSpread(milliseconds) },
      { key: 'more', title: 'more than the work alone', format: withSpread(milliseconds) },
    ],
  },
};

async function rest(seconds) {
  const reports = await Promise.all(
    Object.keys(LABELS).map(async (kind) => {
      const { stdout } = await promisify(execFile)(process.execPath, [CHILD, kind, String(seconds)]);
      return { kind, ...JSON.parse(stdout) };
    }),
  );
  const rows = reports.map(({ kind, wallMs, cpuMs }) => ({
    kind,
    label: LABELS[kind],
    seconds: wallMs / 1e3,
    cpuMs,
    core: (cpuMs / wallMs) * 100,
  }));
  const threads = reports.flatMap(({ kind, wallMs, threads: all }) =>
    all
      .filter(({ name: thread, cpuMs }) => cpuMs > 0 && /^(main|agentwise)/.test(thread))
      .map((thread) => ({ label: LABELS[kind], ...thread, core: (thread.cpuMs / wallMs) * 100 })),
  );
  return { rows, threads };
}

/** Names and times to book: other string objects than those before, as names that were read from somewhere are. */
function bookings() {
  const next = random(5);
  const names = JSON.parse(JSON.stringify(Array.from({ length: CALLS }, () => OPERATIONS[Math.floor(next() * 8)])));
  const times = Array.from({ length: CALLS }, () => Math.exp(next() * 8 - 2));
  return { names, times };
}

async function promClient(notes) {
  try {
    const { default: client } = await import('prom-client');
    const buckets = [1e-6, 1e-5, 1e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    const options = { name: 'request_duration_seconds', help: 'Time', labelNames: ['operation'], buckets };
    return new client.Histogram(options);
  } catch (error) {
    notes.push(`left out: prom-client (${error.message})`);
    return undefined;
  }
}

/** All that is measured, over the same requests. */
function casesOf(monitor, histogram) {
  const { names, times } = bookings();
  let sink = 0;
  const each = (label, callAll) => ({ name: label, run: callAll });
  const cases = [
    each('the loop alone', () => {
      for (let at = 0; at < CALLS; at++) sink++;
    }),
    each('performance.now() twice', () => {
      for (let at = 0; at < CALLS; at++) {
        const started = performance.now();
        sink++;
        sink += performance.now() - started;
      }
    }),
    each('recordRequest', () => {
      for (let at = 0; at < CALLS; at++) monitor.recordRequest(names[at], times[at]);
    }),
    each('measure, sync', () => {
      for (let at = 0; at < CALLS; at++) monitor.measure(names[at], () => sink++);
    }),
    each('measure, async', async () => {
      for (let at = 0; at < CALLS; at++) await monitor.measure(names[at], async () => sink++);
    }),
    each('await', async () => {
      for (let at = 0; at < CALLS; at++) await (async () => sink++)();
    }),
  ];
  if (!histogram) return cases;
  const bound = Object.fromEntries(OPERATIONS.map((operation) => [operation, histogram.labels(operation)]));
  return [
    ...cases,
    each('prom-client observe({ operation }, s)', () => {
      for (let at = 0; at < CALLS; at++) histogram.observe({ operation: names[at] }, times[at] / 1e3);
    }),
    each('prom-client observe(s) of labels kept by name', () => {
      for (let at = 0; at < CALLS; at++) bound[names[at]].observe(times[at] / 1e3);
    }),
    each('prom-client startTimer, sync', () => {
      for (let at = 0; at < CALLS; at++) {
        const end = histogram.startTimer({ operation: names[at] });
        sink++;
        end();
      }
    }),
  ];
}

/** By call, what it is compared with for its own cost. */
const ALONE = { 'measure, async': 'await' };

async function calls(notes) {
  const folder = await temporaryFolder();
  const before = process.cwd();
  process.chdir(folder.path);
  const monitor = new agentwise.ProductionMonitor({ console: false });
  try {
    const results = await compare(casesOf(monitor, await promClient(notes)), { rounds: ROUNDS, batchMs: 40 });
    return Object.entries(results).map(([call, { wall }]) => {
      const alone = results[ALONE[call] ?? 'the loop alone'].wall;
      return {
        call,
        ms: spread(wall.map((ms) => ms / CALLS)),
        more: spread(wall.map((ms, round) => (ms - alone[round]) / CALLS)),
      };
    });
  } finally {
    await monitor.stop();
    process.chdir(before);
    await folder.remove();
  }
}

export async function run({ quick = false, seconds = quick ? QUICK_SECONDS : SECONDS } = {}) {
  const notes = [];
  const { rows, threads } = await rest(seconds);
  const requests = await calls(notes);
  const coreOf = (kind) => rows.find((row) => row.kind === kind).core;
  const costOf = (call) => requests.find((row) => row.call === call).more.median * 1e6;
  const targets = PAIRS.map(([kind, alone]) =>
    target(`${LABELS[kind]} at rest`, coreOf(kind) - coreOf(alone), '<=', 0.5, '% of a core'),
  );
  for (const call of ['recordRequest', 'measure, sync', 'measure, async']) {
    targets.push(target(`${call}, median`, costOf(call), '<=', 1000, 'ns'));
  }
  notes.push(
    'booked are requests between 0.1 and 400 ms; what is told to the native side now and then is in the figures',
  );
  return { results: { rest: rows, threads, calls: requests }, targets, notes };
}
