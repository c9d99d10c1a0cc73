'use strict';

/** Matchers for what `optimizeAgentContext` and `filterContext` resolve with. They also see what is not enumerable. */

const { AgentwiseError } = require('../../errors.js');
const { bound, known, lines, misuse, outcome } = require('./saying.js');

const PARTS = ['added', 'modified', 'removed', 'unchanged'];

const isObject = (value) => value !== null && typeof value === 'object';
const isHidden = (result, name) => Object.getOwnPropertyDescriptor(result, name)?.enumerable === false;

/** Fields of a result that yield to those of the context: one of them is always hidden. */
const BESIDES = ['type', 'tokensSaved', 'hash', 'dropped'];

/** `'full'`, `'unchanged'`, `'delta'`, `'shared'`, or `undefined` for what is no result. */
function kindOf(result) {
  if (!isObject(result)) return undefined;
  // A context may look like a delta itself.
  if (isHidden(result, 'type') && result.type === 'full') return 'full';
  if (result.type === 'shared_incremental' && result.sharedReference === true) return 'shared';
  if (isDelta(result)) return 'delta';
  if (result.type === 'incremental' && Array.isArray(result.changes) && typeof result.reference === 'string') {
    return 'unchanged';
  }
  // A context may have a `type` of its own, to which that of the result yields.
  return result.encoding === 'blocks' || BESIDES.some((name) => isHidden(result, name)) ? 'full' : undefined;
}

function isDelta(result) {
  const { added, modified, removed, unchanged } = result;
  return isObject(added) && isObject(modified) && Array.isArray(removed) && Array.isArray(unchanged);
}

/** The kind of what has one; what has none is a slip, to which no question is answered by yes or no. */
function checkedKind(name, result) {
  const kind = kindOf(result);
  if (kind !== undefined) return kind;
  const copied = isObject(result) && typeof result.then !== 'function';
  const why = copied ? ' without what is not enumerable: a copy by spreading or by JSON loses it' : '';
  const error = misuse(name, 'a result of optimizeAgentContext', result);
  throw new AgentwiseError(error.code, `${error.message}${why}`);
}

const WORDS = {
  full: 'a full context',
  unchanged: 'a result that says that nothing changed',
  delta: 'a delta',
  shared: 'a delta to the shared context',
};

/** What a result is, in words. */
function shown(context, result) {
  const kind = kindOf(result);
  if (kind === 'delta') return `Received a delta:\n${describedDelta(result)}`;
  if (kind === 'full')
    return `Received a full context with the keys ${context.utils.printReceived(Object.keys(result))}`;
  return `Received ${WORDS[kind]}`;
}

function describedDelta(result) {
  const inParts = [...Object.keys(result.texts ?? {}), ...Object.keys(result.values ?? {})];
  const rows = [
    ['added', Object.keys(result.added)],
    ['modified', Object.keys(result.modified)],
    ['removed', result.removed],
    ['unchanged', result.unchanged],
  ];
  if (inParts.length > 0) rows.push(['in parts (added or modified)', inParts]);
  return lines(
    rows.map(
      ([name, keys]) => `${name}: ${keys.length === 0 ? 'nothing' : keys.map((key) => JSON.stringify(key)).join(', ')}`,
    ),
    '',
  );
}

function ofKind(name, kind) {
  return function matcher(result) {
    return outcome(this, {
      name,
      pass: checkedKind(name, result) === kind,
      subject: 'the result',
      expected: `be ${WORDS[kind]}`,
      received: shown(this, result),
    });
  };
}

/** Whether a part of a delta is what was expected of it: names in any order, or names with values. */
function isPart(context, result, part, wanted) {
  const found = result[part];
  if (part === 'removed' || part === 'unchanged') return isSameSet(found, wanted);
  if (!Array.isArray(wanted)) return context.equals(found, wanted);
  // What is sent in parts is new or not: it counts as what it is expected to be.
  const inParts = new Set([...Object.keys(result.texts ?? {}), ...Object.keys(result.values ?? {})]);
  return isSameSet([...Object.keys(found), ...wanted.filter((key) => inParts.has(key))], wanted);
}

function isSameSet(found, wanted) {
  const names = new Set(found);
  return names.size === new Set(wanted).size && wanted.every((name) => names.has(name));
}

