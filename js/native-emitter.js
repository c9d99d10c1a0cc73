'use strict';

const { EventEmitter } = require('node:events');

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

module.exports = { NativeEmitter };
