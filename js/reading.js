'use strict';

/**
 * A context on its way to the native core: columns (see `src/base/document.rs`).
 *
 * Reading has two steps. `capture` walks the caller's value once and notes what can change: which values there are, and where.
 * `encode` makes UTF-8 of the texts that were met; texts never change, so it may be done later, and a part at a time.
 */

const { AgentwiseError, messageOf } = require('./errors.js');

// Kinds of values; the numbers are those of `Kind` in src/base/document.rs.
const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const NUMBER = 3;
const STRING = 4;
const ARRAY = 5;
const OBJECT = 6;
const OPAQUE = 7;
const OMITTED = 8;
const ESCAPED_KEY = 0x80;

/** Deeper contexts are refused: `JSON.stringify` overflows the stack a few thousand levels down. */
const MAX_DEPTH = 1000;
/** Larger contexts are refused: a sparse array of a billion holes must not take the process with it. */
const MAX_VALUES = 1 << 24;
/** Cycles are looked for from so many levels on, and after so many values: in most contexts that is seldom, and in a cycle soon. */
const CYCLE_LEVELS = 12;
const CYCLE_VALUES = 8192;
/** Arrays and columns are kept for the next call up to this many bytes each. */
const KEPT_BYTES = 8 << 20;
/** So many sources and sets of columns are kept: fresh ones of a large context cost more than the walk. */
const KEPT_SOURCES = 4;
const KEPT_COLUMNS = 2;
/** Texts of so many values, and of so many UTF-16 units, are encoded together: a call of the encoder costs as much as 100 bytes. */
const TOGETHER = 1024;
const JOINED_UNITS = 8 << 10;
/** Longer texts are encoded by themselves. */
const LARGE_UNITS = 1024;

const encoder = new TextEncoder();
const { getPrototypeOf, hasOwn } = Object;
const plainPrototype = Object.prototype;

const freeSources = [];
const freeColumns = [];

const newSource = () => ({ values: [], keys: [], ends: new Uint32Array(1024), count: 0, isOpaque: false });

const newColumns = () => ({
  kinds: new Uint8Array(1024),
  lengths: new Uint32Array(2048),
  numbers: new Float64Array(1024),
  text: new Uint8Array(1 << 16),
});

// The walk under way: its columns, what it met, and where it is. On every level `itemAt` holds the value under way: its
// place in an array, else its index among all values; `pathNow` makes a path of it for messages.
let kinds;
let ends;
let numbers;
let values;
let keys;
let opaque;
let count = 0;
let numberCount = 0;
let units = 0;
let depth = 0;
let nextLook = 0;
let isWalking = false;
let itemAt = new Int32Array(MAX_DEPTH);
let ancestors = [];

/** Whether somebody put an enumerable property on `Object.prototype`; found out before each walk. */
let isPolluted = false;

function pathNow() {
  const segments = [];
  for (let level = 0; level < depth; level++) {
    segments.push(Array.isArray(ancestors[level]) ? itemAt[level] : keys[itemAt[level]]);
  }
  return segments;
}

function refuse(reason, cause) {
  const where = pathNow().join('.') || 'its root';
  return new AgentwiseError('E_CONTEXT_INVALID', `context refused at ${where}: ${reason}`, { cause });
}

function grown(column, needed) {
  const larger = new column.constructor(Math.max(column.length * 2, needed));
  larger.set(column);
  return larger;
}

/** Whether an object with such a prototype is a plain one of any realm; everything with a prototype of its own is opaque. */
function isPlain(prototype) {
  return prototype === plainPrototype || prototype === null || getPrototypeOf(prototype) === null;
}

function visit(value) {
  const index = count++;
  if (index === kinds.length) {
    if (count > MAX_VALUES) throw refuse(`more than ${MAX_VALUES} values`);
    kinds = grown(kinds, 0);
  }
  if (index === ends.length) ends = grown(ends, 0);
  values[index] = value;
  let kind = OMITTED;
  switch (typeof value) {
    case 'string':
      units += value.length;
      kind = STRING;
      break;
    case 'number':
      kind = NUMBER;
      if (numberCount === numbers.length) numbers = grown(numbers, 0);
      numbers[numberCount++] = value;
      break;
    case 'boolean':
      kind = value ? TRUE : FALSE;
      break;
    case 'object':
      kind = value === null ? NULL : visitObject(value, index);
      break;
    case 'bigint':
      throw refuse('BigInt is not JSON; pass a number or a string');
  }
  kinds[index] = kind;
  ends[index] = count;
}

