'use strict';

/** What a system says of its tuning, and one step of it at will. */

const { call, callAsync } = require('./errors.js');
const { revive } = require('./revive.js');

/** `requireRunning` gives what runs, or throws; `started` waits for a start under way. */
function addTuning(System, { requireRunning, started }) {
  const { prototype } = System;

  prototype.tune = async function () {
    await started(this);
    const running = requireRunning(this);
    try {
      return JSON.parse(await callAsync(running.native.tune), revive);
    } finally {
      running.emitWaiting();
    }
  };

  Object.defineProperty(prototype, 'tuningHistory', {
    configurable: true,
    get() {
      return JSON.parse(call(requireRunning(this).native.tuningHistory), revive);
    },
  });
}

module.exports = { addTuning };
