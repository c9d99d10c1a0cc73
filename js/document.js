'use strict';

/**
 * A context on its way back from the native core: what is kept of it, out of the values that were read (`reading.js`).
 *
 * Nothing is parsed or cloned, the caller's object is never changed, and keys are never taken apart: `"index.ts"` and
 * `"__proto__"` are just keys.
 */

const reading = require('./reading.js');

// Fates of values; the numbers are those of `Fate` in src/base/json.rs.
const DROPPED = 0;
const WHOLE = 1;
const CUT = 3;

/** Sets an own property whatever its name: `__proto__` must not reach the setter. */
function setOwn(target, key, value) {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else target[key] = value;
}

/** The root with its own entries as they were read; scalar and opaque roots as they are. */
function copyOfRoot({ values, keys, ends, count, isOpaque }) {
  const root = values[0];
  if (isOpaque || root === null || typeof root !== 'object') return root;
  const copy = Array.isArray(root) ? [] : {};
  for (let child = 1; child < count; child = ends[child]) {
    if (Array.isArray(copy)) copy.push(values[child]);
    else setOwn(copy, keys[child], values[child]);
  }
  return copy;
}

/**
 * What is kept of the context: containers kept whole are the caller's own, those kept in part are new.
 * @param {Map<number, (string | [number, number])[]>} texts pieces of the strings that stay in part
 * @returns {{ filtered: unknown, removed: string[], places: { values: number[], paths: string[] } }} with the dotted paths
 * of what was left out, and places of that and of strings that stay in part, in order
 */
function assemble(source, fates, texts) {
  const removed = [];
  // A map would cost a good part of all this where thousands of values are left out.
  const places = { values: [], paths: [] };
  const addPlace = (value, path) => {
    places.values.push(value);
    places.paths.push(path);
    return path;
  };
  const { values, keys, ends } = source;
  const build = (index, prefix) => {
    const isArray = Array.isArray(values[index]);
    const kept = isArray ? [] : {};
    let position = 0;
    for (let child = index + 1; child < ends[index]; child = ends[child]) {
      const name = isArray ? position++ : keys[child];
      const path = pathOf(prefix, name);
      const fate = fates[child];
      if (fate === DROPPED) {
        removed.push(addPlace(child, path));
        continue;
      }
      let value = values[child];
      if (fate === CUT) {
        addPlace(child, path);
        value = cutText(value, texts.get(child));
      } else if (fate !== WHOLE) value = build(child, `${path}.`);
      if (isArray) kept.push(value);
      else setOwn(kept, name, value);
    }
    return kept;
  };
  return { filtered: !fates || fates[0] === WHOLE ? copyOfRoot(source) : build(0, ''), removed, places };
}

/** Longer names are shown by their end, and longer paths begin anew (`src/context/paths.rs` has the same bounds). */
const MAX_NAME = 256;
const MAX_PATH = 4096;

function pathOf(above, name) {
  const shown = typeof name === 'string' && name.length > MAX_NAME ? `…${name.slice(-MAX_NAME)}` : name;
  return (above.length > MAX_PATH ? '….' : above) + shown;
}

/** What is left of a string: pieces of it, and lines for what is missing. */
function cutText(text, pieces) {
  let left = '';
  for (const piece of pieces) left += typeof piece === 'string' ? piece : text.slice(piece[0], piece[1]);
  return left;
}

/** So many values are looked at between two looks at the clock. */
const VALUES_A_LOOK = 512;

/**
 * Builds what is kept of values, a part at a time: a context of many values must not hold up the thread.
 *
 * Containers kept whole are the caller's own, those kept in part are new.
 */
class Building {
  #source;
  #fates;
  #texts;
  /** What was built, by index. */
  built = new Map();
  #left;
  /** Containers that are being built, innermost last: index, next child, what there is of it. */
  #open = [];

  /**
   * @param {Uint8Array | undefined} fates
   * @param {Map<number, (string | [number, number])[]>} texts pieces of the strings that stay in part
   * @param {number[]} wanted values to build
   */
  constructor(source, fates, texts, wanted) {
    this.#source = source;
    this.#fates = fates;
    this.#texts = texts;
    this.#left = wanted.slice().reverse();
  }

  /** Goes on until all is built or the time is over; whether all is. */
  run(until = Number.POSITIVE_INFINITY) {
    for (;;) {
      for (let looked = 0; looked < VALUES_A_LOOK; looked++) {
        if (this.#open.length > 0) this.#step(this.#open.at(-1));
        else if (this.#left.length > 0) this.#begin(this.#left.pop());
        else return true;
      }
      if (until !== Number.POSITIVE_INFINITY && performance.now() >= until) return false;
    }
  }

  #begin(index) {
    const value = this.#valueOf(index);
    this.built.set(index, value === undefined && this.#isPart(index) ? this.#enter(index) : value);
  }

  #isPart(index) {
    const fate = this.#fates ? this.#fates[index] : WHOLE;
    return fate !== WHOLE && fate !== CUT && fate !== DROPPED;
  }

  /** A value that needs no building; of the root of a context kept whole, a copy. */
  #valueOf(index) {
    const fate = this.#fates ? this.#fates[index] : WHOLE;
    if (fate === CUT) return cutText(this.#source.values[index], this.#texts.get(index));
    if (fate !== WHOLE) return undefined;
    return index === 0 ? copyOfRoot(this.#source) : this.#source.values[index];
  }

  #enter(index) {
    const isArray = Array.isArray(this.#source.values[index]);
    const kept = isArray ? [] : {};
    this.#open.push({ kept, isArray, child: index + 1, end: this.#source.ends[index] });
    return kept;
  }

  #step(frame) {
    const { child, kept } = frame;
    if (child >= frame.end) {
      this.#open.pop();
      return;
    }
    frame.child = this.#source.ends[child];
    const fate = this.#fates[child];
    if (fate === DROPPED) return;
    let value;
    if (fate === WHOLE) value = this.#source.values[child];
    else if (fate === CUT) value = cutText(this.#source.values[child], this.#texts.get(child));
    else value = this.#enter(child);
    if (frame.isArray) kept.push(value);
    else setOwn(kept, this.#source.keys[child], value);
  }
}

module.exports = { ...reading, assemble, Building, setOwn };
