'use strict';

const { seeded, randomValue, useOwnDirectory } = require('../support.js');
const { jsonTokens, open, parts, repository, sources } = require('./support.js');

useOwnDirectory();

/** Files that have nothing to do with each other. */
const FILES = {
  'src/billing/invoice.ts': `export class InvoiceWriter {\n  render(total) {\n    return total;\n  }\n}\n${parts(6)}`,
  'src/billing/currency.ts': `export function convertCurrency(amount) {\n  return amount;\n}\n${parts(6)}`,
  'src/users/session.ts': `export const openSession = (user) => user;\n${parts(6)}`,
  'src/users/index.ts': `export * from './session';\n${parts(6)}`,
  'app/jobs/nightly_cleanup.py': `def sweep_old_rows(limit):\n    return limit\n${parts(6)}`,
  'lib/geometry/mesh.rs': `pub fn weld_vertices(mesh: &mut Mesh) -> usize {\n    0\n}\n${parts(6)}`,
  'docs/poem.md': 'The sea is calm tonight. '.repeat(80),
  'config/limits.yaml': 'limits:\n  requests: 5\n'.repeat(40),
};
const KEY_VALUES = {
  retryPolicy: 'three times, each time later '.repeat(40),
  colours: 'red and green and blue '.repeat(40),
};
const context = (currentTask, rest = {}) => ({ currentTask, files: FILES, ...KEY_VALUES, ...rest });
const filter = (value, options, agent = 'agent-7') => open().filterContext(agent, value, 0, 0, options);
const best = ({ importanceScores: { currentTask: _, ...scores } }) =>
  Object.keys(scores).sort((a, b) => scores[b] - scores[a])[0];

describe('what the task names', () => {
  test.each([
    ['by its path', 'Look at src/billing/currency.ts', 'files.src/billing/currency.ts'],
    ['by the end of its path', 'billing/currency.ts is wrong', 'files.src/billing/currency.ts'],
    ['by its file name', 'Open mesh.rs and weld', 'files.lib/geometry/mesh.rs'],
    ['by a path with backslashes', 'See app\\jobs\\nightly_cleanup.py', 'files.app/jobs/nightly_cleanup.py'],
    ['by an absolute path', 'Crash in /srv/checkout/src/users/session.ts', 'files.src/users/session.ts'],
    ['by a path with a line', 'src/billing/invoice.ts:3:5 throws', 'files.src/billing/invoice.ts'],
    ['by its module', 'jobs.nightly_cleanup is slow', 'files.app/jobs/nightly_cleanup.py'],
    [
      'by a module with what it defines',
      'app.jobs.nightly_cleanup.sweep_old_rows',
      'files.app/jobs/nightly_cleanup.py',
    ],
    ['by a class', 'InvoiceWriter rounds wrongly', 'files.src/billing/invoice.ts'],
    ['by a function', 'convertCurrency() loses a cent', 'files.src/billing/currency.ts'],
    ['by a function with underscores', 'weld_vertices forgets some', 'files.lib/geometry/mesh.rs'],
    ['by a constant', 'Why does `openSession` take so long?', 'files.src/users/session.ts'],
    ['by a key', 'Write the retryPolicy down', 'retryPolicy'],
    ['by words of the path', 'the poem in the docs', 'files.docs/poem.md'],
  ])('%s scores best and stays', async (_, task, path) => {
    const whole = await filter(context(task), { targetReduction: 0 });
    expect(best(whole)).toBe(path);
    for (const agent of ['agent-7', 'frontend-specialist', 'database-specialist']) {
      const small = await filter(context(task), { targetReduction: 0.7 }, agent);
      expect(Object.keys(small.importanceScores)).toContain(path);
    }
  });

  test('in a stack trace scores best', async () => {
    const task = `Fix this:
TypeError: Cannot read properties of undefined (reading 'total')
    at InvoiceWriter.render (/srv/app/src/billing/invoice.ts:3:12)
    at openSession (/srv/app/src/users/session.ts:1:40)
    at node:internal/process/task_queues:95:5`;
    const scores = Object.entries((await filter(context(task), { targetReduction: 0 })).importanceScores);
    const order = scores.sort(([, a], [, b]) => b - a).map(([path]) => path);
    expect(order.slice(1, 3).sort()).toEqual(['files.src/billing/invoice.ts', 'files.src/users/session.ts']);
  });

  test('in a Python traceback scores best', async () => {
    const task = `Traceback (most recent call last):
  File "/srv/app/jobs/nightly_cleanup.py", line 2, in sweep_old_rows
    return limit
ValueError: limit`;
    expect(best(await filter(context(task), { targetReduction: 0 }))).toBe('files.app/jobs/nightly_cleanup.py');
  });

  test('of this repository stays, whatever has to go', async () => {
    const files = sources('src/context', 'js');
    for (const [task, path] of [
      ['cut_text counts lines wrongly', 'src/context/outcome.rs'],
      ['js/jobs.js forgets to end a job', 'js/jobs.js'],
      ['freeSources in document.js holds too much', 'js/document.js'],
    ]) {
      const result = await filter({ currentTask: task, files }, { targetReduction: 0.8 }, 'backend-specialist');
      expect(Object.keys(result.filtered.files)).toContain(path);
    }
  });
});

