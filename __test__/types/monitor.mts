/** The production monitor: code of the replaced class compiles, and what is known has its type. */

import type { EventEmitter } from 'node:events';
import {
  AdvancedCacheManager,
  AgentContextFilter,
  type CacheStats,
  type ConfigProblem,
  MemoryManager,
  type OptimizationConfig,
  ProductionMonitor,
  ProductionOptimizationSystem,
} from 'agentwise-optimization';
import Default, {
  type Alert,
  type AlertComponent,
  type AlertLevel,
  type AlertRule,
  type AlertThresholds,
  type ChannelStatus,
  type ChannelTest,
  type Degradation,
  type DisabledAlertRule,
  type ProductionMonitor as FromEntry,
  type HealthCheck,
  type MonitoringConfig,
  type MonitoringOptions,
  type MonitorStatus,
  type MonitorView,
  type NewAlert,
  type NewSilence,
  type OperationMetrics,
  type OverallHealth,
  type ProductionMonitorEvents,
  type ScalingRecommendation,
  type Silence,
  type SystemMetrics,
} from 'agentwise-optimization/monitor';
import { check, type Same } from './check.mjs';

check<Same<typeof Default, typeof ProductionMonitor>>();
check<Same<typeof FromEntry, typeof ProductionMonitor>>();

