import addon from './index.js';

export const {
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
} = addon;
export default ProductionOptimizationSystem;
