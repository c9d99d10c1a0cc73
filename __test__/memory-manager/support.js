'use strict';

/** What the specs of the memory manager share: managers that are stopped, and what is awaited instead of slept for. */

const path = require('node:path');
const { MemoryManager } = require('../../index.js');
const { ROOT } = require('../support.js');
const { node } = require('../processes.js');

const MB = 2 ** 20;

/** Far from the process's own limit. */
const CALM = { maxMemoryUsage: 1_000_000 };

/** No process of Node is this small: over 100 % at once. */
const TIGHT = { maxMemoryUsage: 1 };

const STEPS = [
  'normal',
  'shrinkCaches',
  'dropCaches',
  'collectGarbage',
  'releaseMemory',
  'throttleLargest',
  'throttleAll',
];

/** `open(config)` makes managers that are stopped after the test; `own` takes over others. */
function useManagers() {
  const opened = [];
  afterEach(() => {
    for (const memory of opened.splice(0)) memory.stop();
  });
  const own = (memory) => {
    opened.push(memory);
    return memory;
  };
  return { own, open: (config) => own(new MemoryManager({ ...CALM, ...config })) };
}

/** Asks until `isDone` says so; Jest ends what never happens. */
async function until(isDone) {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The next event of this name, or the next of which `isIt` says so. */
function next(emitter, name, isIt = () => true) {
  return new Promise((resolve) => {
    const listener = (event) => {
      if (!isIt(event)) return;
      emitter.off(name, listener);
      resolve(event);
    };
    emitter.on(name, listener);
  });
}

/** What comes by the names given: `[name, event]` in order. */
function heardBy(emitter, ...names) {
  const heard = [];
  for (const name of names) emitter.on(name, (event) => heard.push([name, event]));
  return heard;
}

/** Whether a promise is settled after everything that waits in the event loop had its turn. */
async function isSettled(promise) {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** Waits until so many samples more were taken, all of them after this call. */
async function afterSamples(memory, count) {
  const { samples } = memory.getMemoryStats().sampling;
  await until(() => memory.getMemoryStats().sampling.samples >= samples + count);
}

const steps = (heard) => heard.filter(([name]) => name === 'pressureChanged').map(([, { step }]) => step);

/** Takes a manager to the last step. */
async function intoPressure(memory) {
  const reached = next(memory, 'pressureChanged', ({ step }) => step === 'throttleAll');
  memory.updateConfig(TIGHT);
  return reached;
}

/** Ends the pressure that `intoPressure` made. */
async function outOfPressure(memory) {
  const reached = next(memory, 'pressureChanged', ({ step }) => step === 'normal');
  memory.updateConfig(CALM);
  return reached;
}

const MEMORY = JSON.stringify(path.join(ROOT, 'index.js'));

/** Runs a program that has `MemoryManager`, `MB` and `forget`; gives how it ended and what it printed. */
function runMemory(source, options = {}) {
  const program = `
    const { MemoryManager, ProductionOptimizationSystem } = require(${MEMORY});
    const MB = 2 ** 20;
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const until = async (isDone) => { while (!(await isDone())) await sleep(5); };
    ${source}`;
  return node(['-e', program], { cwd: ROOT, ...options });
}

/** What a program printed as JSON, of one that ended well. */
async function outputOf(source, options) {
  const { stdout, ...ended } = await runMemory(source, options);
  expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

module.exports = {
  MB,
  CALM,
  TIGHT,
  STEPS,
  useManagers,
  until,
  next,
  heardBy,
  isSettled,
  afterSamples,
  steps,
  intoPressure,
  outOfPressure,
  runMemory,
  outputOf,
};
