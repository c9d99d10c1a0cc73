/** The token optimizer: code of the replaced class compiles, and what is known has its type. */

import {
  AdvancedCacheManager,
  AgentContextFilter,
  type applyDelta,
  countTokens,
  type OptimizationConfig,
  type OptimizeOptions,
  ProductionOptimizationSystem,
  SharedContextClient,
  TokenOptimizer,
} from 'agentwise-optimization';
import Default, {
  type AgentConfiguration,
  type Calibration,
  type ContextDiff,
  type DeltaMessage,
  type applyDelta as fromEntry,
  type ModelInfo,
  type OptimizationReport,
  type OptimizationStrategy,
  type OptimizedContextOf,
  type renderForPrompt,
  type SavingsFigures,
  type SharedContextLike,
  type SharedContextSummary,
  type TokenOptimizerOptions,
  type TokenPrice,
  type TokensConfig,
  type TokenUsageMetrics,
  type TrimmedContext,
  toMessage,
} from 'agentwise-optimization/tokens';
import { check, type Same } from './check.mjs';

check<Same<typeof Default, typeof TokenOptimizer>>();
check<Same<typeof fromEntry, typeof applyDelta>>();

/** As callers of the replaced class wrote it, where everything was `any`. */
export async function replaced(client: any, memoryManager: any, cacheManager: any, contextFilter: any): Promise<any> {
  const optimizer = new TokenOptimizer(client, memoryManager, cacheManager, contextFilter);
  optimizer.setSharedContextClient(client);
  optimizer.setSharedContextEnabled(true);
  optimizer.setMemoryManager(memoryManager);
  optimizer.setCacheManager(cacheManager);
  optimizer.setContextFilter(contextFilter);
  const result = await optimizer.optimizeContext('agent', { any: 'thing' });
  const saved: number = result.tokensSaved + result.changes.length + result.removed.length;
  const anything: string[] = [
    result.whatever.deep,
    result.type,
    result.reference,
    result.added.key,
    result.diff.added.x,
  ];
  const trimmed = await optimizer.trimContext({ a: 1 }, 100);
  const { location } = trimmed.history;
  const batches: string[][] = await optimizer.scheduleAgents(['a'], [{ description: 'x' }]);
  const { shared, agents, savings, other } = await optimizer.optimizeAgentConfiguration(['a'], {});
  const context: any = agents.a.context.anything;
  const report = optimizer.getOptimizationReport();
  const enhanced = optimizer.getEnhancedOptimizationReport();
  const score: number = enhanced.productionComponents.memoryManager.healthScore;
  const health = optimizer.getProductionHealthStatus();
  optimizer.trackUsage('agent', 100, 'chat');
  const diff = await optimizer.computeContextDiff(null, {});
  const metrics: TokenUsageMetrics = { agentId: 'a', operation: 'chat', tokensUsed: 1, timestamp: new Date() };
  const strategy: OptimizationStrategy = { name: 'delta', description: 'only what changed', more: 1 };
  const changes: ContextDiff = { added: {}, modified: {}, removed: [], unchanged: [] };
  const common = shared.common.tasks.anything + (await optimizer.compressSharedContext(['a'])).common.whatever;
  const cached = await optimizer.getCachedResponse('question', 'agent');
  await optimizer.performProductionCleanup();
  return [
    ...[saved, anything, location, batches, savings, other, context, report.tokensByAgent.a, report.more, score],
    ...[health.components.cacheManager.score, health.more, diff.added, metrics.more, strategy, changes, common],
    ...[cached.anything, optimizer.getSharedContextStats().clientStats.version, optimizer.shouldThrottleAgent('a')],
  ];
}

