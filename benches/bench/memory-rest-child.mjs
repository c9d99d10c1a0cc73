/** One process of the benchmark memory-cost: does nothing for a while and prints the processor time that took. */

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as agentwise from '../../index.mjs';

const SETTLE_MS = 2000;
const AGENTS = 20;
const CONTEXT_BYTES = 4 * 2 ** 20;

const [kind, seconds] = process.argv.slice(2);

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Nanoseconds of processor time of each thread, by its id; empty where the system does not say. */
function threads() {
  const found = new Map();
  // The kernel brings the figure of a running thread up to date when it goes to sleep.
  Atomics.wait(sleeper, 0, 0, 0.01);
  try {
    for (const id of readdirSync('/proc/self/task')) {
      const folder = `/proc/self/task/${id}`;
      const ns = Number(readFileSync(`${folder}/schedstat`, 'latin1').split(' ', 1)[0]);
      found.set(id, { name: readFileSync(`${folder}/comm`, 'latin1').trim(), main: Number(id) === process.pid, ns });
    }
  } catch {
    // Not Linux, or without schedstat.
  }
  return found;
}

const manager = kind === 'managed' ? new agentwise.MemoryManager() : undefined;
for (let at = 0; at < AGENTS; at++) manager?.registerAgentMemory(`agent-${at}`, CONTEXT_BYTES, 0);
await sleep(SETTLE_MS);
const threadsBefore = threads();
const before = process.cpuUsage();
const started = performance.now();
await sleep(Number(seconds) * 1e3);
const { user, system } = process.cpuUsage(before);
const wallMs = performance.now() - started;
const byThread = [...threads()].map(([id, { name, main, ns }]) => {
  const spent = (ns - (threadsBefore.get(id)?.ns ?? 0)) / 1e6;
  return { name: main ? 'main' : name, cpuMs: spent };
});
const sampling = manager?.getMemoryStats().sampling;
manager?.stop();
console.log(JSON.stringify({ cpuMs: (user + system) / 1e3, wallMs, threads: byThread, sampling }));
