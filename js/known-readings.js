'use strict';

/**
 * What each agent's context read as, and the name that the core gave to it: one that reads the same has the same name, and needs no
 * UTF-8 of its texts to be known.
 */

const { setImmediate: nextTurn } = require('node:timers/promises');
const { STRING, OPAQUE, ESCAPED_KEY } = require('./reading.js');
const { SLICE_MS } = require('./result.js');

/** All together take so much at most. */
const MOST_BYTES = 32 << 20;
/** Of a value: a reference to its key and, at most, to its text, its end and its kind. Of a text, besides its units. */
const VALUE_BYTES = 21;
const TEXT_BYTES = 24;
const AGENT_BYTES = 256;

/** The clock is looked at after so many values, and so many units of texts. */
const VALUES_AT_ONCE = 4096;
const UNITS_AT_ONCE = 256 << 10;

class KnownReadings {
  /** By agent, the one that was used last at the end. */
  #byAgent = new Map();
  #bytes = 0;
  #mostBytes = MOST_BYTES;

  /** The name of a context that reads as the agent's last one. Of `reading` nothing may be encoded yet. O(values), in slices. */
  async nameOf(agentId, reading) {
    const known = this.#byAgent.get(agentId);
    if (!known?.columns || known.size !== sizeOf(reading) || !(await isTheSame(reading, known.columns)))
      return undefined;
    known.isUsed = true;
    if (this.#byAgent.delete(agentId)) this.#byAgent.set(agentId, known);
    return known.name;
  }

  /**
   * Copies what is needed to know a reading again, which is encoded; nothing where it is too large, and for an agent whose last context
   * was not given again: what changes with each call would be copied for nothing.
   */
  async columnsOf(agentId, reading) {
    const last = this.#byAgent.get(agentId);
    const isWorthwhile = (!last || last.isUsed) && leastBytes(reading) <= this.#mostBytes;
    return isWorthwhile ? columnsAtRest(reading) : undefined;
  }

  /**
   * Notes the agent's context.
   * @param {object} reading its
   * @param {object | undefined} columns what `columnsOf` gave
   * @param {{ name: object, isUnchanged: boolean }} output what the core said of it
   */
  note(agentId, reading, columns, { name, isUnchanged }) {
    this.#drop(agentId);
    const bytes = AGENT_BYTES + (columns?.bytes ?? 0);
    if (bytes > this.#mostBytes) return;
    this.#byAgent.set(agentId, { size: sizeOf(reading), columns, name, bytes, isUsed: isUnchanged });
    this.#bytes += bytes;
    for (const oldest of this.#byAgent.keys()) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#drop(oldest);
    }
  }

  clear() {
    this.#byAgent.clear();
    this.#bytes = 0;
  }

  /** Nothing is kept from now on. */
  end() {
    this.clear();
    this.#mostBytes = 0;
  }

  #drop(agentId) {
    this.#bytes -= this.#byAgent.get(agentId)?.bytes ?? 0;
    this.#byAgent.delete(agentId);
  }
}

const sizeOf = ({ count, numberCount, units }) => `${count} ${numberCount} ${units}`;

const leastBytes = ({ count, numberCount, units }) => count * VALUE_BYTES + numberCount * 8 + units;

/** Says when the thread was held up for long enough; asked for each value, with the text that is looked at. */
class Slices {
  #until = performance.now() + SLICE_MS;
  #values = 0;
  #units = 0;

  isOver(units) {
    this.#units += units;
    if (++this.#values < VALUES_AT_ONCE && this.#units < UNITS_AT_ONCE) return false;
    this.#values = 0;
    this.#units = 0;
    return performance.now() >= this.#until;
  }

  async next() {
    await nextTurn();
    this.#until = performance.now() + SLICE_MS;
  }
}

/**
 * Copies of what is compared, also of the texts: a caller's text may be a piece of a much larger one, which it would hold. They are
 * made of the UTF-8, as V8 has no other way to copy a text.
 */
async function columnsAtRest({ source, columns, opaque, count, numberCount, units, textBytes }) {
  const utf8 = Buffer.from(columns.text.buffer, columns.text.byteOffset, textBytes);
  const isAscii = textBytes === units;
  const { keys } = source;
  const { kinds, lengths } = columns;
  const texts = [];
  const slices = new Slices();
  for (let at = 0, text = 0, begin = 0; at < count; at++) {
    const kind = kinds[at] & ~ESCAPED_KEY;
    if (keys[at] !== undefined) begin += lengths[text++];
    // A text that UTF-8 cannot hold is opaque too by now: nothing reads as it.
    const bytes = kind === STRING || kind === OPAQUE ? lengths[text++] : 0;
    if (kind === STRING) {
      texts.push(isAscii ? utf8.latin1Slice(begin, begin + bytes) : utf8.utf8Slice(begin, begin + bytes));
    }
    begin += bytes;
    if (slices.isOver(bytes)) await slices.next();
  }
  return {
    kinds: kinds.slice(0, count),
    ends: source.ends.slice(0, count),
    numbers: bitsOf(columns.numbers.slice(0, numberCount)),
    keys: keys.slice(0, count),
    texts,
    opaque,
    bytes: count * VALUE_BYTES + numberCount * 8 + units * (isAscii ? 1 : 2) + texts.length * TEXT_BYTES,
  };
}

/** Whether a reading has the same columns as another of its size. */
async function isTheSame({ source, columns, opaque, count, numberCount }, other) {
  if (opaque?.size !== other.opaque?.size) return false;
  if (!other.numbers.equals(bitsOf(columns.numbers.subarray(0, numberCount)))) return false;
  const { values, keys, ends } = source;
  const { kinds } = columns;
  const slices = new Slices();
  for (let at = 0, text = 0; at < count; at++) {
    const kind = kinds[at];
    if (kind !== other.kinds[at] || ends[at] !== other.ends[at] || keys[at] !== other.keys[at]) return false;
    if (kind === STRING && values[at] !== other.texts[text++]) return false;
    if (slices.isOver(kind === STRING ? values[at].length : 0)) await slices.next();
  }
  for (const [at, json] of opaque ?? []) if (other.opaque.get(at) !== json) return false;
  return true;
}

/** Compared by their bits, as the core does: -0 is not 0. */
const bitsOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

module.exports = { KnownReadings };
