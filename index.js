'use strict';

const { ProductionOptimizationSystem } = require('./js/production-optimization-system.js');
const { AdvancedCacheManager } = require('./js/advanced-cache-manager.js');
const { AgentContextFilter } = require('./js/agent-context-filter.js');
const { TokenOptimizer } = require('./js/token-optimizer.js');
const { AgentwiseError } = require('./js/errors.js');
const { countTokens, countTokensAsync } = require('./js/token-count.js');
const { applyDelta, applyDeltaAsync } = require('./js/deltas.js');
const { renderForPrompt } = require('./js/prompt.js');

module.exports = {
  ProductionOptimizationSystem,
  AdvancedCacheManager,
  AgentContextFilter,
  TokenOptimizer,
  AgentwiseError,
  countTokens,
  countTokensAsync,
  applyDelta,
  applyDeltaAsync,
  renderForPrompt,
  default: ProductionOptimizationSystem,
};

Object.defineProperty(module.exports, '__esModule', { value: true });
