'use strict';

/** The command `report` with a name and a format of the caller's. */

const fs = require('node:fs');
const { REFUSED, WELL, linesOf, useCommandLine } = require('./support.js');

const { cli, directory } = useCommandLine();

test('--html writes a page', async () => {
  const { stdout, ...rest } = await cli(['report', '--html']);
  expect(rest).toEqual(WELL);
  const [file] = linesOf(stdout);
  expect(file).toMatch(/optimization-report-\d+\.html$/);
  expect(fs.readFileSync(file, 'utf8')).toMatch(/^<!doctype html>/i);
});

test.each([
  ['report.json', [], /^\{/],
  ['report.html', [], /^<!doctype html>/i],
  ['page.html', ['--html'], /^<!doctype html>/i],
])('--output %s %j writes what it says', async (name, flags, start) => {
  const { stdout, ...rest } = await cli(['report', '--output', name, ...flags]);
  expect(rest).toEqual(WELL);
  expect(linesOf(stdout)).toEqual([directory.path(name)]);
  expect(fs.readFileSync(name, 'utf8')).toMatch(start);
  expect(fs.readdirSync(directory.path())).toEqual([name]);
});

test('a file that is there stays, unless --force', async () => {
  fs.writeFileSync('report.json', 'mine');
  const refused = await cli(['report', '--output', 'report.json']);
  expect(refused).toMatchObject(REFUSED);
  expect(linesOf(refused.stderr)).toEqual([expect.stringMatching(/^E_\w+: .*report\.json/)]);
  expect(fs.readFileSync('report.json', 'utf8')).toBe('mine');
  const { stdout, ...rest } = await cli(['report', '--output', 'report.json', '--force']);
  expect(rest).toEqual(WELL);
  expect(JSON.parse(fs.readFileSync('report.json', 'utf8'))).toMatchObject({ environment: 'development' });
});

test.each([
  ['a directory', ['--output', '.'], /^E_\w+: /],
  ['a directory that is not there', ['--output', 'nowhere/report.json'], /^E_\w+: .*nowhere/],
  ['--force alone', ['--force'], /^E_INVALID_ARGUMENT: --force needs --output$/],
])('%s is refused', async (_, flags, message) => {
  const { stderr, ...rest } = await cli(['report', ...flags]);
  expect(rest).toEqual(REFUSED);
  expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
  expect(fs.readdirSync(directory.path())).toEqual([]);
});
