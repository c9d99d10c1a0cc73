'use strict';

/**
 * A context on its way to the native core and back.
 *
 * `read` walks the caller's value once into columns (see `src/base/document.rs`); `assemble` builds what is kept out of
 * the values that were read. Nothing is parsed or cloned, the caller's object is never changed, and keys are never taken
 * apart: `"index.ts"` and `"__proto__"` are just keys.
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

// Fates of values; the numbers are those of `Fate` in src/base/json.rs.
const DROPPED = 0;
const WHOLE = 1;
const CUT = 3;

/** Deeper contexts are refused: `JSON.stringify` overflows the stack a few thousand levels down. */
const MAX_DEPTH = 1000;
/** Larger contexts are refused: a sparse array of a billion holes must not take the process with it. */
const MAX_VALUES = 1 << 24;
/** Texts up to this length are written here if they are ASCII: a call of the encoder costs about as much as this. */
const SHORT_TEXT = 160;
/** Columns and buffer are kept for the next call up to this many bytes each. */
const KEPT_BYTES = 8 << 20;
/** So many sources are kept for the next calls: fresh arrays of a large context cost more in collections than the walk. */
const KEPT_SOURCES = 4;

const encoder = new TextEncoder();
const { getPrototypeOf, hasOwn } = Object;

// The columns, reused by every call: reading is synchronous and the native side copies them.
let kinds = new Uint8Array(1024);
let ends = new Uint32Array(1024);
let lengths = new Uint32Array(2048);
let numbers = new Float64Array(1024);
let text = new Uint8Array(1 << 16);

// Where the walk is. On every level `itemAt` holds the value under way: its place in an array, else its index among all
// values; `pathNow` makes a path of it for messages.
let count = 0;
let textCount = 0;
let textBytes = 0;
let numberCount = 0;
let depth = 0;
let keyFlag = 0;
let isReading = false;
let values = [];
let keys = [];
let itemAt = new Int32Array(MAX_DEPTH);
let ancestors = [];

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

/** Appends a text as UTF-8. Returns false, having written nothing, if it has a lone surrogate: UTF-8 cannot hold it. */
function addText(string) {
  const size = string.length;
  if (text.length - textBytes < size * 3) text = grown(text, textBytes + size * 3);
  let at = textBytes;
  const out = text;
  if (size <= SHORT_TEXT) {
    for (let index = 0; index < size; index++) {
      const unit = string.charCodeAt(index);
      if (unit > 127) {
        at = -1;
        break;
      }
      out[at++] = unit;
    }
  } else at = -1;
  if (at < 0) {
    if (!string.isWellFormed()) return false;
    at = textBytes + encoder.encodeInto(string, text.subarray(textBytes)).written;
  }
  if (textCount === lengths.length) lengths = grown(lengths, 0);
  lengths[textCount++] = at - textBytes;
  textBytes = at;
  return true;
}

/** Whether somebody put an enumerable property on `Object.prototype`; found out before each walk. */
let isPolluted = false;

/** Plain objects of any realm; everything with a prototype of its own is opaque. */
function isPlain(value) {
  const prototype = getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || getPrototypeOf(prototype) === null;
}

function visit(value) {
  const index = count++;
  if (index === kinds.length) {
    if (count > MAX_VALUES) throw refuse(`more than ${MAX_VALUES} values`);
    kinds = grown(kinds, 0);
    ends = grown(ends, 0);
  }
  const flag = keyFlag;
  keyFlag = 0;
  values[index] = value;
  let kind = OMITTED;
  switch (typeof value) {
    case 'string':
      if (addText(value)) kind = STRING;
      else kind = visitOpaque(value, '');
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
      kind = value === null ? NULL : visitObject(value);
      break;
    case 'bigint':
      throw refuse('BigInt is not JSON; pass a number or a string');
  }
  kinds[index] = kind | flag;
  ends[index] = count;
}

function visitObject(value) {
  const isArray = Array.isArray(value);
  if (typeof value.toJSON === 'function' || !(isArray || isPlain(value)))
    return visitOpaque(value, depth > 0 ? String(pathNow().at(-1)) : '');
  for (let level = 0; level < depth; level++) {
    if (ancestors[level] === value) throw refuse('the value contains itself');
  }
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
    const mayInherit = isPolluted || getPrototypeOf(value) !== Object.prototype;
    for (const key in value) {
      if (mayInherit && !hasOwn(value, key)) continue;
      itemAt[level] = count;
      keys[count] = key;
      const item = value[key];
      if (!addText(key)) {
        // Given as it stands between the quotes in JSON, so that different keys stay different.
        addText(JSON.stringify(key).slice(1, -1));
        keyFlag = ESCAPED_KEY;
      }
      visit(item);
    }
  }
  depth = level;
  return isArray ? ARRAY : OBJECT;
}

