'use strict';

/**
 * Makes a class of emitters tell those who listen to `event` after it was emitted all the same: nobody must wait for what has
 * happened. `hasHappened(emitter)` says whether it has.
 */
function tellLateListeners(Class, event, hasHappened) {
  const { prototype } = Class;
  for (const [method, isOnce] of [
    ['on', false],
    ['addListener', false],
    ['prependListener', false],
    ['once', true],
    ['prependOnceListener', true],
  ]) {
    const add = prototype[method];
    prototype[method] = function (name, listener) {
      add.call(this, name, listener);
      if (name === event && hasHappened(this)) {
        process.nextTick(() => {
          if (!this.listeners(name).includes(listener)) return;
          if (isOnce) this.removeListener(name, listener);
          listener.call(this);
        });
      }
      return this;
    };
  }
}

module.exports = { tellLateListeners };
