'use strict';

/** How long work of this thread keeps everything else of it waiting, whatever else the machine does. */

const fs = require('node:fs');

/** Of the main thread, which is the one of a Jest worker: ns on a processor, ns of waiting for one, … */
const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;

const isTold = (() => {
  try {
    return Number(fs.readFileSync(SCHEDULED, 'utf8').split(' ')[0]) > 0;
  } catch {
    return false;
  }
})();

/**
 * Ms of the clock without those in which this thread was ready and other programs had the processors: its work and what it
 * waits for in the middle of it (a lock, a file, another thread), and nothing that others cause.
 */
function ownMs() {
  const waited = isTold ? Number(fs.readFileSync(SCHEDULED, 'utf8').split(' ')[1]) / 1e6 : 0;
  return performance.now() - waited;
}

/**
 * The longest time, ms, between two turns of others of this thread while `work` was under way: see `ownMs`. The least of some
 * tries, for a machine may stand still, which no program is told.
 */
async function longestTurn(work, { tries = 3, enough = 0 } = {}) {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries && least >= enough; attempt++) {
    let longest = 0;
    let last = ownMs();
    const timer = setInterval(() => {
      const now = ownMs();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    await work(attempt);
    // A turn after the last one shows what the end of the work cost.
    await new Promise((resolve) => setTimeout(resolve, 2));
    clearInterval(timer);
    least = Math.min(least, longest);
  }
  return least;
}

module.exports = { longestTurn, ownMs };
