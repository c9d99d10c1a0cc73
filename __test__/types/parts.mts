/** The filter, the token counts, the error, and every type that api.md wants exported. */

import type { EventEmitter } from 'node:events';
import {
  AgentContextFilter,
  type AgentMemoryStats,
  type AgentSpecialization,
  AgentwiseError,
  type CacheConfig,
  type CacheStats,
  type ContextFilterConfig,
  countTokens,
  countTokensAsync,
  type DroppedPart,
  type ErrorCode,
  type FilteredContext,
  type FilterOptions,
  type MemoryConfig,
  type MonitoringConfig,
  type OptimizationConfig,
  type OptimizationRecommendations,
  type OptimizationStats,
} from 'agentwise-optimization';
import { check, type Same } from './check.mjs';

export async function filter(specialization: AgentSpecialization): Promise<void> {
  const made = new AgentContextFilter({ maxContextPerAgent: 1, contextImportanceThreshold: 0.5 });
  const emitter: EventEmitter = new AgentContextFilter();
  void emitter;
  await made.filterContext('agent', { any: ['thing'] });
  const result = await made.filterContext('agent', null, 10, 20);
  check<Same<typeof result, FilteredContext>>();
  check<Same<typeof result.agentId, string>>();
  check<Same<typeof result.original, any>>();
  check<Same<typeof result.filtered, any>>();
  check<Same<typeof result.reductionRatio, number>>();
  check<Same<typeof result.removedElements, string[]>>();
  check<Same<typeof result.importanceScores, Record<string, number>>>();
  check<Same<typeof result.memoryUsage, number>>();
  check<Same<typeof result.adaptations, string[]>>();
  check<Same<typeof result.stages, { name: string; ms: number }[] | undefined>>();
  made.addAgentSpecialization(specialization);
  const stats = made.getFilterStats();
  check<Same<typeof stats.agentSpecializations, string[]>>();
  check<Same<typeof stats.cachedContexts, number>>();
  check<Same<typeof stats.currentMemoryUsage, number>>();
  check<Same<typeof stats.config, ContextFilterConfig>>();
  check<Same<typeof stats.whatever, any>>();
  check<Same<ReturnType<typeof made.getRecommendedContextSize>, number>>();
  made.getRecommendedContextSize('agent', 50, 100);
  made.updateConfig({ globalMaxContext: 100 });

  made.on('contextFiltered', (filtered) => check<Same<typeof filtered, FilteredContext>>());
  made.on('configUpdated', ({ oldConfig, newConfig }) => {
    check<Same<[typeof oldConfig, typeof newConfig], [ContextFilterConfig, ContextFilterConfig]>>();
  });
  made.once('specializationAdded', ({ name }) => check<Same<typeof name, string>>());

  // @ts-expect-error a number
  new AgentContextFilter({ maxContextPerAgent: '1' });
  // @ts-expect-error there is no such setting
  new AgentContextFilter({ maxContext: 1 });
  // @ts-expect-error the context is needed
  await made.filterContext('agent');
  // @ts-expect-error MB are a number
  await made.filterContext('agent', {}, '10');
  // @ts-expect-error a specialization has more than a name
  made.addAgentSpecialization({ name: 'mine' });
}

/** What a call may ask, what was left out and how it comes back, agents from files. */
export async function limits(made: AgentContextFilter): Promise<void> {
  const options: FilterOptions = {
    maxSize: 1000,
    maxTokens: 100,
    targetReduction: 0.5,
    wholeTexts: true,
    prioritizeRecent: true,
    signal: new AbortController().signal,
  };
  const { dropped = [] } = await made.filterContext('agent', {}, 0, 0, options);
  check<Same<typeof dropped, DroppedPart[]>>();
  await made.filterContext('agent', {}, undefined, undefined, {});
  for (const { path, bytes, tokens, score, reason, reference, lines } of dropped) {
    check<
      Same<
        [typeof path, typeof bytes, typeof tokens, typeof score, typeof reference],
        [string, number, number, number, string]
      >
    >();
    check<Same<typeof reason, 'excluded' | 'score' | 'reduction' | 'limit' | 'pressure' | 'blocks'>>();
    if (lines) check<Same<(typeof lines)[1], number>>();
    // @ts-expect-error only parts of texts have lines
    lines[0];
    const part = await made.resolveReference(reference);
    check<Same<typeof part, any>>();
  }
  const code: ErrorCode = 'E_REFERENCE_UNKNOWN';
  void code;
  const { analysisBytes, references, referenceBytes } = made.getFilterStats();
  check<Same<[typeof analysisBytes, typeof references, typeof referenceBytes], [number, number, number]>>();
  new AgentContextFilter({ taskFields: ['ticket'], analysisCacheMB: 16, referenceStoreMB: 16 });
  made.on('specializationAdded', ({ keywords }) => check<Same<typeof keywords, string[]>>());
  made.on('specializationRemoved', ({ name }) => check<Same<typeof name, string>>());
  made.on('warning', ({ path, message }) => check<Same<[typeof path, typeof message], [string, string]>>());

  // @ts-expect-error there is no such option
  await made.filterContext('agent', {}, 0, 0, { maxToken: 100 });
  // @ts-expect-error tokens are a number
  await made.filterContext('agent', {}, 0, 0, { maxTokens: '100' });
  // @ts-expect-error a reference is a text
  await made.resolveReference(7);
  // @ts-expect-error fields are a list
  new AgentContextFilter({ taskFields: 'ticket' });
}

