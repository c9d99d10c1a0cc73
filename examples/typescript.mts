/**
 * The same in TypeScript: settings, results and events are typed. A part that is closed at the end of its block.
 *
 *   node typescript.mts    Node.js 24 or later; before that compile it first, as tsconfig.json says
 */

import ProductionOptimizationSystem, {
  AgentwiseError,
  type ErrorCode,
  type OptimizationStats,
  type SystemConfig,
} from 'agentwise-optimization';
import AdvancedCacheManager, { type CacheConfig } from 'agentwise-optimization/cache';

interface Review {
  file: string;
  comments: string[];
}

const cacheSettings: Partial<CacheConfig> = { persistToDisk: false, ttlSeconds: 600, evictionPolicy: 'lfu' };

async function reviews(): Promise<void> {
  await using cache = new AdvancedCacheManager(cacheSettings);
  cache.on('cacheHit', ({ layer, key }) => console.log(`${key} was in ${layer}`));
  const review = (file: string) =>
    cache.getOrCompute<Review>(`review ${file}`, ({ key }) => ({ file, comments: [`made for ${key}`] }));
  const first = await review('src/app.ts');
  const again = await cache.get<Review>('review src/app.ts');
  console.log(first.comments.length, again?.file);
}

/** What to do about an error: its code is one of a closed list. */
function advice(code: ErrorCode): string {
  return code === 'E_NOT_INITIALIZED' ? 'call initialize() first' : 'see the message';
}

async function optimize(config: SystemConfig): Promise<void> {
  const system = new ProductionOptimizationSystem(config);
  try {
    await system.optimizeAgentContext('backend-specialist', { currentTask: 'too early' });
  } catch (error) {
    if (!(error instanceof AgentwiseError)) throw error;
    console.log(error.code, advice(error.code));
  }
  await system.initialize();
  try {
    system.on('contextOptimized', ({ agentId, reductionRatio }) => console.log(agentId, reductionRatio.toFixed(1)));
    const result = await system.optimizeAgentContext('backend-specialist', { currentTask: 'List the orders' });
    console.log(result.type, result.tokensSaved);
    const statistics: OptimizationStats = system.getStatus().statistics;
    console.log(statistics.cacheHitRate);
  } finally {
    await system.shutdown();
  }
}

await reviews();
await optimize({ environment: 'development', cache: cacheSettings, finalReport: false });
