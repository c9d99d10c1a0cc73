import { ok, strictEqual } from 'node:assert';
import { EventEmitter } from 'node:events';
import AdvancedCacheManager from './caching/AdvancedCacheManager.js';
import AgentContextFilter from './context/AgentContextFilter.js';
import ProductionMonitor, {
  Alert,
  HealthCheck,
  MonitoringConfig,
  SystemMetrics,
} from './monitoring/ProductionMonitor.js';
import { MemoryManager } from './optimization/MemoryManager.js';

const whole: MonitoringConfig = {
  alertsEnabled: true,
  alertThresholds: {
    memoryWarning: 80,
    memoryCritical: 95,
    cacheHitRateWarning: 60,
    cpuWarning: 80,
    cpuCritical: 95,
    diskUsageWarning: 85,
  },
  healthCheckInterval: 30000,
  metricsRetention: 7,
  enableSlackAlerts: false,
  enableEmailAlerts: false,
  environment: 'development',
};

export async function monitor(): Promise<void> {
  const memory = new MemoryManager();
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  const partial: Partial<MonitoringConfig> = { alertsEnabled: false };
  await new ProductionMonitor(partial, memory, cache, new AgentContextFilter()).stop();
  const made = new ProductionMonitor(whole, memory, cache, new AgentContextFilter());
  ok(made instanceof EventEmitter);
  made.on('metricsCollected', (metrics: SystemMetrics) => void metrics.cpu.usage);
  made.on('alertCreated', (alert: Alert) => void [alert.id, alert.type, alert.component, alert.title, alert.message]);
  made.on(
    'alertResolved',
    ({ id, resolved, resolvedAt, metadata }) => void [id, resolved, resolvedAt?.getTime(), metadata?.value],
  );
  made.on(
    'healthCheckResult',
    (check: HealthCheck) => void [check.component, check.status, check.score, check.message, check.metrics],
  );
  made.on('healthCheckCompleted', (result: any) => void result.score);
  made.on('configUpdated', () => undefined);
  made.on('stopped', () => undefined);

  const health = made.getOverallHealth();
  const checks: HealthCheck[] = health.components;
  ok(health.score >= 0 && typeof health.status === 'string' && Array.isArray(checks));
  const metrics: SystemMetrics | null = made.getCurrentMetrics();
  for (const one of [...(metrics ? [metrics] : []), ...made.getMetricsHistory(), ...made.getMetricsHistory(1)]) {
    const figures: number[] = [
      one.memory.available,
      one.memory.percentage,
      one.cpu.usage,
      ...one.cpu.loadAverage,
      one.disk.usage,
      one.disk.available,
      one.disk.percentage,
      one.cache.overall.hitRate,
      one.agents.active,
      one.agents.throttled,
      one.agents.totalMemory,
      one.performance.responseTime,
      one.performance.throughput,
      one.performance.errorRate,
    ];
    void [one.timestamp.getTime(), one.memory.process.rss, one.memory.system.total, figures];
  }
  const alerts: Alert[] = [...made.getRecentAlerts(), ...made.getRecentAlerts(1)];
  strictEqual(alerts.length, 0);
  const resolved: boolean = made.resolveAlert('no-such-alert');
  strictEqual(resolved, false);
  const status = made.getStatus();
  strictEqual(status.environment, 'development');
  ok(status.uptime >= 0 && status.health.score >= 0 && status.alerts.total === 0);
  void [
    status.alerts.critical,
    status.alerts.warnings,
    status.alerts.recent.map((alert: Alert) => alert.title),
    status.metrics,
  ];
  void [
    status.components.memory,
    status.components.cache,
    status.components.agents,
    status.components.system,
    status.components.performance,
  ];
  const path: string = await made.exportReport('monitor.json');
  ok(path.endsWith('monitor.json'));
  made.updateConfig({ healthCheckInterval: 60000, alertThresholds: { ...whole.alertThresholds, cpuWarning: 70 } });
  await made.stop();
  await cache.stop();
  memory.stop();
}
