'use strict';

/**
 * Results of the token optimizer: what they say besides what they show, how they travel, and how a receiver makes the new
 * context of the one it has.
 *
 * What a result is (its type, its hashes) is not part of its JSON, so that a prompt has no token for it. A message has it.
 */

const { createHash } = require('node:crypto');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const { read, release, copyColumns, inOrder, setOwn } = require('./document.js');
const args = require('./arguments.js');
const native = require('./binding.js');

/** Version of the form of messages. */
const MESSAGE_VERSION = 1;

/** Hash of the empty context. */
const EMPTY_HASH = createHash('sha256').update('{}').digest('hex');

const hasher = call(native.openHasher);

/** What results are: `{ type, hash, baseHash, … }`. Callers' own objects have nothing added for it. */
const facts = new WeakMap();

/** Notes what a result is. Scalars cannot have facts. */
function note(result, about) {
  if (result !== null && typeof result === 'object') facts.set(result, about);
  return result;
}

/** What a result or a message is; `undefined` if it does not say. */
function factsOf(value) {
  if (value === null || typeof value !== 'object') return undefined;
  return facts.get(value) ?? (isMessage(value) ? value : undefined);
}

const BASE = /^[0-9a-f]{16}$/;
const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** Names the context that a delta is against; the hash of what comes out says whether it was that one. */
const BASE_DIGITS = 16;

function isMessage({ v, type, hash, base, diff }) {
  if (v !== MESSAGE_VERSION || !isHash(hash)) return false;
  if (type === 'full') return true;
  if (type !== 'incremental' && !(type === 'shared_incremental' && isRecord(diff))) return false;
  return typeof base === 'string' && BASE.test(base);
}

/**
 * A result with what it is, as plain JSON, for a receiver elsewhere.
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what is no result
 */
function toMessage(result) {
  const about = factsOf(result);
  if (!about) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', 'result must be what optimizeContext gave');
  }
  if (about === result) return result;
  const { type, hash, baseHash, encoding, isUnchanged } = about;
  const head = { v: MESSAGE_VERSION, type, hash };
  if (baseHash) head.base = baseHash.slice(0, BASE_DIGITS);
  if (isUnchanged) return head;
  if (type === 'shared_incremental') return { ...head, diff: result.diff };
  if (encoding === 'blocks') return { ...head, ...result };
  if (type === 'full') return { ...head, context: result };
  const { added, modified, removed, unchanged } = result;
  return { ...head, added, modified, removed, unchanged };
}

/** SHA-256 of the canonical JSON (RFC 8785) of a value. */
function hashContext(value) {
  const { source, result } = read(value, (columns) => call(hasher.hash, ...inOrder(columns)));
  release(source);
  return result;
}

/** The same off the main thread. */
async function hashContextAsync(value) {
  const { source, result } = read(value, (columns) => hasher.hashAsync(...inOrder(columns)));
  try {
    return await callAsync(() => result);
  } finally {
    release(source);
  }
}

function mismatch(message) {
  return new AgentwiseError('E_DELTA_MISMATCH', `the delta cannot be applied: ${message}`);
}

/**
 * The new context, before its hash is looked at: `{ context, hash, base }`, with how the hash of its base begins.
 */
function patched(base, delta) {
  const about = factsOf(delta);
  if (!about) throw mismatch('it has no hashes; send what toMessage(result) gives');
  const { type, hash } = about;
  const begin = about === delta ? about.base : about.baseHash;
  if (type === 'shared_incremental') {
    if (!isRecord(base) || !isRecord(delta.diff))
      throw mismatch('its base, the shared context, or its diff is missing');
    return { context: withDiff(base, delta.diff), hash, base: begin };
  }
  const body = delta;
  const isBlocks = body.encoding === 'blocks' && (about === delta || about.encoding === 'blocks');
  if (isBlocks && (hasEntries(body.texts) || hasEntries(body.values))) {
    throw mismatch('it has references; await resolveBlocks(result) first');
  }
  if (type === 'full') {
    if (isBlocks) return { context: { ...(body.added ?? {}) }, hash };
    return { context: about === delta ? delta.context : delta, hash };
  }
  if (about.isUnchanged || (about === delta && !isChanged(body))) {
    if (!hash.startsWith(begin)) throw mismatch('it says that nothing changed, and has two hashes');
    return { context: base, hash, base: begin };
  }
  // A delta to the empty context has everything in it, whatever the receiver has of contexts before.
  const had = EMPTY_HASH.startsWith(begin) ? {} : base;
  if (had === null || typeof had !== 'object') throw mismatch('its base is missing');
  return { context: merged(had, body), hash, base: begin, had };
}

/** The context that a diff makes of the shared context. */
function withDiff(base, { added = {}, modified = {}, removed = [] }) {
  if (!isRecord(added) || !isRecord(modified) || !isNames(removed)) throw mismatch('its diff is not what it should be');
  const gone = new Set(removed);
  const context = {};
  for (const key of Object.keys(base)) if (!gone.has(key)) setOwn(context, key, base[key]);
  for (const object of [modified, added]) for (const key of Object.keys(object)) setOwn(context, key, object[key]);
  return context;
}