describe('a task', () => {
  test.each([
    'task',
    'goal',
    'query',
    'problem',
    'issue',
    'objective',
    'instructions',
    'request',
    'question',
    'prompt',
  ])('may stand in %s', async (field) => {
    const { currentTask: _, ...rest } = context('');
    const result = await filter({ [field]: 'convertCurrency() loses a cent', ...rest }, { maxTokens: 1500 });
    expect(result.filtered).toHaveProperty(field);
    expect(Object.keys(result.filtered.files)).toContain('src/billing/currency.ts');
  });

  test('may be an object or a list of texts', async () => {
    for (const task of [
      { title: 'Money', body: ['convertCurrency() loses a cent'] },
      ['one', 'src/billing/currency.ts'],
    ]) {
      const result = await filter(context(task), { maxTokens: 1500 });
      expect(Object.keys(result.filtered.files)).toContain('src/billing/currency.ts');
    }
  });

  test('stands in the fields that taskFields names, and in no others', async () => {
    const own = open({ taskFields: ['ticket'] });
    const { currentTask: _, ...rest } = context('');
    const scoresOf = async (value) =>
      (await own.filterContext('agent-7', value, 0, 0, { targetReduction: 0 })).importanceScores;
    const ticket = await scoresOf({ ticket: 'convertCurrency() loses a cent', ...rest });
    expect(ticket['files.src/billing/currency.ts']).toBeGreaterThan(ticket['files.docs/poem.md']);
    const query = await scoresOf({ query: 'convertCurrency() loses a cent', ...rest });
    expect(query['files.src/billing/currency.ts']).toBe(query['files.docs/poem.md']);
  });

  test.each([
    ['is empty', ''],
    ['is of stop words', 'please do it for me'],
    ['is null', null],
    ['is a number', 5],
    ['has lone surrogates', '\ud800 billing'],
    ['has NUL', 'a\u0000b'],
    ['is a megabyte long', 'convert the currency of all invoices '.repeat(30_000)],
    ['has 100,000 different words', Array.from({ length: 100_000 }, (_, at) => `w${at}`).join(' ')],
    ['has a word of a megabyte', 'x'.repeat(1 << 20)],
    ['has 10,000 paths', Array.from({ length: 10_000 }, (_, at) => `a/b${at}/c.ts`).join('\n')],
  ])('that %s is no problem', async (_, task) => {
    for (const agent of ['agent-7', 'backend-specialist']) {
      const result = await filter(context(task), undefined, agent);
      expect(result.filtered.currentTask).toBe(task);
    }
  });
});

