export * from 'agentwise-optimization';
export { default } from 'agentwise-optimization';
