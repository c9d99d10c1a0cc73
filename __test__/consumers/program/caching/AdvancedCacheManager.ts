export * from 'agentwise-optimization/cache';
export { default } from 'agentwise-optimization/cache';
