export * from 'agentwise-optimization/monitor';
export { default } from 'agentwise-optimization/monitor';
