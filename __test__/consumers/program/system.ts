import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { EventEmitter } from 'node:events';
import ProductionOptimizationSystem, {
  AgentwiseError,
  MemoryAlert,
  SystemConfig,
} from './optimization/ProductionOptimizationSystem.js';
import OptimizationOrchestrator, {
  OptimizationConfig,
  OptimizationRecommendations,
  OptimizationStats,
} from './optimization/OptimizationOrchestrator.js';
import { TokenOptimizer } from './optimization/TokenOptimizer.js';

const config: SystemConfig = {
  environment: 'development',
  projectId: 'shop',
  enableSharedContext: false,
  sharedContextUrl: 'http://localhost:3003',
};

export async function system(): Promise<void> {
  const made = new ProductionOptimizationSystem({ environment: 'development' } as any);
  strictEqual(made.getStatus().initialized, false);
  const down = made.getHealthStatus();
  deepStrictEqual([down.overall, down.score, typeof down.message], ['down', 0, 'string']);
  strictEqual(await made.getCachedResponse('anything'), null);
  strictEqual(made.shouldThrottleAgent('agent'), false);
  strictEqual(made.getRecommendedContextSize('agent', 100), 100);
  await rejects(
    made.optimizeAgentContext('agent', {}),
    (error: any) => error instanceof AgentwiseError && error.code === 'E_NOT_INITIALIZED',
  );
  try {
    await made.performMaintenance();
  } catch (error: any) {
    ok(error instanceof Error && error instanceof AgentwiseError && error.message.length > 0);
  }

  let shared: ProductionOptimizationSystem | null = null;
  shared = await ProductionOptimizationSystem.create(config);
  ok(shared instanceof EventEmitter);
  shared.on('memoryAlert', (alert: MemoryAlert) => void alert.message);
  shared.on('cacheHit', ({ layer, key }: { layer: string; key: string }) => void [layer, key]);
  shared.on('agentThrottled', (data: any) => void data.agentId);
  shared.on('optimizationError', ({ agentId, error }) => void [agentId, error.message]);
  shared.on(
    'contextOptimized',
    ({ agentId, reductionRatio, memoryUsage }) => void [agentId, reductionRatio, memoryUsage],
  );
  shared.on(
    'agentContextOptimized',
    ({ agentId, optimizationTime, success }) => void [agentId, optimizationTime, success],
  );
  shared.on('productionAlert', (alert: any) => void alert.title);
  shared.on('initialized', () => undefined);
  await shared.initialize();
  const context = { currentTask: 'a form', projectStructure: { 'index.ts': 'export {};' } };
  const result = await shared.optimizeAgentContext('frontend-specialist', context, {
    maxSize: 100000,
    prioritizeRecent: true,
    includeDebugInfo: true,
  });
  strictEqual(result.type, 'full');
  strictEqual(result['projectStructure']['index.ts'], 'export {};');
  void [result.tokensSaved, result.debug];
  await shared.cacheResponse('question', { answer: 42 });
  await shared.cacheResponse('another question', 'text', 60);
  await shared.cacheResponse('of one agent', 'text', undefined, {
    agentId: 'agent',
    model: 'm',
    systemPrompt: 's',
    tags: ['t'],
  });
  strictEqual((await shared.getCachedResponse('question')).answer, 42);
  strictEqual(await shared.getCachedResponse('of one agent', 'agent', { model: 'm', systemPrompt: 's' }), 'text');
  strictEqual(shared.shouldThrottleAgent('agent'), false);
  strictEqual(shared.getRecommendedContextSize('agent', 100), 100);

  const status = shared.getStatus();
  void [
    status.initialized,
    status.environment,
    status.uptime,
    status.overallScore,
    status.autoTuning,
    status.lastOptimization,
  ];
  const { memoryManager, cacheManager, contextFilter, productionMonitor, tokenOptimizer } = status.components;
  void [
    memoryManager.process.rss,
    cacheManager.overall.hitRate,
    contextFilter.cachedContexts,
    productionMonitor,
    tokenOptimizer,
  ];
  const statistics: OptimizationStats = status.statistics;
  const recommendations: OptimizationRecommendations = status.recommendations;
  void [statistics.tokensSaved, recommendations.priority, status.tokenOptimizer, status.sharedContext, status.error];
  const health = shared.getHealthStatus();
  ok(health.overall === 'healthy' && health.score > 70 && shared.isProductionReady());
  const texts: string[] = health.recommendations;
  const { healthy, score } = health.components.memoryManager;
  void [texts, healthy, score, health.systemStats.anything, health.uptime, health.environment];

  const path: string = await shared.generateSystemReport();
  ok(/optimization-report-\d+\.json$/.test(path));
  await shared.updateConfiguration({ memory: { agentMemoryLimit: 100 }, cache: { ttlSeconds: 60 } });
  await shared.performMaintenance();
  const dashboard = await shared.startMonitoringDashboard();
  strictEqual(typeof dashboard.started, 'boolean');
  await shared.shutdown();
  await shared.shutdown();

  const one = ProductionOptimizationSystem.getInstance(config);
  const [first, second] = await Promise.all([one, ProductionOptimizationSystem.getInstance()]);
  strictEqual(first, second);
  await first.shutdown();
}

