/** Runs worker threads as its argument says and prints what they did; then works in the main thread and ends. */

const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { SMALL, CONFIG, large } = require('./contexts.js');

const ROUNDS = 20;

/** A worker, what it said, and a promise of how it ended. */
function start(mode, onMessage = () => {}) {
  const worker = new Worker(path.join(__dirname, 'worker.js'), { workerData: mode });
  const messages = [];
  let error;
  worker.on('message', (message) => {
    messages.push(message);
    onMessage(message, worker);
  });
  worker.on('error', (thrown) => {
    error = `${thrown.name}: ${thrown.message}`;
  });
  const ended = new Promise((resolve) => {
    worker.on('exit', (code) => {
      resolve({ code, error, messages: messages.filter((message) => typeof message !== 'string') });
    });
  });
  return { worker, ended };
}

const all = (number, mode, onMessage) =>
  Promise.all(Array.from({ length: number }, () => start(mode, onMessage).ended));

/** Starts a worker, ends it when it says `when`, and goes on with the next without waiting for its end. */
async function terminated(mode, when) {
  const ends = [];
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise((said) => {
      const { worker, ended } = start(mode, (message) => {
        if (message !== when) return;
        void worker.terminate();
        said();
      });
      ends.push(ended);
      if (when === 'constructed') {
        void worker.terminate();
        said();
      }
    });
  }
  return (await Promise.all(ends)).map(({ code, error }) => error ?? code);
}

let inMain;

async function mainWorks() {
  const { ProductionOptimizationSystem } = require('../../../index.js');
  inMain ??= await ProductionOptimizationSystem.create(CONFIG);
  inMain.on('agentContextOptimized', () => {});
  const result = await inMain.optimizeAgentContext('main', SMALL);
  await inMain.cacheResponse('query', 'of main');
  return result.currentTask === SMALL.currentTask || result.type === 'incremental';
}

const SCENARIOS = {
  'worker before main': async () => [await start('work').ended, await mainWorks()],
  'worker after main': async () => [await mainWorks(), await start('work').ended],
  'both at once': async () => {
    const { ended } = start('work');
    return [await mainWorks(), await ended];
  },
  'eight at once': () => all(8, 'work'),
  'eight in turn': async () => {
    const ends = [];
    for (let round = 0; round < 8; round++) ends.push(await start('work').ended);
    return ends;
  },
  'shut down': () => all(4, 'work and shut down'),
  'ends while work is under way': () => all(2, 'work under way, then end'),
  'terminated at once': () => terminated('work under way', 'constructed'),
  'terminated while loading': () => terminated('work', 'loading'),
  'terminated while starting': () => terminated('start under way', 'started'),
  'terminated in mid-work': () => terminated('work under way', 'started'),
  'terminated in mid-shutdown': () => terminated('shutdown under way', 'started'),
  'terminated while main works': async () => {
    await mainWorks();
    const mainWork = Promise.all([1, 2, 3].map((agent) => inMain.optimizeAgentContext(`main-${agent}`, large(agent))));
    const ends = await terminated('work under way', 'started');
    const results = await mainWork;
    return [...ends, ...results.map((result) => result.currentTask === large().currentTask)];
  },
  'process.exit() in mid-work': () => all(4, 'exit'),
  'exception in mid-work': () => all(4, 'throw'),
  'exception in mid-work, later': () => all(4, 'throw later'),
  'main exits while workers work': async () => {
    let left = 4;
    await new Promise((resolve) => {
      for (let worker = 0; worker < 4; worker++) {
        start('work under way', (message) => {
          if (message === 'started' && --left === 0) resolve();
        });
      }
    });
    process.exit(4);
  },
};

(async () => {
  const ends = await SCENARIOS[process.argv[2]]();
  console.log(JSON.stringify({ ends, mainWorksAfterwards: await mainWorks() }));
})();