export function specialization(): AgentSpecialization {
  return {
    name: 'mine',
    keywords: ['word'],
    filePatterns: ['**/*.x'],
    contextPriorities: { source: 10 },
    maxContextSize: 40,
    requiredFields: ['currentTask'],
    optionalFields: [],
    excludePatterns: [],
  };
}

export async function tokens(): Promise<number> {
  check<Same<ReturnType<typeof countTokens>, number>>();
  check<Same<ReturnType<typeof countTokensAsync>, Promise<number>>>();
  // @ts-expect-error there is no such encoding
  countTokens('text', { encoding: 'p50k' });
  // @ts-expect-error the value is needed
  countTokens();
  return countTokens('text', { encoding: 'o200k_base' }) + (await countTokensAsync({ any: 'value' }, {}));
}

export function errors(error: unknown): string[] {
  if (!(error instanceof AgentwiseError)) return [];
  const base: Error = error;
  check<Same<Extract<typeof error.code, 'E_CONFIG_INVALID'>, 'E_CONFIG_INVALID'>>();
  // @ts-expect-error there is no such code
  if (error.code === 'E_NONSENSE') return [];
  // @ts-expect-error a code does not change
  error.code = 'E_IO';
  return [base.message, ...(error.problems ?? []).map(({ path, message }) => `${path}: ${message}`)];
}

/** Names, units and optionality of the interfaces of api.md: an object as the original's types wanted it still fits. */
export const memory: MemoryConfig = {
  maxMemoryUsage: 2048,
  alertThreshold: 80,
  gcInterval: 60_000,
  contextRetentionTime: 1_800_000,
  agentMemoryLimit: 256,
  enableDetailedLogging: false,
  environment: 'development',
};
export const cache: CacheConfig = {
  l1MaxSize: 1000,
  l2MaxSizeMB: 500,
  l3MaxSizeMB: 1000,
  ttlSeconds: 3600,
  compressionThreshold: 1024,
  similarityThreshold: 0.8,
  enableCompression: true,
  enableSimilarityDetection: true,
  persistToDisk: true,
  cacheDir: '.cache',
  environment: 'staging',
};
export const contextFilter: ContextFilterConfig = {
  maxContextPerAgent: 50,
  globalMaxContext: 500,
  adaptiveReduction: true,
  contextImportanceThreshold: 0.3,
  enableSpecializationFiltering: true,
  memoryAwareFiltering: true,
};
export const monitoring: MonitoringConfig = {
  alertsEnabled: true,
  alertThresholds: {
    memoryWarning: 80,
    memoryCritical: 95,
    cacheHitRateWarning: 60,
    cpuWarning: 80,
    cpuCritical: 95,
    diskUsageWarning: 85,
  },
  healthCheckInterval: 30_000,
  metricsRetention: 7,
  enableSlackAlerts: false,
  enableEmailAlerts: false,
  environment: 'production',
};
export const complete: OptimizationConfig = {
  environment: 'production',
  enableMemoryManagement: true,
  enableAdvancedCaching: true,
  enableContextFiltering: true,
  enableProductionMonitoring: true,
  autoTuning: true,
  configFile: 'config.json',
  memory,
  cache,
  contextFilter,
  monitoring,
};
export const partial: OptimizationConfig = { ...complete, memory: {}, cache: { ttlSeconds: 1 }, monitoring: {} };
// @ts-expect-error a number
export const wrong: OptimizationConfig = { ...complete, cache: { ttlSeconds: '1' } };

/** What the replaced package has; ours has more, which need not be there. */
type Figures = 'tokensSaved' | 'memoryOptimized' | 'cacheHitRate' | 'contextReduction' | 'overallScore' | 'uptime';
export const figures: OptimizationStats = { ...({} as Record<Figures, number>), timestamp: new Date() };
check<Same<OptimizationStats['timestamp'], Date>>();
check<Same<OptimizationRecommendations['priority'], 'low' | 'medium' | 'high'>>();
check<Same<OptimizationRecommendations['memory'], string[]>>();
check<Same<AgentMemoryStats['lastAccessed'], Date>>();
check<Same<AgentMemoryStats['isThrottled'], boolean>>();
check<Same<CacheStats['overall']['hitRate'], number>>();