export async function orchestrator(): Promise<void> {
  const whole: OptimizationConfig = {
    environment: 'production',
    enableMemoryManagement: true,
    enableAdvancedCaching: true,
    enableContextFiltering: true,
    enableProductionMonitoring: false,
    autoTuning: false,
    memory: { maxMemoryUsage: 2048 },
    cache: { ttlSeconds: 60 },
    contextFilter: { maxContextPerAgent: 10 },
    monitoring: { alertsEnabled: false },
  };
  const made = new OptimizationOrchestrator(whole, new TokenOptimizer());
  const ready = new Promise<void>((resolve) => made.once('initialized', resolve));
  made.on('error', (error: Error) => void error.message);
  made.on('healthUpdate', (data: any) => void data);
  made.on('emergencyThrottle', ({ reason }) => void reason);
  made.on('statsUpdated', (stats: OptimizationStats) => void stats.overallScore);
  made.on(
    'autoTuningCompleted',
    ({ timestamp, stats, recommendations, adjustments }) => void [timestamp, stats, recommendations, adjustments],
  );
  made.on('autoTuningError', (data: any) => void data);
  made.on('reportGenerated', (data: any) => void data);
  made.on('configurationUpdated', ({ oldConfig, newConfig }) => void [oldConfig, newConfig]);
  made.on('warmUpCompleted', () => undefined);
  made.on('shutdown', () => undefined);
  await ready;
  await made.warmUp();
  const context = await made.optimizeAgentContext('backend-specialist', { currentTask: 'an api' });
  strictEqual(context['currentTask'], 'an api');
  await made.cacheResponse('question', 'answer', 60);
  strictEqual(await made.getCachedResponse('question', 'agent'), 'answer');
  strictEqual(made.shouldThrottleAgent('agent'), false);
  strictEqual(made.getRecommendedContextSize('agent', 10), 10);
  const stats: OptimizationStats = made.getOptimizationStats();
  const { tokensSaved, memoryOptimized, cacheHitRate, contextReduction, overallScore, uptime, timestamp } = stats;
  ok(
    [tokensSaved, memoryOptimized, cacheHitRate, contextReduction, overallScore, uptime].every(Number.isFinite) &&
      timestamp instanceof Date,
  );
  const {
    memory,
    cache,
    context: ofContext,
    general,
    priority,
  }: OptimizationRecommendations = made.getOptimizationRecommendations();
  const texts: string[] = [...memory, ...cache, ...ofContext, ...general];
  const level: 'low' | 'medium' | 'high' = priority;
  void [texts, level, made.getStatus().overallScore];
  const path: string = await made.generateOptimizationReport();
  ok(path.length > 0);
  await made.updateConfiguration({ cache: { ttlSeconds: 120 } });
  await made.shutdown();
}
