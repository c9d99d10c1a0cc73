/** Reports as files: where they are, what is never lost, what is refused. */

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { OptimizationOrchestrator } = require('../../index.js');
const { IN_MEMORY, failureOf, useOwnDirectory, useSystems } = require('../support.js');

const directory = useOwnDirectory();
const { open, own } = useSystems();

const isPosix = process.platform !== 'win32';
const read = (file) => fs.readFileSync(file, 'utf8');
const files = () => fs.readdirSync(directory.path()).sort();

test.each([
  ['a system', () => open(IN_MEMORY), 'generateSystemReport'],
  ['an orchestrator', () => own(new OptimizationOrchestrator(IN_MEMORY)), 'generateOptimizationReport'],
])('%s without options writes a new file with a stamp each time', async (_, make, method) => {
  const made = await make();
  const written = await Promise.all([made[method](), made[method](), made[method]({})]);
  expect(new Set(written).size).toBe(3);
  for (const file of written) {
    expect(path.basename(file)).toMatch(/^optimization-report-\d{13}\.json$/);
    expect(JSON.parse(read(file)).environment).toBe('development');
  }
});

test('a format alone decides the ending', async () => {
  const system = await open(IN_MEMORY);
  expect(path.basename(await system.generateSystemReport({ format: 'html' }))).toMatch(
    /^optimization-report-\d{13}\.html$/,
  );
});

test.each([
  ['report.json', undefined, '{'],
  ['report.html', undefined, '<!DOCTYPE html>'],
  ['report.HTM', undefined, '<!DOCTYPE html>'],
  ['report.txt', undefined, '{'],
  ['page.txt', 'html', '<!DOCTYPE html>'],
  ['data.html', 'json', '{'],
])('%s with format %p begins with %s', async (name, format, beginning) => {
  const system = await open(IN_MEMORY);
  const file = await system.generateSystemReport({ path: name, format });
  expect(file).toBe(directory.path(name));
  expect(read(file).startsWith(beginning)).toBe(true);
});

test('a path may be a file: URL, and undefined and null are the defaults', async () => {
  const system = await open(IN_MEMORY);
  const url = pathToFileURL(directory.path('by-url.json'));
  expect(await system.generateSystemReport({ path: url, format: null, overwrite: null })).toBe(
    directory.path('by-url.json'),
  );
});

test('what is there is refused, unless it may be replaced', async () => {
  const system = await open(IN_MEMORY);
  fs.writeFileSync(directory.path('taken.json'), 'mine');
  const error = await failureOf(system.generateSystemReport({ path: 'taken.json' }));
  expect(error).toMatchObject({ code: 'E_EXISTS', message: expect.stringContaining('taken.json') });
  expect(read(directory.path('taken.json'))).toBe('mine');
  await system.generateSystemReport({ path: 'taken.json', overwrite: true });
  expect(JSON.parse(read(directory.path('taken.json'))).environment).toBe('development');
  expect(files()).toEqual(['taken.json']);
});

test('two at once with one path: one is written, the other refused', async () => {
  const system = await open(IN_MEMORY);
  const path = 'same.json';
  const results = await Promise.allSettled(Array.from({ length: 4 }, () => system.generateSystemReport({ path })));
  const refused = results.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(3);
  for (const { reason } of refused) expect(reason.code).toBe('E_EXISTS');
  expect(files()).toEqual(['same.json']);
});

test('a directory is refused with and without overwrite, and stays', async () => {
  const system = await open(IN_MEMORY);
  fs.mkdirSync(directory.path('folder.json'));
  const without = await failureOf(system.generateSystemReport({ path: 'folder.json' }));
  const over = await failureOf(system.generateSystemReport({ path: 'folder.json', overwrite: true }));
  expect([without.code, over.code]).toEqual(['E_EXISTS', 'E_IO']);
  expect(fs.statSync(directory.path('folder.json')).isDirectory()).toBe(true);
  expect(files()).toEqual(['folder.json']);
});

test('a directory that is not there is an error and is not made', async () => {
  const system = await open(IN_MEMORY);
  const error = await failureOf(system.generateSystemReport({ path: 'no/such/report.html' }));
  expect(error).toMatchObject({ code: 'E_IO', message: expect.stringContaining('report.html') });
  expect(files()).toEqual([]);
});

(isPosix ? test : test.skip)('files are for their owner only, and a link is not followed to a new place', async () => {
  const system = await open(IN_MEMORY);
  const made = [
    await system.generateSystemReport(),
    await system.generateSystemReport({ path: 'a.html' }),
    await system.generateSystemReport({ path: 'a.html', overwrite: true }),
  ];
  for (const file of made) expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  fs.symlinkSync(directory.path('nowhere.json'), directory.path('link.json'));
  expect((await failureOf(system.generateSystemReport({ path: 'link.json' }))).code).toBe('E_EXISTS');
  expect(fs.existsSync(directory.path('nowhere.json'))).toBe(false);
});

test.each([
  [{ path: 5 }, 'options.path'],
  [{ path: '' }, 'options.path'],
  [{ path: 'a\0b' }, 'options.path'],
  [{ path: new URL('http://localhost/report.json') }, 'options.path'],
  [{ format: 'pdf' }, 'options.format'],
  [{ format: 'HTML' }, 'options.format'],
  [{ overwrite: 'yes' }, 'options.overwrite'],
  ['report.json', 'options'],
  [7, 'options'],
])('%p is refused and names %s', async (options, name) => {
  const system = await open(IN_MEMORY);
  expect(await failureOf(system.generateSystemReport(options))).toMatchObject({
    code: 'E_INVALID_ARGUMENT',
    message: expect.stringContaining(name),
  });
  expect(files()).toEqual([]);
});

test('reportGenerated tells the path of what was written, and only that', async () => {
  const system = await open(IN_MEMORY);
  const heard = [];
  system.on('reportGenerated', (event) => heard.push(event));
  const file = await system.generateSystemReport({ path: 'told.html' });
  await failureOf(system.generateSystemReport({ path: 'told.html' }));
  expect(heard).toEqual([{ path: file }]);
});

test('nothing is written before a system runs and after', async () => {
  const system = await open(IN_MEMORY);
  await system.shutdown();
  const before = files();
  expect((await failureOf(system.generateSystemReport({ path: 'late.json' }))).code).toBe('E_SHUT_DOWN');
  for (const method of ['getOptimizationStats', 'getOptimizationRecommendations']) {
    expect(() => system[method]()).toThrow(expect.objectContaining({ code: 'E_SHUT_DOWN' }));
  }
  expect(files()).toEqual(before);
});
