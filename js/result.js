'use strict';

/** Makes what callers get from what the core says. */

const { assemble } = require('./document.js');
const { note, entriesOf, changesOf, blocksOf } = require('./deltas.js');

/** Adds properties that JSON and `Object.keys` do not show, unless the value has its own of that name. */
function addHidden(target, properties) {
  if (target === null || typeof target !== 'object') return target;
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || Object.hasOwn(target, name)) continue;
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }
  return target;
}

/** Adds a property that is made when it is first read. */
function addLazy(target, name, make, enumerable = true) {
  Object.defineProperty(target, name, {
    get() {
      const value = make();
      Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable });
      return value;
    },
    configurable: true,
    enumerable,
  });
  return target;
}

/** The result of a filter behind the properties of `head`. */
function filterResult(source, output, head) {
  const texts = new Map(JSON.parse(output.texts).map(([value, ...pieces]) => [value, pieces]));
  const { filtered, removed, places } = assemble(source, output.fates, texts);
  const result = { ...head, filtered, removedElements: removed, ...JSON.parse(output.summary) };
  addLazy(result, 'importanceScores', () => JSON.parse(output.scores));
  addLazy(result, 'dropped', () => droppedParts(output.dropped, places));
  return result;
}

/** What was left out, with paths in place of values. Both are in the context's order; the root has the empty path. */
function droppedParts(json, { values, paths }) {
  let at = 0;
  return JSON.parse(json).map(([value, bytes, tokens, score, reason, reference, first, last]) => {
    while (at < values.length && values[at] < value) at++;
    const part = { path: values[at] === value ? paths[at] : '', bytes, tokens, score, reason, reference };
    if (first !== undefined) part.lines = [first, last];
    return part;
  });
}

/**
 * What `optimizeAgentContext` resolves with.
 * @param {object} source what was read of the context
 * @param {object} output what the core says
 * @param {boolean} includeDebugInfo
 * @param {number} readMs time that reading took
 */
function optimizedResult(source, output, includeDebugInfo, readMs) {
  if (!output.filter) {
    const { filtered } = assemble(source);
    return source.isOpaque ? filtered : addHidden(filtered, { type: 'full', tokensSaved: 0 });
  }
  const filter = filterResult(source, output.filter);
  const delta = JSON.parse(output.delta);
  const result = sentResult(entriesOf(source, filter.filtered), delta, () => filter.filtered);
  // A root of a class of its own is the caller's object: nothing is added to it. Nothing can be added to a scalar.
  if (result === filter.filtered && (source.isOpaque || result === null || typeof result !== 'object')) return result;
  const debug = includeDebugInfo ? debugInfo(filter, delta, readMs) : undefined;
  if (!Object.hasOwn(result, 'dropped')) addLazy(result, 'dropped', () => filter.dropped, false);
  return addHidden(addFacts(result, delta), { debug });
}

/**
 * What is sent for a context.
 * @param {object} entries its top-level keys and values
 * @param {object} delta what the core says of it
 * @param {() => unknown} whole the context itself, if everything is sent
 */
function sentResult(entries, delta, whole) {
  if (delta.blocks) return note(blocksOf(entries, delta), aboutOf(delta));
  if (delta.type === 'full') return note(whole(), aboutOf(delta));
  const result = delta.changes
    ? changesOf(entries, delta.changes)
    : { type: 'incremental', changes: [], reference: delta.hash };
  return note(result, aboutOf(delta));
}

function aboutOf({ type, hash, baseHash, changes, blocks, held, originalTokens, resultTokens }) {
  return {
    type,
    hash,
    baseHash: baseHash ?? undefined,
    encoding: blocks ? 'blocks' : 'keys',
    isUnchanged: type === 'incremental' && !changes,
    held: new Set(held),
    tokensSaved: originalTokens - resultTokens,
  };
}

/** Adds what callers read of every result. */
function addFacts(result, delta) {
  const { originalTokens, resultTokens, blocks } = delta;
  return addHidden(result, {
    type: delta.type,
    tokensSaved: originalTokens - resultTokens,
    hash: delta.hash,
    baseHash: delta.baseHash ?? undefined,
    heldTokens: blocks ? delta.heldTokens : undefined,
    fetchTokens: blocks ? delta.fetchTokens : undefined,
  });
}

function debugInfo(filter, delta, readMs) {
  const { filtered: _, importanceScores: __, dropped: ___, ...rest } = Object.getOwnPropertyDescriptors(filter);
  const info = Object.defineProperties({}, rest);
  addLazy(info, 'importanceScores', () => filter.importanceScores);
  addLazy(info, 'dropped', () => filter.dropped);
  info.tokens = { original: delta.originalTokens, filtered: delta.filteredTokens, result: delta.resultTokens };
  info.stages = [{ name: 'read', ms: readMs }, ...filter.stages, { name: 'tokens', ms: delta.tokensMs }];
  return info;
}

module.exports = { filterResult, optimizedResult, sentResult, addFacts, addLazy };
