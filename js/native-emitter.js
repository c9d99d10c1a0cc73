'use strict';

const { EventEmitter } = require('node:events');
const { emit } = require('./emit.js');
const { revive, eventData } = require('./revive.js');

/** Listener methods that add or remove; the native side is told after each which events have listeners. */
const CHANGING = [
  'addListener',
  'on',
  'once',
  'prependListener',
  'prependOnceListener',
  'off',
  'removeListener',
  'removeAllListeners',
];

/**
 * An emitter whose events come from the native core, which sends only what somebody listens to. Subclasses implement
 * `_listenersChanged()`.
 */
class NativeEmitter extends EventEmitter {
  _listenersChanged() {}
}

for (const name of CHANGING) {
  const original = EventEmitter.prototype[name];
  Object.defineProperty(NativeEmitter.prototype, name, {
    value(...args) {
      const result = original.apply(this, args);
      this._listenersChanged();
      return result;
    },
    writable: true,
    configurable: true,
  });
}

/** Emits what the native side has queued for `emitter`; `alsoEmit` is told of each event afterwards. */
function emitWaiting(emitter, native, alsoEmit = () => {}) {
  const json = native?.drainEvents();
  if (!json) return;
  for (const [name, queued] of JSON.parse(json, revive)) {
    const data = eventData(queued);
    emit(emitter, name, data);
    alsoEmit(name, data);
  }
}

/** Names of the events that somebody listens to, as the core knows them. */
function heardNames(emitter) {
  return emitter.eventNames().filter((name) => typeof name === 'string');
}

/**
 * A function that calls `work` with `object` as long as that is in use, for those who keep the function longer: the core,
 * a timer, which it ends. `work` must not be made where `object` is in scope: functions of one scope keep what any of them
 * uses.
 */
function weakly(object, work) {
  const self = new WeakRef(object);
  return function callIfAlive() {
    const found = self.deref();
    if (found) work(found);
    else clearInterval(this);
  };
}

module.exports = { NativeEmitter, emitWaiting, heardNames, weakly };
