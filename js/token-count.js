'use strict';

const args = require('./arguments.js');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const native = require('./binding.js');

const DEFAULT_ENCODING = 'o200k_base';

function prepare(value, options) {
  const { encoding } = args.options('options', options);
  const text = typeof value === 'string' ? value : json(value);
  return [text, args.optionalString('options.encoding', encoding) ?? DEFAULT_ENCODING];
}

function json(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `value cannot be written as JSON (${cause?.message ?? cause})`, {
      cause,
    });
  }
  if (text === undefined) throw new AgentwiseError('E_INVALID_ARGUMENT', `value has no JSON: it is a ${typeof value}`);
  return text;
}

function countTokens(value, options) {
  return call(native.countTokens, ...prepare(value, options));
}

async function countTokensAsync(value, options) {
  return callAsync(native.countTokensAsync, ...prepare(value, options));
}

module.exports = { countTokens, countTokensAsync };
