import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import TokenOptimizer, { ContextDiff, OptimizationStrategy, TokenUsageMetrics } from './optimization/TokenOptimizer.js';
import { AdvancedCacheManager } from './caching/AdvancedCacheManager.js';
import { AgentContextFilter } from './context/AgentContextFilter.js';
import { MemoryManager } from './optimization/MemoryManager.js';

/** A shared-context client of the application's own. */
class SharedContextClient {
  private context: any = null;
  async getContext(options: { useCache?: boolean } = {}): Promise<any> {
    return options.useCache === false ? this.context : (this.context ?? null);
  }
  async setContext(context: any): Promise<any> {
    this.context = context;
    return { version: 1 };
  }
  async updateContext(diff: any): Promise<any> {
    this.context = { ...this.context, ...diff.added, ...diff.modified };
    return { version: 2 };
  }
  createDiff(before: any, after: any): ContextDiff {
    const added: Record<string, any> = {};
    const unchanged: string[] = [];
    for (const key of Object.keys(after)) {
      if (key in before) unchanged.push(key);
      else added[key] = after[key];
    }
    return { added, modified: {}, removed: [], unchanged };
  }
  getStats(): any {
    return { connected: true };
  }
  isConnected(): boolean {
    return true;
  }
  async disconnect(): Promise<void> {
    this.context = null;
  }
}

export async function tokens(): Promise<void> {
  new TokenOptimizer();
  const memory = new MemoryManager();
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  new TokenOptimizer(new SharedContextClient(), memory, cache, new AgentContextFilter());
  new TokenOptimizer(undefined, memory, undefined, new AgentContextFilter());

  const optimizer = new TokenOptimizer();
  optimizer.setSharedContextClient(new SharedContextClient());
  optimizer.setSharedContextEnabled(false);
  optimizer.setMemoryManager(memory);
  optimizer.setCacheManager(cache);

  const first = await optimizer.optimizeContext('agent', { task: 'one', list: [1] });
  strictEqual(first['task'], 'one');
  strictEqual(first.type, 'full');
  const same = await optimizer.optimizeContext('agent', { task: 'one', list: [1] });
  strictEqual(same.type, 'incremental');
  deepStrictEqual(same.changes, []);
  const reference: string = same.reference;
  ok(/^[0-9a-f]{64}$/.test(reference));
  const next = await optimizer.optimizeContext('agent', { task: 'two', list: [1], more: true });
  deepStrictEqual(
    [next.added, next.modified, next.removed, next.unchanged],
    [{ more: true }, { task: 'two' }, [], ['list']],
  );
  const saved: number = first.tokensSaved + same.tokensSaved + next.tokensSaved;
  ok(Number.isFinite(saved));
  if (next.type === 'shared_incremental') void [next.diff, next.sharedReference, next.tokensSaved];

  const diff: ContextDiff = await optimizer.computeContextDiff({ a: 1 }, { b: 2 });
  deepStrictEqual([diff.added, diff.removed], [{ b: 2 }, ['a']]);
  const trimmed = await optimizer.trimContext({ currentTask: 'x', history: 'word '.repeat(2000) }, 100);
  strictEqual(trimmed.currentTask, 'x');
  void [trimmed.history.type, trimmed.history.location, trimmed.history.summary];
  await optimizer.trimContext({});

  const batches: string[][] = await optimizer.scheduleAgents(
    ['frontend-specialist', 'testing-specialist', 'devops-specialist'],
    [{ description: 'the ui of the shop' }],
  );
  deepStrictEqual(batches.flat().sort(), ['devops-specialist', 'frontend-specialist', 'testing-specialist']);
  const configuration = await optimizer.optimizeAgentConfiguration(['frontend-specialist'], { tasks: [] });
  const { tasks, dependencies, projectInfo, completedWork } = configuration.shared.common;
  void [tasks, dependencies, projectInfo, completedWork, configuration.shared.agentSpecific];
  for (const [agent, { context, sharedRef, batch, optimizationType }] of Object.entries(configuration.agents)) {
    void [agent, context, sharedRef, batch, optimizationType];
  }
  const savings: string = configuration.savings;
  ok(savings.includes('%') && configuration.batches.length > 0 && configuration.sharedContextEnabled === false);
  void (configuration.estimatedTokens + configuration.actualTokensSaved);
  await optimizer.compressSharedContext(['frontend-specialist']);
  strictEqual(await optimizer.getCachedResponse('question', 'agent'), null);

  optimizer.trackUsage('agent', 100, 'chat');
  const report = optimizer.getOptimizationReport();
  strictEqual(report.totalTokensUsed, 100);
  strictEqual(report.tokensByAgent['agent'], 100);
  const lines: string[] = report.recommendations;
  void [lines, report.estimatedSavings];
  const enhanced = optimizer.getEnhancedOptimizationReport();
  const parts = enhanced.productionComponents;
  ok(parts.memoryManager.enabled && parts.cacheManager.enabled && !parts.contextFilter.enabled);
  void [parts.memoryManager.stats, parts.cacheManager.healthScore];
  const { productionReady, sharedContextEnabled, componentsCount } = enhanced.integrationStatus;
  void [productionReady, sharedContextEnabled, componentsCount, enhanced.totalTokensUsed];
  const shared = optimizer.getSharedContextStats();
  void [shared.enabled, shared.connected, shared.clientStats, shared.localCacheSize, shared.totalMetrics];
  const throttled: boolean = optimizer.shouldThrottleAgent('agent');
  strictEqual(throttled, false);
  await optimizer.performProductionCleanup();
  const health = optimizer.getProductionHealthStatus();
  void [health.overall, health.score, health.components, health.recommendations];

  const metrics: TokenUsageMetrics[] = [];
  const strategies: OptimizationStrategy[] = [];
  deepStrictEqual([metrics, strategies], [[], []]);
  await cache.stop();
  memory.stop();
}
