'use strict';

/** Looking into a cache without using it: `entries`, `peek`, `verify`, `compact`, and what the command line needs besides. */

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { followed } = require('./jobs.js');
const { decoded, exactName, prefixes, refuseIfStopped, scopeOf } = require('./cache-arguments.js');

/** Rows looked at in one call: some milliseconds on the pool, and about one to read the answer here. */
const AT_ONCE = 500;

const LAYERS = ['L1', 'L2', 'L3'];

/** An entry as callers see it. */
function infoOf({ key, namespace, agentId, model, tags, createdAt, lastAccessed, expiresAt, ...rest }) {
  return {
    key: args.originalText(key),
    namespace: namespace.map(args.originalText),
    ...(agentId !== undefined && { agentId: args.originalText(agentId) }),
    ...(model !== undefined && { model: args.originalText(model) }),
    ...rest,
    createdAt: new Date(createdAt),
    lastAccessed: new Date(lastAccessed),
    expiresAt: new Date(expiresAt),
    tags: tags.map(args.originalText),
  };
}

/** Options of a list, checked: `{ filter, limit, after, signal }`, the filter as the core takes it. */
function listOptions(options) {
  const given = args.options('options', options);
  const { prefix, layer, tag, agentId, limit, after, allNamespaces, signal } = given;
  const filter = {
    prefixes: prefix === undefined || prefix === '' ? [] : prefixes(args.string('options.prefix', prefix)),
    layer: args.optionalOneOf('options.layer', layer, LAYERS),
    tag: args.exactText(args.optionalString('options.tag', tag)),
    agentId: args.exactText(args.optionalString('options.agentId', agentId)),
    allNamespaces: args.optionalBoolean('options.allNamespaces', allNamespaces),
  };
  return {
    filter,
    limit: args.optionalNumber('options.limit', limit) ?? Number.POSITIVE_INFINITY,
    after: args.optionalString('options.after', after),
    signal: args.signal('options.signal', signal),
  };
}

/** The entries that a filter of the core's takes. */
async function* list(native, state, { filter, limit, after, signal }) {
  const json = JSON.stringify(filter);
  if (state.isStopped) return;
  const walk = call(native.walk, json, after);
  let left = limit;
  while (left > 0) {
    signal?.throwIfAborted();
    if (state.isStopped) return;
    const page = await callAsync(walk.next, AT_ONCE);
    if (typeof page !== 'string') return;
    for (const entry of JSON.parse(page)) {
      signal?.throwIfAborted();
      yield infoOf(entry);
      left--;
      if (!(left > 0)) return;
    }
  }
}

async function* entries(native, state, options) {
  yield* list(native, state, listOptions(options));
}

function found(json) {
  if (json === null || json === undefined) return null;
  const { info, text } = JSON.parse(json);
  return { value: decoded(text), ...infoOf(info) };
}

async function peek(native, state, name, key, options) {
  const exact = exactName(name, key);
  const scope = scopeOf(args.options('options', options));
  if (state.isStopped) return null;
  return found(await callAsync(native.look, exact, ...scope));
}

/** The value of an entry of a list, and what is known of it now. */
async function entryAt(native, cursor) {
  return found(await callAsync(native.lookAgain, cursor));
}

/** Removes what a list with this filter of the core's would give; how many. */
async function removeEntries(native, filter, options = {}) {
  return followed(native, options, (job) => native.removeEntries(JSON.stringify(filter), job));
}

function followOptions(options) {
  const { signal, onProgress, ...given } = args.options('options', options);
  args.signal('options.signal', signal);
  if (onProgress !== undefined) args.func('options.onProgress', onProgress);
  return { signal, onProgress, given };
}

async function verify(native, state, options) {
  const { given, ...follow } = followOptions(options);
  const isDry = args.optionalBoolean('options.dryRun', given.dryRun);
  refuseIfStopped(state);
  const report = await followed(native, follow, (job) => native.verify(isDry, job));
  report.damaged = report.damaged.map(({ key, namespace, agentId, ...rest }) => ({
    key: key === null ? null : args.originalText(key),
    namespace: namespace === null ? null : namespace.map(args.originalText),
    ...(agentId !== undefined && { agentId: args.originalText(agentId) }),
    ...rest,
  }));
  return report;
}

async function compact(native, state, options) {
  const { given: _, ...follow } = followOptions(options);
  refuseIfStopped(state);
  return followed(native, follow, (job) => native.compact(job));
}

module.exports = { entries, peek, verify, compact, list, entryAt, removeEntries };
