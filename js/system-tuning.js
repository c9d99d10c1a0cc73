'use strict';

/** What a system says of its tuning, and one step of it at will. */

const { call, callAsync } = require('./errors.js');
const { emitWaiting } = require('./native-emitter.js');
const { revive } = require('./revive.js');

/** `nativeOf(system)` gives the handle of a running system, or throws. */
function addTuning(System, nativeOf) {
  const { prototype } = System;

  prototype.tune = async function () {
    const native = nativeOf(this);
    try {
      return JSON.parse(await callAsync(native.tune), revive);
    } finally {
      emitWaiting(this, native);
    }
  };

  Object.defineProperty(prototype, 'tuningHistory', {
    configurable: true,
    get() {
      return JSON.parse(call(nativeOf(this).tuningHistory), revive);
    },
  });
}

module.exports = { addTuning };
