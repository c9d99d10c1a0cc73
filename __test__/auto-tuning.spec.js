/** Settings follow the load: steps at will and by themselves, what they say, and who wins. */

const { ProductionOptimizationSystem } = require('../index.js');
const { failureOf, useOwnDirectory, useSystems } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const SMALL = {
  environment: 'development',
  autoTuning: true,
  cache: { l1MaxSize: 200, l1MaxSizeMB: 8, persistToDisk: false, enableSimilarityDetection: false },
};
const number = expect.any(Number);

/** Asks for what repeats after 400 other questions, as often as it takes for a window to have enough lookups. */
async function loop(system, { questions = 400, rounds = 6 } = {}) {
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < questions; at++) {
      const question = `which files does task ${at} touch`;
      if ((await system.getCachedResponse(question)) === null) {
        await system.cacheResponse(question, `answer ${at}: ${'src/module.js '.repeat(20)}`);
      }
    }
  }
}

const l1Size = (system) => system.getStatus().components.cacheManager.l1.maxSize;

/** Steps under load until something was kept; all adjustments. */
async function tuned(system, most = 8) {
  const all = [];
  for (let step = 0; step < most; step++) {
    await loop(system);
    all.push(...(await system.tune()).adjustments);
    if (system.getStatus().tuning.kept > 0) break;
  }
  return all;
}

test('a step without load changes nothing and says how things are', async () => {
  const system = await open(SMALL);
  const result = await system.tune();
  expect(result).toMatchObject({
    timestamp: expect.any(Date),
    stats: { cacheHitRate: number, timestamp: expect.any(Date) },
    recommendations: { priority: 'low' },
    adjustments: [],
  });
  expect(system.tuningHistory).toEqual([]);
  const { autoTuning, tuning } = system.getStatus();
  expect(autoTuning).toBe(true);
  expect(tuning).toEqual({
    enabled: true,
    interval: 300_000,
    lastRun: expect.any(Date),
    trial: null,
    steps: 1,
    kept: 0,
    undone: 0,
  });
});

test('a memory layer that is too small for the load is made larger, tried, kept and logged', async () => {
  const system = await open(SMALL);
  const adjustments = await tuned(system);
  expect(adjustments[0]).toMatchObject({
    id: 1,
    at: expect.any(Date),
    setting: expect.stringMatching(/^cache\.(l1MaxSize|evictionPolicy)$/),
    reason: expect.stringContaining('of the lookups'),
    evidence: { lookups: number, hitsGainedShare: number, worthMsPerHour: number },
    before: { hitRate: number, netMsPerHour: number },
    after: null,
    outcome: 'trying',
  });
  const { tuningHistory } = system;
  const kept = tuningHistory.find(({ outcome }) => outcome === 'kept');
  expect(kept).toMatchObject({ after: { hitRate: number }, why: expect.any(String), decidedAt: expect.any(Date) });
  expect(tuningHistory.map(({ id }) => id)).toEqual(tuningHistory.map((_, at) => at + 1));
  for (let step = 0; step < 4; step++) {
    await loop(system);
    await system.tune();
  }
  expect(l1Size(system)).toBeGreaterThan(200);
  expect(l1Size(system)).toBeLessThanOrEqual(800);
});

test('bounds and fixed settings hold', async () => {
  const tuning = { bounds: { 'cache.l1MaxSize': { max: 300 } }, fixed: ['cache.evictionPolicy'] };
  const system = await open({ ...SMALL, tuning });
  for (let step = 0; step < 5; step++) {
    await loop(system);
    await system.tune();
    expect(l1Size(system)).toBeLessThanOrEqual(300);
  }
  expect(system.tuningHistory.every(({ setting }) => setting === 'cache.l1MaxSize')).toBe(true);
});

test('what a user sets ends the trial and is what tuning goes from', async () => {
  const fixed = ['cache.evictionPolicy'];
  const system = await open({ ...SMALL, tuning: { fixed } });
  await system.tune(); // What comes after it is compared with it.
  await loop(system);
  await system.tune();
  expect(system.getStatus().tuning.trial).toMatchObject({ setting: 'cache.l1MaxSize', from: 200 });
  await system.updateConfiguration({ cache: { l1MaxSize: 50 } });
  expect(l1Size(system)).toBe(50);
  expect(system.tuningHistory).toMatchObject([{ outcome: 'abandoned', why: expect.stringContaining('user') }]);
  expect(system.getStatus().tuning.trial).toBeNull();
  for (let step = 0; step < 4; step++) {
    await loop(system);
    await system.tune();
    expect(l1Size(system)).toBeLessThanOrEqual(200);
  }
});

