'use strict';

/**
 * Contexts that were read lately, and the names that the core gave to what was read: one that reads the same has the same name,
 * and needs no UTF-8 of its texts to be known.
 */

/** Of `Kind` in src/base/document.rs. */
const STRING = 4;

/** All together take so much at most; the texts are the caller's own, and counted as if they were not. */
const MOST_BYTES = 32 << 20;

class KnownReadings {
  /** By how much was read, the one that was used last at the end. Of two of a size the later one is known. */
  #bySize = new Map();
  #bytes = 0;

  /** The name of a context that reads the same, if one is known. Of `reading` nothing may be encoded yet. O(values). */
  nameOf(reading) {
    const size = sizeOf(reading);
    const known = this.#bySize.get(size);
    if (!known || !isTheSame(reading, known.columns)) return undefined;
    this.#bySize.delete(size);
    this.#bySize.set(size, known);
    return known.name;
  }

  /**
   * Takes what is needed of a reading, while its columns are there.
   * @returns {(name: object) => void} keeps it under a name
   */
  noted(reading) {
    const size = sizeOf(reading);
    const bytes = bytesOf(reading);
    if (bytes > MOST_BYTES) return () => {};
    const columns = columnsAtRest(reading);
    return (name) => {
      this.#drop(size);
      this.#bySize.set(size, { name, columns, bytes });
      this.#bytes += bytes;
      for (const oldest of this.#bySize.keys()) {
        if (this.#bytes <= MOST_BYTES) break;
        this.#drop(oldest);
      }
    };
  }

  clear() {
    this.#bySize.clear();
    this.#bytes = 0;
  }

  #drop(size) {
    this.#bytes -= this.#bySize.get(size)?.bytes ?? 0;
    this.#bySize.delete(size);
  }
}

const sizeOf = ({ count, numberCount, units }) => `${count} ${numberCount} ${units}`;

/** Two arrays of references, ends and kinds of every value; numbers; texts with two bytes a unit. */
const bytesOf = ({ count, numberCount, units }) => count * 21 + numberCount * 8 + units * 2;

/** Copies of what is used again. Of the caller's values they hold the texts alone, and no object. */
function columnsAtRest({ source, columns, opaque, count, numberCount }) {
  const kinds = columns.kinds.slice(0, count);
  const texts = source.values.slice(0, count);
  for (let at = 0; at < count; at++) if (kinds[at] !== STRING) texts[at] = undefined;
  return {
    kinds,
    ends: source.ends.slice(0, count),
    numbers: bitsOf(columns.numbers.slice(0, numberCount)),
    texts,
    keys: source.keys.slice(0, count),
    opaque,
  };
}

/** Whether a reading has the same columns as another of its size. What has a text that UTF-8 cannot hold is never the same. */
function isTheSame({ source, columns, opaque, count, numberCount }, other) {
  if (opaque?.size !== other.opaque?.size) return false;
  if (!other.numbers.equals(bitsOf(columns.numbers.subarray(0, numberCount)))) return false;
  const { values, keys, ends } = source;
  const { kinds } = columns;
  for (let at = 0; at < count; at++) {
    const kind = kinds[at];
    if (kind !== other.kinds[at] || ends[at] !== other.ends[at] || keys[at] !== other.keys[at]) return false;
    if (kind === STRING && values[at] !== other.texts[at]) return false;
  }
  for (const [at, json] of opaque ?? []) if (other.opaque.get(at) !== json) return false;
  return true;
}

/** Compared by their bits, as the core does: -0 is not 0. */
const bitsOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

module.exports = { KnownReadings };
