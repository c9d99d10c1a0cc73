'use strict';

const MB = 2 ** 20;

/** Whoever waits for the promises of this turn has had theirs. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Parts that are stopped after each test: `made(part)` gives `part` back. */
function useParts() {
  const parts = [];
  afterEach(() => Promise.all(parts.splice(0).map((part) => part.stop())));
  return function made(part) {
    parts.push(part);
    return part;
  };
}

module.exports = { MB, turn, useParts };
