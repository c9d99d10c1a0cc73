import memory from './memory.js';

export const { MemoryManager, AgentwiseError } = memory;
export default MemoryManager;
