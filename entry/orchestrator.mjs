import orchestrator from './orchestrator.js';

export const { OptimizationOrchestrator, AgentwiseError } = orchestrator;
export default OptimizationOrchestrator;
