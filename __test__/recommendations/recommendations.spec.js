/** Recommendations of a running system: from measurements, the same everywhere. The rules one by one: `src/orchestrator/advice/`. */

const { IN_MEMORY, useOwnDirectory, useSystems } = require('../support.js');

useOwnDirectory();
const { open } = useSystems();

const EMPTY = { memory: [], cache: [], context: [], general: [], priority: 'low', details: [] };

/** Each recommendation as the one who reads it needs it. */
function expectSound({ details, priority, ...texts }) {
  const order = { high: 2, medium: 1, low: 0 };
  for (const one of details) {
    expect(one).toEqual({
      area: expect.stringMatching(/^(memory|cache|context|general)$/),
      priority: expect.stringMatching(/^(low|medium|high)$/),
      setting: one.setting === null ? null : expect.stringMatching(/^[a-zA-Z0-9.]+$/),
      current: one.current,
      proposed: one.proposed,
      reason: expect.any(String),
      evidence: expect.any(Object),
    });
    expect(Object.keys(one.evidence).length).toBeGreaterThan(0);
    for (const said of [one.setting, one.current, one.proposed])
      if (said !== null) expect(one.reason).toContain(`${said}`);
  }
  const urgencies = details.map((one) => order[one.priority]);
  expect(urgencies).toEqual([...urgencies].sort((a, b) => b - a));
  expect(order[priority]).toBe(Math.max(0, ...urgencies));
  for (const area of ['memory', 'cache', 'context', 'general']) {
    expect(texts[area]).toEqual(details.filter((one) => one.area === area).map((one) => one.reason));
  }
}

test.each(['development', 'staging', 'production'])('a fresh system in %s has none', async (environment) => {
  const system = await open({ ...IN_MEMORY, environment, monitoring: { console: false } });
  expect(system.getOptimizationRecommendations()).toEqual(EMPTY);
});

test('a process over its limit is told the setting, its value and what is left of the machine', async () => {
  const system = await open({ ...IN_MEMORY, memory: { maxMemoryUsage: 10 } });
  await system.optimizeAgentContext('agent', { currentTask: 'a task' });
  const found = system.getOptimizationRecommendations();
  expectSound(found);
  expect(found.priority).toBe('high');
  expect(found.details[0]).toMatchObject({
    area: 'memory',
    setting: 'memory.maxMemoryUsage',
    current: 10,
    evidence: { limitSource: 'config' },
  });
  expect(found.details[0].evidence.percentage).toBeGreaterThan(100);
});

test('a cache that is too small is told what a larger one would have answered', async () => {
  const system = await open({ ...IN_MEMORY, cache: { persistToDisk: false, l1MaxSize: 100 } });
  for (let round = 0; round < 20; round++) {
    for (let at = 0; at < 150; at++) {
      if ((await system.getCachedResponse(`key-${at}`, undefined, { exact: true })) === null) {
        await system.cacheResponse(`key-${at}`, at);
      }
    }
  }
  const found = system.getOptimizationRecommendations();
  expectSound(found);
  const cache = found.details.find((one) => one.setting === 'cache.l1MaxSize');
  expect(cache).toMatchObject({ area: 'cache', priority: 'medium', current: 100 });
  await system.updateConfiguration({ cache: { l1MaxSize: cache.proposed } });
  expect(system.getOptimizationRecommendations()).toEqual(EMPTY);
});

test('a filter whose left-out parts are fetched again is told to leave out less, until its setting changes', async () => {
  // The load of the machine, which is seen after five seconds, would leave out more for another reason.
  const contextFilter = { memoryAwareFiltering: false, adaptiveReduction: false };
  const system = await open({ ...IN_MEMORY, contextFilter });
  const context = { currentTask: 'Fix the login form of the web page' };
  for (let at = 0; at < 60; at++)
    context[`notes${at}`] = `the weather of day ${at} was sunny, with some clouds `.repeat(10);
  const { dropped } = await system.optimizeAgentContext('frontend-specialist', context);
  const low = dropped.filter((part) => part.reason === 'score');
  expect(low.length).toBeGreaterThanOrEqual(20);
  expect(system.getOptimizationRecommendations()).toEqual(EMPTY);
  for (const part of low.slice(0, 20)) await system.resolveReference(part.reference);
  const found = system.getOptimizationRecommendations();
  expectSound(found);
  expect(found.context).toHaveLength(1);
  expect(found.details[0]).toMatchObject({
    setting: 'contextFilter.contextImportanceThreshold',
    current: 0.3,
    proposed: 0.2,
    evidence: { fetchedAgain: 20, leftOut: low.length, contexts: 1 },
  });
  await system.updateConfiguration({ contextFilter: { contextImportanceThreshold: 0.2 } });
  expect(system.getOptimizationRecommendations()).toEqual(EMPTY);
});

test('production without a monitor is told so once it works', async () => {
  const system = await open({ ...IN_MEMORY, environment: 'production', enableProductionMonitoring: false });
  for (let at = 0; at < 20; at++) await system.optimizeAgentContext('agent', { currentTask: `task ${at}` });
  const found = system.getOptimizationRecommendations();
  expectSound(found);
  expect(found.details).toMatchObject([{ setting: 'enableProductionMonitoring', current: false, proposed: true }]);
});

test('a channel that is on without its address is told of', async () => {
  const system = await open({
    ...IN_MEMORY,
    enableProductionMonitoring: true,
    monitoring: { enableSlackAlerts: true, console: false },
  });
  const found = system.getOptimizationRecommendations();
  expectSound(found);
  expect(found.details).toMatchObject([{ setting: 'monitoring.enableSlackAlerts', priority: 'high', current: true }]);
});

test('status, health, monitor and report show the same ones', async () => {
  const system = await open({
    ...IN_MEMORY,
    enableProductionMonitoring: true,
    monitoring: { enableSlackAlerts: true, console: false },
  });
  const found = system.getOptimizationRecommendations();
  expect(found.details).toHaveLength(1);
  expect(system.getStatus().recommendations).toEqual(found);
  const health = system.getHealthStatus();
  expect(health.recommendations).toEqual(found.details.map((one) => one.reason));
  expect(health.recommendationDetails).toEqual(found.details);
  expect(system.productionMonitor.getRecommendations()).toEqual(found.details);
  expect(system.productionMonitor.getStatus().recommendations).toEqual(found.details);
});