const L1_ONLY = { ...SMALL, tuning: { fixed: ['cache.evictionPolicy'] } };

/** A system with a trial of a larger memory layer. */
async function inTrial() {
  const system = await open(L1_ONLY);
  await system.tune();
  await loop(system);
  await system.tune();
  expect(system.getStatus().tuning.trial).toMatchObject({ setting: 'cache.l1MaxSize', from: 200 });
  return system;
}

/** Where the entries and the MB of the memory layer come from, with their values. */
function l1Settings(system) {
  const { settings } = system.explainConfig();
  return ['cache.l1MaxSize', 'cache.l1MaxSizeMB'].map((path) => [settings[path].value, settings[path].source]);
}

test('half of a size that a user sets gives the other half back too', async () => {
  const system = await inTrial();
  expect(l1Settings(system).map(([, source]) => source)).toEqual(['tuning', 'tuning']);
  await system.updateConfiguration({ cache: { l1MaxSizeMB: 10 } });
  expect(l1Settings(system)).toEqual([
    [200, 'code'],
    [10, 'update'],
  ]);
});

test('a trial ends with the flag', async () => {
  const system = await inTrial();
  await system.updateConfiguration({ autoTuning: false });
  expect(l1Size(system)).toBe(200);
  expect(system.getStatus().tuning.trial).toBeNull();
  const why = expect.stringContaining('switched off');
  expect(system.tuningHistory).toMatchObject([{ outcome: 'abandoned', why, decidedAt: expect.any(Date) }]);
});

test('what is tuned gives way to bounds and fixed settings at once', async () => {
  const system = await open(L1_ONLY);
  await system.tune();
  await tuned(system);
  expect(l1Size(system)).toBeGreaterThan(250);
  await system.updateConfiguration({ tuning: { bounds: { 'cache.l1MaxSize': { max: 250 } } } });
  expect(l1Size(system)).toBe(250);
  await system.updateConfiguration({ tuning: { fixed: ['cache.l1MaxSize'], bounds: {} } });
  expect(l1Settings(system)).toEqual([
    [200, 'code'],
    [8, 'code'],
  ]);
});

test('tells each step', async () => {
  const system = await open(SMALL);
  const told = [];
  system.on('autoTuningCompleted', (result) => told.push(result));
  const result = await system.tune();
  expect(told).toEqual([result]);
});

test('steps are made by themselves at the interval, and end with the flag', async () => {
  const system = await open({ ...SMALL, tuning: { interval: 1000 } });
  const step = () => new Promise((resolve) => system.once('autoTuningCompleted', resolve));
  const { timestamp } = await step();
  expect(timestamp).toBeInstanceOf(Date);
  await system.updateConfiguration({ autoTuning: false });
  const { tuning, autoTuning } = system.getStatus();
  expect([tuning.enabled, autoTuning]).toEqual([false, false]);
});

test('without the flag nothing happens by itself, but a step can be asked for', async () => {
  const system = await open({ ...SMALL, autoTuning: false });
  await loop(system);
  expect(system.getStatus().tuning).toMatchObject({ enabled: false, lastRun: null, steps: 0 });
  await system.tune();
  expect(system.getStatus().tuning).toMatchObject({ enabled: false, steps: 1 });
});

test('steps at the same time are made one after the other', async () => {
  const system = await open(SMALL);
  await Promise.all([1, 2, 3, 4].map(() => system.tune()));
  expect(system.getStatus().tuning.steps).toBe(4);
});

test('is refused before the start and after the end', async () => {
  const fresh = new ProductionOptimizationSystem(SMALL);
  expect(await failureOf(() => fresh.tune())).toMatchObject({ code: 'E_NOT_INITIALIZED' });
  expect(() => fresh.tuningHistory).toThrow('not initialized');
  const system = await open(SMALL);
  await system.shutdown();
  expect(await failureOf(() => system.tune())).toMatchObject({ code: 'E_SHUT_DOWN' });
});

test.each([
  [{ interval: 10 }, 'tuning.interval'],
  [{ bounds: { 'cache.ttl': { max: 1 } } }, 'tuning.bounds["cache.ttl"]'],
  [{ bounds: { 'cache.ttlSeconds': { min: 2, max: 1 } } }, 'tuning.bounds["cache.ttlSeconds"]'],
  [{ fixed: ['cache.l2MaxSizeMB'] }, 'tuning.fixed'],
  [{ speed: 1 }, 'tuning.speed'],
])('%j is refused', async (tuning, path) => {
  const error = await failureOf(() => open({ ...SMALL, tuning }));
  expect(error).toMatchObject({ code: 'E_CONFIG_INVALID', problems: [{ path }] });
});
