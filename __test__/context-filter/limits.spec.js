'use strict';

const { failureOf, seeded, randomValue, useOwnDirectory } = require('../support.js');
const { open, jsonBytes, jsonTokens, parts, repository, said } = require('./support.js');

useOwnDirectory();

const CONTEXT = repository();
const filtered = (options, context = CONTEXT, agent = 'backend-specialist') =>
  open().filterContext(agent, context, 0, 0, options);

describe('without options', () => {
  test('30 to 50 % of the tokens of a large context are left out', async () => {
    const tasks = [
      'Fix the line numbers that marker_line in src/context/outcome.rs writes',
      'Cancel a call of the context filter when its AbortSignal fires',
      'The cache forgets entries after a restart',
      'Write down why agents are looked at',
    ];
    for (const task of tasks) {
      const context = repository(task);
      for (const agent of ['backend-specialist', 'testing-specialist', 'agent-7']) {
        const result = await filtered(undefined, context, agent);
        const reduction = 1 - jsonTokens(result.filtered) / jsonTokens(context);
        expect([task, agent, reduction > 0.28 && reduction < 0.52]).toEqual([task, agent, true]);
      }
    }
  });

  test('an unknown agent without a task loses nothing', async () => {
    const { currentTask: _, ...context } = CONTEXT;
    const result = await filtered(undefined, context, 'agent-7');
    expect(result.filtered).toEqual(context);
    expect(result.dropped).toEqual([]);
  });

  test('a context of under 1,000 tokens loses only what scores under the threshold', async () => {
    const context = {
      currentTask: 'Validate the e-mail address of the login form',
      login: 'The login form has an e-mail address and a password. '.repeat(8),
      weather: 'The sea is calm tonight. The tide is full, the moon lies fair upon the straits. '.repeat(8),
    };
    const result = await filtered(undefined, context, 'frontend-specialist');
    expect(Object.keys(result.filtered)).toEqual(['currentTask', 'login']);
    expect(result.dropped).toMatchObject([{ path: 'weather', reason: 'score' }]);
    expect(result.dropped[0].score).toBeLessThan(0.3);
    expect((await filtered(undefined, context, 'agent-7')).filtered).toEqual(context);
  });
});

describe('maxSize', () => {
  test.each([2500, 5000, 20_000, 100_000, 300_000])('of %d bytes holds for the JSON', async (maxSize) => {
    for (const wholeTexts of [false, true]) {
      const result = await filtered({ maxSize, wholeTexts });
      expect(jsonBytes(result.filtered)).toBeLessThanOrEqual(maxSize);
      expect(result.memoryUsage).toBe(jsonBytes(result.filtered));
    }
  });

  test('holds where what is left out leaves markers in texts of several languages', async () => {
    const context = {
      currentTask: 'part7',
      files: {
        'a.js': parts(60),
        'b.md': `${'日本語の文章です。'.repeat(40)}\n\n`.repeat(30),
        'c.txt': '"\\\n'.repeat(3000),
      },
    };
    for (const maxSize of [600, 2000, 5000, 12_000]) {
      expect(jsonBytes((await filtered({ maxSize }, context)).filtered)).toBeLessThanOrEqual(maxSize);
    }
  });
});

describe('maxTokens', () => {
  test.each([1000, 5000, 20_000, 60_000])('of %d holds for the tokens of the JSON', async (maxTokens) => {
    for (const wholeTexts of [false, true]) {
      const result = await filtered({ maxTokens, wholeTexts });
      expect(jsonTokens(result.filtered)).toBeLessThanOrEqual(maxTokens);
    }
  });

  test('leaves no more out than it must', async () => {
    const result = await filtered({ maxTokens: 20_000 });
    expect(jsonTokens(result.filtered)).toBeGreaterThan(18_000);
  });

  test.each([
    ['keys of digits', (at) => [`${at * 7919}`, at * 104_729]],
    ['long keys', (at) => [`a rather long key of the entry number ${at} ${'x'.repeat(at % 50)}`, at]],
    ['keys of one letter each in other scripts', (at) => [String.fromCodePoint(0x4e00 + at), '漢'.repeat(at % 9)]],
    ['texts full of escapes', (at) => [`k${at}`, '\u0000"\\\n'.repeat(at % 20)]],
    ['lone surrogates', (at) => [`\ud800${at}`, '\udfff'.repeat(at % 20)]],
    ['emoji', (at) => [`👩‍👩‍👧${at}`, '🙂🏳️‍🌈'.repeat(at % 9)]],
    ['numbers', (at) => [`k${at}`, [at / 7, -1e21 * at, 1e-7 * at, null, true]]],
    ['nested lists', (at) => [`k${at}`, [[[at], [[at]]], {}, [{}], [[]]]]],
    ['objects', (at) => [`k${at}`, { id: at, name: `name ${at}`, tags: ['a', 'b'], note: 'word '.repeat(80) }]],
    [
      'long keys of containers',
      (at) => [`some long key of container ${at}`, { [`inner ${at}`]: 'x'.repeat(260), a: 1 }],
    ],
    ['deep values', (at) => [`k${at}`, { a: { b: { c: { d: { e: ['x'.repeat(300), at] } } } } }]],
    ['source code', (at) => [`src/${at}.js`, parts(1 + (at % 12))]],
    ['long lines', (at) => [`min${at}.js`, 'var a=function(b){return b[1]};'.repeat(10 * (at % 12))]],
  ])('holds for %s', async (_, entry) => {
    const context = { currentTask: 'part5', ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => entry(at))) };
    for (const maxTokens of [20, 200, 1000, 3000]) {
      for (const wholeTexts of [false, true]) {
        const result = await filtered({ maxTokens, wholeTexts }, context);
        expect(jsonTokens(result.filtered)).toBeLessThanOrEqual(maxTokens);
      }
    }
  });

  test('holds for contexts of every shape', async () => {
    const random = seeded(23);
    const filter = open({ contextImportanceThreshold: 0 });
    for (let round = 0; round < 300; round++) {
      const context = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`k${at}`, randomValue(random, 5)]));
      const maxTokens = 20 + Math.floor(random() * 200);
      const result = await filter.filterContext('agent', context, 0, 0, { maxTokens });
      expect(jsonTokens(result.filtered)).toBeLessThanOrEqual(maxTokens);
    }
  });
});

