/** What survives: history, alerts, silences. And what does not get in each other's way: several of one directory, damage. */

const fs = require('node:fs');
const path = require('node:path');
const { ProductionOptimizationSystem } = require('../../index.js');
const { IN_MEMORY, useOwnDirectory } = require('../support.js');
const { ALWAYS, NEVER, QUICK, heardBy, next, outputOf, sample, until, useMonitors } = require('./support.js');

const directory = useOwnDirectory();
const { open } = useMonitors();

const NEW = { type: 'warning', component: 'agents', title: 'Budget used up', message: 'Team A has spent 20 USD' };
const CACHE = '.cache';

const files = () =>
  fs.existsSync(CACHE) ? fs.readdirSync(CACHE, { recursive: true }).filter((name) => /monitor-.*\.db/.test(name)) : [];

test('history goes on after a restart', async () => {
  const first = open();
  await until(() => first.getMetricsHistory().length >= 3);
  await first.stop();
  const before = first.getMetricsHistory();
  // The next sample is a minute away: nothing is known yet but what was before.
  const second = open({ metricsInterval: 60_000 });
  const kept = second.getMetricsHistory();
  expect(kept.slice(0, 3).map(({ timestamp }) => timestamp)).toEqual(
    before.slice(0, 3).map(({ timestamp }) => timestamp),
  );
  expect(second.getCurrentMetrics()).toBeNull();
  await second.stop();
  const third = open();
  await sample(third);
  expect(third.getMetricsHistory().length).toBeGreaterThan(kept.length);
});

test('operations are in it', async () => {
  const first = open({ metricsInterval: 500 });
  // Right after a sample: all of them are in the next one.
  await sample(first);
  for (let at = 0; at < 10; at++) first.recordRequest('chat', 100);
  await sample(first);
  await first.stop();
  const found = open()
    .getMetricsHistory()
    .find(({ operations }) => operations.chat);
  expect(found.operations.chat).toMatchObject({ count: 10, errors: 0 });
  expect(found.operations.chat.p99).toBeGreaterThan(98);
});

test('alerts and silences survive', async () => {
  const first = open({ alertRules: [ALWAYS] });
  await next(first, 'alertCreated');
  const own = first.createAlert(NEW);
  const ended = first.createAlert({ ...NEW, title: 'Ended' });
  first.resolveAlert(ended.id);
  const silence = first.silence({ component: 'disk', durationMs: 60_000, comment: 'why' });
  const before = first.getRecentAlerts();
  await first.stop();

  const second = open({ alertRules: [ALWAYS] });
  const heard = heardBy(second, 'alertCreated');
  expect(second.getRecentAlerts()).toEqual(before);
  expect(second.getSilences()).toEqual([silence]);
  await sample(second);
  await sample(second);
  // What goes on is not told again, and can be ended.
  expect(heard).toEqual([]);
  expect(second.createAlert(NEW)).toBeNull();
  expect(second.resolveAlert(own.id)).toBe(true);
  expect(second.createAlert({ ...NEW, title: 'Another' }).id).not.toBe(own.id);
});

test('an alert whose condition is over ends after the restart', async () => {
  const first = open({ alertRules: [ALWAYS] });
  const { id } = await next(first, 'alertCreated');
  await first.stop();
  const second = open({ alertRules: [{ ...ALWAYS, above: 1e9 }] });
  expect(await next(second, 'alertResolved')).toMatchObject({ id, resolved: true });
});

test('several of one directory do not disturb each other', async () => {
  const [one, other] = [open(), open()];
  one.recordRequest('of one', 5);
  other.recordRequest('of the other', 5);
  await Promise.all([sample(one), sample(other)]);
  await Promise.all([sample(one), sample(other)]);
  const names = (monitor) => [
    ...new Set(monitor.getMetricsHistory().flatMap(({ operations }) => Object.keys(operations))),
  ];
  expect([names(one), names(other)]).toEqual([['of one'], ['of the other']]);
  await Promise.all([one.stop(), other.stop()]);
});

test('another project has a history of its own', async () => {
  const monitoring = { ...QUICK, metricsInterval: 100 };
  const config = { ...IN_MEMORY, cache: {}, enableProductionMonitoring: true, monitoring };
  const systemOf = (projectId) => ProductionOptimizationSystem.create({ ...config, projectId });
  const first = await systemOf('one');
  await next(first, 'metricsCollected');
  const alert = first.productionMonitor.createAlert(NEW);
  await first.shutdown();
  const other = await systemOf('other');
  expect(other.productionMonitor.getRecentAlerts()).toEqual([]);
  await other.shutdown();
  const again = await systemOf('one');
  expect(again.productionMonitor.getRecentAlerts().map(({ id }) => id)).toEqual([alert.id]);
  await again.shutdown();
});

const onUnix = process.platform === 'win32' ? test.skip : test;

onUnix('the files are readable by their owner only', async () => {
  const monitor = open();
  await sample(monitor);
  await monitor.stop();
  expect(files().length).toBeGreaterThan(0);
  for (const name of files()) expect([name, fs.statSync(path.join(CACHE, name)).mode & 0o077]).toEqual([name, 0]);
});

test('a process that is killed loses the last seconds at most', async () => {
  const cwd = directory.path();
  const killed = await outputOf(
    `const { spawn } = require('node:child_process');
     const child = spawn(process.execPath, ['-e', \`
       const { ProductionMonitor } = require(${JSON.stringify(path.join(__dirname, '..', '..', 'index.js'))});
       const monitor = new ProductionMonitor(\${JSON.stringify({ ...QUICK, alertRules: [ALWAYS] })});
       setInterval(() => {}, 1000);
       monitor.on('metricsCollected', () => console.log('sample'));
     \`], { stdio: ['ignore', 'pipe', 'inherit'] });
     let seen = 0;
     child.stdout.on('data', (text) => {
       seen += String(text).split('sample').length - 1;
       if (seen >= 40) child.kill('SIGKILL');
     });
     child.on('close', (code, signal) => console.log(JSON.stringify(signal)));`,
    { cwd },
  );
  expect(killed).toBe('SIGKILL');
  const monitor = open();
  expect(monitor.getMetricsHistory().length).toBeGreaterThan(0);
  expect(monitor.getRecentAlerts()).toHaveLength(1);
});

test('a damaged history is moved aside, with a warning, and a new one is begun', async () => {
  const first = open();
  await sample(first);
  await first.stop();
  for (const name of files()) {
    const file = path.join(CACHE, name);
    if (fs.statSync(file).isFile() && name.endsWith('.db')) fs.writeFileSync(file, 'this is no database'.repeat(1000));
  }
  const second = open();
  const warnings = heardBy(second, 'warning');
  await sample(second);
  expect(warnings).toHaveLength(1);
  expect(second.getMetricsHistory().length).toBeGreaterThan(0);
  expect(fs.readdirSync(CACHE, { recursive: true }).some((name) => String(name).includes('corrupt'))).toBe(true);
});

test('where nothing can be stored it goes on in memory, and says so', async () => {
  fs.writeFileSync(CACHE, 'a file in the way');
  const monitor = open({ alertRules: [ALWAYS], alertThresholds: NEVER });
  const warnings = heardBy(monitor, 'warning');
  await next(monitor, 'alertCreated');
  await sample(monitor);
  await sample(monitor);
  expect(monitor.getMetricsHistory().length).toBeGreaterThanOrEqual(2);
  expect(monitor.getRecentAlerts()).toHaveLength(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0][1].message).toMatch(/memory/);
  await monitor.stop();
});
