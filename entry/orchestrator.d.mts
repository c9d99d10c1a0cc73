export * from './orchestrator.js';
export { OptimizationOrchestrator as default } from './orchestrator.js';
