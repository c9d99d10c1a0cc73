'use strict';

/** What the specs of the production monitor share: monitors that are stopped, quick ones, and settings in which nothing happens. */

const path = require('node:path');
const { ProductionMonitor } = require('../../index.js');
const { ROOT } = require('../support.js');
const { node } = require('../processes.js');
const { heardBy, next, until } = require('../memory-manager/support.js');

/** Nothing reaches these, whatever the machine is doing. */
const NEVER = {
  memoryWarning: 100,
  memoryCritical: 100,
  cacheHitRateWarning: 0,
  cpuWarning: 100,
  cpuCritical: 100,
  diskUsageWarning: 100,
};

/** Samples and checks that need not be waited for, no lines on stderr, no alerts of the machine's. */
const QUICK = { console: false, metricsInterval: 100, healthCheckInterval: 50, alertThresholds: NEVER };

/** A rule of the application that holds as soon as there is a sample. */
const ALWAYS = {
  id: 'always',
  metric: 'uptime',
  above: 0,
  level: 'warning',
  component: 'performance',
  title: 'It runs',
};

const LEVELS = ['info', 'warning', 'critical'];
const COMPONENTS = ['memory', 'cache', 'cpu', 'disk', 'agents', 'performance'];
const CHANNELS = ['console', 'slack', 'email', 'webhook', 'pagerduty'];

/** `open(config, …)` makes monitors that are stopped after the test; `own` takes over others. */
function useMonitors() {
  const opened = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((monitor) => monitor.stop()));
  });
  const own = (monitor) => {
    opened.push(monitor);
    return monitor;
  };
  return { own, open: (config, ...components) => own(new ProductionMonitor({ ...QUICK, ...config }, ...components)) };
}

/** The next sample. */
const sample = (monitor) => next(monitor, 'metricsCollected');

/** The first sample that `isIt` says yes to. */
const sampleWhere = (monitor, isIt) => next(monitor, 'metricsCollected', isIt);

/** The next health checks of all components, by name. */
async function checks(monitor) {
  const health = await next(monitor, 'healthCheckCompleted');
  return Object.fromEntries(health.components.map((check) => [check.component, check]));
}

const MODULE = JSON.stringify(path.join(ROOT, 'index.js'));

/** Runs a program that has the package's names, `QUICK` and `ALWAYS`; gives how it ended and what it printed. */
function runMonitor(source, options = {}) {
  const program = `
    const { ProductionMonitor, ProductionOptimizationSystem, MemoryManager } = require(${MODULE});
    const QUICK = ${JSON.stringify(QUICK)};
    const ALWAYS = ${JSON.stringify(ALWAYS)};
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const until = async (isDone) => { while (!(await isDone())) await sleep(5); };
    const block = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
    ${source}`;
  return node(['-e', program], options);
}

/** What a program printed as JSON, of one that ended well. */
async function outputOf(source, options) {
  const { stdout, ...ended } = await runMonitor(source, options);
  expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

/** Stands in for a memory manager: what a monitor asks one for. */
const memoryOf = (overrides = {}) => ({
  getHealthScore: () => 100,
  getMemoryStats: () => ({
    process: { rss: 100, heapTotal: 50, heapUsed: 40, external: 5 },
    system: { total: 8000, free: 4000, used: 4000, percentage: 50 },
    config: { maxMemory: 2048, alertThreshold: 80, agentLimit: 256 },
    agents: [],
    throttledAgents: [],
    recentAlerts: [],
    percentage: 5,
  }),
  getMemoryHistory: () => [],
  ...overrides,
});

/** Stands in for a cache. */
const cacheOf = (overrides = {}) => ({
  getHealthScore: () => 100,
  getStats: () => ({
    l1: { size: 5, maxSize: 10, hitRate: 0.9, entries: 5 },
    l2: { sizeMB: 1, maxSizeMB: 2, hitRate: 0.5, entries: 5 },
    l3: { sizeMB: 1, maxSizeMB: 2, hitRate: 0.5, entries: 5, compressionRatio: 0.5 },
    overall: { totalHits: 90, totalMisses: 10, hitRate: 0.9, evictions: 0, similarityDetections: 0 },
  }),
  ...overrides,
});

/** Stands in for a context filter. */
const filterOf = (overrides = {}) => ({
  getFilterStats: () => ({ agentSpecializations: [], cachedContexts: 0, currentMemoryUsage: 0, config: {} }),
  ...overrides,
});

module.exports = {
  ALWAYS,
  CHANNELS,
  COMPONENTS,
  LEVELS,
  NEVER,
  QUICK,
  cacheOf,
  checks,
  filterOf,
  heardBy,
  memoryOf,
  next,
  outputOf,
  runMonitor,
  sample,
  sampleWhere,
  until,
  useMonitors,
};
