'use strict';

/**
 * Contexts by top-level key, as both ends of a shared context hold them: texts, never the caller's objects, so that nobody
 * changes them from outside. Entries are never changed once made and are shared by versions.
 *
 * @typedef {{ json: string, canonical: string, bytes: number }} Entry one value: its JSON as it came, the same in RFC 8785
 * form, and the UTF-8 bytes of its member (key, colon, value) in the context's JSON
 * @typedef {Map<string, Entry>} Entries
 * @typedef {Map<string, Entry | null>} Changes by key the new entry, or null for a key that is removed
 */

const { createHash } = require('node:crypto');

/** Deepest nesting of a value, as in contexts of agents. */
const MAX_LEVELS = 1000;

/** Thrown for values that are nested too deeply; whoever calls says it in its own words. */
class TooDeep extends Error {
  constructor() {
    super(`is nested deeper than ${MAX_LEVELS} levels`);
  }
}

/**
 * RFC 8785: keys in UTF-16 order, numbers and texts as JSON.stringify writes them.
 * @param {unknown} value as JSON.parse gives it
 */
function canonicalOf(value, level = 0) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (level === MAX_LEVELS) throw new TooDeep();
  if (Array.isArray(value)) return `[${value.map((part) => canonicalOf(part, level + 1)).join(',')}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalOf(value[key], level + 1)}`).join(',')}}`;
}

function entryOf(key, value) {
  // First, as it stops where JSON.stringify would overflow the stack.
  const canonical = canonicalOf(value);
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(JSON.stringify(key)) + 1 + Buffer.byteLength(json);
  // One text for both where they are the same, as for all plain values.
  return { json, canonical: canonical === json ? json : canonical, bytes };
}

function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/**
 * @param {object} context as JSON.parse gives it, so that `__proto__` is a key like any other
 * @returns {Entries}
 */
function entriesOf(context) {
  const entries = new Map();
  for (const key of Object.keys(context)) entries.set(key, entryOf(key, context[key]));
  return entries;
}

/** Bytes of the context's JSON. */
function bytesOf(entries) {
  let bytes = 2 + Math.max(0, entries.size - 1);
  for (const entry of entries.values()) bytes += entry.bytes;
  return bytes;
}

/** The context's JSON. */
function textOf(entries) {
  const members = [];
  for (const [key, { json }] of entries) members.push(`${JSON.stringify(key)}:${json}`);
  return `{${members.join(',')}}`;
}

/** SHA-256, in hexadecimal digits, of the context's RFC 8785 JSON. */
function hashOf(entries) {
  const members = [...entries.keys()].sort().map((key) => `${JSON.stringify(key)}:${entries.get(key).canonical}`);
  return createHash('sha256').update('{').update(members.join(',')).update('}').digest('hex');
}

/** @returns {Changes} what makes `next` of `before` */
function changesBetween(before, next) {
  const changes = new Map();
  for (const key of before.keys()) if (!next.has(key)) changes.set(key, null);
  for (const [key, entry] of next) if (before.get(key)?.canonical !== entry.canonical) changes.set(key, entry);
  return changes;
}

/** Those of `changes` that change something in `entries`. */
function effective(entries, changes) {
  const found = new Map();
  for (const [key, entry] of changes) {
    const before = entries.get(key);
    if (entry === null ? before !== undefined : before?.canonical !== entry.canonical) found.set(key, entry);
  }
  return found;
}

/** New entries with `changes` in them. Keys that stay keep their place. */
function withChanges(entries, changes) {
  const next = new Map(entries);
  for (const [key, entry] of changes) {
    if (entry === null) next.delete(key);
    else next.set(key, entry);
  }
  return next;
}

/** Thrown for a diff that is none. */
class NoDiff extends Error {}

/**
 * Reads `{ added, modified, removed }`; each may be absent, anything else in it is ignored. What is removed and also added
 * or modified stays, with the new value.
 * @returns {Changes}
 */
function changesOfDiff(diff) {
  if (!isObject(diff)) throw new NoDiff('is not an object');
  const changes = new Map();
  const { removed, added, modified } = diff;
  if (removed !== undefined && !(Array.isArray(removed) && removed.every((key) => typeof key === 'string'))) {
    throw new NoDiff('has a "removed" that is not an array of strings');
  }
  for (const key of removed ?? []) changes.set(key, null);
  for (const [name, part] of [
    ['added', added],
    ['modified', modified],
  ]) {
    if (part === undefined) continue;
    if (!isObject(part)) throw new NoDiff(`has an "${name}" that is not an object`);
    for (const key of Object.keys(part)) changes.set(key, entryOf(key, part[key]));
  }
  return changes;
}

/** JSON of `changes` as `{ added, modified, removed }`, as seen from `before`. */
function diffText(before, changes) {
  const added = new Map();
  const modified = new Map();
  const removed = [];
  for (const [key, entry] of changes) {
    if (entry === null) removed.push(key);
    else if (before.has(key)) modified.set(key, entry);
    else added.set(key, entry);
  }
  return `{"added":${textOf(added)},"modified":${textOf(modified)},"removed":${JSON.stringify(removed)}}`;
}

module.exports = {
  MAX_LEVELS,
  TooDeep,
  NoDiff,
  isObject,
  entriesOf,
  bytesOf,
  textOf,
  hashOf,
  changesBetween,
  effective,
  withChanges,
  changesOfDiff,
  diffText,
};
