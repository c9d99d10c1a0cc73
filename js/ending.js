'use strict';

/** How a process ends that was asked to by a signal. */

const { constants } = require('node:os');

/** The first process of a container. */
const FIRST = 1;

/**
 * Ends the process as `signal` does where nobody handles it. The kernel gives no such signal to the first process of a
 * container: that one ends with the code that a shell would tell.
 */
function endBy(signal) {
  if (process.pid === FIRST) process.exit(128 + constants.signals[signal]);
  process.kill(process.pid, signal);
}

module.exports = { endBy };
