/** One process of the benchmark memory-cost: does nothing for a while and prints the processor time that took. */

import { setTimeout as sleep } from 'node:timers/promises';
import * as agentwise from '../../index.mjs';
import { threadTimes } from './threads.mjs';

const SETTLE_MS = 2000;
const AGENTS = 20;
const CONTEXT_BYTES = 4 * 2 ** 20;

const [kind, seconds] = process.argv.slice(2);

const manager = kind === 'managed' ? new agentwise.MemoryManager() : undefined;
for (let at = 0; at < AGENTS; at++) manager?.registerAgentMemory(`agent-${at}`, CONTEXT_BYTES, 0);
await sleep(SETTLE_MS);
const threadsBefore = threadTimes();
const before = process.cpuUsage();
const started = performance.now();
await sleep(Number(seconds) * 1e3);
const { user, system } = process.cpuUsage(before);
const wallMs = performance.now() - started;
const byThread = [...threadTimes()].map(([id, { name, ns }]) => ({
  name,
  cpuMs: (ns - (threadsBefore.get(id)?.ns ?? 0)) / 1e6,
}));
const sampling = manager?.getMemoryStats().sampling;
manager?.stop();
console.log(JSON.stringify({ cpuMs: (user + system) / 1e3, wallMs, threads: byThread, sampling }));
