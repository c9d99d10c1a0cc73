export * from './testing.js';
export { createTestSystem as default } from './testing.js';
