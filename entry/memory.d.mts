export * from './memory.js';
export { MemoryManager as default } from './memory.js';
