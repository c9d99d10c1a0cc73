/** Agents whose contexts need twice the memory there is: with the manager they wait and finish, without it they die. */

import { fileURLToPath } from 'node:url';
import { runUnder } from './agent-runs.mjs';
import { memoryGroup } from './cgroup.mjs';
import { count, milliseconds, optional, percent } from './format.mjs';
import { quantile, target } from './harness.mjs';

export const name = 'memory-agents';
export const title = '20 agents that need twice the memory there is, with the manager and without';

const MB = 2 ** 20;
const RUNS = 20;
const QUICK_RUNS = 2;
const HEAP_MB = 256;
const GROUP_MB = 400;
/** So that V8's own limit is not the one that counts. */
const ROOMY_HEAP_MB = 4096;
const CHILD = fileURLToPath(new URL('./memory-agents-child.mjs', import.meta.url));
const DEATHS = ['heap', 'kernel', 'watcher'];

/** Where: what limits, and contexts that together are at least twice that. */
const PLACES = {
  heap: { label: `heap of ${HEAP_MB} MB`, limitMb: HEAP_MB, contextMb: 27, heapMb: HEAP_MB },
  group: { label: `group of ${GROUP_MB} MB`, limitMb: GROUP_MB, contextMb: 42, heapMb: ROOMY_HEAP_MB },
};

const mb = (value) => `${value.toFixed(0)} MB`;
const median = (values) => (values.length > 0 ? quantile(values, 0.5) : undefined);

export const tables = {
  demand: {
    title: 'the same program with nothing that limits it',
    columns: [
      { key: 'contexts', title: 'contexts' },
      { key: 'limitMb', title: 'limit', format: mb },
      { key: 'heldMb', title: 'held at once', format: mb },
      { key: 'times', title: 'of the limit', format: (value) => `${value.toFixed(2)}×` },
      { key: 'heapMb', title: 'peak heap', format: mb },
      { key: 'rssMb', title: 'peak process', format: mb },
      { key: 'wallMs', title: 'time', format: milliseconds },
    ],
  },
  arms: {
    title:
      'under the limit (peak: the median of the runs; heap as last seen, process as the group or the watcher saw it)',
    columns: [
      { key: 'arm', title: 'arm' },
      { key: 'runs', title: 'runs' },
      { key: 'died', title: 'died' },
      { key: 'how', title: 'of' },
      { key: 'hung', title: 'hung' },
      { key: 'failed', title: 'failed' },
      { key: 'workLeast', title: 'work, least', format: percent },
      { key: 'workMedian', title: 'work, median', format: percent },
      { key: 'heapMb', title: 'peak heap', format: optional(mb) },
      { key: 'processMb', title: 'peak process', format: optional(mb) },
      { key: 'waits', title: 'waits', format: optional(count) },
      { key: 'longestWaitMs', title: 'longest wait', format: optional(milliseconds) },
      { key: 'wallMs', title: 'time, median', format: optional(milliseconds) },
    ],
  },
};

function commandOf({ contextMb, heapMb }, { managed = false, maxMemory, heap = heapMb } = {}) {
  const command = [`--max-old-space-size=${heap}`, CHILD, '--context-mb', String(contextMb)];
  if (managed) command.push('--manager');
  if (managed && maxMemory !== undefined) command.push('--max-memory', String(maxMemory));
  return command;
}

/** Why the group's place is watched over instead, or undefined. */
function groupProblem(noGroup) {
  if (noGroup) return 'asked for with --no-cgroup';
  const { group, reason } = memoryGroup(GROUP_MB * MB);
  group?.remove();
  return reason;
}

async function runOnce(place, managed, watched) {
  if (place === PLACES.heap) return runUnder(commandOf(place, { managed }));
  // Nothing tells the manager of a limit that only the watcher knows.
  if (watched) return runUnder(commandOf(place, { managed, maxMemory: GROUP_MB }), { watchBytes: GROUP_MB * MB });
  const { group, reason } = memoryGroup(GROUP_MB * MB);
  if (!group) throw new Error(`no control group any more: ${reason}`);
  try {
    return await runUnder(commandOf(place, { managed }), { group });
  } finally {
    group.remove();
  }
}

