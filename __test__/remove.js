/** Directories that somebody may still write to are removed. */

const fs = require('node:fs');

const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/** Somebody made or removed a file while the directory was emptied. */
const CHANGED_BESIDE = new Set(['ENOTEMPTY', 'ENOENT']);

/**
 * `fs.rmSync` empties a directory once: a file that comes in just then fails it with ENOTEMPTY, however often it tries to
 * remove the directory itself. Here all of it is begun again; who writes for longer than ten seconds is told.
 */
function removeTree(directory) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      fs.rmSync(directory, { recursive: true, force: true });
      return;
    } catch (error) {
      if (!CHANGED_BESIDE.has(error.code) || performance.now() > end) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

module.exports = { removeTree };
