/** The memory manager: code of the replaced class compiles, and what is known has its type. */

import type { EventEmitter } from 'node:events';
import {
  type ErrorCode,
  MemoryManager,
  type MemoryStats,
  type OptimizationConfig,
  ProductionOptimizationSystem,
  type SharedContextClient,
  TokenOptimizer,
} from 'agentwise-optimization';
import Default, {
  type AgentMemoryStats,
  type AgentwiseError,
  type ContextToDrop,
  type MemoryManager as FromEntry,
  type HeldContext,
  type MemoryAlert,
  type MemoryConfig,
  type MemoryHealth,
  type MemoryLimit,
  type MemoryLimitSource,
  type MemoryManagerEvents,
  type MemoryStep,
  type MemoryUsage,
  type MemoryView,
  type ThrottleReason,
  type WhenUnthrottledOptions,
} from 'agentwise-optimization/memory';
import { check, type Same } from './check.mjs';

check<Same<typeof Default, typeof MemoryManager>>();
check<Same<typeof FromEntry, typeof MemoryManager>>();

/** As callers of the replaced class wrote it, where statistics were `any`. */
export async function replaced(config: Partial<MemoryConfig>): Promise<any> {
  const manager = new MemoryManager();
  const configured = new Default({ ...config, maxMemoryUsage: 512, environment: 'staging' });
  manager.registerAgentMemory('agent', 1024, 512);
  if (manager.shouldThrottleAgent('agent')) manager.unthrottleAgent('agent');
  const size: number = manager.getRecommendedContextSize('agent', 100_000);
  manager.updateContextAccess('agent:context');
  const stats = manager.getMemoryStats();
  const rss: number = stats.process.rss + stats.system.percentage + stats.config.maxMemory + stats.whatever.deep;
  const other: string = stats.process.whatever + stats.system.whatever + stats.recentAlerts[0].whatever;
  const usage: MemoryUsage[] = manager.getMemoryHistory();
  const score: number = manager.getHealthScore();
  const path: string = await manager.exportMemoryReport('report.json');
  await manager.exportMemoryReport();
  manager.updateConfig({ alertThreshold: 70 });
  manager.on('memoryAlert', (alert: MemoryAlert) => alert.recommendations.join());
  manager.on('agentThrottled', ({ agentId, reason }: { agentId: string; reason: string }) => [agentId, reason]);
  manager.on('garbageCollected', (data: any) => data.freedMemory + data.anything);
  manager.on('anything', (...data: any[]) => data);
  manager.stop();
  const alert: MemoryAlert = {
    type: 'warning',
    message: 'text',
    memoryUsage: 1,
    threshold: 1,
    timestamp: new Date(),
    recommendations: [],
  };
  const agents: AgentMemoryStats[] = stats.agents;
  return [configured, size, rss, other, usage[0].percentage, score, path, alert, agents];
}

export async function disposed(): Promise<number> {
  await using memory = new MemoryManager();
  return memory.getHealthScore();
}

class Watched extends MemoryManager {
  readonly seen: string[] = [];

  constructor(config?: Partial<MemoryConfig>) {
    super({ agentMemoryLimit: 1, ...config });
    this.on('agentThrottled', ({ agentId }) => this.seen.push(agentId));
  }

  override shouldThrottleAgent(agentId: string): boolean {
    return agentId !== 'important' && super.shouldThrottleAgent(agentId);
  }
}

/** Where one is handed on. */
export function passed(client: SharedContextClient): TokenOptimizer {
  const watched = new Watched();
  const emitter: EventEmitter = watched;
  const view: MemoryView = watched;
  void [emitter, view];
  const optimizer = new TokenOptimizer(client, watched);
  optimizer.setMemoryManager(new MemoryManager());
  optimizer.setMemoryManager(view);
  return optimizer;
}

