'use strict';

/** The page of the benchmarks: what it says follows from the results, and nothing in them tells where they were made. */

const os = require('node:os');
const path = require('node:path');
const { ROOT, runNode } = require('./support.js');

const MODULES = path.join(ROOT, 'benches', 'plots');
const PAGE = ['machine', 'summary', 'missed', 'details']
  .map((part) => `<!-- ${part} -->\nSTALE\n<!-- end -->`)
  .join('\n');

const machine = { cpu: 'one', cores: 2, memoryBytes: 8e9, load: 0.5, os: 'Linux', node: 'v20.0.0' };
const target = (name, met) => ({ name, value: met ? 1 : 3, bound: '<=', limit: 2, unit: 'ms', met });
const benchmark = (name, ...targets) => ({
  ...{ name, title: `what ${name} measures`, machine, date: '2026-01-01T00:00:00.000Z', options: [], targets },
  results: { rows: [{ what: 'a | b', ms: 1 }] },
  notes: [`folder: ${path.join(os.tmpdir(), 'secret')} (in memory)`],
});
const report = (...benchmarks) => ({ machine, benchmarks });

const evaluate = (expression) =>
  runNode(
    `import { pageOf } from ${JSON.stringify(path.join(MODULES, 'page.mjs'))};
     import { entriesOf, merged, serialized } from ${JSON.stringify(path.join(MODULES, 'record.mjs'))};
     console.log(JSON.stringify(${expression}));`,
    { module: true },
  );

const LAYOUT = {
  rows: {
    title: 'rows',
    columns: [
      { key: 'what', title: 'what' },
      { key: 'ms', title: 'ms' },
    ],
  },
};
const pageOf = (results, page = PAGE) =>
  evaluate(`pageOf(${JSON.stringify(page)}, ${JSON.stringify(results)}, new Map([['fast', [{ file: 'fast.svg', title: 'how fast' }]]]),
    ${JSON.stringify({ fast: LAYOUT, slow: LAYOUT })})`);
const versions = { package: '1.0.0', peers: { peer: '2.0.0' } };

test('missed targets are listed, met ones are not', async () => {
  const benchmarks = [benchmark('fast', target('quick', true)), benchmark('slow', target('sluggish', false))];
  const page = await pageOf({ versions, failed: [], benchmarks });
  const part = (name) => page.split(`<!-- ${name} -->`)[1].split('<!-- end -->')[0];
  expect(part('summary')).toMatch('1 of 2 targets are met.');
  expect(part('missed')).toMatch('| slow | sluggish | 3 ms | ≤ 2 ms |');
  expect(part('missed')).not.toMatch('quick');
  expect(part('details')).toMatch('![how fast](benchmarks/fast.svg)');
  expect(part('details')).toMatch('| a \\| b | 1 |');
  expect(part('machine')).toMatch('peer 2.0.0');
  expect(page).not.toMatch('STALE');
});

test('a benchmark that failed is named', async () => {
  const failed = [{ name: 'slow', reason: 'status 1' }];
  expect(await pageOf({ versions, failed, benchmarks: [benchmark('fast')] })).toMatch(
    '`slow` ended with an error: status 1',
  );
});

test('a benchmark without results is named', async () => {
  expect(await pageOf({ versions, failed: [], benchmarks: [benchmark('fast')] })).toMatch(
    'Not in these results: `slow`.',
  );
});

test('a busy machine is said', async () => {
  const busy = { ...benchmark('fast'), machine: { ...machine, load: 5 } };
  expect(await pageOf({ versions, failed: [], benchmarks: [busy] })).toMatch('busy');
  expect(await pageOf({ versions, failed: [], benchmarks: [benchmark('fast')] })).not.toMatch('busy');
});

test('a page without a mark is refused', async () => {
  await expect(pageOf({ versions, failed: [], benchmarks: [] }, 'nothing')).rejects.toThrow('the page has no');
});

test('folders of this machine are left out of what is kept', async () => {
  const folder = '/srv/data';
  const given = { ...benchmark('fast'), notes: [`${folder}/runs: 3`, `under ${os.tmpdir()}/x, read`] };
  const [entry] = await evaluate(`entriesOf(${JSON.stringify(report(given))}, { folders: ['${folder}'] })`);
  expect(entry.notes).toEqual(['…: 3', 'under …, read']);
});

test('a new entry takes the place of its name, in the order of the benchmarks', async () => {
  const old = {
    failed: [{ name: 'slow', reason: 'x' }],
    benchmarks: [
      { name: 'slow', at: 1 },
      { name: 'gone', at: 1 },
    ],
  };
  const both = await evaluate(
    `merged(${JSON.stringify(old)}, ['fast', 'slow'], [{ name: 'slow', at: 2 }, { name: 'fast', at: 2 }])`,
  );
  expect(both.benchmarks).toEqual([
    { name: 'fast', at: 2 },
    { name: 'slow', at: 2 },
  ]);
  expect(both.failed).toEqual([]);
  const failed = await evaluate(`merged(${JSON.stringify(old)}, ['slow'], [], [{ name: 'slow', reason: 'y' }])`);
  expect(failed).toMatchObject({ benchmarks: [{ name: 'slow', at: 1 }], failed: [{ name: 'slow', reason: 'y' }] });
});

test('figures are kept with five digits, counts as they are', async () => {
  expect(JSON.parse(await evaluate('serialized({ ms: 0.123456789, bytes: 123456789 })'))).toEqual({
    ms: 0.12346,
    bytes: 123456789,
  });
});