/** A complete one as the replaced package had it. */
const config: MonitoringConfig = {
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

/** As callers of the replaced class wrote it, where the status was `any`. */
export async function replaced(partial: Partial<MonitoringConfig>): Promise<unknown[]> {
  const memory = new MemoryManager();
  const cache = new AdvancedCacheManager();
  const filter = new AgentContextFilter();
  const monitor = new ProductionMonitor(config, memory, cache, filter);
  const others = [new Default(partial, memory), new Default(undefined, memory, cache), new Default()];
  const health = monitor.getOverallHealth();
  const worst: HealthCheck = health.components.sort((a, b) => a.score - b.score)[0];
  const text: string = `${health.status} ${health.score.toFixed(1)} ${worst.component}: ${worst.message}`;
  const metrics = monitor.getCurrentMetrics();
  if (metrics) {
    const { cpu, disk, performance, agents } = metrics;
    const load: number = cpu.usage + cpu.loadAverage[0] + disk.percentage + performance.responseTime;
    const ofCache: CacheStats = metrics.cache;
    const rate: string = (metrics.cache.overall.hitRate * 100).toFixed(1);
    const memories: number = metrics.memory.percentage + metrics.memory.available + agents.totalMemory;
    others.push([load, ofCache, rate, memories, metrics.memory.process.rss, metrics.whatever.deep] as any);
  }
  const history: SystemMetrics[] = monitor.getMetricsHistory(2);
  const alerts: Alert[] = monitor.getRecentAlerts();
  for (const alert of alerts.filter(({ type, resolved }) => type === 'critical' && !resolved)) {
    const done: boolean = monitor.resolveAlert(alert.id);
    others.push([done, alert.metadata.anything, alert.resolvedAt?.getTime()] as any);
  }
  const status = monitor.getStatus();
  const anything: string = status.whatever.deep + status.components.memory.whatever + status.alerts.whatever;
  const total: number = status.alerts.total + status.alerts.critical + status.alerts.warnings + status.uptime;
  const path: string = await monitor.exportReport('report.json');
  await monitor.exportReport();
  monitor.updateConfig({ alertsEnabled: false, healthCheckInterval: 1000 });
  monitor.on('alertCreated', (alert: Alert) => alert.title);
  monitor.on('metricsCollected', (data: any) => data.cpu.anything);
  monitor.on('anything', (...data: any[]) => data);
  await monitor.stop();
  const made: Alert = {
    id: 'id',
    type: 'warning',
    component: 'memory',
    title: 'title',
    message: 'message',
    timestamp: new Date(),
    resolved: false,
    metadata: {},
  };
  return [others, text, history, anything, total, path, made];
}

/** Objects of the caller's own are taken. */
export function standIns(memory: { getHealthScore(): number }): ProductionMonitor {
  return new ProductionMonitor({}, memory, null, undefined);
}

export async function disposed(): Promise<number> {
  await using monitor = new ProductionMonitor({ alertThresholds: { cpuWarning: 70 } });
  return monitor.getOverallHealth().score;
}

class Watched extends ProductionMonitor {
  readonly seen: string[] = [];

  constructor(options?: MonitoringOptions) {
    super({ console: false, ...options });
    this.on('alertCreated', ({ title }) => this.seen.push(title));
  }

  override getRecentAlerts(hours?: number): Alert[] {
    return super.getRecentAlerts(hours).filter(({ type }) => type !== 'info');
  }
}

export function extended(): MonitorView {
  const emitter: EventEmitter = new Watched();
  void emitter;
  return new Watched();
}

export const settings: Required<MonitoringConfig> = {
  ...config,
  console: false,
  metricsInterval: 100,
  persistMetrics: false,
  alertRules: [],
  enableWebhookAlerts: true,
  enablePagerDutyAlerts: true,
  alertEmailFrom: 'monitor@example.com',
  alertEmailTo: ['ops@example.com'],
  metricsPort: null,
  metricsHost: '127.0.0.1',
  enableOtlpExport: true,
  otlpEndpoint: 'http://localhost:4318',
  otlpInterval: 60_000,
};

export const rules: MonitoringConfig['alertRules'] = [
  { id: 'a', metric: 'cpu.usage', above: 90, level: 'critical' },
  {
    id: 'b',
    metric: 'cache.overall.hitRate',
    below: 0.5,
    level: 'info',
    for: 60_000,
    hysteresis: 0.1,
    component: 'cache',
  },
  { id: 'c', metric: 'gc.max', above: 100, level: 'warning', title: 'title', message: '{value}', enabled: true },
  { id: 'errorRate', enabled: false },
];

export async function typed(monitor: MonitorView): Promise<void> {
  check<Same<ReturnType<typeof monitor.getOverallHealth>, OverallHealth>>();
  check<Same<OverallHealth['status'], HealthCheck['status'] | 'unknown'>>();
  check<Same<ReturnType<typeof monitor.getCurrentMetrics>, SystemMetrics | null>>();
  check<Same<ReturnType<typeof monitor.getMetricsHistory>, SystemMetrics[]>>();
  monitor.getMetricsHistory(24, { maxPoints: 100 });
  const created = monitor.createAlert({ type: 'info', component: 'agents', title: 'title', message: 'message' });
  check<Same<typeof created, Alert | null>>();
  const alert: NewAlert = {
    type: 'critical',
    component: 'cpu',
    title: 't',
    message: 'm',
    metadata: { any: ['thing'] },
  };
  monitor.createAlert(alert);
  const by: NewSilence = { component: 'disk', type: 'warning', rule: 'r', title: 't', durationMs: 5, comment: 'why' };
  check<Same<ReturnType<typeof monitor.silence>, Silence>>();
  monitor.silence(by);
  monitor.silence({ rule: 'cpuWarning', until: new Date() });
  monitor.silence({ rule: 'cpuWarning', until: Date.now() });
  const [{ id, from, until, comment }] = monitor.getSilences();
  check<Same<[typeof id, typeof from, typeof until, typeof comment], [string, Date, Date, string | undefined]>>();
  check<Same<ReturnType<typeof monitor.removeSilence>, boolean>>();
  monitor.recordRequest('chat', 12.5);
  monitor.recordRequest('chat', 12.5, { error: true });
  const value = monitor.measure('chat', () => 7);
  check<Same<typeof value, number>>();
  const later = monitor.measure('chat', async () => 'text');
  check<Same<typeof later, Promise<string>>>();
  check<Same<ReturnType<typeof monitor.getRecommendations>, ScalingRecommendation[]>>();
  check<Same<ReturnType<typeof monitor.getDegradations>, Degradation[]>>();
  const text = monitor.metricsText({ format: 'openmetrics' });
  check<Same<typeof text, string>>();
  monitor.metricsText();
  check<Same<ReturnType<typeof monitor.testAlert>, Promise<ChannelTest[]>>>();
  await monitor.testAlert();
  for (const { channel, delivered, error } of await monitor.testAlert({ channel: 'slack' })) {
    check<
      Same<[typeof channel, typeof delivered, typeof error], [ChannelStatus['name'], boolean, string | undefined]>
    >();
  }
  await monitor.exportReport(new URL('file:///tmp/report.html'), { format: 'html' });

  // @ts-expect-error not of a system
  monitor.updateConfig({});
  // @ts-expect-error not of a system
  await monitor.stop();
  // @ts-expect-error there is no such level
  monitor.createAlert({ type: 'fatal', component: 'cpu', title: 't', message: 'm' });
  // @ts-expect-error there is no such component
  monitor.createAlert({ type: 'info', component: 'tokens', title: 't', message: 'm' });
  // @ts-expect-error there is no such option
  monitor.getMetricsHistory(24, { points: 5 });
  // @ts-expect-error there is no such format
  monitor.metricsText({ format: 'json' });
  // @ts-expect-error there is no such format
  await monitor.exportReport('x', { format: 'pdf' });
  // @ts-expect-error a number
  monitor.recordRequest('chat', '5');
}

export function figures(metrics: SystemMetrics): void {
  check<Same<typeof metrics.timestamp, Date>>();
  // Not in the replaced package, and so optional for whoever makes such an object.
  const { operations, eventLoop, gc, tokens, health } = metrics as Required<SystemMetrics>;
  check<Same<[typeof eventLoop.max, typeof gc.time], [number | null, number | null]>>();
  check<Same<typeof operations, Record<string, OperationMetrics>>>();
  check<
    Same<[typeof metrics.cache.recentHitRate, typeof metrics.cache.l2.sizeMB], [number | null | undefined, number]>
  >();
  check<
    Same<
      [typeof metrics.memory.limit, typeof metrics.cpu.process],
      [number | null | undefined, number | null | undefined]
    >
  >();
  check<Same<[typeof tokens.savedDollars, typeof health.score], [number | null, number | null]>>();
  check<Same<typeof metrics.whatever, any>>();
}

export function status({ channels, exporter, degradations, recommendations, silences, metrics }: MonitorStatus): void {
  check<Same<typeof channels, ChannelStatus[]>>();
  check<Same<ChannelStatus['name'], 'console' | 'slack' | 'email' | 'webhook' | 'pagerduty'>>();
  check<Same<typeof exporter.url, string | null>>();
  // @ts-expect-error it may be off
  void exporter.otlp.exported;
  check<Same<[typeof degradations, typeof recommendations], [Degradation[], ScalingRecommendation[]]>>();
  check<Same<[typeof silences, typeof metrics], [Silence[], SystemMetrics | null]>>();
}

export function events(monitor: ProductionMonitor): void {
  monitor.on('metricsCollected', (metrics) => check<Same<typeof metrics, SystemMetrics>>());
  monitor.on('alertCreated', (alert) => check<Same<typeof alert, Alert>>());
  monitor.once('alertResolved', ({ resolvedAt, type, component }) => {
    check<Same<[typeof resolvedAt, typeof type], [Date | undefined, AlertLevel]>>();
    check<Same<typeof component, AlertComponent>>();
  });
  monitor.on('healthCheckResult', (result) => check<Same<typeof result, HealthCheck>>());
  monitor.on('healthCheckCompleted', (health) => check<Same<typeof health, OverallHealth>>());
  monitor.on('alertDelivered', ({ channel, ids }) => {
    check<Same<[typeof channel, typeof ids], [ChannelStatus['name'], string[]]>>();
  });
  monitor.on('alertNotDelivered', ({ reason }) => check<Same<typeof reason, string>>());
  monitor.on('degradationDetected', (degradation) => check<Same<typeof degradation, Degradation>>());
  monitor.on('degradationEnded', ({ operation, since }) => {
    check<Same<[typeof operation, typeof since], [string | undefined, Date]>>();
  });
  monitor.on('warning', (warning) => check<Same<typeof warning, ConfigProblem>>());
  monitor.on('configUpdated', ({ oldConfig, newConfig }) => {
    check<Same<[typeof oldConfig, typeof newConfig], [MonitoringConfig, MonitoringConfig]>>();
  });
  check<Same<ProductionMonitorEvents['stopped'], []>>();

  // @ts-expect-error there is no such setting
  new ProductionMonitor({ thresholds: {} });
  // @ts-expect-error there is no such threshold
  new ProductionMonitor({ alertThresholds: { gpuWarning: 5 } });
  // @ts-expect-error a number
  new ProductionMonitor({ metricsInterval: '100' });
  // @ts-expect-error what it compares is needed
  monitor.updateConfig({ alertRules: [{ id: 'a', level: 'info', above: 5 }] });
  const complete: AlertThresholds = config.alertThresholds;
  const off: DisabledAlertRule = { id: 'responseTime', enabled: false };
  const rule: AlertRule = { id: 'a', metric: 'uptime', above: 5, level: 'info' };
  monitor.updateConfig({ alertThresholds: complete, alertRules: [off, rule] });
}

export async function system(given: OptimizationConfig): Promise<void> {
  const made = await ProductionOptimizationSystem.create({
    ...given,
    enableProductionMonitoring: true,
    monitoring: { alertThresholds: { memoryWarning: 70 }, metricsPort: 0 },
  });
  check<Same<typeof made.productionMonitor, MonitorView | null>>();
  // @ts-expect-error it may be off
  made.productionMonitor.getStatus();
  const { components } = made.getStatus();
  check<Same<typeof components.productionMonitor, MonitorStatus>>();
  made.on('alertCreated', ({ title }) => check<Same<typeof title, string>>());
  made.on('metricsCollected', ({ cpu }) => check<Same<typeof cpu.usage, number>>());
  made.on('healthCheckCompleted', ({ score }) => check<Same<typeof score, number>>());
  made.on('degradationDetected', ({ metric }) => check<Same<typeof metric, string>>());
  made.on('alertNotDelivered', ({ channel }) => check<Same<typeof channel, ChannelStatus['name']>>());
  // @ts-expect-error it is given out, not taken
  made.productionMonitor = null;
}
