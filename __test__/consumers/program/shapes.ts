import { ok, strictEqual } from 'node:assert';
import { EventEmitter } from 'node:events';
import {
  AdvancedCacheManager,
  AgentContextFilter,
  AgentMemoryStats,
  AgentSpecialization,
  Alert,
  CacheConfig,
  CacheEntry,
  CacheStats,
  ContextDiff,
  ContextElement,
  ContextFilterConfig,
  FilteredContext,
  HealthCheck,
  MemoryAlert,
  MemoryConfig,
  MemoryManager,
  MemoryUsage,
  MonitoringConfig,
  OptimizationConfig,
  OptimizationOrchestrator,
  OptimizationRecommendations,
  OptimizationStats,
  OptimizationStrategy,
  ProductionMonitor,
  ProductionOptimizationSystem,
  SimilarQuery,
  SystemConfig,
  SystemMetrics,
  TokenOptimizer,
  TokenUsageMetrics,
} from 'agentwise-optimization';

/** Values that callers make themselves, for example in their own tests, with what api.md names and nothing else. */
const timestamp = new Date();
const stats: CacheStats = {
  l1: { size: 1, maxSize: 10, hitRate: 0.5, entries: 1 },
  l2: { sizeMB: 1, maxSizeMB: 10, hitRate: 0.5, entries: 1 },
  l3: { sizeMB: 1, maxSizeMB: 10, hitRate: 0.5, entries: 1, compressionRatio: 0.5 },
  overall: { totalHits: 1, totalMisses: 1, hitRate: 0.5, evictions: 0, similarityDetections: 0 },
};
const metrics: SystemMetrics = {
  timestamp,
  memory: { process: { rss: 1 }, system: { total: 1 }, available: 1, percentage: 50 },
  cpu: { usage: 1, loadAverage: [1, 1, 1] },
  disk: { usage: 1, available: 1, percentage: 1 },
  cache: stats,
  agents: { active: 1, throttled: 0, totalMemory: 1 },
  performance: { responseTime: 1, throughput: 1, errorRate: 0 },
};
const filtered: FilteredContext = {
  agentId: 'agent',
  original: {},
  filtered: {},
  reductionRatio: 0,
  removedElements: [],
  importanceScores: { task: 1 },
  memoryUsage: 2,
  adaptations: [],
};
const values = {
  stats,
  metrics,
  filtered,
  agent: {
    agentId: 'agent',
    contextSize: 1,
    cacheSize: 1,
    totalMemory: 2,
    lastAccessed: timestamp,
    isThrottled: false,
  } as AgentMemoryStats,
  specialization: {
    name: 'x',
    keywords: [],
    filePatterns: [],
    contextPriorities: {},
    maxContextSize: 1,
    requiredFields: [],
    optionalFields: [],
    excludePatterns: [],
  } as AgentSpecialization,
};
const alert: Alert = {
  id: '1',
  type: 'warning',
  component: 'cpu',
  title: 't',
  message: 'm',
  timestamp,
  resolved: true,
  resolvedAt: timestamp,
  metadata: {},
};
const entry: CacheEntry = {
  key: 'k',
  value: 1,
  size: 1,
  createdAt: timestamp,
  lastAccessed: timestamp,
  hitCount: 0,
  ttl: 1,
  compressed: false,
};
const diff: ContextDiff = { added: {}, modified: {}, removed: [], unchanged: [] };
const check: HealthCheck = { component: 'memory', status: 'healthy', score: 100, message: '', timestamp };
const memoryAlert: MemoryAlert = {
  type: 'info',
  message: '',
  memoryUsage: 1,
  threshold: 1,
  timestamp,
  recommendations: [],
};
const usage: MemoryUsage = { total: 2, used: 1, free: 1, percentage: 50, timestamp };
const optimized: OptimizationStats = {
  tokensSaved: 0,
  memoryOptimized: 0,
  cacheHitRate: 0,
  contextReduction: 0,
  overallScore: 100,
  uptime: 1,
  timestamp,
};
const recommendations: OptimizationRecommendations = {
  memory: [],
  cache: [],
  context: [],
  general: [],
  priority: 'low',
};
const parts: [
  Partial<CacheConfig>,
  Partial<MemoryConfig>,
  Partial<ContextFilterConfig>,
  Partial<MonitoringConfig>,
  Partial<OptimizationConfig>,
] = [
  { l1MaxSize: 1 },
  { gcInterval: 1000 },
  { adaptiveReduction: true },
  { alertsEnabled: true },
  { autoTuning: true },
];
/** api.md names no fields of these: any will do. */
const loose: [ContextElement, SimilarQuery, TokenUsageMetrics, OptimizationStrategy] = [
  { key: 'a', value: 1, category: 'task' },
  { query: 'q', score: 1 },
  { agentId: 'a', tokens: 1 },
  { name: 'n', apply: () => 1 },
];
const read = (element: ContextElement, query: SimilarQuery): number =>
  element.importance * query.similarity + element.size;

/** Interfaces of the application's own, of the original's shape. */
interface MemorySource {
  registerAgentMemory(agentId: string, contextSize: number, cacheSize: number): void;
  getMemoryStats(): { agents: { agentId: string }[]; throttledAgents: string[] };
  getRecommendedContextSize(agentId: string, requestedSize: number): number;
  on(event: 'memoryAlert', listener: (alert: { message: string; threshold: number }) => void): unknown;
}
interface CacheLike {
  get(key: string): Promise<any>;
  set(key: string, value: any, ttlSeconds?: number): Promise<void>;
  getStats(): { overall: { hitRate: number; totalHits: number } };
  stop(): Promise<void>;
}
interface Component {
  updateConfig(partial: object): unknown;
}
type Methods<T> = { [K in keyof T]: T[K] extends (...args: any[]) => any ? K : never }[keyof T];

function supervise(memory: MemorySource, cache: CacheLike, component: Component, emitters: EventEmitter[]): number {
  memory.on('memoryAlert', ({ message, threshold }) => void [message, threshold]);
  component.updateConfig({});
  return emitters.length + cache.getStats().overall.totalHits + memory.getMemoryStats().agents.length;
}

export async function shapes(): Promise<void> {
  const memory = new MemoryManager();
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  const filter = new AgentContextFilter();
  const config: SystemConfig = { environment: 'development' };
  const system = new ProductionOptimizationSystem(config);
  const monitor = new ProductionMonitor({ alertsEnabled: false }, memory, cache, filter);
  const emitters: NodeJS.EventEmitter[] = [memory, cache, filter, system, monitor];
  strictEqual(supervise(memory, cache, memory, [memory, cache, filter, system, monitor]), 5);
  strictEqual(supervise(memory, cache, filter, []), 0);
  const method: Methods<MemoryManager> = 'getHealthScore';
  ok(typeof memory[method] === 'function' && emitters.length === 5);
  // A map of components, as of any class.
  const classes: Record<string, new (...args: any[]) => EventEmitter> = {
    MemoryManager,
    AdvancedCacheManager,
    ProductionMonitor,
    OptimizationOrchestrator,
  };
  const tokens: InstanceType<typeof TokenOptimizer> = new TokenOptimizer(null, null, null, null);
  void [
    classes,
    tokens,
    values,
    alert,
    entry,
    diff,
    check,
    memoryAlert,
    usage,
    optimized,
    recommendations,
    parts,
    loose,
    read,
  ];
  await monitor.stop();
  await cache.stop();
  memory.stop();
}