export async function typed(): Promise<void> {
  const price: TokenPrice = {
    input: 1,
    cachedRead: 0.1,
    cacheWrite: 1.25,
    output: 4,
    asOf: '2026-01-31',
    source: 'us',
  };
  const options: TokenOptimizerOptions = {
    projectId: 'project',
    cacheDir: '.cache',
    persistToDisk: true,
    encoding: 'blocks',
    acknowledgement: 'explicit',
    acknowledgementTimeoutMs: 1,
    model: 'gpt-4o',
    prices: { mine: price },
    blockStoreMB: 1,
    blockMemoryMB: 1,
    blockIndexMB: 1,
    blockRetentionSeconds: 1,
    environment: 'staging',
  };
  const client = new SharedContextClient({ projectId: 'project' });
  const like: SharedContextLike = client;
  await using optimizer = new Default(like, null, new AdvancedCacheManager(), new AgentContextFilter(), options);
  const result = await optimizer.optimizeContext(
    'agent',
    { task: 'x' },
    { encoding: 'keys', model: 'm', operation: 'o' },
  );
  check<Same<typeof result, OptimizedContextOf<{ task: string }>>>();
  check<Same<[typeof result.tokensSaved, typeof result.hash], [number, string]>>();
  check<Same<typeof result.diff, ContextDiff>>();
  check<Same<[typeof result.heldTokens, typeof result.encoding], [number | undefined, 'blocks' | undefined]>>();
  const message = toMessage(result);
  check<Same<typeof message, DeltaMessage>>();
  check<Same<[typeof message.v, typeof message.type], [1, 'full' | 'incremental']>>();
  check<Same<ReturnType<typeof renderForPrompt>, string>>();
  check<Same<ReturnType<typeof optimizer.renderForPrompt>, string>>();
  await optimizer.resolveBlocks(message, { have: ['text'], agentId: 'agent' });
  await optimizer.resolveBlocks(message, { have: new Map([[1, 'text']]) });
  const config = optimizer.getConfig();
  check<Same<typeof config, TokensConfig>>();
  const report = optimizer.getOptimizationReport();
  check<Same<typeof report, OptimizationReport>>();
  check<Same<typeof report.savings.totals, SavingsFigures>>();
  check<Same<typeof report.tokensByAgent, Record<string, number>>>();
  check<Same<[ReturnType<typeof optimizer.getCalibration>], [Calibration | undefined]>>();
  const { price: listed, contextWindow } = optimizer.getModel('gpt-4o');
  check<Same<[typeof listed, typeof contextWindow], [ModelInfo['price'], number | null]>>();
  check<Same<ReturnType<typeof optimizer.acknowledge>, boolean>>();
  check<Same<ReturnType<typeof optimizer.resetAgent>, boolean>>();
  const configuration = await optimizer.optimizeAgentConfiguration(['a'], {});
  check<Same<typeof configuration, AgentConfiguration>>();
  const summary = await optimizer.compressSharedContext(['a']);
  check<Same<typeof summary, SharedContextSummary>>();
  check<Same<TrimmedContext['omitted'], string[]>>();
  check<Same<ReturnType<typeof optimizer.predictPromptTokens>, number>>();
  optimizer.trackUsage('a', 1, 'chat', { model: 'm', predicted: 1, cachedRead: 1, cacheWrite: 1, output: 1 });
  check<Same<Awaited<ReturnType<typeof optimizer.countTokensAsync>>, number>>();
  countTokens('text', { model: 'gpt-4', encoding: 'cl100k_base' });
  optimizer.updateConfig({ encoding: 'keys' });

  // @ts-expect-error there is no such encoding
  await optimizer.optimizeContext('agent', {}, { encoding: 'lines' });
  // @ts-expect-error there is no such setting
  new TokenOptimizer(null, null, null, null, { maxTokens: 5 });
  // @ts-expect-error output is needed
  new TokenOptimizer(null, null, null, null, { prices: { mine: { input: 1, asOf: '2026-01-31' } } });
  // @ts-expect-error a boolean
  optimizer.setSharedContextEnabled('yes');
  // @ts-expect-error a list
  await optimizer.scheduleAgents('agent');
  // @ts-expect-error a number
  optimizer.trackUsage('agent', '5', 'chat');
  // @ts-expect-error a hash
  optimizer.acknowledge('agent', 5);
  // @ts-expect-error a name
  countTokens('text', { model: 4 });
  // @ts-expect-error there is no such member
  const { texts }: { texts: number } = message;
  void texts;
}

export async function system(made: ProductionOptimizationSystem): Promise<void> {
  const asked: OptimizeOptions = { encoding: 'blocks', model: 'gpt-4o' };
  const result = await made.optimizeAgentContext('agent', {}, asked);
  check<Same<ReturnType<typeof made.acknowledge>, boolean>>();
  check<Same<ReturnType<typeof made.resetAgent>, boolean>>();
  made.acknowledge('agent', result.hash);
  await made.resolveBlocks(result, { agentId: 'agent' });
  made.trackUsage('agent', 1, 'chat', { model: 'm' });
  const report = made.getOptimizationReport();
  check<Same<typeof report, OptimizationReport>>();
  const config: Partial<OptimizationConfig> = { tokens: { encoding: 'blocks', acknowledgement: 'explicit' } };
  await ProductionOptimizationSystem.create({ environment: 'development', ...config });
  // @ts-expect-error there is no such setting
  const bad: OptimizationConfig['tokens'] = { projectId: 'x' };
  void bad;
}