export async function typed(memory: MemoryView, signal: AbortSignal): Promise<void> {
  const options: WhenUnthrottledOptions = { signal, timeout: 1000 };
  const waited = memory.whenUnthrottled('agent', options);
  check<Same<typeof waited, Promise<void>>>();
  await memory.whenUnthrottled('agent');
  const reason = memory.throttleReason('agent');
  check<Same<typeof reason, ThrottleReason | null>>();
  check<Same<ThrottleReason['code'], 'agentLimit' | 'largestAgents' | 'allAgents'>>();
  check<Same<[ThrottleReason['message'], ThrottleReason['since']], [string, Date]>>();
  check<Same<ReturnType<typeof memory.forgetAgent>, boolean>>();
  const held: HeldContext = { agentId: 'agent', bytes: 5 };
  memory.holdContext('key', held);
  memory.holdContext('key', { ...held, importance: 0.9 });
  check<Same<ReturnType<typeof memory.releaseContext>, boolean>>();
  for (const context of [...memory.contextsToDrop(), ...memory.contextsToDrop('agent')]) {
    check<Same<typeof context, ContextToDrop>>();
    const { key, agentId, bytes, importance, lastAccessed, reason: why } = context;
    check<Same<[typeof key, typeof agentId, typeof lastAccessed], [string, string, Date]>>();
    check<Same<[typeof bytes, typeof importance, typeof why], [number, number, 'pressure' | 'retention']>>();
  }
  const health = memory.getHealth();
  check<Same<typeof health, MemoryHealth>>();
  for (const { name, lost, explanation } of health.parts) {
    check<Same<[typeof name, typeof lost, typeof explanation], [string, number, string]>>();
  }
  const { garbageCollected, freedMemory } = await memory.performMaintenance();
  check<Same<[typeof garbageCollected, typeof freedMemory], [boolean, number]>>();
  await memory.exportMemoryReport(new URL('file:///tmp/report.json'));

  // @ts-expect-error a number
  memory.registerAgentMemory('agent', '5', 0);
  // @ts-expect-error three arguments
  memory.registerAgentMemory('agent', 5);
  // @ts-expect-error there is no such option
  await memory.whenUnthrottled('agent', { timeoutMs: 5 });
  // @ts-expect-error whose it is
  memory.holdContext('key', { bytes: 5 });
  // @ts-expect-error how much it is
  memory.holdContext('key', { agentId: 'agent' });
  // @ts-expect-error not of a system
  memory.updateConfig({});
  // @ts-expect-error not of a system
  memory.stop();
}

export function statistics(stats: MemoryStats): void {
  check<Same<[typeof stats.process.rss, typeof stats.process.arrayBuffers], [number, number | undefined]>>();
  check<Same<[typeof stats.process.pss, typeof stats.system.swapUsed], [number | null, number | null]>>();
  const { all, cgroup, effectiveSource } = stats.limits;
  check<Same<[typeof all, typeof effectiveSource], [MemoryLimit[], MemoryLimitSource]>>();
  check<Same<MemoryLimitSource, 'config' | 'cgroup' | 'cgroupHigh' | 'system' | 'heap'>>();
  check<Same<[MemoryLimit['growth'], MemoryLimit['timeToLimit']], [number | null, number | null]>>();
  // @ts-expect-error there may be none
  void cgroup.max;
  if (cgroup) check<Same<[typeof cgroup.version, typeof cgroup.max], [1 | 2, number | null]>>();
  const { step, since, psi, thresholds } = stats.pressure;
  check<Same<[typeof step, typeof since], [MemoryStep, Date | null]>>();
  check<Same<typeof psi, { some: number; full: number } | null>>();
  check<Same<[typeof thresholds.throttleAll, typeof stats.timeToLimit], [number, number | null]>>();
  check<Same<[typeof stats.native.accounted, typeof stats.native.parts], [number, Record<string, number>]>>();
  for (const action of stats.actions) {
    check<Same<[typeof action.step, typeof action.lastAt], [MemoryStep, Date]>>();
  }
  check<Same<[typeof stats.sampling.intervalMs, typeof stats.sampling.share], [number, number]>>();
  check<Same<typeof stats.whatever, any>>();
  // @ts-expect-error normal has none
  void thresholds.normal;
}

