'use strict';

const { TokenOptimizer } = require('../js/token-optimizer.js');
const { applyDelta, applyDeltaAsync, toMessage } = require('../js/deltas.js');
const { renderForPrompt } = require('../js/prompt.js');
const { countTokens, countTokensAsync } = require('../js/token-count.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = {
  TokenOptimizer,
  applyDelta,
  applyDeltaAsync,
  toMessage,
  renderForPrompt,
  countTokens,
  countTokensAsync,
  AgentwiseError,
  default: TokenOptimizer,
};

Object.defineProperty(module.exports, '__esModule', { value: true });
