import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import AdvancedCacheManager, { CacheConfig, CacheStats } from './caching/AdvancedCacheManager.js';
import AgentContextFilter, { ContextFilterConfig, FilteredContext } from './context/AgentContextFilter.js';
import ProductionMonitor, { HealthCheck, SystemMetrics } from './monitoring/ProductionMonitor.js';
import MemoryManager, { MemoryConfig } from './optimization/MemoryManager.js';
import OptimizationOrchestrator from './optimization/OptimizationOrchestrator.js';
import ProductionOptimizationSystem from './optimization/ProductionOptimizationSystem.js';
import TokenOptimizer from './optimization/TokenOptimizer.js';

/** As an application adds to the classes; with members of the names that the original's private ones may have had. */
class Memory extends MemoryManager {
  private config: Partial<MemoryConfig>;
  protected history: number[] = [];
  private timers = new Map<string, NodeJS.Timeout>();
  constructor(config: Partial<MemoryConfig> = {}) {
    super(config);
    this.config = config;
  }
  override registerAgentMemory(agentId: string, contextBytes: number, cacheBytes: number): void {
    this.history.push(contextBytes + cacheBytes);
    super.registerAgentMemory(agentId, contextBytes, cacheBytes);
    this.emit('registered', { agentId });
  }
  override getMemoryStats(): any {
    return { ...super.getMemoryStats(), registered: this.history.length, limit: this.config.agentMemoryLimit };
  }
  override async stop(): Promise<void> {
    for (const timer of this.timers.values()) clearTimeout(timer);
    super.stop();
  }
  override on(event: string, listener: (...args: any[]) => void): this {
    return super.on(event, listener);
  }
}

class Cache extends AdvancedCacheManager {
  private hits = 0;
  constructor(config?: Partial<CacheConfig>) {
    super(config);
    this.on('cacheHit', () => this.hits++);
  }
  override async get(key: string): Promise<any> {
    return (await super.get(key)) ?? 'nothing';
  }
  override async set(key: string, value: any, ttl?: number): Promise<void> {
    await super.set(key.toLowerCase(), value, ttl);
  }
  override getStats(): CacheStats {
    const { l1, l2, l3, overall } = super.getStats();
    return {
      l1: { size: l1.size, maxSize: l1.maxSize, hitRate: l1.hitRate, entries: l1.entries },
      l2: { sizeMB: l2.sizeMB, maxSizeMB: l2.maxSizeMB, hitRate: l2.hitRate, entries: l2.entries },
      l3: {
        sizeMB: l3.sizeMB,
        maxSizeMB: l3.maxSizeMB,
        hitRate: l3.hitRate,
        entries: l3.entries,
        compressionRatio: l3.compressionRatio,
      },
      overall: {
        totalHits: overall.totalHits + this.hits,
        totalMisses: overall.totalMisses,
        hitRate: overall.hitRate,
        evictions: overall.evictions,
        similarityDetections: overall.similarityDetections,
      },
    };
  }
  override async clear(layer?: 'L1' | 'L2' | 'L3'): Promise<void> {
    await super.clear(layer);
  }
}

class Filter extends AgentContextFilter {
  constructor(config: Partial<ContextFilterConfig> = {}) {
    super({ ...config, contextImportanceThreshold: 0.1 });
  }
  override async filterContext(agentId: string, context: any, memory = 0, load = 0): Promise<FilteredContext> {
    const { original, filtered, reductionRatio, removedElements, importanceScores, memoryUsage } =
      await super.filterContext(agentId, context, memory, load);
    return {
      agentId,
      original,
      filtered,
      reductionRatio,
      removedElements,
      importanceScores,
      memoryUsage,
      adaptations: ['mine'],
    };
  }
}

class Monitor extends ProductionMonitor {
  override getCurrentMetrics(): SystemMetrics | null {
    return super.getCurrentMetrics();
  }
  override getMetricsHistory(hours: number = 24): SystemMetrics[] {
    return super.getMetricsHistory(hours);
  }
  override getOverallHealth(): { score: number; status: any; components: HealthCheck[] } {
    return super.getOverallHealth();
  }
  override async stop(): Promise<void> {
    await super.stop();
  }
}

class Optimizer extends TokenOptimizer {
  override async optimizeContext(agentId: string, context: any): Promise<any> {
    return super.optimizeContext(agentId, { ...context, projectStructure: 'mine' });
  }
  override async scheduleAgents(agents: string[], tasks: any[]): Promise<string[][]> {
    return super.scheduleAgents(agents, tasks);
  }
}

class Orchestrator extends OptimizationOrchestrator {
  override async optimizeAgentContext(agentId: string, context: any, options?: any): Promise<any> {
    return super.optimizeAgentContext(agentId, context, options);
  }
}

class System extends ProductionOptimizationSystem {
  private orchestrator: Orchestrator | null = null;
  started = false;
  override async initialize(): Promise<void> {
    await super.initialize();
    this.started = true;
  }
  override getStatus(): any {
    return { ...super.getStatus(), orchestrator: this.orchestrator };
  }
  override async shutdown(): Promise<void> {
    await super.shutdown();
    this.started = false;
  }
}

