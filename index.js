'use strict';

const { ProductionOptimizationSystem } = require('./js/production-optimization-system.js');
const { OptimizationOrchestrator } = require('./js/optimization-orchestrator.js');
const { AdvancedCacheManager } = require('./js/advanced-cache-manager.js');
const { MemoryManager } = require('./js/memory-manager.js');
const { ProductionMonitor } = require('./js/production-monitor.js');
const { AgentContextFilter } = require('./js/agent-context-filter.js');
const { TokenOptimizer } = require('./js/token-optimizer.js');
const { SharedContextClient } = require('./js/shared-context/client.js');
const { AgentwiseError } = require('./js/errors.js');
const { startSharedContextServer } = require('./js/shared-context/server.js');
const { countTokens, countTokensAsync } = require('./js/token-count.js');
const { checkConfiguration, configurationSchema } = require('./js/configuration.js');
const { applyDelta, applyDeltaAsync, toMessage } = require('./js/deltas.js');
const { renderForPrompt } = require('./js/prompt.js');

module.exports = {
  ProductionOptimizationSystem,
  OptimizationOrchestrator,
  AdvancedCacheManager,
  AgentContextFilter,
  MemoryManager,
  ProductionMonitor,
  TokenOptimizer,
  AgentwiseError,
  countTokens,
  countTokensAsync,
  checkConfiguration,
  configurationSchema,
  applyDelta,
  applyDeltaAsync,
  toMessage,
  renderForPrompt,
  SharedContextClient,
  startSharedContextServer,
  default: ProductionOptimizationSystem,
};

Object.defineProperty(module.exports, '__esModule', { value: true });
