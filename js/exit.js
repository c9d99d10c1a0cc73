'use strict';

/** Writes what waits in caches when the process ends by itself or by `process.exit()`; signals shut systems down before. */

const native = require('./binding.js');

let isWatching = false;

function watch() {
  if (isWatching) return;
  isWatching = true;
  process.once('exit', () => native.flushCaches());
}

module.exports = { watch };
