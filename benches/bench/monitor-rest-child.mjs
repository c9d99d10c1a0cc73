/** One process of the benchmark monitor-cost: does nothing for a while and prints the processor time that took. */

import { setTimeout as sleep } from 'node:timers/promises';
import * as agentwise from '../../index.mjs';
import { temporaryFolder } from './temporary.mjs';
import { threadTimes } from './threads.mjs';

/** The first sample and the first checks are over by then, and the compiler is done with what they run. */
const SETTLE_MS = 3000;

const [kind, seconds] = process.argv.slice(2);

const SYSTEM = { environment: 'production', finalReport: false };

/** What rests, by name; each gives how it ends. */
const KINDS = {
  plain: () => () => {},
  monitor: () => {
    const monitor = new agentwise.ProductionMonitor({ console: false });
    return () => monitor.stop();
  },
  // Everything that listens and exports besides, with a listener for each sample.
  exporting: () => {
    const monitor = new agentwise.ProductionMonitor({ console: false, metricsPort: 0 });
    monitor.on('metricsCollected', () => {});
    return () => monitor.stop();
  },
  system: async () => {
    const system = await agentwise.ProductionOptimizationSystem.create({
      ...SYSTEM,
      enableProductionMonitoring: false,
    });
    return () => system.shutdown();
  },
  monitoredSystem: async () => {
    const monitoring = { console: false };
    const system = await agentwise.ProductionOptimizationSystem.create({
      ...SYSTEM,
      enableProductionMonitoring: true,
      monitoring,
    });
    return () => system.shutdown();
  },
};

const folder = await temporaryFolder();
process.chdir(folder.path);
const end = await KINDS[kind]();
await sleep(SETTLE_MS);
const threadsBefore = threadTimes();
const before = process.cpuUsage();
const started = performance.now();
await sleep(Number(seconds) * 1e3);
const { user, system } = process.cpuUsage(before);
const wallMs = performance.now() - started;
const threads = [...threadTimes()].map(([id, { name, ns }]) => ({
  name,
  cpuMs: (ns - (threadsBefore.get(id)?.ns ?? 0)) / 1e6,
}));
await end();
process.chdir('/');
await folder.remove();
console.log(JSON.stringify({ cpuMs: (user + system) / 1e3, wallMs, threads }));
