'use strict';

/** Checks of what callers pass. One place, so that every method refuses the same things in the same words. */

const { resolve } = require('node:path');
const { fileURLToPath } = require('node:url');
const { AgentwiseError, messageOf } = require('./errors.js');

/** What a value is, for messages: never its content. */
function kindOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'number') return `${value}`;
  if (typeof value === 'object' || typeof value === 'undefined')
    return typeof value === 'object' ? 'an object' : 'undefined';
  return `a ${typeof value}`;
}

function refuse(name, expected, value) {
  return new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be ${expected}, got ${kindOf(value)}`);
}

function string(name, value) {
  if (typeof value !== 'string') throw refuse(name, 'a string', value);
  return value;
}

function optionalString(name, value) {
  return value === undefined || value === null ? undefined : string(name, value);
}

/** A finite number from `min` to 2^53. */
function number(name, value, min = 0) {
  if (typeof value !== 'number' || !(value >= min && value <= Number.MAX_SAFE_INTEGER)) {
    throw refuse(name, `a number from ${min} to 2^53`, value);
  }
  return value;
}

function optionalNumber(name, value, min = 0) {
  return value === undefined || value === null ? undefined : number(name, value, min);
}

/** An options object; absent is empty. */
function options(name, value) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw refuse(name, 'an object', value);
  return value;
}

function optionalBoolean(name, value) {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw refuse(name, 'a boolean', value);
  return value;
}

/** A share from 0 to 1. */
function optionalFraction(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw refuse(name, 'a number from 0 to 1', value);
  return value;
}

/** Any number but NaN and the infinities. */
function finite(name, value) {
  if (!Number.isFinite(value)) throw refuse(name, 'a finite number', value);
  return value;
}

function array(name, value) {
  if (!Array.isArray(value)) throw refuse(name, 'an array', value);
  return value;
}

/** A list of names, each once. */
function names(name, value) {
  return [...new Set(array(name, value).map((each, at) => string(`${name}[${at}]`, each)))];
}

/** Most texts of one list, for example tags: they are stored with every entry. */
const MAX_TEXTS = 1000;

/** A list of non-empty strings as the core's keys. */
function optionalTexts(name, value) {
  if (value === undefined || value === null) return undefined;
  if (array(name, value).length > MAX_TEXTS) throw refuse(name, `an array of at most ${MAX_TEXTS} strings`, value);
  return value.map((text, index) => {
    if (string(`${name}[${index}]`, text) === '') throw refuse(`${name}[${index}]`, 'a non-empty string', text);
    return exactText(text);
  });
}

function func(name, value) {
  if (typeof value !== 'function') throw refuse(name, 'a function', value);
  return value;
}

function signal(name, value) {
  if (value === undefined || value === null) return undefined;
  if (!(value instanceof AbortSignal)) throw refuse(name, 'an AbortSignal', value);
  return value;
}

function optionalOneOf(name, value, allowed) {
  if (value === undefined || value === null) return undefined;
  if (!allowed.includes(value)) throw refuse(name, `one of "${allowed.join('", "')}"`, value);
  return value;
}

/** A path as text, absolute: what runs later must not depend on a change of the working directory. */
function path(name, value) {
  if (value instanceof URL && value.protocol !== 'file:') throw refuse(name, 'a path or a file: URL', value.href);
  const text = value instanceof URL ? fileURLToPath(value) : string(name, value);
  if (text === '' || text.includes('\0')) throw refuse(name, 'a path', value);
  return resolve(text);
}

function optionalPath(name, value) {
  return value === undefined || value === null ? undefined : path(name, value);
}

/**
 * JSON of a value that the caller wants stored or counted.
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT` for what JSON cannot hold
 */
function jsonOf(name, value) {
  let json;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} cannot be written as JSON (${messageOf(cause)})`, {
      cause,
    });
  }
  if (json === undefined) throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} has no JSON: it is ${kindOf(value)}`);
  return json;
}

/** Longest time to live in seconds: a hundred years, as in the configuration. */
const MAX_TTL_SECONDS = 3_153_600_000;