const hasEntries = (object) => object !== null && typeof object === 'object' && Object.keys(object).length > 0;
const isChanged = (message) => ['added', 'modified', 'removed', 'unchanged'].some((name) => name in message);

/** Base and changes by top-level key; every key has to be accounted for. */
function merged(base, { added = {}, modified = {}, removed = [], unchanged = [] }) {
  if (!isRecord(added) || !isRecord(modified) || !isNames(removed) || !isNames(unchanged)) {
    throw mismatch('its parts are not what they should be');
  }
  const gone = new Set(removed);
  const same = new Set(unchanged);
  const context = {};
  for (const key of Object.keys(base)) {
    if (!hasJson(base[key], key)) continue;
    if (gone.delete(key)) continue;
    if (Object.hasOwn(modified, key)) setOwn(context, key, modified[key]);
    else if (same.delete(key)) setOwn(context, key, base[key]);
    else throw mismatch('it does not say what becomes of a key of the base');
  }
  if (gone.size > 0 || same.size > 0) throw mismatch('it names keys that the base does not have');
  // What was in parts does not say whether its key is new; the hash of the whole does.
  for (const object of [modified, added]) {
    for (const key of Object.keys(object)) setOwn(context, key, object[key]);
  }
  return context;
}

/** Whether `JSON.stringify` writes a value: what it leaves out was never sent. */
function hasJson(value, key) {
  const shown = typeof value?.toJSON === 'function' ? value.toJSON(key) : value;
  return shown !== undefined && typeof shown !== 'function' && typeof shown !== 'symbol';
}

const isRecord = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isNames = (value) => Array.isArray(value) && value.every((name) => typeof name === 'string');

function verified({ context, hash }, found) {
  if (found !== hash) throw mismatch('what comes out is not the context that was sent');
  return context;
}

const wrongBase = () => mismatch('it was made for another base; reset the agent and send in full');

/** The context that a delta, or a message of one, makes of `base`: exactly the one that was sent. */
function applyDelta(base, delta) {
  return checked(() => {
    const next = patched(base, delta);
    const found = next.base && hashContext(next.had ?? base);
    if (next.base && !found.startsWith(next.base)) throw wrongBase();
    return verified(next, next.context === base ? found : hashContext(next.context));
  });
}

/** The same off the main thread. */
async function applyDeltaAsync(base, delta) {
  const next = checked(() => patched(base, delta));
  try {
    const found = next.base && (await hashContextAsync(next.had ?? base));
    if (next.base && !found.startsWith(next.base)) throw wrongBase();
    return verified(next, next.context === base ? found : await hashContextAsync(next.context));
  } catch (error) {
    throw unreadable(error);
  }
}

function checked(work) {
  try {
    return work();
  } catch (error) {
    throw unreadable(error);
  }
}

/** What cannot be read as a context is no base and no delta. */
function unreadable(error) {
  return error?.code === 'E_CONTEXT_INVALID' ? mismatch(error.message) : error;
}

/** What changes `next` against `old`, by top-level key; `next` itself if one of the two is no object. */
async function contextDiff(old, next) {
  const before = read(old, copyColumns);
  release(before.source);
  const { source, result: pending } = read(next, (columns) =>
    hasher.diff(...inOrder(before.result), ...inOrder(columns)),
  );
  try {
    const changes = JSON.parse(await callAsync(() => pending));
    return changes === null ? copyOf(next) : changesOf(entriesOf(source), changes);
  } finally {
    release(source);
  }
}

const copyOf = (value) => (Array.isArray(value) ? [...value] : isRecord(value) ? { ...value } : value);

/** Top-level keys and values by the core's numbers, of what was read or of what a filter made of it. */
function entriesOf({ keys, values }, filtered) {
  return { key: (at) => keys[at], value: filtered ? (at) => filtered[keys[at]] : (at) => values[at] };
}

/** Keys that the agent changed since its last context; `undefined` if it had none. */
function changedKeys(entries, { type, changes, since }) {
  if (type === 'full' && !since) return undefined;
  const { added = [], modified = [] } = since ?? changes ?? {};
  return new Set([...added, ...modified].map(entries.key));
}

/** The object that is sent for a changed context. Keys that are gone come as JSON, so that lone surrogates survive. */
function changesOf(entries, { added, modified, removed, unchanged }) {
  const object = (list) => {
    const made = {};
    for (const at of list) setOwn(made, entries.key(at), entries.value(at));
    return made;
  };
  return {
    added: object(added),
    modified: object(modified),
    removed: removed.map((key) => JSON.parse(key)),
    unchanged: unchanged.map(entries.key),
  };
}

/**
 * The object that is sent with references: what is whole under `added` and `modified`, strings in parts under `texts`, the
 * JSON of other values in parts under `values`. What is empty is not there.
 * @param {object} entries
 * @param {{ changes?: object, blocks: [number, boolean, unknown[]][], top: number[] }} delta
 */
