/** Matchers that are used for what they are not for: each refuses it, with `.not` too, so that no slip passes for a test. */

const { AdvancedCacheManager } = require('../../index.js');
const { createTestSystem, matchers } = require('../../entry/testing.js');
const { useSystems } = require('../support.js');

require('../../entry/testing/jest.js');

const { own } = useSystems();
const CONTEXT = { currentTask: 'Fix the login form', a: 1 };
const ALERTS = [
  { severity: 'critical' },
  { component: 'memroy' },
  { component: undefined },
  { component: ['memory'] },
  { type: 'error' },
  { title: 5 },
  { message: {} },
  { resolved: 'no' },
  { resolved: /no/ },
  null,
];

/** A calm system, and what it gives. */
async function things() {
  const system = own(await createTestSystem());
  const full = await system.optimizeAgentContext('agent', CONTEXT);
  const delta = await system.optimizeAgentContext('agent', { ...CONTEXT, a: 2 });
  await system.cacheResponse('q', 'answer');
  return { system, full, delta };
}

/** What is no result, no system and no emitter: values of other types, copies, and what was not awaited. */
const wrong = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  'a number': () => 5,
  'a text': () => 'text',
  'a list': () => [],
  'an object': () => ({}),
  'a function': () => () => 1,
  'a symbol': () => Symbol('x'),
  'a copy of a result by spreading': ({ full }) => ({ ...full }),
  'a copy of a result by JSON': ({ full }) => JSON.parse(JSON.stringify(full)),
  'a promise of a result': ({ full }) => Promise.resolve(full),
  'a promise of a change': ({ delta }) => Promise.resolve(delta),
  'a promise of a system': ({ system }) => Promise.resolve(system),
  'a promise of an answer': ({ system }) => system.getCachedResponse('q'),
  'a promise of nothing': ({ system }) => system.getCachedResponse('never asked'),
  'a system': ({ system }) => system,
};

/** What a cache may give: any JSON. */
const JSON_VALUES = [
  'null',
  'true',
  'a number',
  'a text',
  'a list',
  'an object',
  'a copy of a result by spreading',
  'a copy of a result by JSON',
];

/**
 * Of each matcher: arguments with which it takes what it is for; wrong arguments; what of the above it is for.
 * `subject` is something that it is for.
 */
const table = {
  toBeFullContext: { subject: ({ full }) => full },
  toBeUnchangedContext: { subject: ({ full }) => full },
  toBeDelta: {
    subject: ({ delta }) => delta,
    wrongArguments: [
      [{ add: [] }],
      [{ removed: { a: 1 } }],
      [{ added: 'a' }],
      [{ added: [1] }],
      [{ added: undefined }],
      [null],
      [[]],
      ['a'],
    ],
  },
  toHaveSavedTokens: {
    subject: ({ full }) => full,
    wrongArguments: [
      [{ least: 1 }],
      [{ atLeast: '5' }],
      [{ atLeast: Number.NaN }],
      [{ atMost: Number.POSITIVE_INFINITY }],
      [{ atLeast: 2, atMost: 1 }],
      [null],
      [5],
    ],
  },
  toHaveDropped: {
    args: () => ['a'],
    subject: ({ full }) => full,
    wrongArguments: [
      [],
      [5],
      [['a']],
      ['a', { reason: 'to small' }],
      ['a', { reason: 5 }],
      ['a', { why: 'score' }],
      ['a', 'score'],
    ],
  },
  toBeCacheHit: { takes: JSON_VALUES, subject: () => 'answer', wrongArguments: [[undefined]] },
  toHaveCached: {
    args: () => ['q'],
    takes: ['a system'],
    subject: ({ system }) => system,
    wrongArguments: [[], [5], ['q', { agent: 'a' }], ['q', { value: undefined }], ['q', 'answer'], ['q', null]],
  },
  toHaveRaisedAlert: {
    takes: ['a system'],
    subject: ({ system }) => system,
    wrongArguments: ALERTS.map((alert) => [alert]),
  },
  toBeHealthy: {
    takes: ['a system'],
    subject: ({ system }) => system,
    wrongArguments: [[{ atLeast: '90' }], [{ atLeast: Number.NaN }], [{ least: 90 }], [90], [null]],
  },
  toHaveThrottled: {
    args: () => ['a'],
    takes: ['a system'],
    subject: ({ system }) => system,
    wrongArguments: [[], [5], [null], [{ agentId: 'a' }]],
  },
  toEmit: {
    args: ({ system }) => [system, 'cacheHit'],
    takes: ['a function'],
    subject: () => () => 1,
    wrongArguments: ({ system }) => [
      [],
      [system],
      [system, 5],
      [{}, 'cacheHit'],
      [{ on() {} }, 'cacheHit'],
      [Promise.resolve(system), 'cacheHit'],
      [system, 'cacheHit', undefined],
    ],
  },
};

