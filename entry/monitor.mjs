import monitor from './monitor.js';

export const { ProductionMonitor, AgentwiseError } = monitor;
export default ProductionMonitor;
