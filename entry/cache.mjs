import cache from './cache.js';

export const { AdvancedCacheManager } = cache;
export default AdvancedCacheManager;