function visitObject(value, index) {
  const isArray = Array.isArray(value);
  const prototype = isArray ? null : getPrototypeOf(value);
  if (typeof value.toJSON === 'function' || !(isArray || isPlain(prototype)))
    return visitOpaque(value, index, depth > 0 ? String(pathNow().at(-1)) : '');
  if (depth >= CYCLE_LEVELS || count >= nextLook) refuseCycle(value);
  if (depth === MAX_DEPTH) throw refuse(`nested deeper than ${MAX_DEPTH} levels`);
  const level = depth++;
  ancestors[level] = value;
  if (isArray) {
    for (let item = 0; item < value.length; item++) {
      itemAt[level] = item;
      visit(value[item]);
    }
  } else {
    // `for in` needs no array of keys: with one for each object, half the time would go into collecting them.
    const mayInherit = isPolluted || prototype !== plainPrototype;
    for (const key in value) {
      if (mayInherit && !hasOwn(value, key)) continue;
      itemAt[level] = count;
      keys[count] = key;
      units += key.length;
      visit(value[key]);
    }
  }
  depth = level;
  return isArray ? ARRAY : OBJECT;
}

/** Refuses what contains itself, where it does so first. */
function refuseCycle(value) {
  ancestors[depth] = value;
  // What is nested deeper was looked at each time.
  const from = count >= nextLook ? 1 : depth;
  nextLook = count + CYCLE_VALUES;
  for (let level = from; level <= depth; level++) {
    const first = ancestors.indexOf(ancestors[level]);
    if (first === level) continue;
    depth = ancestors.findIndex((ancestor, at) => ancestors.indexOf(ancestor) < at);
    throw refuse('the value contains itself');
  }
}

/** What only JavaScript can write: its JSON is its text, and it is kept or dropped as a whole. */
function visitOpaque(value, index, key) {
  // `toJSON` is told its key, as `JSON.stringify` of the whole would.
  const json = JSON.stringify(typeof value.toJSON === 'function' ? value.toJSON(key) : value);
  if (json === undefined) return OMITTED;
  opaque ??= new Map();
  opaque.set(index, json);
  units += json.length;
  return OPAQUE;
}

/** Captures a context while another is being walked: a getter or `toJSON` of that one does it. */
function captureWithin(context) {
  const arrays = [kinds, ends, numbers, values, keys, opaque, itemAt, ancestors];
  const numbersNow = [count, numberCount, units, depth, nextLook];
  itemAt = new Int32Array(MAX_DEPTH);
  ancestors = [];
  isWalking = false;
  try {
    return capture(context);
  } finally {
    isWalking = true;
    [kinds, ends, numbers, values, keys, opaque, itemAt, ancestors] = arrays;
    [count, numberCount, units, depth, nextLook] = numbersNow;
  }
}

/**
 * Walks `context`. The caller may change it afterwards.
 *
 * @returns a reading for `encode`, to be ended by `release(reading.source)` and, once its columns were copied, by
 * `giveBack(reading)`
 * @throws {AgentwiseError} `E_CONTEXT_INVALID` with the path of what JSON cannot hold: BigInt, cycles, getters that
 * throw, more than 1,000 levels, more than 2^24 values, or a root without JSON (`undefined`, functions).
 */
function capture(context) {
  if (isWalking) return captureWithin(context);
  isWalking = true;
  count = numberCount = units = depth = 0;
  nextLook = CYCLE_VALUES;
  isPolluted = false;
  for (const _ in Object.prototype) isPolluted = true;
  const source = freeSources.pop() ?? newSource();
  const columns = freeColumns.pop() ?? newColumns();
  ({ values, keys, ends } = source);
  ({ kinds, numbers } = columns);
  opaque = undefined;
  const reading = { source, columns, opaque, count: 0, numberCount: 0, units: 0, next: 0, textCount: 0, textBytes: 0 };
  try {
    visit(context);
    if (kinds[0] === OMITTED) throw refuse(`${typeof context} is not JSON`);
    Object.assign(source, { ends, count });
    source.isOpaque = kinds[0] === OPAQUE && typeof context === 'object';
    Object.assign(reading, { opaque, count, numberCount, units });
    return reading;
  } catch (error) {
    const refused = error instanceof AgentwiseError ? error : refuse(`reading it failed (${messageOf(error)})`, error);
    Object.assign(source, { ends, count });
    release(source);
    Object.assign(columns, { kinds, numbers });
    giveBack(reading);
    throw refused;
  } finally {
    if (reading.columns) Object.assign(columns, { kinds, numbers });
    ancestors.length = 0;
    // They belong to the reading now: what is large must not be held here until the next walk.
    kinds = ends = numbers = values = keys = opaque = undefined;
    isWalking = false;
  }
}

/** Gives the columns back; they were copied. */
function giveBack(reading) {
  const { columns } = reading;
  reading.columns = undefined;
  if (!columns || freeColumns.length >= KEPT_COLUMNS) return;
  if (Object.values(columns).every((column) => column.byteLength <= KEPT_BYTES)) freeColumns.push(columns);
}

/** Gives a source back. It lets go of the caller's values. */
function release(source) {
  source.values.fill(undefined, 0, source.count);
  // A getter that threw left its key behind the last value.
  source.keys.fill(undefined, 0, source.count + 1);
  if (freeSources.length < KEPT_SOURCES && source.values.length * 8 <= KEPT_BYTES) freeSources.push(source);
}

