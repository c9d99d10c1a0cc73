/** Every member of the system as an ES module sees it: argument order, results, known fields, and what is refused. */

import { type EventEmitter, once } from 'node:events';
import type * as all from 'agentwise-optimization';
import type {
  CacheConfig,
  CacheStats,
  DroppedPart,
  ProductionOptimizationSystem as Named,
  OptimizationConfig,
  OptimizeDebug,
  OptimizedContextOf,
  OptimizeOptions,
  SystemConfig,
  SystemHealthStatus,
  SystemStatus,
} from 'agentwise-optimization';
import ProductionOptimizationSystem from 'agentwise-optimization';
import { check, type Same } from './check.mjs';

check<Same<typeof ProductionOptimizationSystem, typeof Named>>();
check<Same<typeof ProductionOptimizationSystem, typeof all.ProductionOptimizationSystem>>();
check<Same<typeof ProductionOptimizationSystem, typeof all.default>>();

// SystemConfig.
const minimal: SystemConfig = { environment: 'development' };
const complete: SystemConfig = {
  environment: 'production',
  configFile: 'config.json',
  projectId: 'project',
  enableSharedContext: true,
  sharedContextUrl: 'http://localhost:3003',
};
// @ts-expect-error environment is required
const withoutEnvironment: SystemConfig = {};
// @ts-expect-error there is no such environment
const otherEnvironment: SystemConfig = { environment: 'test' };
// @ts-expect-error a text, not a number
const numberAsFile: SystemConfig = { environment: 'staging', configFile: 7 };
void [withoutEnvironment, otherEnvironment, numberAsFile];

// Where the original said `any`, anything goes.
declare const anything: any;
const fromAnything = new ProductionOptimizationSystem(anything);
void fromAnything;

export async function members(): Promise<void> {
  const system = new ProductionOptimizationSystem(minimal);
  const emitter: EventEmitter = system;
  void emitter;
  check<Same<ReturnType<typeof system.initialize>, Promise<void>>>();
  await system.initialize();

  const created = ProductionOptimizationSystem.create(complete);
  check<Same<typeof created, Promise<ProductionOptimizationSystem>>>();
  const first = ProductionOptimizationSystem.getInstance(minimal);
  check<Same<typeof first, Promise<ProductionOptimizationSystem>>>();
  const later = ProductionOptimizationSystem.getInstance();
  check<Same<typeof later, Promise<ProductionOptimizationSystem>>>();

  await system.optimizeAgentContext('agent', { currentTask: 'task' });
  await system.optimizeAgentContext('agent', null, {});
  const optimized = await system.optimizeAgentContext('agent', [1], {
    maxSize: 1000,
    prioritizeRecent: true,
    includeDebugInfo: true,
  });
  check<Same<typeof optimized, OptimizedContextOf<number[]>>>();
  check<Same<typeof optimized.type, 'full' | 'incremental' | 'shared_incremental'>>();
  check<Same<typeof optimized.tokensSaved, number>>();
  const options: OptimizeOptions = {
    maxSize: 1000,
    maxTokens: 100,
    targetReduction: 0.4,
    wholeTexts: false,
    signal: new AbortController().signal,
    includeDebugInfo: true,
  };
  const { dropped } = await system.optimizeAgentContext('agent', {}, options);
  check<Same<typeof dropped, DroppedPart[] | undefined>>();
  check<Same<OptimizeDebug['dropped'], DroppedPart[]>>();
  const part = system.resolveReference('0123456789abcdef');
  check<Same<typeof part, Promise<any>>>();

  const cached = await system.getCachedResponse('query');
  check<Same<typeof cached, any>>();
  await system.getCachedResponse('query', 'agent');
  await system.getCachedResponse('query', 'agent', { model: 'model', systemPrompt: 'prompt' });
  await system.getCachedResponse('query', undefined, { model: 'model' });
  const stored = system.cacheResponse('query', { any: ['thing'] });
  check<Same<typeof stored, Promise<void>>>();
  await system.cacheResponse('query', 'answer', 60);
  await system.cacheResponse('query', null, undefined, {
    agentId: 'agent',
    model: 'model',
    systemPrompt: 'prompt',
    tags: ['tag'],
  });

  check<Same<ReturnType<typeof system.shouldThrottleAgent>, boolean>>();
  system.shouldThrottleAgent('agent');
  const size = system.getRecommendedContextSize('agent', 1000);
  check<Same<typeof size, number>>();

  const path = await system.generateSystemReport();
  check<Same<typeof path, string>>();
  const updated = system.updateConfiguration({ cache: { ttlSeconds: 60 } });
  check<Same<typeof updated, Promise<void>>>();
  await system.performMaintenance();
  const dashboard = await system.startMonitoringDashboard();
  check<Same<typeof dashboard.started, boolean>>();
  check<Same<typeof dashboard.reason, string | undefined>>();
  check<Same<ReturnType<typeof system.isProductionReady>, boolean>>();
  check<Same<ReturnType<typeof system.shutdown>, Promise<void>>>();
  check<Same<ReturnType<(typeof system)[typeof Symbol.asyncDispose]>, Promise<void>>>();
}

