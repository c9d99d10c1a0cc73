import addon from './index.js';

export const {
  ProductionOptimizationSystem,
  AdvancedCacheManager,
  AgentContextFilter,
  AgentwiseError,
  countTokens,
  countTokensAsync,
} = addon;
export default ProductionOptimizationSystem;
