const { AgentContextFilter } = require('../index.js');
const { useOwnDirectory, failureOf } = require('./support.js');

useOwnDirectory();

/** Nothing is left out for being unimportant. */
const KEEP = { contextImportanceThreshold: 0 };
const DEFAULTS = {
  maxContextPerAgent: 50,
  globalMaxContext: 500,
  adaptiveReduction: true,
  contextImportanceThreshold: 0.3,
  enableSpecializationFiltering: true,
  memoryAwareFiltering: true,
  taskFields: [
    'currentTask',
    'task',
    'goal',
    'query',
    'problem',
    'issue',
    'objective',
    'instruction',
    'instructions',
    'request',
    'question',
    'prompt',
  ],
  analysisCacheMB: 64,
  referenceStoreMB: 64,
};
const BUILT_IN = ['frontend', 'backend', 'database', 'devops', 'testing', 'security', 'mobile'].map(
  (name) => `${name}-specialist`,
);

const open = (config = KEEP) => new AgentContextFilter(config);

describe('addAgentSpecialization', () => {
  const VALID = {
    name: 'gardener',
    keywords: ['soil', 'rose'],
    filePatterns: ['**/*.plant'],
    contextPriorities: { garden: 10, kitchen: 0 },
    maxContextSize: 20,
    requiredFields: ['soil'],
    optionalFields: ['weather'],
    excludePatterns: ['**/*.weed'],
  };

  test('makes the agent known', async () => {
    const filter = open();
    const before = await filter.filterContext('gardener', { a: 1 });
    filter.addAgentSpecialization(VALID);
    const after = await filter.filterContext('gardener', { a: 1 });
    expect(before.adaptations.join()).toMatch(/generic/);
    expect(after.adaptations.join()).not.toMatch(/generic/);
    expect(filter.getFilterStats().agentSpecializations).toEqual(expect.arrayContaining(['gardener', ...BUILT_IN]));
  });

  test('tells listeners', () => {
    const filter = open();
    const heard = [];
    filter.on('specializationAdded', (event) => heard.push(event));
    filter.addAgentSpecialization(VALID);
    expect(heard).toEqual([VALID]);
  });

  test('raises what its words, patterns and priorities are about', async () => {
    const filter = open();
    filter.addAgentSpecialization(VALID);
    const text = 'plain text about nothing in particular '.repeat(10);
    const { importanceScores: scores } = await filter.filterContext('gardener', {
      'a.plant': text,
      'b.txt': text,
      garden: text,
      kitchen: text,
      words: `the soil of a rose ${text}`,
      weather: text,
      climate: text,
    });
    expect(scores['a.plant']).toBeGreaterThan(scores['b.txt']);
    expect(scores.garden).toBeGreaterThan(scores.kitchen);
    expect(scores.words).toBeGreaterThan(scores.climate);
    expect(scores.weather).toBeGreaterThan(scores.climate);
  });

  test.each([
    ['a NaN priority', { contextPriorities: { garden: Number.NaN } }],
    ['an infinite priority', { contextPriorities: { garden: Number.POSITIVE_INFINITY } }],
    ['a priority over 10', { contextPriorities: { garden: 10.5 } }],
    ['a negative priority', { contextPriorities: { garden: -1 } }],
    ['a priority that is no number', { contextPriorities: { garden: 'high' } }],
    ['a bad file pattern', { filePatterns: ['src/[a'] }],
    ['a bad exclude pattern', { excludePatterns: ['{a,b'] }],
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['a size of 0', { maxContextSize: 0 }],
    ['a NaN size', { maxContextSize: Number.NaN }],
    ['keywords that are no list', { keywords: 'soil' }],
    ['an unknown key', { keyword: ['soil'] }],
    ['a function', { keywords: [() => 1] }],
    ['a BigInt', { maxContextSize: 5n }],
  ])('refuses %s and changes nothing', async (_, wrong) => {
    const filter = open();
    const heard = [];
    filter.on('specializationAdded', (event) => heard.push(event));
    const error = await failureOf(() => filter.addAgentSpecialization({ ...VALID, ...wrong }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(Object.keys(wrong)[0]);
    expect(filter.getFilterStats().agentSpecializations).not.toContain('gardener');
    expect(heard).toEqual([]);
  });

  test.each([[undefined], [null], ['gardener'], [[]]])('refuses %p', async (specialization) => {
    expect((await failureOf(() => open().addAgentSpecialization(specialization))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('getFilterStats', () => {
  test('of a new filter shows the defaults and the built-in specializations', () => {
    const stats = new AgentContextFilter().getFilterStats();
    expect(stats).toMatchObject({ cachedContexts: 0, currentMemoryUsage: 0, config: DEFAULTS });
    expect([...stats.agentSpecializations].sort()).toEqual([...BUILT_IN].sort());
  });

  test('shows the last memory usage', async () => {
    const filter = open();
    await filter.filterContext('agent', {}, 123.5);
    expect(filter.getFilterStats().currentMemoryUsage).toBe(123.5);
  });

  test('is a copy', () => {
    const filter = open();
    filter.getFilterStats().config.globalMaxContext = 1;
    filter.getFilterStats().agentSpecializations.length = 0;
    expect(filter.getFilterStats().config.globalMaxContext).toBe(500);
    expect(filter.getFilterStats().agentSpecializations).toHaveLength(7);
  });
});

describe('getRecommendedContextSize', () => {
  const formula = (cap, load, held, most = 500) =>
    Math.max(10, Math.floor(cap * Math.max(0.3, 1 - held / most) * Math.max(0.3, 1 - load / 100)));

  test.each([
    [0, 0],
    [50, 0],
    [0, 250],
    [37, 111],
    [90, 0],
    [100, 500],
    [0, 10_000],
    [70, 350],
  ])('at %d %% load and %d MB is cap × memory × load, at least 10', (load, held) => {
    const filter = open();
    filter.addAgentSpecialization({ name: 'gardener', maxContextSize: 37 });
    expect(filter.getRecommendedContextSize('gardener', load, held)).toBe(formula(37, load, held));
    expect(filter.getRecommendedContextSize('stranger', load, held)).toBe(formula(50, load, held));
    const wide = open({ maxContextPerAgent: 80, globalMaxContext: 1000 });
    expect(wide.getRecommendedContextSize('stranger', load, held)).toBe(formula(80, load, held, 1000));
  });

  test('of the built-in agents is 35 to 60 MB without load', () => {
    for (const agent of BUILT_IN) {
      const size = open().getRecommendedContextSize(agent, 0, 0);
      expect(size).toBeGreaterThanOrEqual(35);
      expect(size).toBeLessThanOrEqual(60);
    }
  });

  test.each([
    [[5, 0, 0], 'agentId'],
    [['agent', Number.NaN, 0], 'systemLoad'],
    [['agent', 0, -1], 'memoryUsage'],
    [['agent', '5', 0], 'systemLoad'],
    [['agent', 0, Number.POSITIVE_INFINITY], 'memoryUsage'],
  ])('refuses %p', async (args, name) => {
    const error = await failureOf(() => open().getRecommendedContextSize(...args));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
  });
});

describe('updateConfig', () => {
  test('changes what it names and tells listeners', async () => {
    const filter = open({});
    const heard = [];
    filter.on('configUpdated', (event) => heard.push(event));
    filter.updateConfig({ contextImportanceThreshold: 1 });
    expect(filter.getFilterStats().config).toEqual({ ...DEFAULTS, contextImportanceThreshold: 1 });
    expect(heard).toEqual([{ oldConfig: DEFAULTS, newConfig: { ...DEFAULTS, contextImportanceThreshold: 1 } }]);
    const { filtered } = await filter.filterContext('backend-specialist', { currentTask: 'a', sea: 'calm' });
    expect(filtered).toEqual({ currentTask: 'a' });
  });

  test('is all or nothing, with every problem', async () => {
    const filter = open({});
    let told = 0;
    filter.on('configUpdated', () => told++);
    const error = await failureOf(() =>
      filter.updateConfig({
        maxContextPerAgent: 5,
        globalMaxContext: Number.NaN,
        adaptiveReduction: 'yes',
        contextImportanceTreshold: 1,
      }),
    );
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.map(({ path }) => path).sort()).toEqual([
      'adaptiveReduction',
      'contextImportanceTreshold',
      'globalMaxContext',
    ]);
    expect(error.problems.find(({ path }) => path.endsWith('Treshold')).message).toContain(
      'contextImportanceThreshold',
    );
    expect(filter.getFilterStats().config).toEqual(DEFAULTS);
    expect(told).toBe(0);
  });

  test.each([
    ['null', null],
    ['a string', 'x'],
    ['a number', 5],
    ['an array', []],
    ['a function', () => ({})],
    ['what has no JSON', { toJSON: () => undefined }],
  ])('refuses %s', async (_, config) => {
    const filter = open({});
    expect((await failureOf(() => filter.updateConfig(config))).code).toBe('E_CONFIG_INVALID');
    expect(filter.getFilterStats().config).toEqual(DEFAULTS);
  });
});

describe('the constructor', () => {
  test.each([
    ['a negative size', { maxContextPerAgent: -1 }, 'maxContextPerAgent'],
    ['a threshold over 1', { contextImportanceThreshold: 1.5 }, 'contextImportanceThreshold'],
    ['a string', { globalMaxContext: '500' }, 'globalMaxContext'],
    ['null for a number', { globalMaxContext: null }, 'globalMaxContext'],
    ['an unknown key', { maxContext: 5 }, 'maxContext'],
    ['a BigInt', { globalMaxContext: 500n }, 'globalMaxContext'],
    ['a function', { adaptiveReduction: () => true }, 'adaptiveReduction'],
  ])('refuses %s', async (_, config, path) => {
    const error = await failureOf(() => new AgentContextFilter(config));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.map((problem) => problem.path)).toEqual([path]);
  });

  test.each([
    ['null', null],
    ['a string', 'x'],
    ['a number', 5],
    ['an array', []],
    ['what has no JSON', { toJSON: () => undefined }],
  ])('refuses %s in place of an object', async (_, config) => {
    expect((await failureOf(() => new AgentContextFilter(config))).code).toBe('E_CONFIG_INVALID');
  });
});

describe('arguments of filterContext', () => {
  test.each([
    [[undefined, {}], 'agentId'],
    [[5, {}], 'agentId'],
    [['agent', {}, Number.NaN], 'currentMemoryUsage'],
    [['agent', {}, -1], 'currentMemoryUsage'],
    [['agent', {}, '5'], 'currentMemoryUsage'],
    [['agent', {}, 0, Number.NaN], 'systemLoad'],
    [['agent', {}, 0, -1], 'systemLoad'],
    [['agent', {}, 0, null], 'systemLoad'],
  ])('%p are refused by rejecting', async (args, name) => {
    const pending = open().filterContext(...args);
    expect(pending).toBeInstanceOf(Promise);
    const error = await failureOf(pending);
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
  });

  test('that are refused change nothing', async () => {
    const filter = open();
    await failureOf(filter.filterContext('agent', {}, 77, Number.NaN));
    expect(filter.getFilterStats().currentMemoryUsage).toBe(0);
  });
});
