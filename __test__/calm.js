'use strict';

/**
 * Before all specs: many expect that memory is not short, which no setting can say of the machine or the container that they run
 * in. What presses is waited for a while; what stays is told, so that failures which come of it are understood.
 */

const { MemoryManager } = require('../index.js');

/** From here on memory takes from scores; contexts and agents follow at 70 and 80. */
const CALM_PERCENTAGE = 60;
const PATIENCE_MS = 60_000;

module.exports = async function calm() {
  const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
  try {
    const end = performance.now() + PATIENCE_MS;
    while (memory.getMemoryStats().percentage > CALM_PERCENTAGE) {
      if (performance.now() > end) {
        const { pressure } = memory.getMemoryStats();
        console.warn(
          `Specs that expect memory to be free may fail: ${pressure.percentage} % (${pressure.source}) is in use`,
        );
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    memory.stop();
  }
};