export function events(memory: MemoryManager): void {
  memory.on('memoryUpdate', ({ process, system, agents }) => {
    check<Same<[typeof process, typeof system], [MemoryStats['process'], MemoryStats['system']]>>();
    check<Same<typeof agents, AgentMemoryStats[]>>();
  });
  memory.on('memoryAlert', ({ id, type }) => check<Same<[typeof id, typeof type], [string, MemoryAlert['type']]>>());
  memory.once('memoryAlertResolved', ({ id, resolvedAt, durationMs }) => {
    check<Same<[typeof id, typeof resolvedAt, typeof durationMs], [string, Date, number]>>();
  });
  memory.on('agentMemoryUpdate', ({ isThrottled }) => check<Same<typeof isThrottled, boolean>>());
  memory.on('agentUnthrottled', ({ agentId }) => check<Same<typeof agentId, string>>());
  memory.on('garbageCollected', ({ freedMemory, timestamp, durationMs }) => {
    check<Same<[typeof freedMemory, typeof timestamp, typeof durationMs], [number, Date, number]>>();
  });
  memory.on('emergencyCleanup', ({ timestamp }) => check<Same<typeof timestamp, Date>>());
  memory.on('pressureChanged', ({ step, previous, source }) => {
    check<Same<[typeof step, typeof previous, typeof source], [MemoryStep, MemoryStep, MemoryLimitSource]>>();
  });
  memory.on('contextsToDrop', ({ contexts, reason }) => {
    check<Same<[typeof contexts, typeof reason], [ContextToDrop[], string]>>();
  });
  memory.on('contextExpired', ({ keys }) => check<Same<typeof keys, string[]>>());
  memory.on('configUpdated', ({ oldConfig, newConfig }) => {
    check<Same<[typeof oldConfig, typeof newConfig], [MemoryConfig, MemoryConfig]>>();
  });
  memory.on('stopped', () => {});
  check<Same<MemoryManagerEvents['stopped'], []>>();

  const failed = (error: AgentwiseError) => error.code === 'E_TIMEOUT';
  const code: ErrorCode = 'E_TIMEOUT';
  void [failed, code];
  // @ts-expect-error a number
  new MemoryManager({ maxMemoryUsage: '512' });
  // @ts-expect-error there is no such setting
  new MemoryManager({ maxMemory: 512 });
  // @ts-expect-error there is no such environment
  memory.updateConfig({ environment: 'test' });
}

export async function system(config: OptimizationConfig): Promise<void> {
  const made = await ProductionOptimizationSystem.create(config);
  check<Same<typeof made.memoryManager, MemoryView | null>>();
  // @ts-expect-error it may be off
  made.memoryManager.getMemoryStats();
  const stats = made.memoryManager?.getMemoryStats();
  check<Same<typeof stats, MemoryStats | undefined>>();
  check<Same<ReturnType<typeof made.throttleReason>, ThrottleReason | null>>();
  await made.whenUnthrottled('agent', { timeout: 5, signal: new AbortController().signal });
  new TokenOptimizer(null, made.memoryManager);
  made.on('memoryAlert', ({ id, message }) => check<Same<[typeof id, typeof message], [string, string]>>());
  made.on('pressureChanged', ({ step }) => check<Same<typeof step, MemoryStep>>());
  made.on('emergencyCleanup', ({ timestamp }) => check<Same<typeof timestamp, Date>>());
  made.on('contextsToDrop', ({ agentId }) => check<Same<typeof agentId, string>>());
  const score: number = made.getStatus().components.memoryManager.healthScore;
  void score;
  // @ts-expect-error it is given out, not taken
  made.memoryManager = null;
}
