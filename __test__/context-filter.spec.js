const { EventEmitter } = require('node:events');
const { AgentContextFilter } = require('../index.js');
const { useOwnDirectory, failureOf, seeded, randomValue } = require('./support.js');

useOwnDirectory();

/** Nothing is left out for being unimportant, … */
const KEEP = { contextImportanceThreshold: 0 };
/** … and nothing for making a context smaller. */
const WHOLE = { targetReduction: 0 };
const BUILT_IN = ['frontend', 'backend', 'database', 'devops', 'testing', 'security', 'mobile'].map(
  (name) => `${name}-specialist`,
);
const FIELDS = [
  'agentId',
  'original',
  'filtered',
  'reductionRatio',
  'removedElements',
  'importanceScores',
  'memoryUsage',
  'adaptations',
  'dropped',
];

const open = (config = KEEP) => new AgentContextFilter(config);
const bytes = (value) => Buffer.byteLength(JSON.stringify(value));
const flat = (count, make = (at) => at) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`field${at}`, make(at)]));

/** Dotted paths of all leaves. */
function leaves(value, prefix = '') {
  if (value === null || typeof value !== 'object' || Object.keys(value).length === 0) return [prefix];
  return Object.keys(value).flatMap((key) => leaves(value[key], prefix === '' ? key : `${prefix}.${key}`));
}
const covers = (path, leaf) => leaf === path || leaf.startsWith(`${path}.`);

const PROJECT = () => ({
  currentTask: 'Fix the React login form component',
  projectStructure: { src: ['app.tsx', 'server.ts'], 'README.md': 'text' },
  recentChanges: Array.from({ length: 40 }, (_, at) => ({
    commit: `c${at}`,
    message: `change ${at}: ${'word '.repeat(20)}`,
  })),
  files: {
    'src/components/Login.tsx': 'export const Login = () => <form />; '.repeat(30),
    'src/server/api.ts': 'app.get("/api/users", handler); '.repeat(30),
    'db/schema.sql': 'CREATE TABLE users (id INTEGER); '.repeat(30),
    'docs/notes.md': 'The sea is calm tonight. '.repeat(30),
  },
  dependencies: { react: '18.0.0', express: '4.0.0' },
});

describe('a result', () => {
  test('has every field of the contract', async () => {
    const context = PROJECT();
    const result = await open().filterContext('frontend-specialist', context, 0, 0, WHOLE);
    for (const field of FIELDS) expect(result).toHaveProperty(field);
    expect(result.agentId).toBe('frontend-specialist');
    expect(result.original).toBe(context);
    expect(result.filtered).toEqual(PROJECT());
    expect(result).toMatchObject({ reductionRatio: 0, removedElements: [], memoryUsage: bytes(context) });
    for (const adaptation of result.adaptations) expect(typeof adaptation).toBe('string');
  });

  test.each([
    [100, 50],
    [400, 0],
    [460, 0],
    [0, 95],
  ])('is consistent with %d MB held and %d %% load', async (heldMb, load) => {
    const context = PROJECT();
    const result = await open({}).filterContext('frontend-specialist', context, heldMb, load);
    expectConsistent(context, result);
    expect(result.adaptations.length > 0).toBe(result.removedElements.length > 0);
  });

  test('can be written as JSON with its scores', async () => {
    const result = await open().filterContext('frontend-specialist', PROJECT());
    expect(Object.keys(JSON.parse(JSON.stringify(result)))).toEqual(expect.arrayContaining(FIELDS));
    expect(Object.keys({ ...result }.importanceScores)).not.toEqual([]);
  });
});

/** What holds for every result, whatever was kept. */
function expectConsistent(context, result) {
  const all = leaves(context);
  const kept = leaves(result.filtered).filter((leaf) => leaf !== '');
  const { importanceScores, removedElements } = result;
  expect(result.memoryUsage).toBe(bytes(result.filtered));
  expect(result.reductionRatio).toBeCloseTo(1 - bytes(result.filtered) / bytes(context), 9);
  for (const score of Object.values(importanceScores)) {
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  }
  const scored = Object.keys(importanceScores);
  if (!Array.isArray(context)) {
    for (const leaf of kept.filter((path) => all.includes(path))) {
      if (!/(^|\.)\d+(\.|$)/.test(leaf)) expect(scored.some((path) => covers(path, leaf))).toBe(true);
    }
  }
  for (const path of removedElements) {
    expect(all.some((leaf) => covers(path, leaf))).toBe(true);
    expect(importanceScores).not.toHaveProperty([path]);
  }
  expect(new Set(removedElements).size).toBe(removedElements.length);
}

