'use strict';

/** Writes what waits in caches and monitors when the process ends by itself or by `process.exit()`; signals shut systems down before. */

const native = require('./binding.js');

let users = 0;

function flush() {
  native.flushCaches();
}

/** Watches over an open cache. Returns the function that ends this. */
function watch() {
  if (users++ === 0) process.on('exit', flush);
  let isWatching = true;
  return () => {
    if (!isWatching) return;
    isWatching = false;
    if (--users === 0) process.removeListener('exit', flush);
  };
}

module.exports = { watch };
