'use strict';

const { createTestSystem } = require('../../entry/testing.js');
const { useOwnDirectory, useSystems, KEEP_ALL } = require('../support.js');
const { open, jsonBytes, parts, repository, said } = require('./support.js');

useOwnDirectory();
const { open: openSystem, own } = useSystems();

const PRESSURES = [
  [71, 0.8],
  [81, 0.6],
  [91, 0.4],
];
const notes = (count) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`note${at}`, `text of note ${at} `.repeat(20)]));

describe.each(PRESSURES)('pressure of %d %%', (percent, share) => {
  test.each([
    ['by contexts held', percent * 5, 0],
    ['by load', 0, percent],
  ])('%s keeps at most this share of the elements, and no less than there is room for', async (_, heldMb, load) => {
    for (const count of [100, 1000]) {
      const result = await open({ contextImportanceThreshold: 0 }).filterContext('agent', notes(count), heldMb, load);
      const kept = Object.keys(result.filtered).length;
      expect(kept).toBeLessThanOrEqual(count * share);
      expect(kept).toBeGreaterThanOrEqual(count * share * 0.97);
      expect(result.dropped.map((part) => part.reason)).toEqual(Array(count - kept).fill('pressure'));
      expect(said(result)).toContain(`pressure ${percent} %`);
    }
  });

  test('keeps at most this share of the elements of a repository, best first', async () => {
    const context = repository();
    const none = await open().filterContext('backend-specialist', context, 0, 0, { targetReduction: 0 });
    const result = await open().filterContext('backend-specialist', context, 0, percent);
    const elements = Object.keys(none.importanceScores).length;
    expect(Object.keys(result.importanceScores).length).toBeLessThanOrEqual(Math.ceil(elements * share));
    expect(result.filtered.currentTask).toBe(context.currentTask);
    expect(result.filtered.projectStructure).toEqual(context.projectStructure);
    expect(Object.keys(result.filtered.files)).toContain('src/context/outcome.rs');
  });
});

describe('globalMaxContext', () => {
  const large = () => ({ currentTask: 'x', ...notes(250) });
  const config = (globalMaxContext) => ({
    ...KEEP_ALL,
    contextFilter: {
      ...KEEP_ALL.contextFilter,
      adaptiveReduction: false,
      maxContextPerAgent: globalMaxContext,
      globalMaxContext,
    },
  });

  test('bounds the contexts of all agents of a system together', async () => {
    const system = await openSystem(config(0.25));
    expect(jsonBytes(large())).toBeGreaterThan(0.08 * 1048576);
    let held = 0;
    for (let agent = 0; agent < 6; agent++)
      held += jsonBytes(await system.optimizeAgentContext(`agent ${agent}`, large()));
    expect(held).toBeLessThanOrEqual(0.25 * 1048576);
    expect(held).toBeGreaterThan(0.2 * 1048576);
  });

  test('leaves what an agent holds itself to that agent', async () => {
    const system = await openSystem(config(0.12));
    const first = await system.optimizeAgentContext('agent', large());
    expect(first).toEqual(large());
    expect((await system.optimizeAgentContext('agent', large())).changes).toEqual([]);
  });

  test('that others fill is said, and required fields stay', async () => {
    const system = await openSystem(config(0.1));
    const heard = [];
    system.on('contextFiltered', (result) => heard.push(result));
    await system.optimizeAgentContext('first', large());
    await system.optimizeAgentContext('second', large());
    expect(said(heard[1])).toMatch(/other agents leave 0\.0 MB of 0\.1 MB/);
    expect(heard[1].filtered.currentTask).toBe('x');
    expect(jsonBytes(heard[0].filtered) + jsonBytes(heard[1].filtered)).toBeLessThanOrEqual(0.1 * 1048576);
  });

  test('is pressure and no limit for a filter by itself, which does not know whose contexts are held', async () => {
    const result = await open({ globalMaxContext: 1, adaptiveReduction: false }).filterContext('agent', large(), 5);
    expect(result.filtered).toEqual(large());
  });
});

describe('what is kept', () => {
  const shaped = () => ({
    zebra: 'text '.repeat(60),
    currentTask: 'part3 and alpha',
    alpha: {
      inner: { list: Array.from({ length: 20 }, (_, at) => ({ at, text: `entry ${at} `.repeat(30) })), empty: [] },
    },
    files: { 'b.js': parts(20), 'a.js': parts(5), 'c.d': { 'e.f': 'x'.repeat(400) } },
    last: [['y'.repeat(300)], 'z'.repeat(300), { q: null }],
  });
  const isPartOf = (part, whole) => {
    if (typeof part === 'string' && part.includes('left out')) return typeof whole === 'string';
    if (part === null || typeof part !== 'object') return Object.is(part, whole);
    if (Array.isArray(part) !== Array.isArray(whole)) return false;
    if (Array.isArray(part)) {
      let from = 0;
      return part.every((item) => {
        while (from < whole.length && !isPartOf(item, whole[from])) from++;
        return from++ < whole.length;
      });
    }
    const order = Object.keys(whole).filter((key) => Object.hasOwn(part, key));
    return order.join('\0') === Object.keys(part).join('\0') && order.every((key) => isPartOf(part[key], whole[key]));
  };

  test.each([500, 1500, 3000, 6000, 9000])('in %d bytes has the order and nesting of the original', async (maxSize) => {
    for (const agent of ['backend-specialist', 'agent-7']) {
      const result = await open().filterContext(agent, shaped(), 0, 0, { maxSize });
      expect(result.removedElements.length).toBeGreaterThan(0);
      expect(isPartOf(result.filtered, shaped())).toBe(true);
      expect(JSON.parse(JSON.stringify(result.filtered))).toEqual(result.filtered);
      expect(result.memoryUsage).toBe(jsonBytes(result.filtered));
    }
  });

  test('of arrays is dense, and adaptations say how many items went', async () => {
    const list = Array.from({ length: 40 }, (_, at) => ({ at, text: `entry ${at} `.repeat(15) }));
    const result = await open({ contextImportanceThreshold: 0 }).filterContext('agent', { list }, 0, 95);
    const left = result.filtered.list;
    expect(left.length).toBeLessThanOrEqual(16);
    expect(Object.keys(left)).toEqual(left.map((_, at) => `${at}`));
    expect(left.map((item) => item.at)).toEqual(left.map((item) => item.at).sort((a, b) => a - b));
    expect(said(result)).toContain(`${40 - left.length} of 40 items of "list" left out`);
  });
});

describe('a system with the defaults', () => {
  /** How many of a hundred notes an agent gets, on a machine that has been like this for ten seconds. */
  const notesOn = async (machine, contextFilter) => {
    const system = own(await createTestSystem({ contextFilter: { contextImportanceThreshold: 0, ...contextFilter } }));
    system.setMachine(machine);
    await system.clock.advance(10_000);
    const context = { currentTask: 'x', ...notes(100) };
    const { currentTask, ...kept } = await system.optimizeAgentContext('agent', context);
    expect(currentTask).toBe('x');
    for (const [name, note] of Object.entries(kept)) expect(note).toEqual(context[name]);
    return Object.keys(kept).length;
  };

  test('keeps everything on a calm machine, and less on one that is busy or full', async () => {
    const calm = {};
    expect(await notesOn(calm)).toBe(100);
    for (const machine of [{ cpu: 99, loadAverage: [20, 20, 20] }, { memoryPercentage: 99 }]) {
      const kept = await notesOn(machine);
      expect([kept > 0, kept < 100]).toEqual([true, true]);
      expect(await notesOn(machine, { adaptiveReduction: false })).toBe(100);
    }
  });
});
