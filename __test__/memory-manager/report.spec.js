/** Reports: JSON, and a picture beside it. */

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { failureOf, useOwnDirectory } = require('../support.js');
const { MB, intoPressure, until, useManagers } = require('./support.js');

const directory = useOwnDirectory();
const { open } = useManagers();
const onUnix = process.platform === 'win32' ? test.skip : test;
const number = expect.any(Number);

const modeOf = (file) => fs.statSync(file).mode & 0o777;
const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
const filesHere = () => fs.readdirSync(directory.path()).sort();

test('a report is JSON under the path given, with a picture beside it', async () => {
  const memory = open({ agentMemoryLimit: 1 });
  memory.registerAgentMemory('frontend-specialist', 2 * MB, 5);
  const given = directory.path('report.json');
  expect(await memory.exportMemoryReport(given)).toBe(given);
  expect(filesHere()).toEqual(['report.json', 'report.svg']);
  const text = fs.readFileSync(given, 'utf8');
  expect(text).toContain('frontend-specialist');
  const report = JSON.parse(text);
  expect(typeof report).toBe('object');
  const svg = fs.readFileSync(directory.path('report.svg'), 'utf8');
  expect(svg).toMatch(/^(<\?xml[^>]*>\s*)?<svg[\s>]/);
  expect(svg.trimEnd()).toMatch(/<\/svg>$/);
  expect(svg).not.toContain('<script');
});

test('it has the figures', async () => {
  const memory = open();
  await until(() => memory.getMemoryHistory().length > 0);
  const text = fs.readFileSync(await memory.exportMemoryReport('report.json'), 'utf8');
  for (const name of ['rss', 'heapUsed', 'limits', 'pressure', 'actions', 'sampling'])
    expect(text).toContain(`"${name}"`);
  for (const word of ['history', 'alerts']) expect(text.toLowerCase()).toContain(word);
});

test('its default path is in the working directory and new each time', async () => {
  const memory = open();
  const before = Date.now();
  const file = await memory.exportMemoryReport();
  expect(path.dirname(file)).toBe(directory.path());
  expect(path.isAbsolute(file)).toBe(true);
  expect(file).toMatch(/\.json$/);
  const stamp = Number(/(\d{13})/.exec(path.basename(file))[1]);
  expect(stamp >= before - 1 && stamp <= Date.now() + 1).toBe(true);
  await until(() => Date.now() > stamp + 1);
  const other = await memory.exportMemoryReport();
  expect(other).not.toBe(file);
  expect(filesHere()).toHaveLength(4);
});

onUnix('its files are readable by the user only, whatever the mask', async () => {
  const before = process.umask(0);
  try {
    await open().exportMemoryReport('report.json');
  } finally {
    process.umask(before);
  }
  expect([modeOf('report.json'), modeOf('report.svg')]).toEqual([0o600, 0o600]);
});

test('a path may be relative, a URL, and have dots and other signs', async () => {
  const memory = open();
  fs.mkdirSync('with space');
  expect(await memory.exportMemoryReport('a.b.json')).toBe(directory.path('a.b.json'));
  expect(await memory.exportMemoryReport('with space/ä 😀.json')).toBe(directory.path('with space', 'ä 😀.json'));
  const url = pathToFileURL(directory.path('of url.json'));
  expect(await memory.exportMemoryReport(url)).toBe(directory.path('of url.json'));
  expect(filesHere()).toEqual(['a.b.json', 'a.b.svg', 'of url.json', 'of url.svg', 'with space']);
  expect(fs.readdirSync('with space').sort()).toEqual(['ä 😀.json', 'ä 😀.svg']);
});

test('the path is that of when it was asked for', async () => {
  const memory = open();
  fs.mkdirSync('other');
  const exported = memory.exportMemoryReport('report.json');
  process.chdir('other');
  try {
    expect(await exported).toBe(directory.path('report.json'));
  } finally {
    process.chdir('..');
  }
  expect(fs.existsSync('report.json')).toBe(true);
});

test.each([
  [5],
  [''],
  ['a\0b.json'],
  [{}],
  [[]],
  [true],
  [Symbol('a')],
  [new URL('https://example.org/report.json')],
])('%p is no path', async (given) => {
  const error = await failureOf(open().exportMemoryReport(given));
  expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
  expect(filesHere()).toEqual([]);
});

describe('what cannot be written', () => {
  test.each([
    ['below a file', () => fs.writeFileSync('file', 'text'), 'file/report.json'],
    ['in a directory that is not there', () => {}, 'missing/report.json'],
    ['where a directory is', () => fs.mkdirSync('report.json'), 'report.json'],
    ['with a name that is too long', () => {}, `${'x'.repeat(5000)}.json`],
  ])('%s is E_IO, and leaves nothing behind', async (_, prepare, given) => {
    prepare();
    const before = fs.readdirSync('.', { recursive: true }).sort();
    const error = await failureOf(open().exportMemoryReport(given));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_IO']);
    expect(fs.readdirSync('.', { recursive: true }).sort()).toEqual(before);
  });

  const asUser = process.platform !== 'win32' && process.getuid() !== 0 ? test : test.skip;
  asUser('a directory that may not be written to is E_IO', async () => {
    fs.mkdirSync('closed', { mode: 0o500 });
    expect((await failureOf(open().exportMemoryReport('closed/report.json'))).code).toBe('E_IO');
  });
});

test('a file that is there is replaced as a whole', async () => {
  const memory = open();
  const file = directory.path('report.json');
  fs.writeFileSync(file, '"before"');
  const seen = new Set();
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      seen.add(typeof readJson(file));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let round = 0; round < 5; round++) {
    await Promise.all([1, 2, 3, 4].map(() => memory.exportMemoryReport(file)));
  }
  isOver = true;
  await reading;
  expect(typeof readJson(file)).toBe('object');
  expect([...seen].every((type) => type === 'string' || type === 'object')).toBe(true);
  expect(filesHere()).toEqual(['report.json', 'report.svg']);
});

test('names of agents are those of the caller, and cannot break out of the picture', async () => {
  const memory = open({ agentMemoryLimit: 1 });
  const names = ['</svg><script>alert(1)</script>', '"&<', '\ud800', '__proto__'];
  for (const name of names) memory.registerAgentMemory(name, 2 * MB, 0);
  const file = await memory.exportMemoryReport('report.json');
  const agents = new Set();
  JSON.stringify(readJson(file), (key, value) => {
    if (key === 'agentId') agents.add(value);
    return value;
  });
  for (const name of ['</svg><script>alert(1)</script>', '"&<', '__proto__']) expect([...agents]).toContain(name);
  const svg = fs.readFileSync('report.svg', 'utf8');
  expect(svg).not.toContain('<script');
  expect(svg.match(/<\/svg>/g)).toHaveLength(1);
});

test('it can be written under pressure and after stop()', async () => {
  const memory = open();
  await intoPressure(memory);
  readJson(await memory.exportMemoryReport('pressure.json'));
  expect(fs.readFileSync('pressure.json', 'utf8')).toContain('throttleAll');
  memory.stop();
  const last = readJson(await memory.exportMemoryReport('stopped.json'));
  expect(last).toEqual(expect.any(Object));
  expect(fs.statSync('stopped.svg').size).toEqual(number);
});
