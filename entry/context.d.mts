export * from './context.js';
export { AgentContextFilter as default } from './context.js';