describe('paths', () => {
  test('are dotted, and name what was left out', async () => {
    const context = { currentTask: 'x', a: { b: { node_modules: { c: 'd' } }, e: 'f' } };
    const result = await open().filterContext('frontend-specialist', { ...context, big: 'g'.repeat(2000) });
    const filter = open();
    filter.addAgentSpecialization({ name: 'picky', maxContextSize: 40, excludePatterns: ['**/secret*'] });
    const picky = await filter.filterContext('picky', {
      currentTask: 'x',
      outer: { inner: { secret: 's'.repeat(300), open: 'o'.repeat(300) } },
    });
    expect(result.filtered.currentTask).toBe('x');
    expect(picky.removedElements).toEqual(['outer.inner.secret']);
    expect(picky.filtered).toEqual({ currentTask: 'x', outer: { inner: { open: 'o'.repeat(300) } } });
  });

  test('of array items are their index', async () => {
    const filter = open();
    filter.addAgentSpecialization({ name: 'picky', maxContextSize: 40, excludePatterns: ['**/secret*'] });
    const text = 'x'.repeat(300);
    const result = await filter.filterContext('picky', { list: [{ secret: text, open: text }, { open: text }] });
    expect(result.removedElements).toEqual(['list.0.secret']);
    expect(result.filtered).toEqual({ list: [{ open: text }, { open: text }] });
  });

  test('keep a key with dots as one key, on every level', async () => {
    const long = 'const x = 1; '.repeat(50);
    const context = {
      'index.ts': long,
      src: { 'app.module.ts': long, '.': long, 'a..b': long },
      'src.app': { 'x.y': 1 },
    };
    const whole = await open().filterContext('agent', context);
    expect(whole.filtered).toEqual(context);
    const part = await open().filterContext('agent', context, 0, 95);
    expect(part.removedElements.length).toBeGreaterThan(0);
    expect(Object.keys(context)).toEqual(expect.arrayContaining(Object.keys(part.filtered)));
    for (const key of Object.keys(part.filtered.src ?? {})) expect(part.filtered.src[key]).toBe(context.src[key]);
  });
});

describe('importance scores', () => {
  test('are there for every kept element', async () => {
    const result = await open().filterContext('frontend-specialist', PROJECT(), 0, 0, WHOLE);
    const scored = Object.keys(result.importanceScores);
    const bare = leaves(PROJECT()).filter((leaf) => !scored.some((path) => covers(path, leaf)));
    expect(bare).toEqual([]);
  });

  test('are higher for what belongs to the agent', async () => {
    const files = PROJECT().files;
    const score = async (agent) => (await open().filterContext(agent, { files })).importanceScores;
    const [frontend, database] = [await score('frontend-specialist'), await score('database-specialist')];
    const [component, schema] = ['files.src/components/Login.tsx', 'files.db/schema.sql'];
    expect(frontend[component]).toBeGreaterThan(frontend[schema]);
    expect(database[schema]).toBeGreaterThan(database[component]);
  });

  test('are the same for the same context', async () => {
    const score = async () => (await open().filterContext('frontend-specialist', PROJECT())).importanceScores;
    expect(await score()).toEqual(await score());
  });
});

