export * from 'agentwise-optimization/tokens';
export { default } from 'agentwise-optimization/tokens';
