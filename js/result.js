'use strict';

/** Makes what callers get from what the core says. */

const { setImmediate: nextTurn } = require('node:timers/promises');
const { assemble, Building } = require('./document.js');
const { note, changesOf, blocksOf } = require('./deltas.js');

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
  const { filtered, removed, places } = assemble(source, output.fates, piecesOf(output.texts));
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

/** Pieces of the strings that stay in part, by value. */
function piecesOf(texts) {
  return new Map(texts === '' ? [] : JSON.parse(texts).map(([value, ...pieces]) => [value, pieces]));
}

/** How long the main thread is held up at a time, ms: well under what a person or a timer would notice. */
const SLICE_MS = 4;

/** Builds the values of a context that are sent, letting others have the thread in between. */
async function build(source, output, wanted) {
  const building = new Building(source, output.fates, piecesOf(output.texts), wanted);
  while (!building.run(performance.now() + SLICE_MS)) await nextTurn();
  return building.built;
}

/** Values of a context that a delta sends as they are. */
function sentValues({ type, changes, blocks, top }) {
  if (type === 'full' && !blocks) return [0];
  const inParts = new Set(blocks?.map(([at]) => at));
  const all = type === 'full' ? top : [...(changes?.added ?? []), ...(changes?.modified ?? [])];
  return all.filter((at) => !inParts.has(at));
}

/**
 * What `optimizeAgentContext` resolves with.
 * @param {object} source what was read of the context
 * @param {object} output what the core says
 * @param {(outcome: unknown) => string} droppedOf of the core
 * @param {{ mode: string, readMs: number } | false} explained
 */
async function optimizedResult(source, output, droppedOf, explained) {
  const started = performance.now();
  // Empty: the token step failed, or nothing could be made of the context. There is all there is, of which nothing is known.
  const delta = output.delta === '' ? undefined : JSON.parse(output.delta);
  const built = await build(source, output, delta ? sentValues(delta) : [0]);
  const entries = { key: (at) => source.keys[at], value: (at) => built.get(at) };
  const result = delta ? sentResult(entries, delta, () => built.get(0)) : built.get(0);
  if (result === null || typeof result !== 'object') return result;
  // A root of a class of its own is the caller's object: nothing is added to it.
  if (source.isOpaque && result === source.values[0]) return result;
  addDropped(result, output, droppedOf);
  if (delta) addFacts(result, delta);
  else addHidden(result, { type: 'full', tokensSaved: 0 });
  return explain(source, output, delta, result, explained, started);
}

/** Adds what was left out, and notes if a stage failed. */
function addDropped(result, { outcome, hasFailed: isFailure }, droppedOf) {
  if (isFailure) failures.add(result);
  if (outcome && !Object.hasOwn(result, 'dropped')) {
    addLazy(result, 'dropped', () => JSON.parse(droppedOf(outcome)).map(droppedPart), false);
  }
  return result;
}

function droppedPart([path, bytes, tokens, score, reason, reference, first, last]) {
  const part = { path, bytes, tokens, score, reason, reference };
  if (first !== undefined) part.lines = [first, last];
  return part;
}

/** Results of calls of which a stage failed. */
const failures = new WeakSet();

/** Whether a stage failed on the way to this result. */
function hasFailed(result) {
  return result !== null && typeof result === 'object' && failures.has(result);
}

/** ms since then, to the hundredth. */
function milliseconds(started) {
  return Math.round((performance.now() - started) * 100) / 100;
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

/**
 * Adds how a result came about, if that was asked for. What grows with the context is made when it is first read, of what was
 * read of the context, which is kept for that.
 */
function explain(source, output, delta, result, explained, started) {
  if (!explained || !output.filter) return result;
  const { stages: _, ...summary } = JSON.parse(output.filter.summary);
  const { stages, ...report } = JSON.parse(output.report);
  const bytes = stages.at(-1).bytesOut;
  const own = (name, ms, bytesIn, bytesOut) => ({ name, ms, bytesIn, bytesOut, cached: false });
  const debug = {
    mode: explained.mode,
    ...summary,
    ...report,
    stages: [
      own('read', explained.readMs, summary.originalBytes, summary.originalBytes),
      ...stages,
      own('assemble', milliseconds(started), bytes, bytes),
    ],
    sizes: { original: summary.originalBytes, filtered: summary.memoryUsage, result: bytes },
    tokens: delta && { original: delta.originalTokens, filtered: delta.filteredTokens, result: delta.resultTokens },
  };
  let filter;
  for (const name of ['removedElements', 'importanceScores', 'dropped']) {
    addLazy(debug, name, () => {
      filter ??= filterResult(source, output.filter, {});
      return filter[name];
    });
  }
  return addHidden(result, { debug });
}

module.exports = {
  filterResult,
  optimizedResult,
  sentResult,
  explain,
  build,
  addDropped,
  addFacts,
  addLazy,
  hasFailed,
  milliseconds,
  SLICE_MS,
};
