import cache from './cache.js';

export const { AdvancedCacheManager, AgentwiseError } = cache;
export default AdvancedCacheManager;
