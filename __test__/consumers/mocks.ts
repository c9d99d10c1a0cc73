import ProductionOptimizationSystem from 'agentwise-optimization';
import AdvancedCacheManager from 'agentwise-optimization/cache';
import AgentContextFilter from 'agentwise-optimization/context';
import type MemoryManager from 'agentwise-optimization/memory';
import ProductionMonitor from 'agentwise-optimization/monitor';
import OptimizationOrchestrator from 'agentwise-optimization/orchestrator';
import type TokenOptimizer from 'agentwise-optimization/tokens';

/**
 * Tests of an application as they were written against the original, whose results were `any`: what is mocked has any shape.
 * Compiled with the `jest` of @types/jest and with that of @jest/globals, which `run.mjs` imports; not run.
 */
interface AgentContext {
  currentTask: string;
  files: string[];
}

export function returned(system: ProductionOptimizationSystem, memory: MemoryManager, optimizer: TokenOptimizer): void {
  jest.spyOn(system, 'getStatus').mockReturnValue({ initialized: false, error: 'not initialized' });
  jest.spyOn(system, 'getStatus').mockReturnValueOnce({
    initialized: true,
    environment: 'development',
    components: {
      memoryManager: null,
      cacheManager: null,
      contextFilter: null,
      productionMonitor: null,
      tokenOptimizer: {},
    },
    sharedContext: undefined,
  });
  jest.spyOn(system, 'getStatus').mockReturnValue(null);
  jest.spyOn(system, 'getHealthStatus').mockReturnValue({ overall: 'down', score: 0, message: 'not initialized' });
  jest.spyOn(memory, 'getMemoryStats').mockReturnValue({
    process: { rss: 1, heapTotal: 1, heapUsed: 1, external: 1 },
    system: { total: 1, free: 1, used: 1, percentage: 1 },
    config: { maxMemory: 1, alertThreshold: 1, agentLimit: 1 },
    agents: [],
    throttledAgents: [],
    recentAlerts: [],
  });
  jest.spyOn(memory, 'unthrottleAgent').mockReturnValue(undefined);
  jest.spyOn(new AgentContextFilter(), 'getFilterStats').mockReturnValue({ agentSpecializations: 7 });
  jest.spyOn(new ProductionMonitor(), 'getStatus').mockReturnValue({ uptime: 1, metrics: null, components: {} });
  jest.spyOn(new OptimizationOrchestrator({}), 'getStatus').mockReturnValue({});
  jest.spyOn(optimizer, 'getOptimizationReport').mockReturnValue({ totalTokensUsed: 1 });
  jest.spyOn(optimizer, 'getEnhancedOptimizationReport').mockReturnValue({
    productionComponents: { memoryManager: { enabled: true, stats: {} } },
    integrationStatus: { productionReady: true },
  });
  jest.spyOn(optimizer, 'getSharedContextStats').mockReturnValue({ enabled: false, clientStats: null });
  jest.spyOn(optimizer, 'getProductionHealthStatus').mockReturnValue({ overall: 'healthy', components: {} });
  const cache = new AdvancedCacheManager();
  jest.spyOn(cache, 'updateConfig').mockReturnValue(undefined);
  jest.spyOn(cache, 'updateConfig').mockImplementation(() => {});
  jest.spyOn(cache, 'warmCache').mockResolvedValue();
}

export function resolved(system: ProductionOptimizationSystem, optimizer: TokenOptimizer): void {
  jest.spyOn(system, 'optimizeAgentContext').mockResolvedValue({ a: 1 });
  jest.spyOn(system, 'optimizeAgentContext').mockResolvedValueOnce(null);
  jest.spyOn(system, 'optimizeAgentContext').mockRejectedValue(new Error('x'));
  jest.spyOn(system, 'performMaintenance').mockResolvedValue();
  jest.spyOn(system, 'startMonitoringDashboard').mockResolvedValue(undefined);
  jest.spyOn(optimizer, 'optimizeContext').mockResolvedValue({ type: 'full' });
  jest.spyOn(optimizer, 'optimizeAgentConfiguration').mockResolvedValue({
    shared: { common: { tasks: [], dependencies: [], projectInfo: {}, completedWork: [] }, agentSpecific: {} },
    batches: [],
  });
  jest.spyOn(optimizer, 'computeContextDiff').mockResolvedValue({ added: {} });
  jest.spyOn(optimizer, 'trimContext').mockResolvedValue({});
  jest.spyOn(optimizer, 'compressSharedContext').mockResolvedValue({});
}

/** Parameters have their types from what is mocked. */
export function implemented(system: ProductionOptimizationSystem, optimizer: TokenOptimizer): void {
  jest.spyOn(system, 'getStatus').mockImplementation(() => ({ initialized: false }));
  jest.spyOn(system, 'optimizeAgentContext').mockImplementation(async (id, context) => ({ ...context, id }));
  jest.spyOn(system, 'optimizeAgentContext').mockImplementation(async (_id: string, context: AgentContext) => context);
  jest.spyOn(optimizer, 'optimizeContext').mockImplementation(async (id, context) => ({ id: id.length, context }));
  jest.spyOn(ProductionOptimizationSystem.prototype, 'getHealthStatus').mockImplementation(() => ({ mine: 1 }));
}

export async function mocked(system: ProductionOptimizationSystem, memory: MemoryManager): Promise<unknown> {
  const one = jest.mocked(system);
  one.getStatus.mockReturnValue({ initialized: false });
  one.optimizeAgentContext.mockResolvedValue({ a: 1 });
  one.optimizeAgentContext.mockImplementation(async (_id, context) => context);
  jest.mocked(memory.getMemoryStats).mockReturnValue({ agents: [] });
  const two = system as jest.Mocked<ProductionOptimizationSystem>;
  two.getHealthStatus.mockReturnValue({ overall: 'down' });
  const three: Partial<jest.Mocked<TokenOptimizer>> = { optimizeContext: jest.fn(), getOptimizationReport: jest.fn() };
  three.optimizeContext?.mockResolvedValue({ a: 1 });
  const four: Partial<jest.Mocked<ProductionOptimizationSystem>> = {
    getStatus: jest.fn(() => ({ a: 1 })),
    optimizeAgentContext: jest.fn(async (_id: string, context: unknown) => context),
  };
  // @ts-expect-error there is no such method: `jest` has its types
  jest.spyOn(system, 'getNothing');
  expect(system.getStatus()).toEqual({ initialized: false });
  expect(system.getStatus().components.memoryManager.process.heapUsed).toBeGreaterThan(0);
  expect(await system.optimizeAgentContext('a', {})).toMatchObject({ a: 1 });
  const spy = jest.spyOn(system, 'optimizeAgentContext');
  expect(spy.mock.calls[0][1].currentTask).toBe('x');
  const given: ProductionOptimizationSystem[] = [one, two];
  return [given, three, four];
}