/** A time in seconds as whole ms; absent is `undefined`. */
function milliseconds(name, seconds) {
  const given = optionalNumber(name, seconds);
  if (given === undefined) return undefined;
  if (given > MAX_TTL_SECONDS) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be at most ${MAX_TTL_SECONDS}, got ${given}`);
  }
  return Math.ceil(given * 1000);
}

/** A time to live in ms; absent and 0 mean the configured one, which is `undefined` here. */
function ttlMs(name, seconds) {
  return milliseconds(name, seconds) || undefined;
}

/** Marks text that is given as JSON. */
const EXACT = '\u0001';

/**
 * Text as the core's key. UTF-8 cannot hold lone surrogates: such text is given as JSON behind a mark, so that different
 * keys stay different.
 */
function exactText(text) {
  if (text === undefined) return undefined;
  return text.isWellFormed() && !text.startsWith(EXACT) ? text : EXACT + JSON.stringify(text);
}

/** The caller's text again. */
function originalText(text) {
  return text.startsWith(EXACT) ? JSON.parse(text.slice(EXACT.length)) : text;
}

/** No setting is deeper than four levels; the core's parser goes to 127. */
const MAX_CONFIGURATION_DEPTH = 64;

/** What a value that JSON cannot hold is, or `undefined` for one that it can. */
function invalidKind(value) {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'bigint':
      return `BigInt ${value}`;
    case 'function':
    case 'symbol':
      return typeof value;
    case 'string':
      return value.isWellFormed() ? undefined : 'a string with a lone surrogate';
    default:
      return undefined;
  }
}

/** The object, or a copy in which keys that UTF-8 cannot hold are made such that it can; no setting has such a name. */
function withoutLoneSurrogates(object) {
  const keys = Object.keys(object);
  if (Array.isArray(object) || keys.every((key) => key.isWellFormed())) return object;
  return Object.fromEntries(keys.map((key) => [key.toWellFormed(), object[key]]));
}

/**
 * A configuration as JSON in which nothing vanishes: what JSON cannot hold becomes `{ "$invalid": what }`, which the core
 * reports together with every other problem.
 */
function configurationJson(config, code = 'E_CONFIG_INVALID') {
  if (config === undefined) return '{}';
  const ancestors = [];
  function mark(_, value) {
    const invalid = invalidKind(value);
    if (invalid !== undefined) return { $invalid: invalid };
    if (value === null || typeof value !== 'object') return value;
    // `this` holds the value: whatever is deeper than it has been written.
    while (ancestors.length > 0 && ancestors.at(-1) !== this) ancestors.pop();
    if (ancestors.includes(value)) return { $invalid: 'circular' };
    if (ancestors.length === MAX_CONFIGURATION_DEPTH) return { $invalid: 'nested too deeply' };
    const shown = withoutLoneSurrogates(value);
    ancestors.push(shown);
    return shown;
  }
  try {
    return JSON.stringify(config, mark) ?? '{"$invalid":"a value without JSON"}';
  } catch (cause) {
    throw new AgentwiseError(code, `configuration refused: it cannot be read (${messageOf(cause)})`, {
      cause,
      problems: [{ path: 'configuration', message: 'cannot be read' }],
    });
  }
}

/** What a call may ask of the filter: `asked` in the order in which the core takes it. */
function filterOptions(value) {
  const given = options('options', value);
  return {
    asked: [
      optionalNumber('options.maxSize', given.maxSize, 1),
      optionalNumber('options.maxTokens', given.maxTokens, 1),
      optionalFraction('options.targetReduction', given.targetReduction),
      optionalBoolean('options.wholeTexts', given.wholeTexts),
      optionalBoolean('options.prioritizeRecent', given.prioritizeRecent),
    ],
    signal: signal('options.signal', given.signal),
  };
}

module.exports = {
  string,
  optionalString,
  number,
  optionalNumber,
  optionalBoolean,
  options,
  optionalFraction,
  finite,
  array,
  names,
  optionalTexts,
  func,
  signal,
  optionalOneOf,
  path,
  optionalPath,
  milliseconds,
  exactText,
  jsonOf,
  ttlMs,
  originalText,
  configurationJson,
  filterOptions,
};