function blocksOf(entries, { changes, blocks, top }) {
  const inParts = new Set(blocks.map(([at]) => at));
  const wholeOnes = (list) => list.filter((at) => !inParts.has(at));
  const { added, modified, removed, unchanged } = changes ?? { added: top, modified: [], removed: [], unchanged: [] };
  const whole = changesOf(entries, { added: wholeOnes(added), modified: wholeOnes(modified), removed, unchanged });
  const texts = {};
  const values = {};
  for (const [at, isText, parts] of blocks) setOwn(isText ? texts : values, entries.key(at), parts);
  const result = { encoding: 'blocks' };
  for (const [name, members] of Object.entries({ ...whole, texts, values })) {
    if (Object.keys(members).length > 0) result[name] = members;
  }
  return result;
}

/** First 48 bits of the SHA-256 of a text, by which references name it. */
function textId(text) {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

/** Texts that a receiver has, by id: of a map from ids, or of the texts themselves. */
function textsById(have) {
  const texts = {};
  if (have === undefined || have === null) return texts;
  if (typeof have === 'string' || typeof have[Symbol.iterator] !== 'function') {
    throw new AgentwiseError('E_INVALID_ARGUMENT', 'options.have must be a Map from ids to texts, or texts');
  }
  const entries =
    have instanceof Map ? have : [...have].map((text) => [textId(args.string('options.have[]', text)), text]);
  for (const [id, text] of entries) texts[id] = args.string('options.have value', text);
  return texts;
}

/** By UTF-16 units, as RFC 8785 orders keys. */
const compareKeys = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Shorter texts are never referred to (`MIN_TEXT_BYTES` in src/tokens/blocks/mod.rs). */
const MIN_TEXT = 128;

/**
 * Rows `[key as JSON, is a string, parts, is only there to be referred to]` of a result in blocks. In canonical order, as the
 * sender went: a value may refer to one before it, also to one that is there whole.
 */
function rowsOf({ texts, values, added, modified }) {
  const rows = [];
  const add = (object, isText, partsFor, isWhole) => {
    for (const [key, value] of Object.entries(object ?? {})) {
      const parts = partsFor(value);
      if (parts !== undefined || !isWhole)
        rows.push([key, [JSON.stringify(key), isText ?? typeof value === 'string', parts, isWhole]]);
    }
  };
  const whole = (value) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text !== undefined && text.length * 3 >= MIN_TEXT ? [text] : undefined;
  };
  add(texts, true, (parts) => parts, false);
  add(values, false, (parts) => parts, false);
  for (const object of [added, modified]) add(object, undefined, whole, true);
  return rows.sort(([a], [b]) => compareKeys(a, b)).map(([, row]) => row);
}

function valueOfJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw mismatch('the parts of a value are not its JSON');
  }
}

/**
 * A result or message with references, as it would be without.
 * @param {(rows: string, have: object) => Promise<string>} resolve of the core
 */
async function withoutReferences(result, have, resolve) {
  const about = factsOf(result);
  if (!about) throw mismatch('it has no hashes; send what toMessage(result) gives');
  const isBlocks = result.encoding === 'blocks' && (about === result || about.encoding === 'blocks');
  if (!isBlocks) return { result, tokens: 0 };
  if (
    ![result.texts, result.values, result.added, result.modified].every(
      (object) => object === undefined || isRecord(object),
    )
  ) {
    throw mismatch('its parts are not what they should be');
  }
  const { texts, tokens } = JSON.parse(await callAsync(resolve, JSON.stringify(rowsOf(result)), textsById(have)));
  const found = new Map(texts.map(([key, isText, text]) => [JSON.parse(key), isText ? text : valueOfJson(text)]));
  const { type, hash } = about;
  const plain = { type, hash, baseHash: about.baseHash ?? about.base, encoding: 'keys' };
  const { added = {}, modified = {}, removed = [], unchanged = [] } = result;
  const changed = type === 'full' ? { ...added } : { ...modified };
  for (const [key, value] of found) setOwn(changed, key, value);
  const whole = type === 'full' ? changed : { added: { ...added }, modified: changed, removed, unchanged };
  return { result: note(whole, plain), tokens };
}

/** `resolveBlocks()`: the sender has charged what it knew to be missing; a receiver elsewhere says who it is. */
async function resolveBlocks(native, result, options) {
  const { have, agentId } = args.options('options', options);
  const whose = args.optionalString('options.agentId', agentId);
  const { result: plain, tokens } = await withoutReferences(result, have, native.resolveBlocks);
  if (whose !== undefined && tokens > 0) {
    call(native.chargeFetch, args.exactText(whose), 'resolveBlocks', undefined, tokens);
  }
  return plain;
}

module.exports = {
  note,
  factsOf,
  toMessage,
  hashContextAsync,
  withDiff,
  applyDelta,
  applyDeltaAsync,
  contextDiff,
  entriesOf,
  changedKeys,
  changesOf,
  blocksOf,
  resolveBlocks,
};
