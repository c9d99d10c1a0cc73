/**
 * What one call of `optimizeAgentContext` costs: the same context again, several agents at once, and how long the main thread is held
 * up.
 */

import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { countTokensAsync, ProductionOptimizationSystem } from '../../index.mjs';
import { recordsContext, repositoryContext } from './contexts.mjs';
import { count, megabytes, milliseconds, times, withSpread } from './format.mjs';
import { compare, quantile, ratio, spread, target } from './harness.mjs';
import { random } from './random.mjs';
import { SETTINGS } from './settings.mjs';

export const name = 'pipeline';
export const title = 'optimizeAgentContext: again, several agents at once, and what it holds up';

const MB = 1e6;
const SIZES = [100e3, MB, 5 * MB];
const AGENTS = ['frontend-specialist', 'backend-specialist', 'database-specialist'];
/** Longer than the files of agents are taken as they were read last. */
const PAUSE_MS = 600;
/** Nodes of the 5 MB context that the targets of this project were set with. */
const DEEP_NODES = 156_000;

const ms = withSpread(milliseconds);
const factor = withSpread(times);
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
const settled = (context) => JSON.parse(JSON.stringify(context));

/** Nested objects and arrays with words, numbers and flags; about as many nodes for each byte at any size. */
function deepContext(bytes, salt = '') {
  const next = random(3);
  const most = Math.round((DEEP_NODES * bytes) / (5 * MB));
  const word = 'lorem ipsum dolor sit amet consetetur sadipscing elitr ';
  let nodes = 0;
  const make = (depth) => {
    nodes++;
    if (depth === 0 || nodes >= most) {
      const kind = nodes % 4;
      if (kind === 0) return Math.round(next() * 1e6);
      return kind === 1 ? next() < 0.5 : `v${nodes}${salt} ${word}`;
    }
    if (depth % 2 === 0) return Array.from({ length: 6 }, () => make(depth - 1));
    return Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`key${at}`, make(depth - 1)]));
  };
  const context = { currentTask: 'Find the section with the largest number' };
  for (let section = 0; nodes < most; section++) context[`section${section}`] = make(5);
  return settled(context);
}

/** Five texts. */
function textsContext(bytes, salt = '') {
  const { files, ...head } = repositoryContext(bytes, salt);
  const texts = {};
  for (const [at, [path, text]] of Object.entries(files).entries()) {
    texts[`part ${at % 5}`] = `${texts[`part ${at % 5}`] ?? ''}// ${path}\n${text}\n`;
  }
  return settled({ ...head, ...texts });
}

const SHAPES = {
  'few large texts': textsContext,
  files: repositoryContext,
  'deep JSON': deepContext,
  records: recordsContext,
};

const nodesOf = (value) => {
  let nodes = 0;
  JSON.stringify(value, (_, item) => {
    nodes++;
    return item;
  });
  return nodes;
};

export const tables = {
  again: {
    title:
      'the same context for the same agent again: the very object, and an equal copy of it; after a pause files of agents are looked at',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'nodes', title: 'values', format: count },
      { key: 'jsonMs', title: 'JSON.stringify', format: ms },
      { key: 'againMs', title: 'again', format: ms },
      { key: 'againRatio', title: '÷ JSON', format: factor },
      { key: 'copyRatio', title: 'a copy ÷ JSON', format: factor },
      { key: 'pausedRatio', title: 'after a pause ÷ JSON', format: factor },
    ],
  },
  agents: {
    title: 'three agents at once, each for the first time in a new system, against one alone',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'oneMs', title: 'one', format: ms },
      { key: 'sameMs', title: 'three, one context', format: ms },
      { key: 'sameRatio', title: '÷ one', format: factor },
      { key: 'otherMs', title: 'three contexts', format: ms },
      { key: 'otherRatio', title: '÷ one', format: factor },
    ],
  },
  held: {
    title: 'longest time that the main thread was held up in one call, contexts of 5 MB',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'nodes', title: 'values', format: count },
      { key: 'call', title: 'call' },
      { key: 'turnMs', title: 'longest turn, processor time', format: ms },
      { key: 'worst', title: 'worst of all', format: milliseconds },
      { key: 'gcMs', title: 'of it collections at most', format: milliseconds },
      { key: 'delayMs', title: 'event loop delay, wall time', format: ms },
    ],
  },
};

/** The machine's load, which is the benchmark's own here, must not change what stays from one call to the next. */
const create = () => ProductionOptimizationSystem.create({ ...SETTINGS, contextFilter: { adaptiveReduction: false } });

async function againRow(context, make, bytes) {
  const system = await create();
  const [agent] = AGENTS;
  const value = make(bytes);
  const call = (what) => system.optimizeAgentContext(agent, what);
  await call(value);
  const measured = await compare(
    [
      { name: 'json', run: () => JSON.stringify(value) },
      { name: 'again', run: () => call(value) },
      // Copies are made beforehand, and collected before they are measured, as what lives longer is.
      { name: 'copy', run: (copy) => call(copy), prepare: (n) => Array.from({ length: n }, () => settled(value)) },
    ],
    { batchMs: 40 },
  );
  const paused = [];
  for (let round = 0; round < 5; round++) {
    await pause(PAUSE_MS);
    const started = performance.now();
    const { changes } = await call(value);
    const took = performance.now() - started;
    if (!changes) throw new Error('it is not the same again');
    const json = performance.now();
    JSON.stringify(value);
    paused.push(took / (performance.now() - json));
  }
  await system.shutdown();
  const { json, again, copy } = measured;
  return {
    context,
    bytes: Buffer.byteLength(JSON.stringify(value)),
    nodes: nodesOf(value),
    jsonMs: spread(json.wall),
    againMs: spread(again.wall),
    againRatio: ratio(again.wall, json.wall),
    copyRatio: ratio(copy.wall, json.wall),
    pausedRatio: spread(paused),
  };
}

