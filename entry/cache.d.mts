export * from './cache.js';
export { AdvancedCacheManager as default } from './cache.js';
