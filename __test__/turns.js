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

/** Ms that this thread was on a processor; of the clock where the system does not say. The kernel counts in steps of some ms. */
const workedMs = () => (isTold ? Number(fs.readFileSync(SCHEDULED, 'utf8').split(' ')[0]) / 1e6 : performance.now());

/**
 * The longest work of this thread, ms, between two turns of others while `work` was under way. Other programs make nothing
 * longer where the system tells processor time; elsewhere the least of some tries is what counts.
 */
async function longestTurn(work, { tries = 3, enough = 0 } = {}) {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries && least >= enough; attempt++) {
    let longest = 0;
    let last = workedMs();
    const timer = setInterval(() => {
      const now = workedMs();
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

module.exports = { longestTurn };