/** What only JavaScript can write: its JSON is its text, and it is kept or dropped as a whole. */
function visitOpaque(value, key) {
  // `toJSON` is told its key, as `JSON.stringify` of the whole would.
  const json = JSON.stringify(typeof value.toJSON === 'function' ? value.toJSON(key) : value);
  if (json === undefined) return OMITTED;
  addText(json);
  return OPAQUE;
}

/** What was read of one context, until its result is assembled. The arrays are longer than the context. */
const freeSources = [];

/** Gives a source back. It lets go of the caller's values. */
function release(source) {
  source.values.fill(undefined, 0, source.count);
  source.keys.fill(undefined, 0, source.count);
  if (freeSources.length < KEPT_SOURCES && source.values.length * 8 <= KEPT_BYTES) freeSources.push(source);
}

/** Gives up columns that a huge context made large. */
function shrinkColumns() {
  ancestors.length = 0;
  if (text.length > KEPT_BYTES) text = new Uint8Array(1 << 16);
  if (numbers.byteLength > KEPT_BYTES || ends.byteLength > KEPT_BYTES || lengths.byteLength > KEPT_BYTES) {
    kinds = new Uint8Array(1024);
    ends = new Uint32Array(1024);
    lengths = new Uint32Array(2048);
    numbers = new Float64Array(1024);
  }
}

/** Reads a context while another is being read: a getter or `toJSON` of that one does it. */
function readWithin(context, use) {
  const columns = [kinds, ends, lengths, numbers, text, values, keys];
  const counts = [count, textCount, textBytes, numberCount, depth, keyFlag];
  const levels = [itemAt, ancestors];
  itemAt = new Int32Array(MAX_DEPTH);
  ancestors = [];
  [kinds, ends, lengths, numbers, text] = columns.slice(0, 5).map((column) => new column.constructor(1024));
  isReading = false;
  try {
    return read(context, use);
  } finally {
    isReading = true;
    [kinds, ends, lengths, numbers, text, values, keys] = columns;
    [count, textCount, textBytes, numberCount, depth, keyFlag] = counts;
    [itemAt, ancestors] = levels;
  }
}

/**
 * Reads `context` into columns, hands them to `use` (which must copy them before it returns) and gives back what `use`
 * returned together with what `assemble` needs.
 *
 * @throws {AgentwiseError} `E_CONTEXT_INVALID` with the path of what JSON cannot hold: BigInt, cycles, getters that
 * throw, more than 1,000 levels, more than 2^24 values, or a root without JSON (`undefined`, functions).
 */
function read(context, use) {
  if (isReading) return readWithin(context, use);
  isReading = true;
  count = textCount = textBytes = numberCount = depth = keyFlag = 0;
  isPolluted = false;
  for (const _ in Object.prototype) isPolluted = true;
  const source = freeSources.pop() ?? { values: [], keys: [], ends, count, isOpaque: false };
  values = source.values;
  keys = source.keys;
  try {
    visit(context);
    if (kinds[0] === OMITTED) throw refuse(`${typeof context} is not JSON`);
    source.ends = ends.slice(0, count);
    source.isOpaque = kinds[0] === OPAQUE && typeof context === 'object';
    const result = use({
      kinds: kinds.subarray(0, count),
      ends: source.ends,
      lengths: lengths.subarray(0, textCount),
      numbers: numbers.subarray(0, numberCount),
      text: text.subarray(0, textBytes),
    });
    source.count = count;
    return { source, result };
  } catch (error) {
    const refused = error instanceof AgentwiseError ? error : refuse(`reading it failed (${messageOf(error)})`, error);
    source.count = count;
    release(source);
    throw refused;
  } finally {
    shrinkColumns();
    // The source belongs to the caller now: one that is too large to be kept must not be held here until the next walk.
    values = keys = [];
    isReading = false;
  }
}

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

/** The columns of a context that has to wait: those that `read` hands out are reused. */
function copyColumns({ kinds, ends, lengths, numbers, text }) {
  return { kinds: kinds.slice(), ends, lengths: lengths.slice(), numbers: numbers.slice(), text: text.slice() };
}

/** The columns as the core takes them. */
function inOrder({ kinds, ends, lengths, numbers, text }) {
  return [kinds, ends, lengths, numbers, text];
}

module.exports = { read, release, assemble, copyColumns, inOrder, setOwn };
