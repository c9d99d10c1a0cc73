/** Objects and classes of this package under Jest's types, as tests written against the replaced package use them. */

import { jest } from '@jest/globals';
import {
  AdvancedCacheManager,
  AgentContextFilter,
  type CacheStats,
  type FilteredContext,
  MemoryManager,
  ProductionMonitor,
  ProductionOptimizationSystem,
  type SystemMetrics,
  type TokenOptimizer,
} from 'agentwise-optimization';

jest.mock('agentwise-optimization/memory');

export async function mocks(stats: CacheStats, metrics: SystemMetrics, filtered: FilteredContext): Promise<void> {
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  jest.spyOn(cache, 'get').mockResolvedValue({ answer: 42 });
  jest.spyOn(cache, 'set').mockResolvedValue(undefined);
  jest.spyOn(cache, 'getStats').mockReturnValue(stats);
  jest.spyOn(cache, 'getStats').mockImplementation(() => ({
    l1: { size: 1, maxSize: 10, hitRate: 0.5, entries: 1 },
    l2: { sizeMB: 1, maxSizeMB: 10, hitRate: 0.5, entries: 1 },
    l3: { sizeMB: 1, maxSizeMB: 10, hitRate: 0.5, entries: 1, compressionRatio: 0.5 },
    overall: { totalHits: 1, totalMisses: 1, hitRate: 0.5, evictions: 0, similarityDetections: 0 },
  }));
  jest.spyOn(cache, 'emit').mockReturnValue(true);
  jest.spyOn(new AgentContextFilter(), 'filterContext').mockResolvedValue(filtered);
  const memory = jest.mocked(new MemoryManager());
  memory.shouldThrottleAgent.mockReturnValue(true);
  memory.getHealthScore.mockReturnValueOnce(50);
  const Mocked = jest.mocked(MemoryManager);
  Mocked.mockClear();
  const monitor = new ProductionMonitor({}, memory, cache, undefined) as jest.Mocked<ProductionMonitor>;
  monitor.getCurrentMetrics.mockReturnValue(metrics);
  jest
    .spyOn(ProductionOptimizationSystem, 'create')
    .mockResolvedValue(new ProductionOptimizationSystem({ environment: 'development' }));
  jest.spyOn(ProductionOptimizationSystem.prototype, 'isProductionReady').mockReturnValue(false);
  // They gave nothing.
  const { prototype } = ProductionOptimizationSystem;
  jest.spyOn(prototype, 'performMaintenance').mockResolvedValue();
  jest.spyOn(prototype, 'performMaintenance').mockResolvedValue({ expiredEntries: 1, garbageCollected: false });
  jest.spyOn(cache, 'warmCache').mockResolvedValue();
  jest.spyOn(cache, 'warmCache').mockResolvedValue({ total: 1, found: 1 });
  // Any shape where the original said `any`; what else has been tried: `__test__/consumers/mocks.ts`.
  const getStatus = jest.fn<ProductionOptimizationSystem['getStatus']>().mockReturnValue({ initialized: false });
  const optimizeAgentContext = jest.fn<ProductionOptimizationSystem['optimizeAgentContext']>();
  optimizeAgentContext.mockResolvedValue({ a: 1 });
  const system: Partial<ProductionOptimizationSystem> = { getStatus, optimizeAgentContext };
  jest.mocked(memory.getMemoryStats).mockReturnValue({ process: { rss: 1 }, agents: [] });
  const fake: Partial<jest.Mocked<TokenOptimizer>> = { optimizeContext: jest.fn<TokenOptimizer['optimizeContext']>() };
  fake.optimizeContext?.mockImplementation(async (_agentId, context) => context);
  void system;
}
