/** What the memory manager costs: a process at rest, and the calls that agents make before each step. */

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as agentwise from '../../index.mjs';
import { count, milliseconds, withSpread } from './format.mjs';
import { compare, spread, target } from './harness.mjs';
import { random } from './random.mjs';

export const name = 'memory-cost';
export const title = 'what the memory manager costs at rest and in each call';

const SECONDS = 60;
const QUICK_SECONDS = 10;
const MOST_AGENTS = 100_000;
/** Calls in one measured iteration, so that what an iteration costs is not in the figure. */
const CALLS = 1000;
const ROUNDS = 9;
const BYTES = 2 ** 20;
const STATES = { none: () => false, some: (at) => at % 10 === 0, all: () => true };
const EFFECT_TRIES = 50;
const CHILD = fileURLToPath(new URL('./memory-rest-child.mjs', import.meta.url));

const share = (value) => `${value.toFixed(4)} %`;

export const tables = {
  rest: {
    title: 'processor time at rest, two processes at the same time',
    columns: [
      { key: 'process', title: 'process' },
      { key: 'seconds', title: 'for', format: (value) => `${value.toFixed(0)} s` },
      { key: 'cpuMs', title: 'CPU time', format: milliseconds },
      { key: 'core', title: 'of a core', format: share },
    ],
  },
  threads: {
    title: 'by thread, those that ran',
    columns: [
      { key: 'process', title: 'process' },
      { key: 'name', title: 'thread' },
      { key: 'cpuMs', title: 'CPU time', format: milliseconds },
      { key: 'core', title: 'of a core', format: share },
    ],
  },
  calls: {
    title: 'time per call, agents in random order, ids that are other string objects than those registered',
    columns: [
      { key: 'agents', title: 'agents', format: count },
      { key: 'throttled', title: 'throttled' },
      { key: 'should', title: 'shouldThrottleAgent', format: withSpread(milliseconds) },
      { key: 'recommended', title: 'getRecommendedContextSize', format: withSpread(milliseconds) },
      { key: 'map', title: 'Map.get', format: withSpread(milliseconds) },
    ],
  },
  others: {
    title: `with ${MOST_AGENTS.toLocaleString('en-US')} agents`,
    columns: [
      { key: 'call', title: 'call' },
      { key: 'ms', title: 'time', format: withSpread(milliseconds) },
    ],
  },
};

async function rest(seconds) {
  const kinds = { managed: 'with a manager', plain: 'without' };
  const reports = await Promise.all(
    Object.keys(kinds).map(async (kind) => {
      const { stdout } = await promisify(execFile)(process.execPath, [CHILD, kind, String(seconds)]);
      return { process: kinds[kind], ...JSON.parse(stdout) };
    }),
  );
  const rows = reports.map((one) => ({
    process: one.process,
    seconds: one.wallMs / 1e3,
    cpuMs: one.cpuMs,
    core: (one.cpuMs / one.wallMs) * 100,
  }));
  const threads = reports.flatMap((one) =>
    one.threads
      .filter(({ cpuMs }) => cpuMs > 0)
      .sort((a, b) => b.cpuMs - a.cpuMs)
      .map((thread) => ({ process: one.process, ...thread, core: (thread.cpuMs / one.wallMs) * 100 })),
  );
  return { rows, threads, difference: rows[0].core - rows[1].core, sampling: reports[0].sampling };
}

const idOf = (at) => `backend-specialist-${at}`;

/** The same texts as other objects, as ids that were read from somewhere are. */
const copies = (ids) => JSON.parse(JSON.stringify(ids));

/** Ids to ask for, in an order that is not that of memory. */
function questions(ids) {
  const next = random(3);
  const asked = copies(ids);
  return Array.from(
    { length: Math.max(CALLS, Math.min(65_536, ids.length)) },
    () => asked[Math.floor(next() * asked.length)],
  );
}

/** A manager with as many agents, of which some hold more than they may. */
function managerOf(ids, isThrottled) {
  const manager = new agentwise.MemoryManager({ agentMemoryLimit: 1 });
  for (const [at, id] of ids.entries()) manager.registerAgentMemory(id, isThrottled(at) ? 2 * BYTES : BYTES / 2, 0);
  return manager;
}

