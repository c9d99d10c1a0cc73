'use strict';

/** What `health`, `status` and `report` print, and what they leave. */

const fs = require('node:fs');
const path = require('node:path');
const { WELL, linesOf, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

describe('a command that works ends by itself with exit code 0', () => {
  test('health prints a table', async () => {
    const { stdout, ...rest } = await cli(['health']);
    expect(rest).toEqual(WELL);
    const lines = linesOf(stdout);
    expect(lines[0]).toMatch(/^source +made for this question: no system of this directory runs$/);
    expect(lines[1]).toMatch(/^health +healthy, score \d+ of 100$/);
    expect(lines.slice(2, 6).map((line) => line.split(/ +/)[0])).toEqual([
      'tokenOptimizer',
      'memoryManager',
      'cacheManager',
      'contextFilter',
    ]);
  });

  test('health --json prints what getHealthStatus() gives, and nothing else', async () => {
    const { stdout, ...rest } = await cli(['health', '--json']);
    expect(rest).toEqual(WELL);
    expect(JSON.parse(stdout)).toMatchObject({
      overall: 'healthy',
      score: expect.any(Number),
      components: { memoryManager: { healthy: true }, cacheManager: { healthy: true, score: expect.any(Number) } },
      recommendations: expect.any(Array),
      environment: 'development',
      source: 'created',
    });
  });

  test('status prints a table', async () => {
    const { stdout, ...rest } = await cli(['status']);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^environment +development$/m);
    expect(stdout).toMatch(/^configuration +built-in defaults$/m);
    expect(stdout).toMatch(/^memory +[\d.]+ MB of [\d.]+ MB \([\d.]+ %\)$/m);
    expect(stdout).toMatch(/^cache +0 of 1000 entries, 0 MB$/m);
  });

  test('status --json prints what getStatus() gives, and nothing else', async () => {
    const { stdout, ...rest } = await cli(['status', '--json']);
    expect(rest).toEqual(WELL);
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({ initialized: true, environment: 'development', configFile: null, warnings: [] });
    expect(status.components.memoryManager.process.rss).toBeGreaterThan(1);
  });

  test('status names the configuration file of the directory', async () => {
    const file = configure('optimization.development.json', '{"cache":{"l1MaxSize":7}}');
    const { stdout, ...rest } = await cli(['status', '--json']);
    expect(rest).toEqual(WELL);
    const { configFile, components } = JSON.parse(stdout);
    expect([configFile, components.cacheManager.l1.maxSize]).toEqual([file, 7]);
  });

  test('a component that is off is shown as off', async () => {
    configure('optimization.development.json', '{"enableAdvancedCaching":false}');
    const [health, status] = [await cli(['health']), await cli(['status'])];
    expect([health.code, health.stdout]).toEqual([0, expect.stringMatching(/^cacheManager +off$/m)]);
    expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/^cache +off$/m)]);
  });

  test.each([[[]], [['--json']]])('report %j writes the only file, readable by its owner only', async (flags) => {
    const { stdout, ...rest } = await cli(['report', ...flags]);
    expect(rest).toEqual(WELL);
    const file = flags.length > 0 ? JSON.parse(stdout).path : linesOf(stdout)[0];
    expect(stdout).toBe(flags.length > 0 ? `${JSON.stringify({ path: file }, null, 2)}\n` : `${file}\n`);
    expect(path.dirname(file)).toBe(directory.path());
    expect(path.basename(file)).toMatch(/^optimization-report-\d+\.json$/);
    expect(fs.readdirSync(directory.path())).toEqual([path.basename(file)]);
    if (process.platform !== 'win32') expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({ environment: 'development' });
  });

  test.each(['health', 'status'])('%s leaves no file', async (command) => {
    await cli([command]);
    expect(fs.readdirSync(directory.path())).toEqual([]);
  });
});

describe('the environment', () => {
  test.each([
    ['production', [], 'production'],
    ['staging', [], 'staging'],
    ['development', [], 'development'],
    ['test', [], 'development'],
    ['', [], 'development'],
    ['production', ['--environment', 'staging'], 'staging'],
  ])("with NODE_ENV '%s' and %j is %s", async (NODE_ENV, flags, expected) => {
    const { stdout, code } = await cli(['status', '--json', ...flags], { env: { NODE_ENV } });
    expect([code, JSON.parse(stdout).environment]).toEqual([0, expected]);
  });

  test('picks the configuration file', async () => {
    configure('optimization.staging.json', '{"cache":{"l1MaxSize":11}}');
    configure('optimization.json', '{"cache":{"l1MaxSize":12}}');
    const sizes = [];
    for (const NODE_ENV of ['staging', 'production', 'development']) {
      const { stdout } = await cli(['status', '--json'], { env: { NODE_ENV } });
      sizes.push(JSON.parse(stdout).components.cacheManager.l1.maxSize);
    }
    expect(sizes).toEqual([11, 12, 1000]);
  });
});

test('a warning goes to standard error and keeps standard output JSON', async () => {
  configure('optimization.development.json', '{"configFile":"nowhere.json"}');
  const { stdout, stderr, code } = await cli(['status', '--json']);
  expect(code).toBe(0);
  expect(linesOf(stderr)).toEqual([expect.stringMatching(/^warning: configFile: /)]);
  expect(JSON.parse(stdout).warnings).toEqual([expect.objectContaining({ path: 'configFile' })]);
});

test('a critical or warning health is told by the exit code', async () => {
  configure('optimization.development.json', '{"memory":{"maxMemoryUsage":1}}');
  const { stdout, code } = await cli(['health', '--json']);
  const { overall } = JSON.parse(stdout);
  expect(overall).not.toBe('healthy');
  expect(code).toBe({ warning: 1, critical: 2 }[overall]);
});
