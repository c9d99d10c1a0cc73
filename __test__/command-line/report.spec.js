'use strict';

/** The command `report` with a name and a format of the caller's. */

const fs = require('node:fs');
const { NOBODY, REFUSED, WELL, asOther, linesOf, runAs, useCommandLine } = require('./support.js');

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
  ['report.htm', [], /^<!doctype html>/i],
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

test('any other ending is JSON', async () => {
  expect(await cli(['report', '--output', 'report.txt'])).toMatchObject(WELL);
  expect(JSON.parse(fs.readFileSync('report.txt', 'utf8'))).toMatchObject({ environment: 'development' });
});

test('a refusal names the options of the command and what is in the way, and no file of its own', async () => {
  fs.writeFileSync('report.json', 'mine');
  fs.mkdirSync('pages');
  fs.symlinkSync('report.json', 'link');
  const before = fs.readdirSync(directory.path());
  for (const [args, message] of [
    [['report.json'], /^E_EXISTS: .*report\.json: .*--force/],
    [['pages'], /^E_IO: .*pages: it is there and not a regular file/],
    [['pages', '--force'], /^E_IO: .*pages: it is there and not a regular file/],
    [['link', '--force'], /^E_IO: .*link: it is there and not a regular file/],
    [['no/where.json'], /^E_IO: .*no\/where\.json: there is no directory .*no$/],
    [['report.json/where.json'], /^E_IO: .*where\.json: .*report\.json is not a directory$/],
    [
      ['report.json/a/where.json'],
      /^E_IO: .*where\.json: there is no directory .*report\.json\/a, as what is above it is not /,
    ],
    [[''], /^E_INVALID_ARGUMENT: --output/],
  ]) {
    const { stderr, ...rest } = await cli(['report', '--output', ...args]);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
    expect(stderr).not.toContain('.tmp');
  }
  expect(fs.readdirSync(directory.path())).toEqual(before);
});

asOther('a directory that this user may not write into is refused by its name', async () => {
  fs.chmodSync(directory.path(), 0o755);
  const { code, stderr } = await runAs(NOBODY, ['report', '--output', 'report.json'], { cwd: directory.path() });
  expect([code, linesOf(stderr)]).toEqual([
    3,
    [expect.stringMatching(/^E_IO: .*report\.json: this user may not write into [^.]*$/)],
  ]);
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