/** Waits until exactly those are throttled that should be. Where others are, the figures would not be what they say. */
async function inEffect(manager, ids, isThrottled) {
  for (let left = EFFECT_TRIES; left > 0; left--) {
    if (ids.every((id, at) => manager.shouldThrottleAgent(id) === isThrottled(at))) return;
    await sleep(100);
  }
  throw new Error('agents are throttled that hold little, or those are not that hold too much');
}

/** A case that makes `CALLS` calls per iteration with one id after the other. */
function callsOf(label, asked, callAll) {
  let at = 0;
  return {
    name: label,
    run() {
      if (at + CALLS > asked.length) at = 0;
      const result = callAll(asked, at, at + CALLS);
      at += CALLS;
      return result;
    },
  };
}

async function calls(agents, state) {
  const ids = Array.from({ length: agents }, (_, at) => idOf(at));
  const manager = managerOf(ids, STATES[state]);
  const map = new Map(ids.map((id, at) => [id, STATES[state](at)]));
  try {
    await inEffect(manager, ids, STATES[state]);
    const asked = questions(ids);
    const results = await compare(
      [
        callsOf('should', asked, (list, from, to) => {
          let yes = 0;
          for (let at = from; at < to; at++) if (manager.shouldThrottleAgent(list[at])) yes++;
          return yes;
        }),
        callsOf('recommended', asked, (list, from, to) => {
          let sum = 0;
          for (let at = from; at < to; at++) sum += manager.getRecommendedContextSize(list[at], 8192);
          return sum;
        }),
        callsOf('map', asked, (list, from, to) => {
          let yes = 0;
          for (let at = from; at < to; at++) if (map.get(list[at])) yes++;
          return yes;
        }),
      ],
      { rounds: ROUNDS, warmMs: 100, batchMs: 30 },
    );
    const perCall = Object.entries(results).map(([key, { wall }]) => [key, spread(wall.map((ms) => ms / CALLS))]);
    return { agents, throttled: state, ...Object.fromEntries(perCall) };
  } finally {
    manager.stop();
  }
}

async function others() {
  const ids = Array.from({ length: MOST_AGENTS }, (_, at) => idOf(at));
  const manager = managerOf(ids, STATES.none);
  const asked = questions(ids);
  let bytes = 0;
  try {
    const register = callsOf('register', asked, (list, from, to) => {
      bytes = (bytes + 1) % (BYTES / 2);
      for (let at = from; at < to; at++) manager.registerAgentMemory(list[at], bytes, 0);
      return bytes;
    });
    const stats = { name: 'stats', run: () => manager.getMemoryStats().agents.length };
    const results = await compare([register, stats], { rounds: ROUNDS, warmMs: 100, batchMs: 30 });
    return [
      { call: 'registerAgentMemory, known agent', ms: spread(results.register.wall.map((ms) => ms / CALLS)) },
      { call: 'getMemoryStats', ms: spread(results.stats.wall) },
    ];
  } finally {
    manager.stop();
  }
}

export async function run({ quick = false, seconds = quick ? QUICK_SECONDS : SECONDS } = {}) {
  const resting = await rest(seconds);
  const rows = [];
  for (const agents of [1, 100, MOST_AGENTS]) {
    // One agent is throttled or it is not.
    const states = Object.keys(STATES).filter((state) => agents > 1 || state !== 'some');
    for (const state of states) rows.push(await calls(agents, state));
  }
  const slowest = (key) => Math.max(...rows.map((row) => row[key].median)) * 1e6;
  const notes = ['the managed process has 20 agents registered, of 4 MB each, that do nothing'];
  if (resting.sampling) {
    const { intervalMs, samples, costMs } = resting.sampling;
    notes.push(`by the manager's own account: every ${intervalMs} ms, ${samples} samples of ${costMs} ms`);
  }
  return {
    results: { rest: resting.rows, threads: resting.threads, calls: rows, others: await others() },
    targets: [
      target('sampling at rest', resting.difference, '<=', 0.2, '% of a core'),
      target('shouldThrottleAgent, slowest median', slowest('should'), '<=', 100, 'ns'),
      target('getRecommendedContextSize, slowest median', slowest('recommended'), '<=', 100, 'ns'),
    ],
    notes,
  };
}
