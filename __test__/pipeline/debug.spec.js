'use strict';

/** `debug`: how a result came about, in figures that add up. */

const { countTokens } = require('../../index.js');
const { KEEP_ALL, useOwnDirectory, useSystems } = require('../support.js');
const { FILTERING, bytes, project } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

const AGENT = 'backend-specialist';
const explained = (system, context, more) =>
  system.optimizeAgentContext(AGENT, context, { includeDebugInfo: true, ...more });
const tokens = (value) => countTokens(JSON.stringify(value));

test('sizes and tokens are those of the JSON', async () => {
  const system = await open(FILTERING);
  const first = await explained(system, project(1));
  const original = { bytes: bytes(project(1)), tokens: tokens(project(1)) };
  expect(first.debug.sizes).toEqual({ original: original.bytes, filtered: bytes(first), result: bytes(first) });
  expect(first.debug.tokens).toEqual({ original: original.tokens, filtered: tokens(first), result: tokens(first) });
  for (const context of [project(2), project(2), project(1)]) {
    const result = await explained(system, context);
    const whole = await explained(await open(FILTERING), context);
    expect(result.debug.sizes).toEqual({ original: bytes(context), filtered: bytes(whole), result: bytes(result) });
    expect(result.debug.tokens).toEqual({ original: tokens(context), filtered: tokens(whole), result: tokens(result) });
  }
});

test('stages follow each other, each with what the one before left', async () => {
  const system = await open(FILTERING);
  for (const [round, isCached] of [false, true].entries()) {
    const { debug } = await explained(system, project(), { mode: 'full' });
    expect(debug.mode).toBe('full');
    expect(debug.stages.map(({ name }) => name)).toEqual(['read', 'analyse', 'count', 'filter', 'tokens', 'assemble']);
    const [read, analyse, , filter, sent, assemble] = debug.stages;
    for (const stage of debug.stages) expect(stage.ms).toBeGreaterThanOrEqual(0);
    expect(read.bytesOut).toBe(debug.sizes.original);
    expect([filter.bytesIn, filter.bytesOut]).toEqual([debug.sizes.original, debug.sizes.filtered]);
    expect([filter.tokensIn, filter.tokensOut]).toEqual([debug.tokens.original, debug.tokens.filtered]);
    expect([sent.bytesIn, sent.bytesOut]).toEqual([debug.sizes.filtered, debug.sizes.result]);
    expect([sent.tokensIn, sent.tokensOut]).toEqual([debug.tokens.filtered, debug.tokens.result]);
    expect(assemble.bytesOut).toBe(debug.sizes.result);
    expect([analyse.cached, filter.cached, sent.cached]).toEqual(Array(3).fill(isCached));
    if (round === 1) expect(analyse.ms).toBe(0);
    expect(debug.failed).toEqual([]);
  }
});

test('without a filter there is no filter’s stage at work', async () => {
  const system = await open({ ...KEEP_ALL, enableContextFiltering: false });
  const { debug } = await explained(system, project());
  expect(debug.stages.map(({ name }) => name)).toEqual(['read', 'filter', 'tokens', 'assemble']);
  expect(debug.stages[1].reason).toBe('off');
  expect(debug.limits).toEqual({});
  expect(debug.pressure.factor).toBe(1);
});

test('reasons say why parts were left out, limits what there was room for', async () => {
  const system = await open(FILTERING);
  const { debug } = await explained(system, project(), { maxSize: 3000, maxTokens: 900, targetReduction: 0.5 });
  expect(debug.reasons).toEqual(debug.adaptations);
  expect(debug.reasons.join('\n')).toMatch(/limit/);
  expect(debug.limits).toEqual({ maxSize: 3000, maxTokens: 900, targetReduction: 0.5 });
  const free = await explained(system, project());
  // The cap of a backend-specialist, which is more than the least of a configuration.
  expect(free.debug.limits.maxSize).toBeGreaterThan(30 * 2 ** 20);
  expect(free.debug.limits.maxTokens).toBeUndefined();
});

test('pressure is what agents hold', async () => {
  const system = await open({ ...KEEP_ALL, contextFilter: { memoryAwareFiltering: false } });
  const before = await explained(system, project());
  expect(before.debug.pressure).toMatchObject({ heldMB: 0 });
  system.memoryManager.registerAgentMemory('other', 380 * 2 ** 20, 0);
  const pressed = await explained(system, project());
  expect(pressed.debug.pressure.heldMB).toBeGreaterThanOrEqual(380);
  // Of all that presses the most counts, also the load of this machine.
  const { factor, systemLoad } = pressed.debug.pressure;
  expect(factor).toBeLessThanOrEqual(0.8);
  if (systemLoad < 70) expect(factor).toBe(0.8);
  expect(pressed.debug.reasons.join('\n')).toMatch(/pressure \d+ % is over \d+ %/);
  expect(pressed.debug.pressure.memoryPercentage).toBeGreaterThanOrEqual(0);
  expect(pressed.debug.pressure.systemLoad).toBeGreaterThanOrEqual(0);
});

test('what grows with the context is made when it is looked at', async () => {
  const system = await open(FILTERING);
  const { debug, dropped } = await explained(system, project());
  for (const name of ['removedElements', 'importanceScores', 'dropped'])
    expect(Object.getOwnPropertyDescriptor(debug, name).get).toEqual(expect.any(Function));
  await explained(system, project(5));
  expect(debug.removedElements).toEqual(expect.any(Array));
  expect(Object.keys(debug.importanceScores).length).toBeGreaterThan(3);
  expect(debug.dropped).toEqual(dropped);
  expect(dropped.length).toBeGreaterThan(0);
});
