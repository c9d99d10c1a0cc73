/**
 * Makes and uses 1,800 systems, one after the other, and prints what the process holds after 1,000 and after all of them.
 * Run with `--expose-gc`. Arguments: `shut down` or `forget`; `collect` to collect garbage after every 100 systems, so
 * that at no time more than 100 wait for it.
 */

const fs = require('node:fs');
const { setTimeout: wait } = require('node:timers/promises');
const { ProductionOptimizationSystem } = require('../../../index.js');
const { CONFIG, SMALL } = require('./contexts.js');

const SYSTEMS = 1800;
const WARM = 1000;
const [fate, collects] = process.argv.slice(2);

const held = [];

async function useOne() {
  const system = await ProductionOptimizationSystem.create(CONFIG);
  held.push(new WeakRef(system));
  system.on('agentContextOptimized', () => {});
  await system.optimizeAgentContext('frontend-specialist', SMALL);
  await system.cacheResponse('query', 'answer');
  if ((await system.getCachedResponse('query')) !== 'answer') throw new Error('the cache does not work');
  system.getStatus();
  if (fate === 'shut down') await system.shutdown();
}

const entries = (directory) => (fs.existsSync(directory) ? fs.readdirSync(directory).length : null);

/** Names of the process's threads, as far as the system tells them. */
function threads() {
  const names = [];
  for (const id of fs.existsSync('/proc/self/task') ? fs.readdirSync('/proc/self/task') : []) {
    try {
      names.push(fs.readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim());
    } catch {
      // It ended meanwhile.
    }
  }
  return names;
}

/** One thread samples memory for all systems, as long as there is one: the last may still be. */
const SAMPLER = 'agentwise-mem';

/**
 * Finalizers run between collections, in tasks of their own, and threads end when they get to it: until nothing has become
 * less for a while.
 */
async function collectGarbage() {
  let least = Number.POSITIVE_INFINITY;
  for (let unchanged = 0; unchanged < 20; unchanged++) {
    globalThis.gc();
    await wait(5);
    const left = threads().length + (entries('/proc/self/fd') ?? 0);
    if (left < least) [least, unchanged] = [left, 0];
  }
}

/** Files that are open for longer than a moment, in which threads read what the system says. */
async function descriptors() {
  let least = entries('/proc/self/fd');
  for (let look = 0; look < 10 && least !== null; look++) {
    await wait(5);
    least = Math.min(least, entries('/proc/self/fd'));
  }
  return least;
}

async function figures() {
  await collectGarbage();
  return {
    threads: threads().filter((name) => name !== SAMPLER).length,
    samplers: threads().filter((name) => name === SAMPLER).length,
    fds: await descriptors(),
    handles: process._getActiveHandles().length,
    requests: process._getActiveRequests().length,
    resources: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    heapMb: process.memoryUsage().heapUsed / 2 ** 20,
    externalMb: process.memoryUsage().external / 2 ** 20,
    alive: held.filter((reference) => reference.deref()).length,
  };
}

(async () => {
  let before;
  for (let made = 1; made <= SYSTEMS; made++) {
    await useOne();
    if (collects && made % 100 === 0) await collectGarbage();
    if (made === WARM) before = await figures();
  }
  console.log(JSON.stringify({ before, after: await figures() }));
})();