async function demand(place) {
  const report = await runUnder(commandOf(place, { heap: ROOMY_HEAP_MB }));
  if (report.ending !== 'finished' || report.tasksDone !== report.tasksTotal) {
    throw new Error(`without a limit the program ended so: ${report.ending}\n${report.errors ?? ''}`);
  }
  return {
    contexts: `20 × ${place.contextMb} MB`,
    limitMb: place.limitMb,
    heldMb: report.peakHeldMb,
    times: report.peakHeldMb / place.limitMb,
    heapMb: report.peakHeapMb,
    rssMb: report.peakRssMb,
    wallMs: report.wallMs,
  };
}

const share = ({ tasksDone = 0, tasksTotal }) => (tasksTotal ? tasksDone / tasksTotal : 0);

function summary(arm, runs) {
  const ended = (kinds) => runs.filter(({ ending }) => kinds.includes(ending));
  const of = (key) => runs.map((run) => run[key]).filter((value) => value !== undefined);
  const died = ended(DEATHS);
  return {
    arm,
    runs: runs.length,
    died: died.length,
    how: [...new Set(died.map(({ ending, signal, status }) => `${ending} (${signal ?? status})`))].join(', ') || '–',
    hung: ended(['hung']).length,
    failed: ended(['failed']).length,
    workLeast: Math.min(...runs.map(share)),
    workMedian: median(runs.map(share)),
    heapMb: median(of('peakHeapMb')),
    processMb: median(of('peakMb')),
    waits: median(of('waits')),
    longestWaitMs: of('longestWaitMs').length > 0 ? Math.max(...of('longestWaitMs')) : undefined,
    wallMs: median(of('wallMs')),
    wrong: of('tasksWrong').reduce((sum, value) => sum + value, 0),
  };
}

/** What the manager did in all runs of an arm. */
function actionsLine(runs) {
  const steps = new Map();
  for (const { actions = [] } of runs) {
    for (const { step, count: times } of actions) steps.set(step, (steps.get(step) ?? 0) + times);
  }
  return [...steps].map(([step, times]) => `${step} ${count(times)}`).join(', ');
}

function targetsOf(demands, arms) {
  return arms.flatMap((arm, at) => {
    if (!arm.managed) return [target(`${arm.arm}: runs that die`, arm.died, '>=', arm.runs, `of ${arm.runs}`)];
    return [
      target(`${arm.label}: demand`, demands[at >> 1].times, '>=', 2),
      target(`${arm.arm}: runs that die, hang or fail`, arm.died + arm.hung + arm.failed, '<=', 0, `of ${arm.runs}`),
      target(`${arm.arm}: work completed, least`, arm.workLeast * 100, '>=', 95, '%'),
      target(`${arm.arm}: contexts that were damaged`, arm.wrong, '<=', 0, ''),
    ];
  });
}

export async function run({ quick = false, runs = quick ? QUICK_RUNS : RUNS, noGroup = false } = {}) {
  const reason = groupProblem(noGroup);
  const watched = reason !== undefined;
  const notes = [];
  if (watched) {
    notes.push(`NO CONTROL GROUP (${reason}): a watcher kills the process once ${GROUP_MB} MB of it are in memory`);
  }
  const places = Object.values(PLACES).filter((place) => {
    if (place === PLACES.heap || !watched || process.platform === 'linux') return true;
    notes.push(`left out: ${place.label}, as only Linux says cheaply what a process has in memory`);
    return false;
  });
  const demands = [];
  for (const place of places) demands.push(await demand(place));
  const arms = places.flatMap((place) =>
    [false, true].map((managed) => {
      const label = watched && place === PLACES.group ? `${GROUP_MB} MB, watched` : place.label;
      return { place, label, managed, arm: `${label}, ${managed ? 'manager' : 'nobody waits'}`, all: [] };
    }),
  );
  for (let round = 0; round < runs; round++) {
    for (const { place, managed, arm, all } of arms) {
      const result = await runOnce(place, managed, watched);
      all.push(result);
      const took = milliseconds(result.wallMs ?? 0);
      console.error(`  ${round + 1}/${runs} ${arm}: ${result.ending}, ${percent(share(result))} after ${took}`);
    }
  }
  const rows = arms.map(({ label, managed, arm, all }) => ({ label, managed, ...summary(arm, all), each: all }));
  for (const { arm, managed, each } of rows) {
    if (managed) notes.push(`${arm}: ${actionsLine(each) || 'no action'}`);
    const failed = each.find(({ errors }) => errors);
    if (failed) notes.push(`${arm}: failed with ${failed.signal ?? failed.status}: ${failed.errors}`);
  }
  return { results: { demand: demands, arms: rows }, targets: targetsOf(demands, rows), notes };
}
