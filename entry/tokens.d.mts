export * from './tokens.js';
export { TokenOptimizer as default } from './tokens.js';
