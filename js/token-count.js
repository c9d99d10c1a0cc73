'use strict';

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const native = require('./binding.js');

const DEFAULT_ENCODING = 'o200k_base';

/** What is known of models, by name: asked for with every count. Few names are in use, but callers choose them. */
const models = new Map();
const MAX_MODELS = 256;

/** Encoding of a model, whether it is the model's own, its context window and price. */
function modelInfo(name) {
  args.string('model', name);
  let known = models.get(name);
  if (!known) {
    known = JSON.parse(call(native.modelOf, name));
    if (models.size >= MAX_MODELS) models.clear();
    models.set(name, known);
  }
  return { ...known, price: known.price && { ...known.price } };
}

function prepare(value, options) {
  const given = args.options('options', options);
  const encoding = args.optionalString('options.encoding', given.encoding);
  const model = args.optionalString('options.model', given.model);
  const text = typeof value === 'string' ? value : args.jsonOf('value', value);
  return [text, encoding ?? (model === undefined ? DEFAULT_ENCODING : modelInfo(model).encoding)];
}

function countTokens(value, options) {
  return call(native.countTokens, ...prepare(value, options));
}

async function countTokensAsync(value, options) {
  return callAsync(native.countTokensAsync, ...prepare(value, options));
}

module.exports = { countTokens, countTokensAsync, modelInfo };
