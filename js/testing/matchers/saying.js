'use strict';

/** How matchers say what they expected and what they got: in the words and colours of the test framework. */

const { AgentwiseError } = require('../../errors.js');

/**
 * What a matcher gives.
 * @param {object} context `this` of the matcher
 * @param {{ name: string, pass: boolean, expected: string, received: string, argument?: string }} said `expected` goes on
 *   after "expected the result (not) to"
 */
function outcome(context, { name, pass, subject, expected, received, argument = '' }) {
  const message = () => {
    const hint = context.utils.matcherHint(name, 'received', argument, {
      isNot: context.isNot,
      promise: context.promise,
    });
    const not = context.isNot ? ' not' : '';
    return `${hint}\n\nExpected ${subject}${not} to ${expected}\n${received}`;
  };
  return { pass, message };
}

/** Refuses a matcher that is used for what it is not for: neither a pass nor a failure, with `.not` or without. */
function misuse(name, expected, value) {
  return new AgentwiseError('E_INVALID_ARGUMENT', `${name}: expects ${expected}, got ${kindOf(value)}`);
}

function kindOf(value) {
  if (typeof value?.then === 'function') return 'a promise: await it, or use .resolves';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return value === undefined ? 'undefined' : `a value of type ${typeof value}`;
}

/** A number that a matcher compares with; `undefined` where there is none. NaN would make every comparison false. */
function bound(name, value) {
  if (value !== undefined && !Number.isFinite(value)) throw misuse(name, 'a finite number as a bound', value);
  return value;
}

/** An expected value that was given; a variable that has none is a slip. */
function wantedValue(name, value) {
  if (value === undefined) throw misuse(name, 'a value, or none to accept any,', value);
  return value;
}

/** Refuses a system that is not at work: it answers everything with "no", which a `.not` would take for granted. */
function checkAtWork(name, subject) {
  const status = typeof subject.getHealthStatus === 'function' ? subject.getStatus?.() : undefined;
  if (status?.initialized !== false) return;
  throw new AgentwiseError('E_INVALID_ARGUMENT', `${name}: expects a system that is at work; ${status.error}`);
}

/** Options of a matcher, none of them unknown. */
function known(name, given, names) {
  if (given === undefined) return {};
  if (given === null || typeof given !== 'object' || Array.isArray(given)) throw misuse(name, 'an object', given);
  const unknown = Object.keys(given).find((key) => !names.includes(key));
  if (unknown === undefined) return given;
  throw new AgentwiseError('E_INVALID_ARGUMENT', `${name}: "${unknown}" is not known; known are ${names.join(', ')}`);
}

/** Whether `value` has all that `expected` says: equal values, texts that an expression matches. */
function has(context, value, expected) {
  return Object.entries(expected).every(([key, wanted]) => isLike(context, value?.[key], wanted));
}

function isLike(context, value, wanted) {
  if (Object.prototype.toString.call(wanted) === '[object RegExp]')
    return typeof value === 'string' && wanted.test(value);
  return context.equals(value, wanted);
}

/** A list of at most ten lines. */
function lines(items, none) {
  if (items.length === 0) return `  ${none}`;
  const shown = items.slice(0, 10).map((item) => `  ${item}`);
  if (items.length > shown.length) shown.push(`  and ${items.length - shown.length} more`);
  return shown.join('\n');
}

module.exports = { outcome, misuse, known, bound, wantedValue, checkAtWork, has, isLike, lines };
