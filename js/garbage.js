'use strict';

const v8 = require('node:v8');
const vm = require('node:vm');

let collect = globalThis.gc;

/** Flags are of the process: another thread may have taken the flag away before the context was made. */
const MAX_ATTEMPTS = 1000;

/** When the last collection of this thread ended and how long it took, ms: several managers may want one. */
let last = { ended: Number.NEGATIVE_INFINITY, took: 0 };
/** Of so many parts of the time, collections take one at most. */
const COST_SHARE = 4;

function isCollectionDue() {
  return performance.now() - last.ended >= last.took * COST_SHARE;
}

/** Collects V8's garbage, also without `--expose-gc`: a context made after the flag is set has the function. */
function collectGarbage() {
  for (let attempt = 0; !collect && attempt < MAX_ATTEMPTS; attempt++) {
    v8.setFlagsFromString('--expose-gc');
    collect = vm.runInNewContext('globalThis.gc');
    v8.setFlagsFromString('--no-expose-gc');
  }
  const started = performance.now();
  collect?.();
  const ended = performance.now();
  last = { ended, took: ended - started };
  return collect !== undefined;
}

module.exports = { collectGarbage, isCollectionDue };
