/**
 * A monitor with some of everything, for `prometheus.sh` and `otlp.sh`: prints the address of its metrics server and goes on
 * until its standard input ends or it is killed. `METRICS_TOKEN` and `OTLP_ENDPOINT` are taken from the environment.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AdvancedCacheManager, AgentContextFilter, MemoryManager, ProductionMonitor } from '../index.mjs';

const directory = mkdtempSync(path.join(tmpdir(), 'agentwise-monitor-'));
process.chdir(directory);

const memory = new MemoryManager();
const cache = new AdvancedCacheManager({ cacheDir: path.join(directory, 'cache') });
const filter = new AgentContextFilter();
const { OTLP_ENDPOINT: otlpEndpoint } = process.env;
const monitor = new ProductionMonitor(
  {
    console: false,
    healthCheckInterval: 500,
    metricsInterval: 500,
    metricsPort: 0,
    ...(otlpEndpoint && { enableOtlpExport: true, otlpEndpoint, otlpInterval: 1000 }),
  },
  memory,
  cache,
  filter,
);

for (let index = 0; index < 60; index++) memory.registerAgentMemory(`agent-${index}`, 1024 * index, 0);
memory.registerAgentMemory('an "agent"\\\n of é🦀', 1, 1);
monitor.createAlert({ type: 'warning', component: 'performance', title: 'A test', message: 'Says nothing.' });

const timer = setInterval(async () => {
  monitor.recordRequest('optimizeAgentContext', 1 + Math.random() * 50, { error: Math.random() < 0.05 });
  monitor.recordRequest('a "strange"\\\n operation é🦀', 0.01);
  await cache.set('key', { answer: 42 });
  await cache.get(Math.random() < 0.8 ? 'key' : 'no key');
}, 20);

const { exporter } = monitor.getStatus();
console.log(exporter.url);

/** Nobody writes into the directory any more when it is removed. */
async function end() {
  clearInterval(timer);
  await Promise.all([monitor.stop(), cache.stop(), memory.stop()]);
  process.chdir('/');
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, end);
process.stdin.resume().once('end', end);
