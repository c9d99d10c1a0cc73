'use strict';

const { useOwnDirectory } = require('../support.js');
const { jsonTokens, open } = require('./support.js');

useOwnDirectory();

const TASK = 'The login session token expires too early';
const AUTH = 'def login_session(token):\n    expire(token)\n\n'.repeat(12);
const words = (text, times) => `${text} `.repeat(times);

describe('where required fields are most of a context', () => {
  test.each(['dev', 'backend-specialist'])('the file that fits the task stays for %s', async (agent) => {
    const projectStructure = Array.from({ length: 400 }, (_, at) => `packages/app/src/module${at}/index.ts`);
    const context = { currentTask: TASK, projectStructure, files: { 'src/auth.py': AUTH } };
    const { filtered } = await open().filterContext(agent, context);
    expect(filtered.files).toEqual({ 'src/auth.py': AUTH });
  });

  test('what fits the task stays before what does not', async () => {
    const projectStructure = Array.from({ length: 400 }, (_, at) => `packages/app/src/module${at}/index.ts`);
    const poems = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`poem${at}.md`, words(`calm sea ${at}`, 60)]),
    );
    const context = { currentTask: TASK, projectStructure, files: { ...poems, 'src/auth.py': AUTH } };
    const { filtered } = await open().filterContext('dev', context);
    expect(filtered.projectStructure).toEqual(projectStructure);
    expect(filtered.files['src/auth.py']).toBe(AUTH);
    expect(Object.keys(filtered.files).length).toBeLessThan(15);
  });
});

describe('a field that the task names', () => {
  test.each([1, 3, 4, 6, 30])('stays with all of its %d values', async (values) => {
    const rules = Array.from({ length: values }, (_, at) => [`rule${at}`, words(`text of rule ${at}`, 40)]);
    const context = {
      currentTask: 'Fix the billing',
      billing: Object.fromEntries(rules),
      logs: Object.fromEntries(Array.from({ length: values * 4 + 20 }, (_, at) => [at, words(`a line ${at}`, 30)])),
    };
    for (const agent of ['dev', 'frontend-specialist']) {
      const { filtered } = await open().filterContext(agent, context);
      expect(filtered.billing).toEqual(context.billing);
      expect(jsonTokens(filtered)).toBeLessThan(0.75 * jsonTokens(context));
    }
  });

  test('and has most of the context is reduced like any', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`a/b${at}.txt`, words(`text of ${at}`, 100)]),
    );
    const { reductionRatio } = await open().filterContext('dev', { currentTask: 'Which files are too long?', files });
    expect(reductionRatio).toBeGreaterThan(0.28);
  });
});

describe('what callers give without bounds', () => {
  test('a list of a specialization has at most 1,000 entries', () => {
    const keywords = Array.from({ length: 66_000 }, (_, at) => `w${at.toString(36)}q`);
    expect(() => open().addAgentSpecialization({ name: 'kw', maxContextSize: 10, keywords })).toThrow(
      expect.objectContaining({
        code: 'E_INVALID_ARGUMENT',
        problems: [{ path: 'keywords', message: 'must have at most 1000 entries, got 66000' }],
      }),
    );
  });

  test('a specialization that cannot be read is an invalid argument', () => {
    const spec = {
      get name() {
        throw new Error('not today');
      },
    };
    expect(() => open().addAgentSpecialization(spec)).toThrow(expect.objectContaining({ code: 'E_INVALID_ARGUMENT' }));
  });

  test('paths of what was left out stay short whatever the keys', async () => {
    let context = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`k${at}`, at]));
    for (let level = 0; level < 100; level++) context = { ['x'.repeat(5000)]: context };
    const result = await open().filterContext('dev', { currentTask: 'zzz', context }, 0, 0, { targetReduction: 0.5 });
    expect(result.removedElements.length).toBeGreaterThan(500);
    expect(Math.max(...result.removedElements.map((path) => path.length))).toBeLessThan(5000);
    expect(result.dropped.map(({ path }) => path)).toEqual(result.removedElements);
  });

  test('a context of one value stays, which is said', async () => {
    const { filtered, adaptations } = await open().filterContext('dev', words('some text', 1000));
    expect(filtered).toBe(words('some text', 1000));
    expect(adaptations).toContain('the context is a single value, which stays as it is');
  });
});

test('a call that is aborted before its result is there rejects', async () => {
  const filter = open();
  for (let call = 0; call < 50; call++) {
    const controller = new AbortController();
    const pending = filter.filterContext('dev', { currentTask: TASK, 'a.py': AUTH }, 0, 0, {
      signal: controller.signal,
    });
    controller.abort();
    await expect(pending).rejects.toBe(controller.signal.reason);
  }
});
