export * from 'agentwise-optimization/orchestrator';
export { default } from 'agentwise-optimization/orchestrator';
