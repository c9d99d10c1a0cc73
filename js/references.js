'use strict';

const { call } = require('./errors.js');

/** All that live in this thread. */
const all = new Set();
/** Size of it at which those that are gone are looked for. */
let sweepFrom = 64;
/** Until when no value is kept, as memory is short; on the clock of `performance.now()`. */
let droppingUntil = 0;
/** Whoever sees that memory is short says so at least this often, ms. */
const DROPPING_MS = 2000;

function sweepAll() {
  for (const weak of all) if (!weak.deref()) all.delete(weak);
  sweepFrom = Math.max(64, all.size * 2);
}

/** Lets go of all values that were made of their text; none is kept as long as this is called. */
function dropDecoded() {
  droppingUntil = performance.now() + DROPPING_MS;
  for (const weak of all) {
    const references = weak.deref();
    if (references) references.clear();
    else all.delete(weak);
  }
}

/**
 * Values that were made of their text before, for `valueMode: 'reference'`: the same object for all readers of this thread.
 * Each belongs to one entry of L1 and is used only while the core says that the entry is current.
 */
class References {
  /** By key: `{ value, slot, seq }`. */
  #kept = new Map();
  #touch;
  #isLive;
  /** Size at which those of gone entries are looked for. */
  #limit = 1024;

  constructor(native) {
    this.#touch = native.touch;
    this.#isLive = native.isLive;
    if (all.size >= sweepFrom) sweepAll();
    all.add(new WeakRef(this));
  }

  clear() {
    this.#kept.clear();
    this.#limit = 1024;
  }

  /** What is kept of a key, if its entry is current: counts as a use of it. */
  find(key) {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (this.#touch.call(undefined, kept.slot, kept.seq)) return kept;
    this.#kept.delete(key);
    return undefined;
  }

  /** Keeps the value of an entry whose place is known. */
  keep(key, value, place) {
    if (droppingUntil > 0 && performance.now() < droppingUntil) return;
    this.#kept.set(key, { value, slot: place[0], seq: place[1] });
    if (this.#kept.size > this.#limit) this.#sweep();
  }

  /** Lets go of the values whose entries are gone. O(values), each time their number has doubled. */
  #sweep() {
    for (const [key, { slot, seq }] of this.#kept) {
      if (!call(this.#isLive, slot, seq)) this.#kept.delete(key);
    }
    this.#limit = Math.max(1024, this.#kept.size * 2);
  }
}

module.exports = { References, dropDecoded };
