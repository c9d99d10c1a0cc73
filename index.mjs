import addon from './index.js';

export const {
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
} = addon;
export default ProductionOptimizationSystem;
