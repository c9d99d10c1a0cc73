'use strict';

const {
  canonicalJson,
  deepFreeze,
  expectUntouched,
  randomValue,
  seeded,
  snapshot,
  useOwnDirectory,
  useSystems,
} = require('../support.js');
const { jsonBytes, jsonTokens, markersOf, mixed, open, reconstructed, repository } = require('./support.js');

useOwnDirectory();
const { open: openSystem } = useSystems();

const REASONS = ['excluded', 'score', 'reduction', 'limit', 'pressure', 'blocks'];
describe('dropped', () => {
  test.each([
    [{}, 0],
    [{ maxTokens: 200 }, 0],
    [{ maxTokens: 2000 }, 0],
    [{ maxSize: 4000 }, 0],
    [{ targetReduction: 0.6 }, 0],
    [{ targetReduction: 1 }, 0],
    [{ wholeTexts: true, maxTokens: 3000 }, 0],
    [{}, 95],
  ])('has all that is missing: with %p and %d %% load the context can be made of it again', async (options, load) => {
    for (const agent of ['backend-specialist', 'agent-7']) {
      for (const context of [mixed(), repository()]) {
        const filter = open();
        const result = await filter.filterContext(agent, context, 0, load, options);
        expect(result.dropped.length).toBeGreaterThan(0);
        expect(await reconstructed(result, (reference) => filter.resolveReference(reference))).toEqual(context);
      }
    }
  });

  test('has all that is missing of contexts of every shape, in every number of tokens', async () => {
    const random = seeded(17);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const pieces = [
      'function part7(a) {\n',
      '\n\n',
      '# Heading (x) [y]\n',
      '\r\n',
      '🙂',
      'class A:\n  def b(self):\n',
      'words of a text. ',
      '\u2028',
      '日本語',
      '}\n',
      '// c\n',
      'x'.repeat(700),
    ];
    const text = () => Array.from({ length: random() * 400 }, () => pick(pieces)).join('');
    const value = (depth) => {
      const kind = random();
      if (kind < 0.25) return text();
      if (kind < 0.5 || depth === 0) return randomValue(random, 3);
      const children = Array.from({ length: random() * 8 }, () => value(depth - 1));
      return kind < 0.75
        ? children
        : Object.fromEntries(children.map((child, at) => [`${pick(['k', 'files'])}${at}`, child]));
    };
    for (let round = 0; round < 60; round++) {
      const context = {
        currentTask: pick(['part7 of k2', 'the words', '']),
        ...value(0),
        a: value(3),
        b: value(3),
        c: value(3),
      };
      const filter = open(pick([{}, { contextImportanceThreshold: 0 }]));
      const maxTokens = 1 + Math.floor((random() * jsonBytes(context)) / 3);
      const options = pick([{}, { maxTokens }, { targetReduction: random() }, { maxTokens, wholeTexts: true }]);
      const result = await filter.filterContext(
        pick(['agent-7', 'backend-specialist']),
        context,
        0,
        100 * random(),
        options,
      );
      const whole = await reconstructed(result, (reference) => filter.resolveReference(reference));
      expect(canonicalJson(whole)).toBe(canonicalJson(context));
      expect(result.memoryUsage).toBe(jsonBytes(result.filtered));
    }
  });

  test('tells path, bytes, tokens, score, reason and reference of each part, and the lines of parts of texts', async () => {
    const filter = open();
    const context = mixed();
    const { dropped, removedElements, filtered } = await filter.filterContext('agent-7', context, 0, 0, {
      maxTokens: 2000,
    });
    for (const part of dropped) {
      const value = await filter.resolveReference(part.reference);
      expect(REASONS).toContain(part.reason);
      expect(part.reference).toMatch(/^[0-9a-f]{16}$/);
      expect(part.score >= 0 && part.score <= 1).toBe(true);
      expect(part.tokens).toBeGreaterThan(0);
      expect(Object.keys(part).sort()).toEqual(
        ['bytes', ...(part.lines ? ['lines'] : []), 'path', 'reason', 'reference', 'score', 'tokens'].sort(),
      );
      expect(part.bytes).toBe(part.lines ? Buffer.byteLength(value) : jsonBytes(value));
    }
    expect(dropped.filter((part) => !part.lines).map((part) => part.path)).toEqual(removedElements);
    const markers = markersOf(filtered.files['src/a.js']);
    const ofText = dropped.filter((part) => part.path === 'files.src/a.js');
    expect(ofText.map(({ lines, reference }) => [...lines, reference])).toEqual(
      markers.map(({ first, last, reference }) => [first, last, reference]),
    );
    expect(dropped.find((part) => part.path.includes('node_modules')).reason).toBe('excluded');
  });

  test('counts about the tokens that were saved', async () => {
    const context = repository();
    const result = await open().filterContext('backend-specialist', context);
    const saved = jsonTokens(context) - jsonTokens(result.filtered);
    const counted = result.dropped.reduce((sum, part) => sum + part.tokens, 0);
    expect(Math.abs(counted - saved) / saved).toBeLessThan(0.1);
  });

  test('is made when it is read, once, and is written as JSON', async () => {
    const result = await open().filterContext('backend-specialist', mixed());
    expect(Object.getOwnPropertyDescriptor(result, 'dropped').get).toBeDefined();
    expect(result.dropped).toBe(result.dropped);
    expect(Object.getOwnPropertyDescriptor(result, 'dropped').get).toBeUndefined();
    expect(JSON.parse(JSON.stringify(result)).dropped).toEqual(result.dropped);
  });

  test('is empty where everything stays', async () => {
    const context = { currentTask: 'x', a: 1 };
    const result = await open({ contextImportanceThreshold: 0 }).filterContext('agent', context);
    expect(result.dropped).toEqual([]);
    expect((await open().filterContext('agent', 5)).dropped).toEqual([]);
  });

  test('of a system is hidden on the result, beside own properties of that name', async () => {
    const system = await openSystem();
    const context = mixed();
    const result = await system.optimizeAgentContext('one', context, { maxTokens: 2000 });
    expect(Object.keys(result)).not.toContain('dropped');
    const whole = await reconstructed(
      { original: context, filtered: { ...result }, dropped: result.dropped },
      (reference) => system.resolveReference(reference),
    );
    expect(whole).toEqual(context);
    const own = await system.optimizeAgentContext('two', { ...context, currentTask: 'dropped', dropped: 'mine' });
    expect(own.dropped).toBe('mine');
    const changed = await system.optimizeAgentContext('one', { ...context, more: 'x'.repeat(9) }, { maxTokens: 1000 });
    expect(changed.type).toBe('incremental');
    expect(changed.dropped.length).toBeGreaterThan(0);
  });
});

