/** Statistics and scores: every figure is one of what was done, and nothing done is neutral. */

const fs = require('node:fs');
const path = require('node:path');
const { IN_MEMORY, contextA, contextB, useOwnDirectory, useSystems } = require('../support.js');

useOwnDirectory();
const { open } = useSystems();

test('of a fresh system are neutral', async () => {
  const system = await open(IN_MEMORY);
  const stats = system.getOptimizationStats();
  expect(stats).toEqual({
    tokensSaved: 0,
    memoryOptimized: 0,
    cacheHitRate: 0,
    contextReduction: 0,
    overallScore: 100,
    uptime: expect.any(Number),
    timestamp: expect.any(Date),
    operations: 0,
    failures: 0,
    contextsFiltered: 0,
    promptTokensSaved: 0,
    costSavedUsd: null,
    cacheLookups: 0,
    cacheHits: 0,
    similarHits: 0,
    memoryPercentage: expect.any(Number),
    agents: 0,
    throttledAgents: 0,
    droppedEvents: 0,
    latency: null,
  });
});

test('are what was done', async () => {
  const system = await open({ ...IN_MEMORY, tokens: { model: 'gpt-5' } });
  let saved = 0;
  for (const context of [contextA(), contextA(), contextB()]) {
    saved += (await system.optimizeAgentContext('agent', context)).tokensSaved;
  }
  await system.cacheResponse('question', 1);
  for (const query of ['question', 'question', 'quite another one', 'and one more']) {
    await system.getCachedResponse(query, undefined, { exact: true });
  }
  const stats = system.getOptimizationStats();
  expect(stats).toMatchObject({
    tokensSaved: saved,
    operations: 3,
    failures: 0,
    cacheLookups: 4,
    cacheHits: 2,
    cacheHitRate: 50,
    agents: 1,
    throttledAgents: 0,
    costSavedUsd: expect.any(Number),
  });
  const { count, mean, p50, p95, p99, max } = stats.latency;
  expect(count).toBe(3);
  for (const [less, more] of [
    [p50, p95],
    [p95, p99],
    [p99, max],
    [mean, max],
  ])
    expect(less).toBeLessThanOrEqual(more);
  expect(p50).toBeGreaterThan(0);
  // What goes on by itself between two looks is left out.
  const still = { uptime: 0, timestamp: 0, memoryPercentage: 0 };
  expect({ ...system.getStatus().statistics, ...still }).toEqual({ ...stats, ...still });
});

test('the health of each part says why, and the whole follows from the parts', async () => {
  const system = await open(IN_MEMORY);
  await system.optimizeAgentContext('agent', contextA());
  const { components, score } = system.getHealthStatus();
  const parts = Object.values(components);
  expect(parts).toHaveLength(4);
  for (const part of parts)
    expect(part).toEqual({ healthy: true, score: expect.any(Number), explanation: expect.any(String) });
  expect(components.contextFilter.explanation).toBe('no filter stage failed in 1 optimizations');
  expect(components.cacheManager.explanation).toBe('no lookups yet');
  const scores = parts.map((part) => part.score);
  const mean = scores.reduce((sum, one) => sum + one, 0) / scores.length;
  expect(score).toBeCloseTo((mean + Math.min(...scores)) / 2, 1);
  expect(score).toBe(system.getOptimizationStats().overallScore);
});

test('the scores of memory and cache are those of the monitor', async () => {
  const system = await open({
    ...IN_MEMORY,
    enableProductionMonitoring: true,
    monitoring: { healthCheckInterval: 100, metricsInterval: 100, console: false },
  });
  for (let at = 0; at < 30; at++) await system.getCachedResponse(`question number ${at} of many`);
  const health = await new Promise((resolve) =>
    system.on('healthCheckCompleted', (said) => {
      const cache = said.components.find(({ component }) => component === 'cache');
      if (cache.message.includes('30 lookups')) resolve(said);
    }),
  );
  const cache = health.components.find(({ component }) => component === 'cache');
  const { cacheManager } = system.getHealthStatus().components;
  expect(cacheManager).toEqual({ healthy: true, score: cache.score, explanation: cache.message });
  expect(cache.score).toBe(70);
});

test('scores.md names the bands of every score', () => {
  const guide = fs.readFileSync(path.join(__dirname, '../../docs/scores.md'), 'utf8');
  for (const row of [
    '| 90   | excellent',
    '| 70   | good',
    '| 50   | acceptable',
    '| 30   | warning',
    '| 0    | critical',
  ]) {
    expect(guide).toContain(row);
  }
});
