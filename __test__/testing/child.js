/**
 * Runs a test system through all its parts, in a process of its own, and says what of the process has changed by it. Its working
 * directory has bait: a configuration that is not sound, a file of an agent.
 */

const fs = require('node:fs');
const path = require('node:path');
const { createTestSystem } = require('../../entry/testing.js');
const { ProductionOptimizationSystem } = require('../../index.js');

/** Names of the process's threads, where it is told. */
function threads() {
  const tasks = '/proc/self/task';
  if (!fs.existsSync(tasks)) return [];
  return fs.readdirSync(tasks).map((task) => fs.readFileSync(path.join(tasks, task, 'comm'), 'utf8').trim());
}

/** What the descriptors of the process stand for, but for pipes and what Node itself has. */
function descriptors() {
  const folder = '/proc/self/fd';
  if (!fs.existsSync(folder)) return [];
  const targets = fs.readdirSync(folder).map((fd) => {
    try {
      return fs.readlinkSync(path.join(folder, fd));
    } catch {
      return ''; // That of the folder itself.
    }
  });
  return targets.filter((target) => !/^(pipe:|anon_inode:|\/dev\/|\/proc\/|$)/.test(target)).sort();
}

const handlers = () =>
  ['SIGTERM', 'SIGINT', 'SIGUSR2', 'exit', 'beforeExit'].map((name) => process.listenerCount(name));

const look = () => ({
  threads: threads().length,
  descriptors: descriptors(),
  handlers: handlers(),
  resources: process.getActiveResourcesInfo().filter((name) => name !== 'FSReqPromise'),
});

async function use(system) {
  await system.optimizeAgentContext('backend-specialist', { currentTask: 'x', text: 'word '.repeat(5000) });
  await system.cacheResponse('How do I reset it?', 'so');
  await system.getCachedResponse('how can I reset it');
  await system.clock.advance(60_000);
  system.setMachine({ memoryPercentage: 98, cpu: 99, diskPercentage: 99 });
  await system.clock.advance(60_000);
  await system.performMaintenance();
  await system.tune();
  await system.updateConfiguration({ cache: { ttlSeconds: 5, persistToDisk: true }, liveSocket: true });
  system.getStatus();
}

async function main() {
  // Threads of Node's pool come with the first work for them: they are no threads of ours.
  await Promise.all(Array.from({ length: 8 }, () => fs.promises.stat('.')));
  const before = look();
  const systems = await Promise.all([createTestSystem(), createTestSystem({ cache: { persistToDisk: true } })]);
  await Promise.all(systems.map(use));
  const during = look();
  const names = threads();
  const status = systems[0].getStatus();
  await Promise.all(systems.map((system) => system.shutdown()));
  const after = look();
  const instance = await ProductionOptimizationSystem.getInstance().catch((error) => error.code);
  console.log(
    JSON.stringify({
      before,
      during,
      after,
      names,
      instance,
      live: status.live,
      file: status.configFile,
    }),
  );
}

main();