/** Code that was written against the original, under `strict`: its results were `any` there, and it reads any field of them. */
export async function anyOtherProperty(system: ProductionOptimizationSystem): Promise<void> {
  const status = system.getStatus();
  check<Same<typeof status, SystemStatus>>();
  check<Same<typeof status.initialized, boolean>>();
  check<Same<typeof status.whatever, any>>();
  const length: number = status.whatever.deeper.length;
  const usedPercentage: number | undefined = status.components?.memoryManager?.whatever.percentage;
  check<Same<NonNullable<typeof status.components>['whatever'], any>>();
  void [length, usedPercentage];

  const health = system.getHealthStatus();
  check<Same<typeof health, SystemHealthStatus>>();
  check<Same<typeof health.overall, 'healthy' | 'warning' | 'critical' | 'down'>>();
  check<Same<typeof health.score, number>>();
  check<Same<typeof health.whatever, any>>();

  const result = await system.optimizeAgentContext('agent', {});
  check<Same<typeof result.currentTask, any>>();
  const files: string[] = result.projectStructure.files;
  void files;
  const name: string = (await system.getCachedResponse('query')).whatever.name;
  void name;
}

/**
 * The fields that api.md names. Before `initialize` they are absent: code written against the original reads them
 * without a question mark all the same, and must compile.
 */
export function fieldsOfResults(system: ProductionOptimizationSystem): unknown[] {
  const status = system.getStatus();
  const health = system.getHealthStatus();
  return [
    status.environment,
    status.uptime,
    status.overallScore,
    status.components.memoryManager,
    status.components.cacheManager,
    status.components.contextFilter,
    status.components.productionMonitor,
    status.components.tokenOptimizer,
    status.statistics.tokensSaved.toFixed(2),
    status.statistics.timestamp.getTime(),
    status.recommendations.priority,
    status.recommendations.general.length,
    status.autoTuning,
    status.lastOptimization,
    status.tokenOptimizer,
    status.sharedContext,
    status.error,
    health.components.tokenOptimizer.score.toFixed(1),
    health.components.memoryManager.healthy,
    health.components.cacheManager.healthy,
    health.components.contextFilter.healthy,
    health.recommendations.map((text: string) => text.length),
    health.systemStats,
    health.uptime.toFixed(),
    health.environment,
    health.message,
  ];
}

/** Known fields have their types. */
export function knownFields(status: SystemStatus, health: SystemHealthStatus): void {
  // @ts-expect-error a boolean
  const initialized: string = status.initialized;
  // @ts-expect-error a number
  const score: string = health.score;
  // @ts-expect-error not one of the states
  const isFine = health.overall === 'fine';
  void [initialized, score, isFine];
}

/** Statistics, recommendations and reports. */
export async function reports(system: ProductionOptimizationSystem): Promise<void> {
  const stats = system.getOptimizationStats();
  const { details = [], memory, priority } = system.getOptimizationRecommendations();
  void [stats.tokensSaved.toFixed(), stats.latency?.p95.toFixed(), stats.costSavedUsd?.toFixed(2), memory.join()];
  for (const { setting, proposed, evidence } of details) void [setting?.length, proposed, evidence.lookups];
  check<Same<typeof priority, 'low' | 'medium' | 'high'>>();
  const path: string = await system.generateSystemReport();
  await system.generateSystemReport({ path, overwrite: true });
  await system.generateSystemReport({ path: new URL('file:///report.html'), format: 'html' });
  // @ts-expect-error no such format
  await system.generateSystemReport({ format: 'pdf' });
}

export async function resources(): Promise<void> {
  await using system = await ProductionOptimizationSystem.create(minimal);
  system.isProductionReady();
}

