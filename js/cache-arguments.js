'use strict';

/** Keys, values and options of a cache as the core takes them. */

const args = require('./arguments.js');
const { AgentwiseError } = require('./errors.js');

/** No agent, model or system prompt. */
const NO_SCOPE = [undefined, undefined, undefined];

/** What the core says of a value: JSON, or a plain string behind an `s`. */
function decoded(text) {
  return text.charCodeAt(0) === 115 ? text.slice(1) : JSON.parse(text);
}

/** Whether the core takes a value as it is, and not as JSON. */
function isPlainText(value) {
  return typeof value === 'string' && value.isWellFormed();
}

/** The arguments of the core's `set`, all checked. */
function prepare(key, name, value, options, scope) {
  const isText = isPlainText(value);
  return [
    args.exactText(key),
    isText ? value : args.jsonOf(name, value),
    isText,
    args.ttlMs('ttlSeconds', options.ttlSeconds),
    args.milliseconds('options.staleSeconds', options.staleSeconds),
    options.sliding === undefined || options.sliding === null
      ? undefined
      : args.optionalBoolean('options.sliding', options.sliding),
    args.optionalFraction('options.jitter', options.jitter),
    args.optionalTexts('options.tags', options.tags),
    ...scope,
    options.ifStamp,
  ];
}

/** How keys with a prefix begin as the core has them: as they are, or as JSON behind the mark. */
function prefixes(prefix) {
  const marked = args.exactText('\u0001').slice(0, 1) + JSON.stringify(prefix).slice(0, -1);
  const isPlain = prefix.isWellFormed() && !prefix.startsWith('\u0001');
  return isPlain ? [prefix, marked] : [marked];
}

/** A key as the core takes it; the common case without a further call. */
function exactName(name, key) {
  if (typeof key === 'string' && key.isWellFormed() && key.charCodeAt(0) !== 1) return key;
  return args.exactText(args.string(name, key));
}

/** `[agentId, model, systemPrompt]` as the core takes them. */
function scopeOf({ agentId, model, systemPrompt }) {
  return [
    args.exactText(args.optionalString('options.agentId', agentId)),
    args.exactText(args.optionalString('options.model', model)),
    args.exactText(args.optionalString('options.systemPrompt', systemPrompt)),
  ];
}

/** From which similarity on another key's value may be served: below 0 never, `undefined` as configured. */
function thresholdOf({ exact, similarityThreshold }) {
  if (args.optionalBoolean('options.exact', exact)) return -1;
  return args.optionalFraction('options.similarityThreshold', similarityThreshold);
}

/** Refuses what a cache that was stopped cannot do. */
function refuseIfStopped({ isStopped }) {
  if (isStopped) throw new AgentwiseError('E_SHUT_DOWN', 'the cache was stopped; create a new one');
}

module.exports = {
  thresholdOf,
  NO_SCOPE,
  decoded,
  isPlainText,
  prepare,
  prefixes,
  exactName,
  refuseIfStopped,
  scopeOf,
};
