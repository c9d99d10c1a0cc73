'use strict';

/** `mode`: whole, by what changed, or as it comes. */

const { applyDelta, toMessage } = require('../../index.js');
const {
  KEEP_ALL,
  contextA,
  contextB,
  failureOf,
  sha256,
  canonicalJson,
  seeded,
  useOwnDirectory,
  useSystems,
} = require('../support.js');
const { Receiver, project } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

let system;
beforeEach(async () => {
  system = await open();
});

const send = (context, mode, more) => system.optimizeAgentContext('agent', context, { mode, ...more });

describe('full', () => {
  test('is the whole context, also when nothing or something changed', async () => {
    await send(contextA(), 'auto');
    for (const context of [contextA(), contextB(), contextA()]) {
      const result = await send(context, 'full');
      expect(result).toEqual(context);
      expect(result.type).toBe('full');
      expect(result.baseHash).toBeUndefined();
      expect(result.hash).toBe(sha256(canonicalJson(context)));
      expect(applyDelta(undefined, result)).toEqual(context);
    }
  });

  test('becomes what the agent has', async () => {
    await send(contextA(), 'auto');
    await send(contextB(), 'full');
    expect((await send(contextB(), 'auto')).changes).toEqual([]);
    expect((await send(contextA(), 'auto')).added).toEqual({ recentChanges: contextA().recentChanges });
  });

  test('has no references, and what was given before it is not counted on', async () => {
    const text = 'A line of text that is long enough to be referred to. '.repeat(40);
    await send({ a: text, b: 1 }, 'auto', { encoding: 'blocks' });
    const full = await send({ c: text }, 'full', { encoding: 'blocks' });
    expect(full).toEqual({ c: text });
    // What it gave is.
    const next = await send({ c: text, d: `${text}more` }, 'auto', { encoding: 'blocks' });
    expect(next.heldTokens).toBeGreaterThan(0);
    expect(next.fetchTokens).toBe(0);
    await send({ e: 1 }, 'full', { encoding: 'blocks' });
    const later = await send({ e: 1, f: text }, 'auto', { encoding: 'blocks' });
    expect(later.heldTokens).toBe(0);
    expect(later.fetchTokens).toBeGreaterThan(0);
  });
});

describe('delta', () => {
  test('adds everything for an agent that has nothing', async () => {
    const result = await send(contextA(), 'delta');
    expect(result).toEqual({ added: contextA(), modified: {}, removed: [], unchanged: [] });
    expect(result.type).toBe('incremental');
    expect(result.baseHash).toBe(sha256('{}'));
    for (const base of [{}, undefined, { a: 1 }]) expect(applyDelta(base, result)).toEqual(contextA());
    expect(applyDelta({}, JSON.parse(JSON.stringify(toMessage(result))))).toEqual(
      JSON.parse(JSON.stringify(contextA())),
    );
  });

  test('says what changed, and that nothing did', async () => {
    await send(contextA(), 'delta');
    expect((await send(contextA(), 'delta')).changes).toEqual([]);
    expect((await send(contextB(), 'delta')).removed).toEqual(['recentChanges']);
  });

  test('of an empty context to nothing is nothing', async () => {
    const result = await send({}, 'delta');
    expect(result).toEqual({ type: 'incremental', changes: [], reference: sha256('{}') });
    expect(applyDelta({}, result)).toEqual({});
  });

  test('is whole where changes cannot be said by key', async () => {
    for (const context of [[1, 2], 'text', [1, 2, 3], contextA()]) {
      const result = await send(context, 'delta');
      expect(result).toEqual(context);
      if (typeof context === 'object') expect(result.type).toBe('full');
    }
  });
});

test.each(['whole', '', 1, true, {}])('mode %p is refused', async (mode) => {
  const error = await failureOf(send(contextA(), mode));
  expect(error.code).toBe('E_INVALID_ARGUMENT');
  expect(error.message).toContain('options.mode');
});

test.each([undefined, null, 'auto'])('mode %p is as it comes', async (mode) => {
  expect((await send(contextA(), mode)).type).toBe('full');
  expect((await send(contextA(), mode)).type).toBe('incremental');
});

describe('whatever is asked for, in any order, the receiver has what the filter kept', () => {
  const CONFIGS = [
    ['nothing left out', KEEP_ALL],
    ['much left out', { ...KEEP_ALL, contextFilter: { memoryAwareFiltering: false } }],
  ];

  test.each(CONFIGS)('%s', async (_, config) => {
    const random = seeded(20_251);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const [sender, twin] = [await open(config), await open(config)];
    const agents = ['frontend-specialist', 'backend-specialist', 'gardener'];
    const receivers = new Map(agents.map((agent) => [agent, new Receiver()]));
    const contexts = [0, 1, 2].map((version) => project(version));
    contexts.push({ ...project(1), extra: { a: [1, 2], b: 'x' } }, { currentTask: 'other' }, {});
    for (let step = 0; step < 120; step++) {
      const agent = pick(agents);
      const context = pick(contexts);
      const options = { mode: pick([undefined, 'auto', 'full', 'delta']), encoding: pick(['keys', 'keys', 'blocks']) };
      if (random() < 0.1) options.maxSize = 4000;
      const result = await sender.optimizeAgentContext(agent, context, options);
      const expected = await twin.optimizeAgentContext(agent, context, { ...options, encoding: 'keys', mode: 'full' });
      expect(await receivers.get(agent).take(sender, result)).toEqual(expected);
      if (options.mode === 'full') expect(result.type).toBe('full');
      if (options.mode === 'delta') expect(result.type).toBe('incremental');
    }
  });
});

test('a first delta replaces what a receiver still has, also after the agent was forgotten', async () => {
  const first = await send(contextA(), 'full');
  system.resetAgent('agent');
  const anew = await send(contextB(), 'delta');
  expect([anew.type, Object.keys(anew.added)]).toEqual(['incremental', Object.keys(contextB())]);
  expect(applyDelta(first, anew)).toEqual(contextB());
  expect(applyDelta(contextA(), JSON.parse(JSON.stringify(toMessage(anew))))).toEqual(contextB());
});