describe('pressure', () => {
  const kept = async (heldMb, load, config = KEEP) => {
    const result = await open(config).filterContext('agent', flat(100), heldMb, load);
    return Object.keys(result.filtered).length;
  };

  test.each([
    [0, 0, 100],
    [0, 70, 100],
    [0, 70.1, 80],
    [0, 80, 80],
    [0, 80.1, 60],
    [0, 90, 60],
    [0, 90.1, 40],
    [0, 100, 40],
    [350, 0, 100],
    [351, 0, 80],
    [400, 0, 80],
    [401, 0, 60],
    [450, 0, 60],
    [451, 0, 40],
    [499, 0, 40],
    [5000, 0, 40],
    [351, 85, 60],
    [460, 10, 40],
  ])('of %d MB held and %d %% load keeps %d %% of the elements at most, and of the tokens', async (heldMb, load, share) => {
    const count = await kept(heldMb, load);
    expect(count).toBeLessThanOrEqual(share);
    expect(count).toBeGreaterThanOrEqual(share === 100 ? 100 : share - 1);
  });

  test('is against the configured globalMaxContext', async () => {
    const few = await kept(95, 0, { ...KEEP, globalMaxContext: 100, maxContextPerAgent: 50 });
    expect([39, 40]).toContain(few);
    expect(await kept(95, 0, { ...KEEP, globalMaxContext: 1000 })).toBe(100);
  });

  test('takes nothing without adaptiveReduction', async () => {
    expect(await kept(0, 99, { ...KEEP, adaptiveReduction: false })).toBe(100);
  });

  test.each([75, 85, 95])('of %d %% keeps the best', async (load) => {
    const words = ['react', 'component', 'css', 'sea', 'calm', 'tonight', 'form', 'moon', 'button', 'cliff'];
    const context = {
      currentTask: 'react form',
      ...flat(60, (at) => `${words[at % 10]} ${words[(at * 7) % 10]}`.repeat(1 + (at % 4))),
    };
    const { importanceScores: scores } = await open().filterContext('frontend-specialist', context);
    const { filtered, removedElements } = await open().filterContext('frontend-specialist', context, 0, load);
    const worst = Math.min(...Object.keys(filtered).map((key) => scores[key]));
    const best = Math.max(...removedElements.map((key) => scores[key]));
    expect(removedElements.length).toBeGreaterThan(0);
    expect(worst).toBeGreaterThanOrEqual(best);
  });

  test('is said in adaptations', async () => {
    const result = await open().filterContext('backend-specialist', flat(10), 0, 95);
    expect(result.adaptations.join('\n')).toMatch(/pressure/);
    expect((await open().filterContext('backend-specialist', flat(10), 0, 50)).adaptations.join('\n')).not.toMatch(
      /pressure/,
    );
  });
});

describe('required fields', () => {
  const REQUIRED = {
    'frontend-specialist': ['uiRequirements', 'designSpecs'],
    'backend-specialist': ['apiRequirements', 'databaseSchema'],
    'database-specialist': ['dataRequirements', 'schemaDefinitions'],
    'devops-specialist': ['deploymentRequirements', 'infrastructure'],
  };
  const cases = [...BUILT_IN, 'gardener'].flatMap((agent) => [0, 75, 85, 95, 100].map((load) => [agent, load]));

  test.each(cases)('of %s are kept at %d %% load', async (agent, load) => {
    const names = ['currentTask', 'projectStructure', ...(REQUIRED[agent] ?? [])];
    const required = Object.fromEntries(
      names.map((name) => [name, { list: [{ text: 'the sea '.repeat(100) }, null, ''] }]),
    );
    const context = { ...flat(20, () => 'react api sql '.repeat(10)), ...required };
    const { filtered } = await open({}).filterContext(agent, context, 0, load);
    for (const name of names) expect(filtered[name]).toEqual(required[name]);
  });

  test('are kept over the size limit, which adaptations say', async () => {
    const context = { currentTask: 'x'.repeat(5000), other: 'y'.repeat(5000) };
    const result = await open({ ...KEEP, maxContextPerAgent: 0.001 }).filterContext('agent', context);
    expect(result.filtered).toEqual({ currentTask: context.currentTask });
    expect(result.adaptations.join('\n')).toMatch(/required/);
  });

  test('of an added specialization are kept, too', async () => {
    const filter = open({ contextImportanceThreshold: 1 });
    filter.addAgentSpecialization({ name: 'gardener', maxContextSize: 40, requiredFields: ['soil'] });
    const { filtered } = await filter.filterContext(
      'gardener',
      { soil: 'dry', water: 'none', currentTask: 'dig' },
      0,
      99,
    );
    expect(filtered).toEqual({ soil: 'dry', currentTask: 'dig' });
  });
});