async function agentsRow(context, make, rounds) {
  const times = { one: [], same: [], other: [] };
  const value = make(MB);
  const timed = async (key, contexts) => {
    const system = await create();
    globalThis.gc();
    const started = performance.now();
    const results = await Promise.all(contexts.map((each, at) => system.optimizeAgentContext(AGENTS[at], each)));
    times[key].push(performance.now() - started);
    if (results.some(({ type }) => type !== 'full')) throw new Error('a context is not new');
    await system.shutdown();
  };
  for (let round = 0; round <= rounds; round++) {
    const others = AGENTS.map((agent) => make(MB, `${agent}${round}`));
    await timed('one', [value]);
    await timed('same', [value, value, value]);
    await timed('other', others);
    // The first round is a warm-up.
    if (round === 0) for (const all of Object.values(times)) all.length = 0;
  }
  return {
    context,
    bytes: Buffer.byteLength(JSON.stringify(value)),
    oneMs: spread(times.one),
    sameMs: spread(times.same),
    sameRatio: ratio(times.same, times.one),
    otherMs: spread(times.other),
    otherRatio: ratio(times.other, times.one),
  };
}

const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`;

/** Processor time of the main thread, ms; wall time where the kernel does not say. Up to date when the thread has slept. */
function processorTime() {
  try {
    return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ', 1)[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Longest processor time between two turns of the event loop while `work` is under way, and the longest delay of a timer. */
async function heldUp(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let longest = 0;
  let isDone = false;
  const settle = () => {
    Atomics.wait(sleeper, 0, 0, 0.01);
    return processorTime();
  };
  let last = settle();
  const own = [];
  // What the looking itself takes.
  for (let at = 0; at < 20; at++) {
    const now = settle();
    own.push(now - last);
    last = now;
  }
  const looking = quantile(own, 0.5);
  const turn = () => {
    const now = settle();
    longest = Math.max(longest, now - last - looking);
    last = now;
    if (!isDone) setImmediate(turn);
  };
  delay.enable();
  last = settle();
  setImmediate(turn);
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  isDone = true;
  delay.disable();
  return { turn: longest, delay: delay.max / 1e6 };
}

async function heldRows(context, make, rounds) {
  const calls = { first: [], changed: [], again: [], full: [] };
  const collections = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collections.push(duration);
  });
  let nodes = 0;
  for (let round = 0; round <= rounds; round++) {
    const system = await create();
    const value = make(5 * MB, `r${round}`);
    nodes = nodesOf(value);
    const [agent] = AGENTS;
    globalThis.gc();
    await pause(20);
    if (round === 1) observer.observe({ entryTypes: ['gc'] });
    const record = async (key, next, options) => {
      const found = await heldUp(() => system.optimizeAgentContext(agent, next, options));
      // The first round is a warm-up: code that is not compiled yet.
      if (round > 0) calls[key].push(found);
    };
    await record('first', value);
    await record('changed', { ...value, currentTask: `Another task ${round}` });
    await record('again', { ...value, currentTask: `Another task ${round}` });
    await record('full', value, { mode: 'full' });
    await system.shutdown();
  }
  observer.disconnect();
  const gcMs = Math.max(0, ...collections);
  return Object.entries(calls).map(([call, found]) => ({
    context,
    nodes,
    call,
    turnMs: spread(found.map(({ turn }) => turn)),
    worst: Math.max(...found.map(({ turn }) => turn)),
    gcMs,
    delayMs: spread(found.map(({ delay }) => delay)),
  }));
}

export async function run({ quick }) {
  await countTokensAsync('warm');
  const rounds = quick ? 3 : 9;
  const results = { again: [], agents: [], held: [] };
  for (const [shape, make] of Object.entries(SHAPES)) {
    for (const bytes of quick ? SIZES.slice(0, 2) : SIZES) results.again.push(await againRow(shape, make, bytes));
  }
  for (const shape of ['files', 'deep JSON', 'records']) {
    results.agents.push(await agentsRow(shape, SHAPES[shape], rounds));
  }
  for (const shape of Object.keys(SHAPES)) results.held.push(...(await heldRows(shape, SHAPES[shape], rounds)));
  const targets = [];
  for (const { context, bytes, againRatio, copyRatio } of results.again) {
    const what = `${context}, ${megabytes(bytes)}`;
    targets.push(target(`again ÷ JSON.stringify, ${what}`, againRatio.median, '<=', 1.3));
    targets.push(target(`an equal copy ÷ JSON.stringify, ${what}`, copyRatio.median, '<=', 1.3));
  }
  for (const { context, sameRatio } of results.agents) {
    targets.push(target(`three agents at once ÷ one, ${context} of 1 MB`, sameRatio.median, '<=', 1.7));
  }
  for (const { context, call, turnMs, nodes } of results.held) {
    targets.push(
      target(`main thread held up, ${context} (${count(nodes)} values), ${call}`, turnMs.median, '<=', 10, 'ms'),
    );
  }
  const notes = [
    'processor time does not count what other programs take; the delay of the event loop does, and its own 1 ms',
    'three different contexts share nothing; one call alone has both processors, so three take up to three times as long',
  ];
  return { results, targets, notes };
}
