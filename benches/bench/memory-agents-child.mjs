/**
 * One process of the benchmark memory-agents: agents that build contexts step by step, hold them, work on them and drop
 * them. The same program with `--manager` and without it: without it nobody waits. Prints lines of JSON, the last one
 * with `finished: true`. By hand, with what the manager sees every 250 ms:
 *
 *     node --max-old-space-size=256 benches/bench/memory-agents-child.mjs --manager --context-mb 27 --trace
 */

import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { heldBytes, toolAnswers } from './agent-contexts.mjs';
import { random } from './random.mjs';

const MB = 2 ** 20;
const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values } = parseArgs({
  options: {
    manager: flag,
    trace: flag,
    agents: { ...text, default: '20' },
    tasks: { ...text, default: '3' },
    'context-mb': { ...text, default: '27' },
    'part-mb': { ...text, default: '0.5' },
    // Between two steps, on average: as long as a model takes to answer, but hurried.
    'pause-ms': { ...text, default: '5' },
    'max-memory': text,
  },
});
const agents = Number(values.agents);
const tasksEach = Number(values.tasks);
const pauseMs = Number(values['pause-ms']);
const steps = Math.round(Number(values['context-mb']) / Number(values['part-mb']));
/** A context is read back in this many goes, with a pause after each. */
const READINGS = 10;
const SAMPLE_MS = 50;
const REPORT_MS = 250;

const started = performance.now();
const report = (fields) => writeSync(1, `${JSON.stringify(fields)}\n`);

const state = {
  stepsDone: 0,
  stepsTotal: agents * tasksEach * steps,
  tasksDone: 0,
  tasksTotal: agents * tasksEach,
  tasksWrong: 0,
  waits: 0,
  longestWaitMs: 0,
  heldMb: 0,
  peakHeldMb: 0,
  peakHeapMb: 0,
  peakRssMb: 0,
};

function sample() {
  state.peakHeapMb = Math.max(state.peakHeapMb, getHeapStatistics().used_heap_size / MB);
  state.peakRssMb = Math.max(state.peakRssMb, process.memoryUsage.rss() / MB);
  return { ...state, wallMs: performance.now() - started };
}

async function makeManager() {
  if (!values.manager) return undefined;
  const { MemoryManager } = await import('../../index.mjs');
  if (MemoryManager === undefined) throw new Error('this build has no MemoryManager');
  return new MemoryManager(values['max-memory'] === undefined ? {} : { maxMemoryUsage: Number(values['max-memory']) });
}

const manager = await makeManager();
const alerts = [];
manager?.on('memoryAlert', ({ type, severity, message }) => {
  alerts.push({ atMs: Math.round(performance.now() - started), type, severity, message });
});
const answers = toolAnswers(Number(values['part-mb']) * MB);

/** Waits if the manager says so, as an agent does before it asks for more. */
async function mayGoOn(agent) {
  if (!manager?.shouldThrottleAgent(agent)) return;
  state.waits++;
  const since = performance.now();
  await manager.whenUnthrottled(agent);
  state.longestWaitMs = Math.max(state.longestWaitMs, performance.now() - since);
}

async function build(agent, first, pause) {
  const context = [];
  let held = 0;
  while (context.length < steps) {
    await mayGoOn(agent);
    const part = answers.read(first + context.length);
    context.push(part);
    const bytes = heldBytes(part);
    held += bytes;
    manager?.registerAgentMemory(agent, held, 0);
    state.heldMb += bytes / MB;
    state.peakHeldMb = Math.max(state.peakHeldMb, state.heldMb);
    state.stepsDone++;
    await pause();
  }
  return { context, held };
}

/** Whether every part is there and still what was read. */
async function work(context, first, pause) {
  let right = context.length === steps;
  const stretch = Math.ceil(context.length / READINGS);
  for (const [at, part] of context.entries()) {
    right &&= answers.matches(first + at, part);
    if ((at + 1) % stretch === 0) await pause();
  }
  return right;
}

async function live(index) {
  const agent = `agent-${index}`;
  const next = random(index + 1);
  const pause = () => sleep(pauseMs * (0.5 + next()));
  for (let task = 0; task < tasksEach; task++) {
    const first = index * tasksEach + task;
    let { context, held } = await build(agent, first, pause);
    if (await work(context, first, pause)) state.tasksDone++;
    else state.tasksWrong++;
    context = undefined;
    state.heldMb -= held / MB;
    manager?.forgetAgent(agent);
    await pause();
  }
}

const sampler = setInterval(sample, SAMPLE_MS);
const reporter = setInterval(() => {
  const line = sample();
  if (values.trace && manager) {
    const { percentage, pressure, throttledAgents } = manager.getMemoryStats();
    line.trace = { percentage, step: pressure?.step, source: pressure?.source, throttled: throttledAgents?.length };
  }
  report(line);
}, REPORT_MS);

await Promise.all(Array.from({ length: agents }, (_, index) => live(index)));
clearInterval(sampler);
clearInterval(reporter);
const { actions, sampling } = manager?.getMemoryStats() ?? {};
manager?.stop();
report({ ...sample(), finished: true, alerts, actions, sampling });
