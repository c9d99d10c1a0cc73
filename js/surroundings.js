'use strict';

/**
 * What a system takes of the process around it: its clock, its memory, its end. A system of a test has others, see
 * `testing/test-system.js`.
 */

const exit = require('./exit.js');
const { collectGarbage, isCollectionDue } = require('./garbage.js');
const { heap } = require('./heap.js');
const { figuresOf } = require('./monitored-parts.js');
const signals = require('./signals.js');
const { handedVariables } = require('./variables.js');
const native = require('./binding.js');

const PROCESS = {
  /** Whether somebody moves the clock by hand, and does what falls due. */
  isDriven: false,
  /** The native handle of a system. */
  open: (json, wake) => native.openSystem(json, process.cwd(), handedVariables(), wake),
  /** Watches over the end of the process. Returns what ends that. */
  attend(system) {
    const endings = [signals.watch(system), exit.watch()];
    return () => {
      for (const end of endings) end();
    };
  },
  /** Monotonic ms. */
  now: () => performance.now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  /** Total, used, external and limit of V8's heap, bytes. */
  heap,
  arrayBuffers: () => process.memoryUsage().arrayBuffers,
  collectGarbage,
  isCollectionDue,
  figuresOf,
};

module.exports = { PROCESS };
