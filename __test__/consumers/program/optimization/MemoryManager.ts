export * from 'agentwise-optimization/memory';
export { default } from 'agentwise-optimization/memory';