test.each([
  ['maxSize', jsonBytes],
  ['maxTokens', jsonTokens],
])('%s that the whole context fits into leaves nothing out', async (name, sizeOf) => {
  const notes = (count) => Array.from({ length: count }, (_, at) => [`note ${at}`, `text of note ${at} `.repeat(20)]);
  for (const count of [5, 200]) {
    const context = Object.fromEntries([['currentTask', 'x'], ...notes(count)]);
    const { filtered: left } = await filtered({ [name]: sizeOf(context) }, context, 'agent-7');
    expect(Object.keys(left)).toEqual(Object.keys(context));
  }
});

describe('targetReduction', () => {
  test.each([
    0.1, 0.3, 0.5, 0.7, 0.9,
  ])('of %d leaves out so much of the tokens, within a few points', async (target) => {
    for (const agent of ['backend-specialist', 'agent-7']) {
      const result = await filtered({ targetReduction: target }, CONTEXT, agent);
      const reduction = 1 - jsonTokens(result.filtered) / jsonTokens(CONTEXT);
      expect(Math.abs(reduction - target)).toBeLessThan(0.03);
    }
  });

  test('of 0 leaves out nothing but what is excluded', async () => {
    const context = { ...CONTEXT, node_modules: { 'a.js': parts(10) } };
    const result = await filtered({ targetReduction: 0 }, context);
    expect(result.removedElements).toEqual(['node_modules']);
    expect(result.filtered).toEqual(CONTEXT);
  });

  test('of 1 leaves the required fields', async () => {
    const task = 'Write a poem about the sea';
    const { filtered: left } = await filtered({ targetReduction: 1 }, { ...CONTEXT, currentTask: task });
    expect(left).toEqual({ currentTask: task, projectStructure: CONTEXT.projectStructure });
  });

  test('is said in adaptations', async () => {
    expect(said(await filtered({ targetReduction: 0.7 }))).toMatch(/smaller by 70 %/);
  });
});

describe('several limits', () => {
  test.each([
    { maxSize: 50_000, maxTokens: 5000 },
    { maxSize: 10_000, maxTokens: 50_000 },
    { maxSize: 60_000, maxTokens: 12_000, targetReduction: 0.2 },
    { maxSize: 60_000, maxTokens: 60_000, targetReduction: 0.95, wholeTexts: true },
  ])('hold together: %p', async (options) => {
    const { filtered: left } = await filtered(options);
    expect(jsonBytes(left)).toBeLessThanOrEqual(options.maxSize);
    expect(jsonTokens(left)).toBeLessThanOrEqual(options.maxTokens);
    const reduction = 1 - jsonTokens(left) / jsonTokens(CONTEXT);
    expect(reduction).toBeGreaterThan((options.targetReduction ?? 0) - 0.03);
  });
});

describe('required fields over a limit', () => {
  const context = { currentTask: 'long '.repeat(500), projectStructure: parts(30), notes: 'n'.repeat(3000) };
  const { notes: _, ...required } = context;

  test.each([
    { maxSize: 100 },
    { maxTokens: 100 },
    { maxSize: 100, maxTokens: 100 },
  ])('stay whole, which adaptations say: %p', async (options) => {
    for (const agent of ['backend-specialist', 'agent-7']) {
      const result = await filtered(options, context, agent);
      expect(result.filtered).toEqual(required);
      expect(said(result)).toMatch(/required fields/);
    }
  });
});

describe('options', () => {
  test.each([
    ['maxSize', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', [5], {}, true, 5n]],
    ['maxTokens', [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', [5], {}, true, 5n]],
    ['targetReduction', [-0.1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '0.5', [0.5], {}, true, 1n]],
    ['wholeTexts', [0, 1, 'yes', [], {}]],
    ['prioritizeRecent', [0, 1, 'yes', [], {}]],
    ['signal', [{}, 'abort', new EventTarget(), { aborted: false, addEventListener() {} }, 5]],
  ])('%s of another kind or out of range is refused', async (name, wrong) => {
    for (const value of wrong) {
      const pending = filtered({ [name]: value }, { currentTask: 'x' });
      expect(pending).toBeInstanceOf(Promise);
      const error = await failureOf(pending);
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
      expect(error.message).toContain(name);
    }
  });

  test.each([[5], ['5'], [[]], [true], [() => 1]])('that are %p are refused', async (options) => {
    expect((await failureOf(filtered(options, {}))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('that are undefined or null are as none', async () => {
    const none = await filtered(undefined);
    const names = ['maxSize', 'maxTokens', 'targetReduction', 'wholeTexts', 'prioritizeRecent', 'signal'];
    for (const value of [undefined, null]) {
      const options = Object.fromEntries(names.map((name) => [name, value]));
      expect((await filtered(options)).filtered).toEqual(none.filtered);
    }
  });
});
