/**
 * Hits of the best possible cache of a number of entries (Belady 1966): of what is cached and what was just asked for,
 * the one whose next request is furthest away is let go. No cache that holds so many entries has more hits.
 */

const WORD = 32;

/** Numbers from 0 to `limit` - 1, of which the largest is found in a few steps. */
class LargestOf {
  /** @type {Uint32Array[]} each level says which words of the one before are not empty */
  #levels = [];

  constructor(limit) {
    let size = limit;
    do {
      size = Math.ceil(size / WORD);
      this.#levels.push(new Uint32Array(size));
    } while (size > 1);
  }

  has(number) {
    return ((this.#levels[0][number >>> 5] >>> (number & 31)) & 1) === 1;
  }

  add(number) {
    let at = number;
    for (const level of this.#levels) {
      level[at >>> 5] |= 1 << (at & 31);
      at >>>= 5;
    }
  }

  delete(number) {
    let at = number;
    for (const level of this.#levels) {
      level[at >>> 5] &= ~(1 << (at & 31));
      if (level[at >>> 5] !== 0) return;
      at >>>= 5;
    }
  }

  largest() {
    let at = 0;
    for (let depth = this.#levels.length - 1; depth >= 0; depth--) {
      at = at * WORD + 31 - Math.clz32(this.#levels[depth][at]);
    }
    return at;
  }
}

/** For each request the place of the next one that it may serve; the length of the trace if there is none. */
function nextRequests({ ids, keys, drops }) {
  const next = new Int32Array(ids.length);
  const seen = new Int32Array(keys.length).fill(ids.length);
  for (let at = ids.length - 1; at >= 0; at--) {
    next[at] = seen[ids[at]];
    seen[ids[at]] = at;
    for (const id of drops.get(at) ?? []) seen[id] = ids.length;
  }
  return next;
}

/** @returns {(entries: number) => number} hits for a number of entries */
export function optimumOf(trace) {
  const next = nextRequests(trace);
  const { length } = next;
  return (entries) => {
    // What is cached is known by the place of its next request.
    const cached = new LargestOf(Math.max(1, length));
    let size = 0;
    let hits = 0;
    for (let at = 0; at < length; at++) {
      if (cached.has(at)) {
        hits++;
        cached.delete(at);
        size--;
      }
      // What is never asked for again needs no place.
      if (next[at] === length) continue;
      cached.add(next[at]);
      size++;
      if (size > entries) {
        cached.delete(cached.largest());
        size--;
      }
    }
    return hits;
  };
}
