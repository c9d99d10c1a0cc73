import { EventEmitter } from 'node:events';
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import MemoryManager, {
  AgentMemoryStats,
  MemoryAlert,
  MemoryConfig,
  MemoryUsage,
} from './optimization/MemoryManager.js';
import { MemoryManager as Named } from 'agentwise-optimization/memory';

const partial: Partial<MemoryConfig> = { maxMemoryUsage: 1024, agentMemoryLimit: 1 };
const whole: MemoryConfig = {
  maxMemoryUsage: 2048,
  alertThreshold: 80,
  gcInterval: 60000,
  contextRetentionTime: 1800000,
  agentMemoryLimit: 256,
  enableDetailedLogging: false,
  environment: 'development',
};

/** A wrapper as an application has it: a field that is there later. */
class Supervisor {
  private memory: MemoryManager | null = null;
  private readonly alerts: MemoryAlert[] = [];
  private emitter!: EventEmitter;
  public last?: MemoryAlert;

  start(config?: Partial<MemoryConfig>): MemoryManager {
    this.memory = new MemoryManager(config);
    this.memory.on('memoryAlert', (alert: MemoryAlert) => {
      this.alerts.push(alert);
      this.last = alert;
    });
    this.memory.on('agentThrottled', (data: { agentId: string; reason: string }) => void data.agentId.length);
    this.memory.on('agentUnthrottled', ({ agentId }) => void agentId);
    this.memory.on('memoryUpdate', ({ process: own, system, agents }) => void [own.rss, system.total, agents.length]);
    this.memory.on('agentMemoryUpdate', (stats: AgentMemoryStats) => void stats.totalMemory);
    this.memory.on('garbageCollected', (data) => void [data.freedMemory.toFixed(1), data.timestamp.getTime()]);
    this.memory.on('emergencyCleanup', (data: any) => void data.timestamp);
    this.memory.on('configUpdated', ({ oldConfig, newConfig }) => void [oldConfig.gcInterval, newConfig.gcInterval]);
    this.memory.once('stopped', () => undefined);
    this.memory.on('anything', (...args: any[]) => void args);
    this.memory.off('anything', () => undefined);
    const emitter: NodeJS.EventEmitter = this.memory;
    this.emitter = this.memory;
    strictEqual(emitter, this.emitter);
    return this.memory;
  }

  async stop(): Promise<void> {
    this.memory?.stop();
    this.memory = null;
  }
}

export async function memory(): Promise<void> {
  for (const config of [undefined, {}, partial, whole]) new MemoryManager(config).stop();
  new MemoryManager().stop();
  strictEqual(Named, MemoryManager);

  const supervisor = new Supervisor();
  const manager = supervisor.start(partial);
  ok(manager instanceof EventEmitter);
  strictEqual(manager.listenerCount('memoryAlert'), 1);
  manager.registerAgentMemory('agent-1', 2 * 1024 * 1024, 1024);
  const throttled: boolean = manager.shouldThrottleAgent('agent-1');
  strictEqual(throttled, true);
  manager.registerAgentMemory('agent-1', 1024, 0);
  manager.unthrottleAgent('agent-1');
  strictEqual(manager.shouldThrottleAgent('agent-1'), false);
  const size: number = manager.getRecommendedContextSize('agent-1', 1000);
  ok(size <= 1000);
  manager.updateContextAccess('key');

  const stats = manager.getMemoryStats();
  const figures: number[] = [
    stats.process.rss,
    stats.process.heapTotal,
    stats.process.heapUsed,
    stats.process.external,
    stats.system.total,
    stats.system.free,
    stats.system.used,
    stats.system.percentage,
    stats.config.maxMemory,
    stats.config.alertThreshold,
    stats.config.agentLimit,
  ];
  ok(figures.every((figure) => typeof figure === 'number'));
  strictEqual(stats.config.maxMemory, 1024);
  const agents: AgentMemoryStats[] = stats.agents;
  deepStrictEqual(
    agents.map((agent) => agent.agentId),
    ['agent-1'],
  );
  const [first] = agents;
  const bytes: number = first!.contextSize + first!.cacheSize + first!.totalMemory;
  ok(bytes > 0 && first!.lastAccessed instanceof Date && first!.isThrottled === false);
  const names: string[] = stats.throttledAgents;
  const recent: MemoryAlert[] = stats.recentAlerts;
  ok(names.length === 0 && Array.isArray(recent));
  for (const alert of recent) {
    const type: 'warning' | 'critical' | 'info' = alert.type;
    void [
      type,
      alert.message,
      alert.memoryUsage,
      alert.threshold,
      alert.timestamp.toISOString(),
      alert.recommendations.join(),
    ];
  }
  const history: MemoryUsage[] = manager.getMemoryHistory();
  for (const { total, used, free, percentage, timestamp } of history)
    ok(total + used + free + percentage > 0 && timestamp instanceof Date);
  const score: number = manager.getHealthScore();
  ok(score >= 0 && score <= 100);
  manager.updateConfig({ alertThreshold: 70 });
  const path: string = await manager.exportMemoryReport('memory.json');
  ok((await manager.exportMemoryReport()).length > 0 && path.endsWith('memory.json'));
  await supervisor.stop();
  await supervisor.stop();
}
