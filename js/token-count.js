'use strict';

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const native = require('./binding.js');

const DEFAULT_ENCODING = 'o200k_base';

function prepare(value, options) {
  const { encoding } = args.options('options', options);
  const text = typeof value === 'string' ? value : args.jsonOf('value', value);
  return [text, args.optionalString('options.encoding', encoding) ?? DEFAULT_ENCODING];
}

function countTokens(value, options) {
  return call(native.countTokens, ...prepare(value, options));
}

async function countTokensAsync(value, options) {
  return callAsync(native.countTokensAsync, ...prepare(value, options));
}

module.exports = { countTokens, countTokensAsync };
