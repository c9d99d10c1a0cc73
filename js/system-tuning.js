'use strict';

/** What a system says of its tuning, and one step of it at will. */

const { call, callAsync } = require('./errors.js');
const { revive } = require('./revive.js');

/** `requireRunning` gives what runs, or throws. */
function addTuning(System, requireRunning) {
  const { prototype } = System;

  prototype.tune = async function () {
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