describe('what is kept', () => {
  test('has the order and the structure of the original', async () => {
    const context = PROJECT();
    const { filtered, removedElements } = await open().filterContext('frontend-specialist', context, 0, 95);
    expect(removedElements.length).toBeGreaterThan(0);
    const isSubset = (part, whole) => {
      if (part === null || typeof part !== 'object') return Object.is(part, whole);
      if (Array.isArray(part)) {
        let from = -1;
        return part.every((item) => {
          from = whole.findIndex((candidate, at) => at > from && isSubset(item, candidate));
          return from >= 0;
        });
      }
      const order = Object.keys(whole).filter((key) => Object.hasOwn(part, key));
      return order.join() === Object.keys(part).join() && order.every((key) => isSubset(part[key], whole[key]));
    };
    expect(isSubset(filtered, context)).toBe(true);
  });

  test('never carries what is listed as left out', async () => {
    const { filtered, removedElements } = await open().filterContext('frontend-specialist', PROJECT(), 0, 95);
    const present = leaves(filtered).filter((leaf) => !/\.\d+(\.|$)/.test(leaf));
    for (const path of removedElements) expect(present.filter((leaf) => covers(path, leaf))).toEqual([]);
  });

  test('is consistent for contexts of every shape', async () => {
    const random = seeded(11);
    const filter = open({});
    for (let round = 0; round < 150; round++) {
      const context = { value: randomValue(random, 5), text: 'x'.repeat(Math.floor(random() * 600)) };
      const result = await filter.filterContext(round % 2 ? 'backend-specialist' : 'agent', context, 0, 100 * random());
      expect(result.memoryUsage).toBe(bytes(result.filtered));
      expect(result.reductionRatio).toBeCloseTo(1 - bytes(result.filtered) / bytes(context), 9);
      const scores = Object.values(result.importanceScores);
      expect(scores.filter((score) => !(score >= 0 && score <= 1))).toEqual([]);
    }
  });
});

describe('exclude patterns', () => {
  test('leave out what matches, whatever its score', async () => {
    const filter = open();
    const excluded = (excludePatterns) =>
      filter.addAgentSpecialization({ name: 'picky', maxContextSize: 40, excludePatterns });
    const files = { 'a.ts': 'x'.repeat(200), 'b.map': 'y'.repeat(200), dist: { 'c.ts': 'z'.repeat(200) } };
    excluded(['**/*.map', '**/dist/**']);
    const first = await filter.filterContext('picky', { currentTask: 'the map in dist', files });
    expect(first.filtered).toEqual({ currentTask: 'the map in dist', files: { 'a.ts': files['a.ts'] } });
    expect(first.removedElements.join()).toMatch(/files\.b\.map/);
    excluded([]);
    const second = await filter.filterContext('picky', { currentTask: 'the map in dist', files });
    expect(second.filtered.files).toEqual(files);
  });

  test('of the built-in agents leave out installed packages', async () => {
    const context = {
      currentTask: 'x',
      files: { node_modules: { 'react/index.js': 'y'.repeat(500) }, 'app.tsx': 'z'.repeat(500) },
    };
    for (const agent of BUILT_IN) {
      const { filtered } = await open().filterContext(agent, context);
      expect(filtered).toEqual({ currentTask: 'x', files: { 'app.tsx': 'z'.repeat(500) } });
    }
  });
});

describe('events', () => {
  test('contextFiltered is the result and comes before the promise resolves', async () => {
    const filter = open();
    const heard = [];
    filter.on('contextFiltered', (event) => heard.push(event));
    const result = await filter.filterContext('frontend-specialist', PROJECT());
    expect(heard).toHaveLength(1);
    expect(heard[0]).toBe(result);
  });

  test('none is sent for a refused context', async () => {
    const filter = open();
    let told = 0;
    filter.on('contextFiltered', () => told++);
    await failureOf(filter.filterContext('agent', { a: 1n }));
    expect(told).toBe(0);
  });

  test('come from a real emitter', () => {
    expect(open()).toBeInstanceOf(EventEmitter);
  });
});

describe('an unknown agent', () => {
  test.each(['', 'x'.repeat(1025)])('whose name has not 1 to 1024 bytes is refused', async (agent) => {
    expect((await failureOf(open().filterContext(agent, {}))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([
    'gardener',
    '__proto__',
    '\ud800',
    'agent-7',
  ])('%p is filtered generically, which adaptations say', async (agent) => {
    const result = await open().filterContext(agent, { currentTask: 'x', a: 1 });
    expect(result.agentId).toBe(agent);
    expect(result.filtered).toEqual({ currentTask: 'x', a: 1 });
    expect(result.adaptations.join('\n')).toMatch(/generic/);
  });

  test('is not what a specialist is', async () => {
    for (const agent of BUILT_IN) {
      expect((await open().filterContext(agent, { a: 1 })).adaptations.join('\n')).not.toMatch(/generic/);
    }
  });
});

test('calls may run at the same time', async () => {
  const filter = open();
  const contexts = Array.from({ length: 30 }, (_, at) => ({ at, text: 'word '.repeat(at * 300), nested: { at } }));
  const results = await Promise.all(contexts.map((context, at) => filter.filterContext(`agent ${at}`, context)));
  expect(results.map((result) => result.filtered)).toEqual(contexts);
  expect(results.map((result) => result.agentId)).toEqual(contexts.map((_, at) => `agent ${at}`));
});