/** What the original had as `any`, or gave nothing, in shapes of the application's own. */
interface OwnContext {
  currentTask: string;
  mine: number;
}
class OwnSystem extends ProductionOptimizationSystem {
  override getStatus() {
    return { initialized: super.getStatus().initialized, mine: 1 };
  }
  override getHealthStatus(): { overall: string; mine: number } {
    return { overall: super.getHealthStatus().overall, mine: 2 };
  }
  override async optimizeAgentContext(agentId: string, context: OwnContext, options: any = {}): Promise<OwnContext> {
    return { ...(await super.optimizeAgentContext(agentId, context, options)), mine: 3 };
  }
  override async performMaintenance(): Promise<void> {
    await super.performMaintenance();
  }
  override async startMonitoringDashboard(): Promise<void> {
    await super.startMonitoringDashboard();
  }
}
class OwnMemory extends MemoryManager {
  override getMemoryStats() {
    return { process: { rss: super.getMemoryStats().process.rss }, agents: [] };
  }
  override unthrottleAgent(agentId: string): void {
    super.unthrottleAgent(agentId);
  }
}
class OwnCache extends AdvancedCacheManager {
  override async warmCache(entries: { key: string; priority: number }[]): Promise<void> {
    await super.warmCache(entries);
  }
  override updateConfig(partial: Partial<CacheConfig>): void {
    super.updateConfig(partial);
  }
}
class OwnFilter extends AgentContextFilter {
  override getFilterStats() {
    return { cachedContexts: super.getFilterStats().cachedContexts };
  }
}
class OwnMonitor extends ProductionMonitor {
  override getStatus() {
    return { uptime: super.getStatus().uptime };
  }
}
class OwnOptimizer extends TokenOptimizer {
  override async optimizeContext(_agentId: string, _context: any) {
    return { type: 'incremental', changes: [], reference: '' };
  }
  override async optimizeAgentConfiguration(agents: string[], _context: any) {
    return { agents: {}, batches: [agents] };
  }
  override getOptimizationReport() {
    return { totalTokensUsed: 0 };
  }
}
/** Objects in the place of a class. */
const fakes: [
  Pick<MemoryManager, 'getMemoryStats' | 'shouldThrottleAgent'>,
  Pick<ProductionOptimizationSystem, 'optimizeAgentContext'>,
  Partial<ProductionOptimizationSystem>,
] = [
  { getMemoryStats: () => ({ agents: [] }), shouldThrottleAgent: () => false },
  { optimizeAgentContext: async (agentId, context) => ({ ...context, agentId }) },
  { getStatus: () => ({ initialized: false, components: { memoryManager: null } }) },
];
class Fake implements Pick<ProductionOptimizationSystem, 'getStatus' | 'optimizeAgentContext'> {
  getStatus() {
    return { initialized: true };
  }
  async optimizeAgentContext(_agentId: string, context: OwnContext) {
    return context;
  }
}

async function ownShapes(): Promise<void> {
  const given: any = { environment: 'development', finalReport: false };
  const system: ProductionOptimizationSystem = new OwnSystem(given);
  await system.initialize();
  ok(system.getStatus().initialized);
  strictEqual((await system.optimizeAgentContext('agent', { currentTask: 'x', mine: 0 })).mine, 3);
  await system.performMaintenance();
  strictEqual(new OwnSystem(given).getStatus().mine + new OwnSystem(given).getHealthStatus().mine, 3);
  await system.shutdown();
  const memory: MemoryManager = new OwnMemory();
  const cache: AdvancedCacheManager = new OwnCache({ persistToDisk: false });
  const filter: AgentContextFilter = new OwnFilter();
  const monitor: ProductionMonitor = new OwnMonitor({ alertsEnabled: false }, memory, cache, filter);
  const optimizer: TokenOptimizer = new OwnOptimizer();
  memory.unthrottleAgent('agent');
  await cache.warmCache([{ key: 'a', priority: 1 }]);
  cache.updateConfig({ ttlSeconds: 60 });
  strictEqual((await optimizer.optimizeContext('agent', {})).type, 'incremental');
  ok(memory.getMemoryStats().process.rss > 0 && monitor.getStatus().uptime >= 0);
  strictEqual(filter.getFilterStats().cachedContexts + fakes.length, 3);
  ok(new Fake().getStatus().initialized);
  await monitor.stop();
  await cache.stop();
  memory.stop();
}

export async function subclasses(): Promise<void> {
  await ownShapes();
  const memory = new Memory({ agentMemoryLimit: 64 });
  const registered: string[] = [];
  memory.on('registered', ({ agentId }: { agentId: string }) => registered.push(agentId));
  memory.registerAgentMemory('agent', 1, 2);
  deepStrictEqual([registered, memory.getMemoryStats().registered, memory.getMemoryStats().limit], [['agent'], 1, 64]);

  const cache = new Cache({ persistToDisk: false });
  await cache.set('KEY', 1);
  deepStrictEqual([await cache.get('key'), await cache.get('gone')], [1, 'nothing']);
  ok(cache instanceof AdvancedCacheManager && cache.getStats().l1.entries === 1);
  await cache.clear();

  const filter: AgentContextFilter = new Filter();
  deepStrictEqual((await filter.filterContext('agent', { currentTask: 1 })).adaptations, ['mine']);

  const optimizer = new Optimizer(undefined, memory, cache);
  strictEqual((await optimizer.optimizeContext('agent', {})).projectStructure, 'mine');

  const monitor = new Monitor({ alertsEnabled: false }, memory, cache, filter);
  ok(monitor.getOverallHealth().score >= 0 && monitor.getMetricsHistory().length >= 0);
  await monitor.stop();

  const system = new System({ environment: 'development', finalReport: false });
  await system.initialize();
  ok(system.started && system.getStatus().orchestrator === null);
  await system.shutdown();
  const orchestrator = new Orchestrator({ environment: 'development' }, optimizer);
  strictEqual((await orchestrator.optimizeAgentContext('another', { currentTask: 'a task' })).projectStructure, 'mine');
  await orchestrator.shutdown();
  await cache.stop();
  await memory.stop();
}