/** Whether the matcher gives an answer, and what it is that it does instead, with and without `.not`. */
async function outcomes(name, received, args) {
  const said = [];
  for (const subject of [expect(received), expect(received).not]) {
    try {
      await subject[name](...args);
      said.push('passes');
    } catch (error) {
      said.push(error.code ?? 'fails');
    }
  }
  return said;
}

const REFUSED = ['E_INVALID_ARGUMENT', 'E_INVALID_ARGUMENT'];

test('no matcher is missing in the table', () => {
  expect(Object.keys(table).sort()).toEqual(Object.keys(matchers).sort());
});

describe.each(Object.entries(table))('%s', (...[name, row]) => {
  const { args = () => [], takes = [], subject, wrongArguments = [] } = row;

  test('answers yes or no for what it is for', async () => {
    const all = await things();
    const answers = await outcomes(name, subject(all), args(all));
    expect(answers.sort()).toEqual(['fails', 'passes']);
  });

  test('refuses everything else', async () => {
    const all = await things();
    const found = {};
    for (const [what, make] of Object.entries(wrong)) {
      if (!takes.includes(what)) found[what] = await outcomes(name, make(all), args(all));
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((what) => [what, REFUSED])));
    expect(Object.keys(found).length).toBeGreaterThan(7);
  });

  test('refuses wrong arguments', async () => {
    const all = await things();
    const lists = typeof wrongArguments === 'function' ? wrongArguments(all) : wrongArguments;
    const found = [];
    for (const list of lists) found.push([list, await outcomes(name, subject(all), list)]);
    expect(found.map(([, said]) => said)).toEqual(found.map(() => REFUSED));
  });
});

test.each(['toHaveCached', 'toHaveThrottled', 'toHaveRaisedAlert'])('%s refuses a system that is over', async (...[
  name,
]) => {
  const { system } = await things();
  await system.shutdown();
  const args = name === 'toHaveRaisedAlert' ? [] : ['q'];
  expect(await outcomes(name, system, args)).toEqual(REFUSED);
});

test('a cache is none of its answers', async () => {
  const cache = new AdvancedCacheManager({ persistToDisk: false });
  expect(await outcomes('toBeCacheHit', cache, [])).toEqual(REFUSED);
  await cache.stop();
});

test('what was not awaited is called so, and a copy a copy', async () => {
  const { full } = await things();
  expect(() => expect(Promise.resolve(full)).not.toBeFullContext()).toThrow(/got a promise: await it/);
  expect(() => expect({ ...full }).not.toBeFullContext()).toThrow(/a copy by spreading/);
  expect(() => expect(full).not.toHaveDropped('a', { reason: 'to small' })).toThrow(/known are excluded, score/);
});

test('parts that answer something else than they promise are refused', async () => {
  const fakes = [
    ['toHaveThrottled', { shouldThrottleAgent: async () => true }, ['a']],
    ['toBeHealthy', { getHealthStatus: async () => ({ overall: 'healthy' }) }, []],
    ['toHaveDropped', { dropped: [null] }, ['a']],
  ];
  for (const [name, fake, args] of fakes) expect(await outcomes(name, fake, args)).toEqual(REFUSED);
});
