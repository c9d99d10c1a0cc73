'use strict';

/**
 * Shuts systems down when the process is asked to end, and then lets it end as the signal would have ended it, unless
 * the application has a handler of its own: then ending is its business.
 */

const { isMainThread } = require('node:worker_threads');
const native = require('./binding.js');
const { endBy } = require('./ending.js');

/** Signals closer together than this are one request. */
const SAME_REQUEST_MS = 1000;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGUSR2'];

/**
 * Marks the handlers of every copy of this package in the process and counts their shutdowns under way: the last one
 * lets the process end, and a copy's handler is not the application's.
 */
const OURS = Symbol.for('agentwise-optimization.signals');
process[OURS] ??= { underWay: 0 };

/** Weak: a system that was forgotten must not be kept by its handler. */
const systems = new Set();
let installed = false;
/** When the process was asked to end, while the systems shut down. */
let askedAt;

function running() {
  const found = [];
  for (const reference of systems) {
    const system = reference.deref();
    if (system) found.push(system);
    else systems.delete(reference);
  }
  return found;
}

async function onSignal(signal) {
  const shared = process[OURS];
  if (askedAt !== undefined) {
    // Asked again while still at work: no more waiting. A terminal and `npm run` may both pass on one Ctrl-C.
    if (performance.now() - askedAt < SAME_REQUEST_MS) return;
    uninstall();
    endBy(signal);
    return;
  }
  askedAt = performance.now();
  // Looked at first: a handler that the application installed for one time is gone after it has run.
  const isApplications = process.rawListeners(signal).some((listener) => !listener[OURS]);
  shared.underWay++;
  await Promise.allSettled(running().map((system) => system.shutdown()));
  shared.underWay--;
  askedAt = undefined;
  if (running().length === 0) uninstall();
  if (!isApplications && shared.underWay === 0) {
    // Caches without a system; a signal runs no exit handlers.
    native.flushCaches();
    endBy(signal);
  }
}
onSignal[OURS] = true;

function install() {
  // Workers get no signals.
  if (installed || !isMainThread) return;
  installed = true;
  for (const signal of SIGNALS) {
    try {
      // First, so that one-time handlers are still there to be seen.
      process.prependListener(signal, onSignal);
    } catch {
      // SIGUSR2 does not exist on Windows.
    }
  }
}

function uninstall() {
  installed = false;
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

/** Shuts `system` down on a signal. Returns the function that ends this. */
function watch(system) {
  const reference = new WeakRef(system);
  systems.add(reference);
  install();
  return () => {
    systems.delete(reference);
    if (running().length === 0) uninstall();
  };
}

module.exports = { watch };
