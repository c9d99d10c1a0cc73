/** Contexts trimmed to a number of tokens, and plans for several agents. */

const { countTokens } = require('../../index.js');
const { contextA, failureOf, expectUntouched, Point, randomValue, seeded, snapshot } = require('../support.js');
const { setOwn, useOptimizers } = require('./support.js');

const open = useOptimizers();
const tokens = (value) => countTokens(JSON.stringify(value));
const words = (count) => 'some words that take room '.repeat(count);

describe('trimContext', () => {
  const context = () => ({
    rest: words(20),
    metadata: words(20),
    history: words(20),
    documentation: words(20),
    completedTasks: words(20),
    dependencies: words(20),
    projectStructure: words(20),
    recentChanges: words(20),
    currentTask: words(20),
  });

  test('keeps whole elements by priority, and references to the others', async () => {
    const all = context();
    const byPriority = Object.keys(all).reverse();
    const trimmed = await open().trimContext(all, 700);
    expect(Object.keys(trimmed)).toEqual(Object.keys(all));
    const isKept = byPriority.map((key) => trimmed[key] === all[key]);
    expect(isKept).toEqual([...isKept].sort().reverse());
    expect(new Set(isKept).size).toBe(2);
    for (const key of byPriority.filter((name) => trimmed[name] !== all[name])) {
      expect(trimmed[key]).toEqual({
        type: 'reference',
        location: `shared:${key}`,
        summary: expect.stringContaining(`text, ${tokens(all[key])} tokens: some words`),
      });
    }
    expect(trimmed.omitted).toEqual([]);
  });

  test.each([1, 2, 3, 4])('never has more tokens than asked for, seed %i', async (seed) => {
    const random = seeded(seed);
    const optimizer = open();
    for (let turn = 0; turn < 25; turn++) {
      const all = {};
      for (let at = 0; at < 8; at++) {
        setOwn(
          all,
          ['__proto__', 'index.ts', '', '\ud800', 'currentTask', 'history', 'omitted ', '7'][at],
          randomValue(random),
        );
      }
      const limit = 1 + Math.floor(random() * 300);
      const trimmed = await optimizer.trimContext(all, limit);
      // An empty object is the least there can be.
      expect(tokens(trimmed)).toBeLessThanOrEqual(Math.max(limit, tokens({})));
      const keys = Object.keys(trimmed);
      expect([...keys, ...trimmed.omitted].sort()).toEqual(Object.keys(all).sort());
      for (const key of keys) {
        if (Object.is(trimmed[key], all[key])) continue;
        expect(trimmed[key]).toEqual({ type: 'reference', location: `shared:${key}`, summary: expect.any(String) });
      }
      if (tokens(all) <= limit) expect(trimmed).toEqual(all);
    }
  });

  test('keeps all of what fits, by default up to 8,000 tokens', async () => {
    const optimizer = open();
    expect(await optimizer.trimContext(contextA())).toEqual(contextA());
    const large = { a: words(1000), b: words(1000) };
    expect(tokens(large)).toBeGreaterThan(8000);
    const trimmed = await optimizer.trimContext(large);
    expect(tokens(trimmed)).toBeLessThanOrEqual(8000);
    expect(tokens(trimmed)).toBeGreaterThan(4000);
  });

  test('keeps values as they are, Dates and instances too, and the caller’s object', async () => {
    const all = { at: new Date(0), point: new Point(), history: words(200) };
    const before = snapshot(all);
    const trimmed = await open().trimContext(all, 100);
    expectUntouched(before, snapshot(all));
    expect([trimmed.at, trimmed.point]).toEqual([all.at, all.point]);
    expect(trimmed.point).toBe(all.point);
    expect(trimmed.history.type).toBe('reference');
  });

  test('a context’s own key named omitted goes before ours', async () => {
    const trimmed = await open().trimContext({ omitted: 'mine' });
    expect(trimmed).toEqual({ omitted: 'mine' });
  });

  test('what is no object is kept, a reference, or null', async () => {
    const optimizer = open();
    for (const value of [null, 5, 'text', [1, 2]]) expect(await optimizer.trimContext(value)).toEqual(value);
    expect(await optimizer.trimContext(words(50), 60)).toEqual({
      type: 'reference',
      location: 'shared:context',
      summary: expect.any(String),
    });
    expect(await optimizer.trimContext([words(50)], 3)).toBe(null);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', {}])('%p tokens are refused', async (limit) => {
    expect((await failureOf(open().trimContext({}, limit))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('what JSON cannot hold is refused', async () => {
    expect((await failureOf(open().trimContext({ a: 1n }, 50))).code).toBe('E_CONTEXT_INVALID');
    expect((await failureOf(open().trimContext(undefined))).code).toBe('E_CONTEXT_INVALID');
  });
});

describe('scheduleAgents', () => {
  const [FE, BE, DB, TEST, OPS] = ['frontend', 'backend', 'database', 'testing', 'devops'].map(
    (x) => `${x}-specialist`,
  );

  test.each([
    ['no agents', [], [], []],
    ['agents without tasks', ['a', 'b', 'c', 'd'], [], [['a', 'b', 'c'], ['d']]],
    ['no tasks at all', ['a'], undefined, [['a']]],
    ['a frontend before its tests', [TEST, FE], [{ description: 'Build the UI' }], [[FE], [TEST]]],
    ['an API in a chain', [TEST, DB, BE], [{ description: 'add an api' }], [[BE], [DB], [TEST]]],
    ['devops alone', [OPS, 'a', 'b'], [{ description: 'deploy' }], [[OPS], ['a', 'b']]],
    [
      'what tasks depend on',
      ['a', 'b', 'c'],
      [
        { id: '1', agent: 'a', dependsOn: ['2'] },
        { id: '2', agent: 'b' },
        { id: '3', agent: 'c', dependsOn: ['1'] },
      ],
      [['b'], ['a'], ['c']],
    ],
    ['an agent named twice, once', ['a', 'a'], [], [['a']]],
    ['odd tasks', ['a'], [null, 5, [], {}, { description: 5 }], [['a']]],
  ])('%s', async (_, agents, tasks, batches) => {
    expect(await open().scheduleAgents(agents, tasks)).toEqual(batches);
  });

  test('every agent once, at most three together', async () => {
    const agents = [...Array.from({ length: 20 }, (_, at) => `agent ${at}`), OPS, FE, BE, DB, TEST];
    const batches = await open().scheduleAgents(agents, [{ description: 'backend and frontend' }]);
    expect(batches.flat().sort()).toEqual([...agents].sort());
    expect(batches.every((batch) => batch.length <= 3)).toBe(true);
    expect(batches.find((batch) => batch.includes(OPS))).toEqual([OPS]);
  });

  test.each([
    ['agents', [5, []]],
    ['agents', ['agent', []]],
    ['agents', [[5], []]],
    ['tasks', [['a'], 5]],
    ['tasks', [['a'], [1n]]],
  ])('bad %s are refused', async (_, given) => {
    expect((await failureOf(open().scheduleAgents(...given))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('optimizeAgentConfiguration', () => {
  const AGENTS = ['frontend-specialist', 'testing-specialist'];
  const context = () => ({
    tasks: [{ id: '1', description: 'build the ui' }],
    dependencies: { react: '19' },
    completedTasks: ['setup'],
    project: { name: 'shop' },
    nothing: null,
  });

  test('batches, results and what they have in common', async () => {
    const optimizer = open();
    const result = await optimizer.optimizeAgentConfiguration(AGENTS, context());
    expect(result.batches).toEqual([['frontend-specialist'], ['testing-specialist']]);
    expect(result.shared.common).toEqual({
      tasks: { tasks: context().tasks },
      dependencies: { dependencies: { react: '19' } },
      projectInfo: { project: { name: 'shop' }, nothing: null },
      completedWork: { completedTasks: ['setup'] },
    });
    expect(result.shared.agentSpecific).toEqual({ 'frontend-specialist': {}, 'testing-specialist': {} });
    for (const [batch, name] of AGENTS.entries()) {
      expect(result.agents[name]).toEqual({
        context: context(),
        sharedRef: expect.arrayContaining(['tasks', 'dependencies', 'project', 'completedTasks', 'nothing']),
        batch,
        optimizationType: 'full',
      });
    }
    expect(result).toMatchObject({
      estimatedTokens: 2 * tokens(context()),
      actualTokensSaved: 0,
      sharedContextEnabled: false,
    });
    expect(result.savings).toContain('0 %');
  });

  test('sums what was saved, whatever the context calls itself', async () => {
    const optimizer = open();
    const own = { ...context(), tokensSaved: 'much', type: 'mine' };
    const first = await optimizer.optimizeAgentConfiguration(AGENTS, own);
    expect([first.actualTokensSaved, first.estimatedTokens]).toEqual([0, 2 * tokens(own)]);
    expect(AGENTS.map((name) => first.agents[name].optimizationType)).toEqual(['full', 'full']);
    const second = await optimizer.optimizeAgentConfiguration([...AGENTS, AGENTS[0]], own);
    const sent = AGENTS.map((name) => tokens(second.agents[name].context));
    expect(AGENTS.map((name) => second.agents[name].optimizationType)).toEqual(['incremental', 'incremental']);
    expect(second.estimatedTokens).toBe(sent[0] + sent[1]);
    expect(second.actualTokensSaved).toBe(2 * tokens(own) - sent[0] - sent[1]);
    expect(second.savings).toMatch(/^-?\d+(\.\d)? % /);
  });

  test('each agent has its own of a filter', async () => {
    const filter = {
      filterContext: async (agent, { project }) => ({ filtered: { project, own: { of: agent } } }),
    };
    const optimizer = open({}, { filter });
    const { shared } = await optimizer.optimizeAgentConfiguration(AGENTS, context());
    expect(shared.common.projectInfo).toEqual({ project: { name: 'shop' } });
    expect(shared.agentSpecific).toEqual(Object.fromEntries(AGENTS.map((name) => [name, { own: { of: name } }])));
  });

  test('odd agents and contexts', async () => {
    const optimizer = open();
    const names = ['__proto__', 'constructor', '\ud800'];
    const result = await optimizer.optimizeAgentConfiguration(names, { a: 1 });
    expect(Object.keys(result.agents)).toEqual(names);
    for (const odd of [null, 5, [1], { tasks: 5 }, {}]) {
      optimizer.resetAgent('x');
      const { agents } = await optimizer.optimizeAgentConfiguration(['x'], odd);
      expect(agents.x).toMatchObject({ context: odd, optimizationType: 'full', batch: 0 });
    }
    expect((await failureOf(optimizer.optimizeAgentConfiguration('x', {}))).code).toBe('E_INVALID_ARGUMENT');
    expect((await failureOf(optimizer.optimizeAgentConfiguration(['x'], 1n))).code).toBe('E_CONTEXT_INVALID');
  });
});

test('compressSharedContext says what the last contexts have in common', async () => {
  const optimizer = open();
  await optimizer.optimizeContext('a', { rules: words(5), mine: 1 });
  await optimizer.optimizeContext('b', { rules: words(5), mine: 2 });
  const { common, agentSpecific, references, details, unknown, tokensSaved } = await optimizer.compressSharedContext([
    'a',
    'b',
    'nobody',
  ]);
  const reference = (key) => ({ type: 'reference', location: `shared:${key}`, summary: expect.any(String) });
  expect(common.projectInfo).toEqual({ rules: reference('rules') });
  expect(agentSpecific).toEqual({ a: { mine: reference('mine') }, b: { mine: reference('mine') } });
  expect(references).toEqual({ a: ['rules'], b: ['rules'] });
  expect(details).toEqual([
    {
      key: 'rules',
      group: 'projectInfo',
      agents: ['a', 'b'],
      tokens: tokens(words(5)),
      bytes: JSON.stringify(words(5)).length,
    },
  ]);
  expect([unknown, tokensSaved > 0]).toEqual([['nobody'], true]);
});

test('compressSharedContext has the texts that are stored', async () => {
  const optimizer = open({ encoding: 'blocks' });
  for (const agent of ['a', 'b']) await optimizer.optimizeContext(agent, { rules: words(40), list: [words(40)] });
  const { common } = await optimizer.compressSharedContext(['a', 'b']);
  expect(common.projectInfo).toEqual({ rules: words(40), list: [words(40)] });
});
