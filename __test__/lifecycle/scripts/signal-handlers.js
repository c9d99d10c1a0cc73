/** Prints how many handlers of signals are ours while systems come and go. */

const { ProductionOptimizationSystem } = require('../../../index.js');
const { CONFIG } = require('./contexts.js');

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGUSR2'];
const application = () => {};

function ours(when) {
  const others = { exit: process.listenerCount('exit'), beforeExit: process.listenerCount('beforeExit') };
  for (const signal of SIGNALS) {
    const listeners = process.listeners(signal);
    if (!listeners.includes(application)) throw new Error(`the application's handler of ${signal} is gone`);
    others[signal] = listeners.length - 1;
  }
  console.log(JSON.stringify({ when, ...others }));
}

(async () => {
  for (const signal of SIGNALS) process.on(signal, application);
  ours('loaded');
  new ProductionOptimizationSystem(CONFIG);
  ours('constructed');
  const first = await ProductionOptimizationSystem.create(CONFIG);
  ours('one runs');
  const second = await ProductionOptimizationSystem.create(CONFIG);
  ours('two run');
  await ProductionOptimizationSystem.create({ environment: 'nonsense' }).catch(() => ours('a third was refused'));
  await first.shutdown();
  ours('one was shut down');
  await second.shutdown();
  await second.shutdown();
  ours('all were shut down');
  const third = await ProductionOptimizationSystem.create(CONFIG);
  ours('a new one runs');
  await third.shutdown();
  ours('all were shut down again');
  const neverRan = new ProductionOptimizationSystem(CONFIG);
  await neverRan.shutdown();
  const meanwhile = new ProductionOptimizationSystem(CONFIG);
  await Promise.allSettled([meanwhile.initialize(), meanwhile.shutdown()]);
  ours('one was shut down while it started');
})();
