export {
  AgentwiseError,
  OptimizationConfig,
  OptimizationOrchestrator,
  OptimizationOrchestrator as default,
  OptimizationOrchestratorEvents,
  OptimizationRecommendations,
  OptimizationStats,
  OptimizedContext,
  OptimizedContextOf,
  OptimizeOptions,
  ShutdownOptions,
} from '../index.js';