describe('recent changes', () => {
  const recent = { recentChanges: [{ commit: 'a1', file: 'src/users/session.ts', message: 'Open sessions later' }] };
  const scoresOf = async (rest, prioritizeRecent) =>
    (await filter(context('Make it faster', rest), { targetReduction: 0, prioritizeRecent })).importanceScores;

  test('raise the files that they name', async () => {
    const [without, withThem] = [await scoresOf({}), await scoresOf(recent)];
    expect(withThem['files.src/users/session.ts']).toBeGreaterThan(without['files.src/users/session.ts']);
    expect(withThem['files.src/users/session.ts']).toBeGreaterThan(withThem['files.docs/poem.md']);
  });

  test('count more with prioritizeRecent, and other things as much as before', async () => {
    const [usual, more] = [await scoresOf(recent, false), await scoresOf(recent, true)];
    for (const path of ['files.src/users/session.ts', 'recentChanges']) expect(more[path]).toBeGreaterThan(usual[path]);
    for (const path of ['files.docs/poem.md', 'retryPolicy', 'currentTask']) expect(more[path]).toBe(usual[path]);
  });
});

describe('scores', () => {
  test('are the same in every call and every filter, at the same time too', async () => {
    const value = repository();
    const same = open();
    const runs = await Promise.all([
      ...[1, 2, 3].map(() => same.filterContext('backend-specialist', value)),
      ...[1, 2, 3].map(() => filter(value, undefined, 'backend-specialist')),
    ]);
    runs.push(await same.filterContext('backend-specialist', value));
    for (const run of runs) {
      expect(run.importanceScores).toEqual(runs[0].importanceScores);
      expect(run.filtered).toEqual(runs[0].filtered);
      expect(run.dropped).toEqual(runs[0].dropped);
    }
  });

  test('do not depend on what the filter saw before', async () => {
    const used = open();
    for (let call = 0; call < 10; call++)
      await used.filterContext('agent-7', repository(`task ${call} of the cache`), 0, 90);
    const [after, fresh] = [await used.filterContext('agent-7', repository()), await filter(repository())];
    expect(after.importanceScores).toEqual(fresh.importanceScores);
  });

  test('are from 0 to 1, one for each kept element, and none for what is left out', async () => {
    const random = seeded(5);
    const used = open();
    for (let round = 0; round < 150; round++) {
      const value = {
        currentTask: round % 3 ? 'currentTask of the React component' : undefined,
        ...Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`k${at}`, randomValue(random, 4)])),
        text: parts(round % 7),
      };
      const agent = round % 2 ? 'frontend-specialist' : 'agent-7';
      const result = await used.filterContext(agent, value, 0, random() * 100);
      for (const score of Object.values(result.importanceScores)) expect(score >= 0 && score <= 1).toBe(true);
      const scored = Object.keys(result.importanceScores);
      for (const key of Object.keys(result.filtered).filter((key) => value[key] !== undefined)) {
        const isEmptied = typeof result.filtered[key] === 'object' && result.filtered[key] !== value[key];
        if (!isEmptied) expect(scored.some((path) => path === key || path.startsWith(`${key}.`))).toBe(true);
      }
    }
  });

  test('of files of the field are higher without a task', async () => {
    const { importanceScores: scores } = await filter(
      { files: { 'a/Login.tsx': parts(3), 'a/notes.txt': parts(3) } },
      { targetReduction: 0 },
      'frontend-specialist',
    );
    expect(scores['files.a/Login.tsx']).toBeGreaterThan(scores['files.a/notes.txt']);
  });

  test('put files of the task before files of the field', async () => {
    const files = { 'a/Login.tsx': parts(9), 'db/migrate.sql': `CREATE TABLE ledger (id INT);\n${parts(9)}` };
    const result = await filter(
      { currentTask: 'The ledger table of db/migrate.sql', files },
      { targetReduction: 0.5 },
      'frontend-specialist',
    );
    expect(Object.keys(result.filtered.files)).toContain('db/migrate.sql');
    expect(jsonTokens(result.filtered)).toBeLessThan(jsonTokens({ files }));
  });
});