export async function events(system: ProductionOptimizationSystem): Promise<void> {
  system.on('initialized', () => {}).once('shutdown', () => {});
  system.on('agentContextOptimized', (event) => {
    check<Same<typeof event.agentId, string>>();
    check<Same<typeof event.optimizationTime, number>>();
    check<Same<typeof event.success, boolean>>();
  });
  system.once('contextOptimized', ({ agentId, reductionRatio, memoryUsage }) => {
    check<Same<[typeof agentId, typeof reductionRatio, typeof memoryUsage], [string, number, number]>>();
  });
  system.on('optimizationError', ({ agentId }) => check<Same<typeof agentId, string>>());
  system.on('configUpdated', (change) => {
    if (change.component !== 'cacheManager') return;
    check<Same<typeof change.newConfig, CacheConfig>>();
  });
  system.on('stopped', ({ component }) =>
    check<Same<typeof component, 'memoryManager' | 'cacheManager' | 'productionMonitor'>>(),
  );
  system.on('maintenance', ({ timestamp, stats }) =>
    check<Same<[typeof timestamp, typeof stats], [Date, CacheStats]>>(),
  );
  system.on('similarityDetection', ({ similarity }) => check<Same<typeof similarity, number>>());
  system.on('warmUpCompleted', () => {});
  system.on('agentThrottled', ({ agentId, reason }) =>
    check<Same<[typeof agentId, typeof reason], [string, string]>>(),
  );
  system.on('agentUnthrottled', ({ agentId }) => check<Same<typeof agentId, string>>());
  system.on('cacheHit', ({ key }) => check<Same<typeof key, string>>());
  system.on('cacheMiss', ({ key }) => check<Same<typeof key, string>>());
  system.on('specializationAdded', ({ name, filePatterns }) =>
    check<Same<[typeof name, typeof filePatterns], [string, string[]]>>(),
  );
  system.on('specializationRemoved', ({ name }) => check<Same<typeof name, string>>());
  system.on('configurationUpdated', ({ oldConfig, newConfig }) => {
    check<Same<typeof oldConfig, OptimizationConfig>>();
    check<Same<typeof newConfig, OptimizationConfig>>();
  });
  system.on('warning', ({ path, message }) => check<Same<[typeof path, typeof message], [string, string]>>());

  // Events of api.md that later components send, and the application's own.
  for (const name of ['memoryAlert', 'productionAlert', 'healthUpdate', 'emergencyThrottle', 'statsUpdated'] as const) {
    system.on(name, (event: any) => event.whatever);
  }
  system.on('error', (error) => error);
  system.on('mine', (first, second) => [first, second]);
  system.on(Symbol('mine'), () => {});
  system.emit('mine', 1, 'two');

  // The rest of EventEmitter.
  const listener = () => {};
  system
    .addListener('shutdown', listener)
    .prependListener('shutdown', listener)
    .prependOnceListener('shutdown', listener);
  system.off('shutdown', listener).removeListener('shutdown', listener).removeAllListeners('shutdown');
  const count: number = system.listenerCount('cacheHit') + system.listeners('cacheHit').length;
  const names: (string | symbol)[] = system.eventNames() as (string | symbol)[];
  await once(system, 'initialized');
  void [count, names];

  // @ts-expect-error there is no such field
  system.on('agentThrottled', (event) => event.because);
}

export async function refused(system: ProductionOptimizationSystem): Promise<void> {
  // @ts-expect-error a configuration is needed
  new ProductionOptimizationSystem();
  // @ts-expect-error a configuration is needed
  await ProductionOptimizationSystem.create();
  // @ts-expect-error the context is needed
  await system.optimizeAgentContext('agent');
  // @ts-expect-error the agent is a text
  await system.optimizeAgentContext(7, {});
  // @ts-expect-error the reference is needed
  await system.resolveReference();
  // @ts-expect-error the query is a text
  await system.getCachedResponse(7);
  // @ts-expect-error the response is needed
  await system.cacheResponse('query');
  // @ts-expect-error seconds are a number
  await system.cacheResponse('query', 'answer', '60');
  // @ts-expect-error tags are a list
  await system.cacheResponse('query', 'answer', 60, { tags: 'tag' });
  // @ts-expect-error the size is needed
  system.getRecommendedContextSize('agent');
  // @ts-expect-error the agent is needed
  system.shouldThrottleAgent();
  // @ts-expect-error the result is a promise
  const path: string = system.generateSystemReport();
  // @ts-expect-error there is no such member
  system.optimise;
  void path;
}

/** Applications extend the class. */
export class Extended extends ProductionOptimizationSystem {
  override async shutdown(): Promise<void> {
    await super.shutdown();
  }
}