/**
 * Encodes texts that were met, until all are or the time is over; looks at the clock from time to time.
 * @param {number} until as `performance.now()` tells it
 * @returns whether all are encoded
 */
function encode(reading, until = Number.POSITIVE_INFINITY) {
  while (reading.next < reading.count) {
    encodeSome(reading);
    if (until !== Number.POSITIVE_INFINITY && performance.now() >= until) break;
  }
  return reading.next >= reading.count;
}

/**
 * Encodes the texts of some values. Short ones are put together first, and if that comes out with as many bytes as UTF-16 units,
 * all is ASCII and the length of each is known.
 */
function encodeSome(reading) {
  const { source, columns, count: all } = reading;
  const { values: found, keys: names } = source;
  const begin = reading.next;
  if (columns.lengths.length < reading.textCount + 2 * TOGETHER) columns.lengths = grown(columns.lengths, 2 * TOGETHER);
  const { lengths, kinds: of } = columns;
  const end = Math.min(all, begin + TOGETHER);
  let joined = '';
  let at = begin;
  let texts = reading.textCount;
  for (; at < end && joined.length < JOINED_UNITS; at++) {
    const kind = of[at];
    const text = kind === STRING ? found[at] : kind === OPAQUE ? reading.opaque.get(at) : '';
    // A large one would be copied for nothing.
    if (text.length > LARGE_UNITS) break;
    const key = names[at];
    if (key !== undefined) {
      joined += key;
      lengths[texts++] = key.length;
    }
    if (kind !== STRING && kind !== OPAQUE) continue;
    joined += text;
    lengths[texts++] = text.length;
  }
  if (at > begin) {
    ensureRoom(reading, joined.length);
    const { written } = encoder.encodeInto(joined, columns.text.subarray(reading.textBytes));
    if (written === joined.length) {
      reading.textBytes += written;
      reading.textCount = texts;
    } else for (let value = begin; value < at; value++) encodeAlone(reading, value);
  } else encodeAlone(reading, at++);
  reading.next = at;
}

function ensureRoom(reading, size) {
  const { columns, textBytes } = reading;
  if (columns.text.length - textBytes < size * 3) columns.text = grown(columns.text, textBytes + size * 3);
}

/** Encodes the key and the text of one value. */
function encodeAlone(reading, value) {
  const { source, columns, opaque: opaqueTexts } = reading;
  const key = source.keys[value];
  const kind = columns.kinds[value];
  // Given as it stands between the quotes in JSON, so that different keys stay different.
  if (key !== undefined && !put(reading, key, (json) => json.slice(1, -1))) columns.kinds[value] |= ESCAPED_KEY;
  if (kind !== STRING && kind !== OPAQUE) return;
  const isText = put(reading, kind === STRING ? source.values[value] : opaqueTexts.get(value), (json) => json);
  if (!isText) columns.kinds[value] = OPAQUE | (columns.kinds[value] & ESCAPED_KEY);
}

/** Appends a text; one with a lone surrogate, which UTF-8 cannot hold, as `escaped` makes it of its JSON. Whether it is itself. */
function put(reading, text, escaped) {
  const isWellFormed = text.isWellFormed();
  const said = isWellFormed ? text : escaped(JSON.stringify(text));
  ensureRoom(reading, said.length);
  const { written } = encoder.encodeInto(said, reading.columns.text.subarray(reading.textBytes));
  reading.columns.lengths[reading.textCount++] = written;
  reading.textBytes += written;
  return isWellFormed;
}

/** The columns of a reading that is encoded; views that hold until it is given back. */
function columnsOf({ source, columns, count: values, numberCount: numbersRead, textCount, textBytes }) {
  return {
    kinds: columns.kinds.subarray(0, values),
    ends: source.ends.subarray(0, values),
    lengths: columns.lengths.subarray(0, textCount),
    numbers: columns.numbers.subarray(0, numbersRead),
    text: columns.text.subarray(0, textBytes),
  };
}

/**
 * Reads `context` at once, hands the columns to `use` (which must copy them before it returns) and gives back what `use`
 * returned together with what `assemble` needs. Throws as `capture` does.
 */
function read(context, use) {
  const reading = capture(context);
  try {
    encode(reading);
    return { source: reading.source, result: use(columnsOf(reading)) };
  } catch (error) {
    release(reading.source);
    throw error;
  } finally {
    giveBack(reading);
  }
}

/** The columns of a context that has to wait: those that `read` hands out are reused. */
function copyColumns({ kinds: k, ends: e, lengths: l, numbers: n, text: t }) {
  return { kinds: k.slice(), ends: e.slice(), lengths: l.slice(), numbers: n.slice(), text: t.slice() };
}

/** The columns as the core takes them. */
function inOrder({ kinds: k, ends: e, lengths: l, numbers: n, text: t }) {
  return [k, e, l, n, t];
}

module.exports = {
  STRING,
  OPAQUE,
  ESCAPED_KEY,
  capture,
  encode,
  columnsOf,
  giveBack,
  read,
  release,
  copyColumns,
  inOrder,
};
