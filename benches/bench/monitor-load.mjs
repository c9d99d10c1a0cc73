/** Load for monitor-agrees, on a thread of its own: busy for a share of each period, that changes now and then. */

import { parentPort, workerData } from 'node:worker_threads';

const PERIOD_MS = 100;
/** Shares of a core, one after the other. */
const SHARES = [0.2, 0.7, 0.45, 0.9, 0.1];

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const began = performance.now();
let value = 0;
parentPort.postMessage('begins');
for (;;) {
  const now = performance.now() - began;
  const busyMs = SHARES[Math.floor(now / workerData.stepMs) % SHARES.length] * PERIOD_MS;
  const end = performance.now() + busyMs;
  while (performance.now() < end) value = Math.sqrt(value + 1);
  Atomics.wait(sleeper, 0, 0, PERIOD_MS - busyMs);
}
