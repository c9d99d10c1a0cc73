'use strict';

/** What is tried again where the machine itself stood still, and only there. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { removeTree } = require('./remove.js');

/** Less costs nobody anything: what is given up here is given up after two seconds, and later. */
const STOOD_STILL_MS = 1000;
const MOST_TRIES = 3;
const TICK_MS = 50;

/**
 * Watches whether this process, which has nothing to do meanwhile, comes to its turn and can write a few bytes to the disk:
 * the function that is given ends that, and tells the longest time, ms, that it took.
 */
function watchMachine() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-still-'));
  const file = fs.openSync(path.join(directory, 'tick'), 'w');
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK_MS);
    last = now;
  };
  const watched = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      await new Promise((resolve, reject) => {
        fs.write(file, '.', 0, (error) => (error ? reject(error) : fs.fsync(file, resolve)));
      });
      look();
    }
  })();
  return async () => {
    look();
    isOver = true;
    await watched;
    fs.closeSync(file);
    removeTree(directory);
    return longest;
  };
}

/**
 * What `attempt(number)` finds, and again, twice at most, where that is not so (`isSo`) and the machine stood still during it:
 * what the product does wrong by itself is never tried again. An attempt begins anew, in a directory of its own.
 */
async function unlessStoodStill(attempt, isSo) {
  for (let number = 1; ; number++) {
    const ended = watchMachine();
    let stood;
    let found;
    try {
      found = await attempt(number);
    } finally {
      stood = await ended();
    }
    if (isSo(found) || stood < STOOD_STILL_MS || number === MOST_TRIES) return found;
    const { currentTestName } = expect.getState();
    console.warn(`${currentTestName}: tried again, the machine stood still for ${Math.round(stood)} ms`);
  }
}

/**
 * What `work()` gives, which is done within `ms`; later only where the machine stood still for some of that. `work` ends by
 * itself when it takes much longer.
 */
async function inTime(ms, work) {
  const began = performance.now();
  const ended = watchMachine();
  let stood;
  let result;
  try {
    result = await work();
  } finally {
    stood = Math.round(await ended());
  }
  const took = Math.round(performance.now() - began);
  if (took < ms) return result;
  const said = `${took} ms instead of less than ${ms}, in which the machine stood still for ${stood} ms`;
  if (stood < STOOD_STILL_MS / 2) throw new Error(said);
  console.warn(`${expect.getState().currentTestName}: ${said}`);
  return result;
}

module.exports = { inTime, unlessStoodStill, watchMachine, STOOD_STILL_MS };
