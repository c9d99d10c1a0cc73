import addon from './index.js';

export const {
  ProductionOptimizationSystem,
  AdvancedCacheManager,
  AgentContextFilter,
  SharedContextClient,
  AgentwiseError,
  countTokens,
  countTokensAsync,
  startSharedContextServer,
} = addon;
export default ProductionOptimizationSystem;
