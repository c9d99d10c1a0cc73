import addon from './index.js';

export const { ProductionOptimizationSystem, AgentContextFilter, AgentwiseError, countTokens, countTokensAsync } =
  addon;
export default ProductionOptimizationSystem;
