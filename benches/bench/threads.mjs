/** Processor time of the threads of this process. */

import { readdirSync, readFileSync } from 'node:fs';

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Nanoseconds of each thread, by its id; empty where the system does not say. */
export function threadTimes() {
  const found = new Map();
  // The kernel brings the figure of a running thread up to date when it goes to sleep.
  Atomics.wait(sleeper, 0, 0, 0.01);
  try {
    for (const id of readdirSync('/proc/self/task')) {
      const folder = `/proc/self/task/${id}`;
      const ns = Number(readFileSync(`${folder}/schedstat`, 'latin1').split(' ', 1)[0]);
      const name = Number(id) === process.pid ? 'main' : readFileSync(`${folder}/comm`, 'latin1').trim();
      found.set(id, { name, ns });
    }
  } catch {
    // Not Linux, or without schedstat.
  }
  return found;
}
