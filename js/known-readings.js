'use strict';

/**
 * What each agent's context read as, and the name that the core gave to it: one that reads the same has the same name, and needs no
 * UTF-8 of its texts to be known.
 */

const { setImmediate: nextTurn } = require('node:timers/promises');

/** Of `Kind` in src/base/document.rs. */
const STRING = 4;
const OPAQUE = 7;

/** All together take so much at most. */
const MOST_BYTES = 32 << 20;
/** Of a value: two references, its end and its kind. Of a text besides: a piece of the one string that holds all of them. */
const VALUE_BYTES = 21;
const TEXT_BYTES = 32;
const AGENT_BYTES = 256;

/** The clock is looked at after so many values. */
const VALUES_AT_ONCE = 4096;
/** How long the thread is held up at a time, ms. */
const SLICE_MS = 4;

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

/** Lets others have the thread from time to time: a function to call for each value, which says whether it is time. */
function slices() {
  let until = performance.now() + SLICE_MS;
  return {
    isOver: (at) => at % VALUES_AT_ONCE === 0 && performance.now() >= until,
    async next() {
      await nextTurn();
      until = performance.now() + SLICE_MS;
    },
  };
}

/**
 * Copies of what is compared. The texts are pieces of one string of their own: a caller's text may be a piece of a much larger one,
 * which it would hold. Nothing if UTF-8 cannot hold one of them.
 */
async function columnsAtRest({ source, columns, opaque, count, numberCount, units, textBytes }) {
  const utf8 = Buffer.from(columns.text.buffer, columns.text.byteOffset, textBytes);
  const isAscii = textBytes === units;
  const all = isAscii ? utf8.latin1Slice() : utf8.utf8Slice();
  if (all.length !== units) return undefined;
  const { values, keys } = source;
  const { kinds } = columns;
  const texts = [];
  const slice = slices();
  for (let at = 0, begin = 0; at < count; at++) {
    if (slice.isOver(at)) await slice.next();
    begin += keys[at]?.length ?? 0;
    if (kinds[at] === STRING) {
      const end = begin + values[at].length;
      texts.push(all.slice(begin, end));
      begin = end;
    } else if (kinds[at] === OPAQUE) begin += opaque.get(at).length;
  }
  return {
    kinds: kinds.slice(0, count),
    ends: source.ends.slice(0, count),
    numbers: bitsOf(columns.numbers.slice(0, numberCount)),
    keys: keys.slice(0, count),
    texts,
    opaque,
    bytes: count * VALUE_BYTES + numberCount * 8 + all.length * (isAscii ? 1 : 2) + texts.length * TEXT_BYTES,
  };
}

/** Whether a reading has the same columns as another of its size. */
async function isTheSame({ source, columns, opaque, count, numberCount }, other) {
  if (opaque?.size !== other.opaque?.size) return false;
  if (!other.numbers.equals(bitsOf(columns.numbers.subarray(0, numberCount)))) return false;
  const { values, keys, ends } = source;
  const { kinds } = columns;
  const slice = slices();
  for (let at = 0, text = 0; at < count; at++) {
    if (slice.isOver(at)) await slice.next();
    const kind = kinds[at];
    if (kind !== other.kinds[at] || ends[at] !== other.ends[at] || keys[at] !== other.keys[at]) return false;
    if (kind === STRING && values[at] !== other.texts[text++]) return false;
  }
  for (const [at, json] of opaque ?? []) if (other.opaque.get(at) !== json) return false;
  return true;
}

/** Compared by their bits, as the core does: -0 is not 0. */
const bitsOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

module.exports = { KnownReadings };
