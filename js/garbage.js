'use strict';

const v8 = require('node:v8');
const vm = require('node:vm');

let collect = globalThis.gc;

/** Collects V8's garbage, also without `--expose-gc`: a context made after the flag is set has the function. */
function collectGarbage() {
  if (!collect) {
    v8.setFlagsFromString('--expose-gc');
    collect = vm.runInNewContext('gc');
    v8.setFlagsFromString('--no-expose-gc');
  }
  collect();
  return true;
}

module.exports = { collectGarbage };
