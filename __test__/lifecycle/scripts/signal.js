/** Runs systems and waits, busy for ever, for the signal that its parent sends when it reads `ready`. */

const fs = require('node:fs');
const { ProductionOptimizationSystem } = require('../../../index.js');
const { CONFIG, large } = require('./contexts.js');
const { removeTree } = require('../../remove.js');

const [scenario, signal] = process.argv.slice(2);

const create = () => ProductionOptimizationSystem.create(CONFIG);
const print = (text) => fs.writeSync(1, `${text}\n`);

/**
 * A handler as applications have it: what it does takes longer than our shutdown, and the end is its decision. If the
 * process ended before, `end of the application` would be missing and the code would not be 7.
 */
async function handler(system, received) {
  print(`handler of the application: ${received}`);
  await new Promise((resolve) => system.once('shutdown', resolve));
  print('shutdown of the system');
  // Long enough that everything that shutdown leaves behind has run.
  setTimeout(() => {
    print(`handlers left: ${process.listenerCount(received)}`);
    print('end of the application');
    process.exit(7);
  }, 200);
}

const SCENARIOS = {
  one: create,
  three: () => Promise.all([create(), create(), create()]),
  getInstance: () => ProductionOptimizationSystem.getInstance(CONFIG),

  working: async () => {
    const system = await create();
    void system.optimizeAgentContext('frontend-specialist', large()).then(() => print('work finished'));
  },

  'shutdown under way': async () => {
    const system = await create();
    void system.optimizeAgentContext('frontend-specialist', large()).then(() => print('work finished'));
    void system.shutdown();
    return system;
  },

  'handler, installed later': async () => {
    const system = await create();
    process.on(signal, (received) => void handler(system, received));
  },
  'handler, installed before': async () => {
    process.on(signal, (received) => void handler(started, received));
    const started = await create();
  },
  'once-handler, installed later': async () => {
    const system = await create();
    process.once(signal, (received) => void handler(system, received));
  },
  'once-handler, installed before': async () => {
    process.once(signal, (received) => void handler(started, received));
    const started = await create();
  },
  'handler of another signal': async () => {
    process.on(signal === 'SIGTERM' ? 'SIGINT' : 'SIGTERM', () => print('handler of another signal'));
    await create();
  },

  'two copies of the module': async () => {
    const file = require.resolve('../../../index.js');
    for (const name of Object.keys(require.cache)) if (!name.endsWith('.node')) delete require.cache[name];
    const second = require(file).ProductionOptimizationSystem;
    if (second === ProductionOptimizationSystem) throw new Error('the module was not loaded twice');
    await Promise.all([create(), second.create(CONFIG)]);
  },

  'working directory removed': async () => {
    await create();
    removeTree(process.cwd());
  },

  'listener of shutdown that throws': async () => {
    const system = await create();
    system.on('shutdown', () => {
      throw new Error('of a listener');
    });
  },
};

(async () => {
  // Kept, as an application keeps its systems; the timer is the application's own work.
  globalThis.kept = await SCENARIOS[scenario]();
  setInterval(() => {}, 1000);
  print('ready');
})();
