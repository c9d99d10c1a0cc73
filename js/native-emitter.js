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

/** What stands for every name, as `src/telemetry/event.rs` has it. */
const EVERYTHING = '*';

/** Most events, and characters of their JSON, that are kept meanwhile. The oldest are given up. */
const MOST_KEPT = 1024;
const MOST_KEPT_CHARS = 16 << 20;

/** Whether `emitter` has an `emit` of somebody's own, who is to see every event: that of a subclass, a spy. */
function isWatched(emitter) {
  return emitter.emit !== EventEmitter.prototype.emit;
}

/** Whether somebody hears of an event of this name. */
function hears(emitter, name) {
  return emitter.listenerCount(name) > 0 || isWatched(emitter);
}

/** Set by the class below, which alone can see it. */
let heardNames;
let heed;
let keepAll;
let emitWaiting;

/**
 * An emitter whose events come from the native core, which sends only what somebody hears. Subclasses implement
 * `_listenersChanged()`, which tells the core `heardNames`, and `_emitWaiting()`.
 */
class NativeEmitter extends EventEmitter {
  static {
    heardNames = (emitter) => emitter.#heardNames();
    heed = (emitter) => {
      if (emitter.emit !== emitter.#toldOf) emitter._listenersChanged();
    };
    keepAll = (emitter, turns) => emitter.#keepAll(turns);
    emitWaiting = (...given) => given[0].#take(...given);
  }

  /** The `emit` that there was when the core was last told who listens. */
  #toldOf;
  /** Those who keep everything, for now. */
  #keepers = 0;
  /** What nobody heard yet: `{ names, tell, chars }`. */
  #kept = [];
  #keptChars = 0;

  _listenersChanged() {}

  _emitWaiting() {}

  #heardNames() {
    this.#toldOf = this.emit;
    if (this.#keepers > 0 || isWatched(this)) return [EVERYTHING];
    return this.eventNames().filter((name) => typeof name === 'string' && name !== EVERYTHING);
  }

  async #keepAll(turns) {
    this.#keepers++;
    this._listenersChanged();
    for (let turn = 0; turn < turns; turn++) await null;
    if (--this.#keepers > 0) return;
    this.#keptChars = 0;
    for (const { tell } of this.#kept.splice(0)) tell();
    this._emitWaiting();
    this._listenersChanged();
  }

  #take(_, native, alsoEmit = () => {}, alsoNamed = () => undefined) {
    const isKeeping = this.#keepers > 0;
    // They wait where they are.
    if (isKeeping && this.eventNames().length === 0 && !isWatched(this)) return;
    const json = native?.drainEvents();
    if (!json) return;
    // What was kept came before, and somebody may hear it by now.
    this.#tellKept();
    const batch = JSON.parse(json, revive);
    for (const [name, queued] of batch) {
      const names = [name, alsoNamed(name)];
      const tell = () => {
        const data = eventData(queued);
        emit(this, name, data);
        alsoEmit(name, data);
      };
      if (isKeeping && !this.#isHeard({ names })) this.#keep({ names, tell, chars: json.length / batch.length });
      else tell();
    }
  }

  #isHeard({ names }) {
    return names.some((name) => name !== undefined && hears(this, name));
  }

  #tellKept() {
    const kept = this.#kept.splice(0);
    this.#keptChars = 0;
    for (const event of kept) {
      if (this.#isHeard(event)) event.tell();
      else this.#keep(event);
    }
  }

  #keep(event) {
    this.#kept.push(event);
    this.#keptChars += event.chars;
    while (this.#kept.length > MOST_KEPT || (this.#keptChars > MOST_KEPT_CHARS && this.#kept.length > 1)) {
      this.#keptChars -= this.#kept.shift().chars;
    }
  }
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

module.exports = {
  NativeEmitter,
  hears,
  isWatched,
  weakly,
  /** Names of the events that somebody hears of, as the core is told them. */
  heardNames: (emitter) => heardNames(emitter),
  /** Tells the core if `emitter` has another `emit` than before. For the beginning of calls: two loads and a comparison. */
  heed: (emitter) => heed(emitter),
  /**
   * For so many turns of the queue of microtasks, what `emitter` is told waits for listeners: after one, the code that made it has
   * gone on as far as it can. Turns and no time: calls in a loop that are awaited would put off any timer.
   */
  keepAll: (emitter, turns = 1) => keepAll(emitter, turns),
  /**
   * Emits what the native side has queued for `emitter`; `alsoEmit` is told of each event afterwards, `alsoNamed` says under
   * which other name that emits it.
   */
  emitWaiting: (emitter, native, alsoEmit, alsoNamed) => emitWaiting(emitter, native, alsoEmit, alsoNamed),
};