function checkedParts(expected) {
  const given = known('toBeDelta', expected, PARTS);
  for (const [part, wanted] of Object.entries(given)) {
    const isNames = Array.isArray(wanted) && wanted.every((key) => typeof key === 'string');
    if (!isNames && (part === 'removed' || part === 'unchanged' || !isObject(wanted) || Array.isArray(wanted))) {
      throw misuse(
        'toBeDelta',
        `a list of keys${part === 'added' || part === 'modified' ? ', or keys with values,' : ''} as "${part}"`,
        wanted,
      );
    }
  }
  return given;
}

function toBeDelta(result, expected) {
  const parts = checkedParts(expected);
  const pass =
    checkedKind('toBeDelta', result) === 'delta' &&
    Object.entries(parts).every(([part, wanted]) => isPart(this, result, part, wanted));
  const wanted = Object.entries(parts).map(([part, value]) => `${part}: ${this.utils.printExpected(value)}`);
  return outcome(this, {
    name: 'toBeDelta',
    argument: expected === undefined ? '' : 'expected',
    pass,
    subject: 'the result',
    expected: wanted.length === 0 ? 'be a delta' : `be a delta with\n${lines(wanted, '')}`,
    received: shown(this, result),
  });
}

function toHaveSavedTokens(result, expected = { atLeast: 1 }) {
  const name = 'toHaveSavedTokens';
  const { atLeast, atMost } = known(name, expected, ['atLeast', 'atMost']);
  const [least, most] = [
    bound(name, atLeast) ?? Number.NEGATIVE_INFINITY,
    bound(name, atMost) ?? Number.POSITIVE_INFINITY,
  ];
  if (least > most) throw misuse(name, `an upper bound that is not under the lower one, ${least},`, atMost);
  const saved = isObject(result) ? result.tokensSaved : undefined;
  if (!Number.isFinite(saved)) {
    checkedKind(name, result);
    throw misuse(name, 'a number as tokensSaved, which the context has as its own,', saved);
  }
  const pass = saved >= least && saved <= most;
  const bounds = [
    atLeast === undefined ? [] : `at least ${this.utils.printExpected(atLeast)}`,
    atMost === undefined ? [] : `at most ${this.utils.printExpected(atMost)}`,
  ].flat();
  return outcome(this, {
    name,
    argument: 'expected',
    pass,
    subject: 'the result',
    expected: `have saved ${bounds.join(' and ') || 'any number of'} tokens`,
    received: `Received: ${this.utils.printReceived(saved)} tokens saved`,
  });
}

/** Whether a part that was left out is the value at a path, or has it in it. */
const covers = (part, path) => part.path === path || part.path === '' || path.startsWith(`${part.path}.`);

/** Why something is left out; see `DroppedPart` in index.d.ts. */
const REASONS = ['excluded', 'score', 'reduction', 'limit', 'pressure', 'blocks'];

function toHaveDropped(result, path, options) {
  const name = 'toHaveDropped';
  if (typeof path !== 'string') throw misuse(name, 'a dotted path', path);
  const { reason } = known(name, options, ['reason']);
  if (reason !== undefined && !REASONS.includes(reason)) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      `${name}: there is no such reason as ${JSON.stringify(reason)}; known are ${REASONS.join(', ')}`,
    );
  }
  const dropped = result?.dropped;
  if (!Array.isArray(dropped) || !dropped.every((part) => typeof part?.path === 'string')) {
    throw misuse(
      name,
      'a result of optimizeAgentContext or filterContext, with its list of what was left out,',
      result,
    );
  }
  const found = dropped.filter((part) => covers(part, path) && (reason === undefined || part.reason === reason));
  const said = dropped.map((part) => {
    const where = part.lines ? `, lines ${part.lines.join(' to ')}` : '';
    return `${this.utils.printReceived(part.path)} (${part.reason}${where}, ${part.tokens} tokens)`;
  });
  return outcome(this, {
    name,
    argument: 'path',
    pass: found.length > 0,
    subject: 'the filter',
    expected: `have left out ${this.utils.printExpected(path)}${reason === undefined ? '' : ` because of ${reason}`}`,
    received: `Left out:\n${lines(said, 'nothing')}`,
  });
}

module.exports = {
  toBeFullContext: ofKind('toBeFullContext', 'full'),
  toBeUnchangedContext: ofKind('toBeUnchangedContext', 'unchanged'),
  toBeDelta,
  toHaveSavedTokens,
  toHaveDropped,
};
