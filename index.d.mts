export * from './index.js';
export { ProductionOptimizationSystem as default } from './index.js';
