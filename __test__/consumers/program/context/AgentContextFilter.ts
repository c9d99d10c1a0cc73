export * from 'agentwise-optimization/context';
export { default } from 'agentwise-optimization/context';
