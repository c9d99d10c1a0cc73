export {
  AgentwiseError,
  OptimizationConfig,
  OptimizationOrchestrator,
  OptimizationOrchestrator as default,
  OptimizationOrchestratorEvents,
  OptimizationRecommendations,
  OptimizationStats,
  OptimizedContext,
  OptimizeOptions,
  ShutdownOptions,
} from '../index.js';
