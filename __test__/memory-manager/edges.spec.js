'use strict';

const fs = require('node:fs');
const { execFileSync } = require('node:child_process');
const { failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { AdvancedCacheManager } = require('../../index.js');
const { MB, intoPressure, isSettled, until, useManagers } = require('./support.js');

const own = useOwnDirectory();
const { open } = useManagers();
const { open: openSystem } = useSystems();

const THROTTLED = { environment: 'development', memory: { maxMemoryUsage: 1_000_000, agentMemoryLimit: 1 } };

describe('keys of contexts', () => {
  test.each([
    ['an empty key', ''],
    ['a key of more than 1,024 bytes', 'é'.repeat(513)],
  ])('%s is refused', async (_, key) => {
    const memory = open();
    for (const call of [
      () => memory.updateContextAccess(key),
      () => memory.holdContext(key, { agentId: 'a', bytes: 1 }),
    ]) {
      expect(await failureOf(call)).toMatchObject({ code: 'E_INVALID_ARGUMENT' });
    }
    memory.updateContextAccess('é'.repeat(512));
  });
});

describe('a higher limit', () => {
  test('lets those go on who wait and hold little by it', async () => {
    const memory = open({ agentMemoryLimit: 1 });
    memory.registerAgentMemory('a', 2 * MB, 0);
    const wait = memory.whenUnthrottled('a');
    expect(await isSettled(wait)).toBe(false);
    memory.updateConfig({ agentMemoryLimit: 100 });
    await wait;
    expect(memory.throttleReason('a')).toBeNull();
  });
});

describe('memory management that is switched off', () => {
  test('releases who waits, and its figures are refused with a code', async () => {
    const system = await openSystem(THROTTLED);
    const view = system.memoryManager;
    view.registerAgentMemory('a', 2 * MB, 0);
    const wait = system.whenUnthrottled('a');
    expect(await isSettled(wait)).toBe(false);
    await system.updateConfiguration({ enableMemoryManagement: false });
    await wait;
    expect([system.memoryManager, view.shouldThrottleAgent('a'), view.throttleReason('a')]).toEqual([
      null,
      false,
      null,
    ]);
    for (const call of [() => view.getMemoryStats(), () => view.getHealth(), () => view.exportMemoryReport()]) {
      expect(await failureOf(call)).toMatchObject({ code: 'E_NOT_AVAILABLE' });
    }
    await system.updateConfiguration({ enableMemoryManagement: true });
    expect(view.getHealth().score).toBeGreaterThan(0);
  });

  test('so does a shutdown', async () => {
    const system = await openSystem(THROTTLED);
    const view = system.memoryManager;
    view.registerAgentMemory('a', 2 * MB, 0);
    const wait = system.whenUnthrottled('a');
    await system.shutdown();
    await wait;
    expect(await failureOf(() => view.getMemoryStats())).toMatchObject({ code: 'E_NOT_AVAILABLE' });
  });
});

describe('a report', () => {
  const onUnix = process.platform === 'win32' ? test.skip : test;

  onUnix('never takes the place of what is no file', async () => {
    const pipe = own.path('pipe.json');
    execFileSync('mkfifo', [pipe]);
    expect(await failureOf(() => open().exportMemoryReport(pipe))).toMatchObject({ code: 'E_IO' });
    expect(fs.lstatSync(pipe).isFIFO()).toBe(true);
  });

  onUnix('goes to where a link leads', async () => {
    fs.writeFileSync(own.path('real.json'), 'old');
    fs.symlinkSync(own.path('real.json'), own.path('link.json'));
    await open().exportMemoryReport(own.path('link.json'));
    expect(fs.lstatSync(own.path('link.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(fs.readFileSync(own.path('real.json'), 'utf8')).stats.process.rss).toBeGreaterThan(1);
  });
});

test('values that a cache has decoded are let go while memory is short, and are the same again', async () => {
  const cache = new AdvancedCacheManager({ valueMode: 'reference', persistToDisk: false });
  const memory = open();
  try {
    await cache.set('key', { answer: [42] });
    const first = await cache.get('key');
    expect(await cache.get('key')).toBe(first);
    await intoPressure(memory);
    await until(async () => (await cache.get('key')) !== first);
    expect(await cache.get('key')).toEqual({ answer: [42] });
  } finally {
    await cache.stop();
  }
});

test('agents and contexts are counted in what native memory adds up to', () => {
  const memory = open();
  const before = memory.getMemoryStats().native;
  for (let at = 0; at < 30_000; at++) {
    memory.registerAgentMemory(`the agent with number ${at}`, 1000, 0);
    memory.holdContext(`a context of agent ${at}`, { agentId: `the agent with number ${at}`, bytes: 1000 });
  }
  const { native } = memory.getMemoryStats();
  const allocated = native.allocated + native.sqlite - before.allocated - before.sqlite;
  const accounted = native.accounted - before.accounted;
  expect(allocated).toBeGreaterThan(10);
  expect(Math.abs(accounted / allocated - 1)).toBeLessThan(0.1);
});
