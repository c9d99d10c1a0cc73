export * from './monitor.js';
export { ProductionMonitor as default } from './monitor.js';