describe('what is resolved', () => {
  class Point {
    x = 'x'.repeat(400);
    at = new Date(5);
  }
  const odd = () => ({
    currentTask: 'y',
    date: { at: new Date(5), text: 'x'.repeat(400) },
    point: new Point(),
    map: Object.assign(new Map([[1, 2]]), { own: 'x'.repeat(400) }),
    json: { toJSON: () => ({ made: 'x'.repeat(400) }) },
    'lone\ud800': { text: `\udfff${'x'.repeat(400)}` },
    missing: { a: undefined, b: () => 1, list: [undefined, () => 1, Symbol('s')], text: 'x'.repeat(400) },
    numbers: [Number.NaN, Number.POSITIVE_INFINITY, -0, ...Array(100).fill(1e21)],
  });

  test('is what JSON makes of Dates and values of classes', async () => {
    const filter = open();
    const context = odd();
    const result = await filter.filterContext('agent', context, 0, 0, { maxSize: 20, wholeTexts: true });
    expect(result.filtered).toEqual({ currentTask: 'y' });
    const resolved = {};
    for (const part of result.dropped) resolved[part.path] = await filter.resolveReference(part.reference);
    const { currentTask: _, ...rest } = JSON.parse(JSON.stringify(context));
    expect(resolved).toEqual(rest);
  });

  test('is a value of its own: what the caller does to it is not seen by others', async () => {
    const filter = open();
    const { dropped } = await filter.filterContext('agent', odd(), 0, 0, { maxSize: 20 });
    const { reference } = dropped.find((part) => part.path === 'date');
    (await filter.resolveReference(reference)).text = 'changed';
    expect((await filter.resolveReference(reference)).text).toBe('x'.repeat(400));
  });

  test('leaves the frozen context of the caller as it was', async () => {
    for (const make of [mixed, odd, repository]) {
      const context = deepFreeze(make());
      const before = snapshot(context);
      const filter = open();
      const system = await openSystem();
      for (const options of [{}, LIMITS[0], LIMITS[1]]) {
        const result = await filter.filterContext('backend-specialist', context, 0, 95, options);
        for (const part of result.dropped) await filter.resolveReference(part.reference);
        await system.optimizeAgentContext('backend-specialist', context, options);
      }
      expectUntouched(before, snapshot(context));
    }
  });
  const LIMITS = [{ maxTokens: 500 }, { maxSize: 3000, wholeTexts: true }];
});
