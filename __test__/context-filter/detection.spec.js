'use strict';

const { useOwnDirectory, useSystems } = require('../support.js');
const { open, said } = require('./support.js');

useOwnDirectory();
const { open: openSystem } = useSystems();

const PLAIN = { currentTask: 'Write down what was decided yesterday' };

describe('an unknown agent', () => {
  test.each([
    ['ui-designer', 'frontend-specialist'],
    ['frontend', 'frontend-specialist'],
    ['React Wizard', 'frontend-specialist'],
    ['api_developer', 'backend-specialist'],
    ['dba', 'database-specialist'],
    ['sql-guru', 'database-specialist'],
    ['sre', 'devops-specialist'],
    ['k8s-operator', 'devops-specialist'],
    ['qa-engineer', 'testing-specialist'],
    ['pentester', 'security-specialist'],
    ['ios-dev', 'mobile-specialist'],
    ['AndroidEngineer', 'mobile-specialist'],
  ])('called %s is filtered as %s, which adaptations say', async (agent, kind) => {
    const result = await open().filterContext(agent, PLAIN);
    expect(result.adaptations[0]).toMatch(new RegExp(`^filtered as "${kind}": its name has `));
    expect(said(result)).not.toMatch(/generic/);
    expect(open().getRecommendedContextSize(agent, 0, 0)).toBe(open().getRecommendedContextSize(kind, 0, 0));
  });

  test.each([
    'agent-7',
    'worker_12',
    'helper',
    'x',
    'team',
    '42',
    '日本',
    '🙂',
    '\ud800',
    ' ',
  ])('called %p with a plain task is filtered generically, which adaptations say', async (agent) => {
    const result = await open().filterContext(agent, { ...PLAIN, a: 1 });
    expect(result.adaptations).toEqual([expect.stringMatching(/^generic filtering: there is no specialization for /)]);
    expect(result.filtered).toEqual({ ...PLAIN, a: 1 });
  });

  test('is told by what its task is about', async () => {
    const currentTask = 'Style the React component of the login form with CSS and make the button responsive';
    expect(said(await open().filterContext('agent-7', { currentTask }))).toMatch(
      /filtered as "frontend-specialist": its task has /,
    );
    const deploy = 'Deploy the docker image to kubernetes with terraform and helm';
    expect(said(await open().filterContext('agent-7', { currentTask: deploy }))).toMatch(
      /filtered as "devops-specialist"/,
    );
  });

  test.each(['role', 'persona', 'agentRole', 'agentDescription'])('is told by its description in %s', async (field) => {
    const description = 'Database administrator who writes migrations and tunes SQL indexes';
    expect(said(await open().filterContext('agent-7', { ...PLAIN, [field]: description }))).toMatch(
      /filtered as "database-specialist": its description has /,
    );
  });

  test('keeps what its kind requires, and loses what does not fit it', async () => {
    const context = { ...PLAIN, schemaDefinitions: 'tables', weather: 'calm' };
    expect((await open().filterContext('dba', context)).filtered).toEqual({ ...PLAIN, schemaDefinitions: 'tables' });
  });

  test('is filtered generically where specializations are off', async () => {
    const filter = open({ enableSpecializationFiltering: false });
    for (const agent of ['dba', 'database-specialist', 'agent-7']) {
      const result = await filter.filterContext(agent, { ...PLAIN, a: 1 });
      expect(result.filtered).toEqual({ ...PLAIN, a: 1 });
      expect(said(result)).toMatch(/generic/);
    }
  });

  test('of a system is told in the same way', async () => {
    const system = await openSystem();
    const result = await system.optimizeAgentContext('dba', PLAIN, { includeDebugInfo: true });
    expect(result.debug.adaptations.join('\n')).toMatch(/filtered as "database-specialist"/);
  });
});

describe('a known agent', () => {
  test.each([
    'backend-specialist',
    'backend-specialist-2',
    'team1:backend-specialist',
    'backend-specialist/a',
  ])('may have an id around its name: %s', async (agent) => {
    const result = await open().filterContext(agent, { ...PLAIN, apiRequirements: 1, uiRequirements: 1 });
    expect(result.filtered).toEqual({ ...PLAIN, apiRequirements: 1 });
    expect(said(result)).not.toMatch(/generic|filtered as/);
  });

  test('added in code is known at once, and others are told by its keywords', async () => {
    const filter = open();
    filter.addAgentSpecialization({
      name: 'gardener',
      keywords: ['rose', 'soil', 'compost', 'mulch', 'tulip'],
      maxContextSize: 12,
    });
    expect(said(await filter.filterContext('gardener', PLAIN))).not.toMatch(/generic|filtered as/);
    expect(filter.getRecommendedContextSize('gardener-3', 0, 0)).toBe(12);
    const currentTask = 'Put compost on the soil under each rose, mulch the tulips';
    expect(said(await filter.filterContext('agent-7', { currentTask }))).toMatch(/filtered as "gardener"/);
  });
});
