/** What stands in a report: the figures of the status, every part, no secret, and nobody's text as anything but text. */

const fs = require('node:fs');
const { IN_MEMORY, contextA, contextB, useOwnDirectory, useSystems } = require('../support.js');

useOwnDirectory();
const { open } = useSystems();

const HOSTILE = '</td><script>alert("x")</script>\u202e';

async function used(config = IN_MEMORY) {
  const system = await open(config);
  for (const agent of ['frontend-specialist', HOSTILE]) {
    for (const context of [contextA(), contextA(), contextB()]) await system.optimizeAgentContext(agent, context);
  }
  await system.cacheResponse('question', { answer: 42 });
  await system.getCachedResponse('question');
  await system.getCachedResponse('another one');
  return system;
}

const json = async (system) => JSON.parse(fs.readFileSync(await system.generateSystemReport(), 'utf8'));
const html = async (system) => fs.readFileSync(await system.generateSystemReport({ format: 'html' }), 'utf8');

test('JSON has the fields of the contract, and they agree with each other', async () => {
  const system = await used();
  const report = await json(system);
  expect(report).toMatchObject({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    environment: 'development',
    config: { cache: { persistToDisk: false } },
    status: { initialized: true, statistics: report.statistics, recommendations: report.recommendations },
    health: { overall: 'healthy', components: { cacheManager: { explanation: expect.any(String) } } },
    recommendations: { details: expect.any(Array), priority: expect.any(String) },
    performance: {
      totalOperations: 6,
      tokensSaved: report.statistics.tokensSaved,
      memoryOptimized: report.statistics.memoryOptimized,
      contextFiltered: report.statistics.contextsFiltered,
    },
  });
  expect(Object.keys(report.tokens.byAgent.rows).sort()).toEqual([HOSTILE, 'frontend-specialist'].sort());
  expect(report.health.score).toBe(report.status.overallScore);
});

test('settings are told with where they came from, and what auto-tuning tried', async () => {
  const system = await used();
  const report = await json(system);
  expect(report.tuningHistory).toEqual([]);
  expect(report.configuration.settings['cache.persistToDisk']).toMatchObject({ value: false, source: 'code' });
  const page = await html(system);
  expect(page).toMatch(/cache\.persistToDisk.*code/s);
  expect(page).toContain('settings have their default');
});

test('the page stands by itself: nothing is loaded, one script, whose hash is the only one allowed', async () => {
  const page = await html(await used());
  expect(page).toMatch(/Content-Security-Policy" content="default-src 'none'/);
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).not.toMatch(/(src|href)="(?!#)/);
  expect(page).not.toMatch(/url\(|@import|https?:/);
});

test('the page has every part, and leads to each', async () => {
  const page = await html(await used());
  const ids = ['tokens', 'cache', 'limits', 'health', 'recommendations', 'operations', 'tuning', 'config'];
  for (const id of ids) {
    expect(page).toContain(`<section id="${id}"`);
    expect(page).toContain(`href="#${id}"`);
  }
  for (const said of ['Tokens before and after, by agent', 'Who answered', 'Health by part']) {
    expect(page).toContain(said);
  }
  expect(page).toContain('frontend-specialist');
  expect(page.match(/ id="([^"]+)"/g).length).toBe(new Set(page.match(/ id="([^"]+)"/g)).size);
});

test('hostile names are text', async () => {
  const page = await html(await used());
  expect(page).not.toContain('<script>alert');
  expect(page).not.toContain('\u202e');
  expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
});

test('a system that did nothing says so', async () => {
  const page = await html(await open(IN_MEMORY));
  for (const said of ['No context was sent yet.', 'Nothing was looked up yet.', 'no reason to change a setting']) {
    expect(page).toContain(said);
  }
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test.each([
  'enableMemoryManagement',
  'enableAdvancedCaching',
  'enableContextFiltering',
])('a report without %s is whole', async (setting) => {
  const system = await used({ ...IN_MEMORY, [setting]: false });
  expect(await html(system)).toMatch(/<\/html>\s*$/);
  expect((await json(system)).statistics.operations).toBe(6);
});

test('with a monitor there are charts over time', async () => {
  const system = await used({
    ...IN_MEMORY,
    enableProductionMonitoring: true,
    monitoring: { metricsInterval: 100, console: false },
  });
  await new Promise((resolve) => system.once('metricsCollected', resolve));
  const page = await html(system);
  expect(page).toContain('<section id="charts"');
  expect(page).toContain('href="#charts"');
  expect(page).toContain('<h3 id="memory-t">');
});

test('credentials in addresses are in neither form', async () => {
  const system = await open({ ...IN_MEMORY, tokens: { model: 'https://me:hunter2@127.0.0.1/x?key=hunter2' } });
  expect(JSON.stringify((await json(system)).config)).not.toContain('hunter2');
  expect(await html(system)).not.toContain('hunter2');
});
