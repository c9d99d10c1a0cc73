/** What an end of the process in the middle of work does, and a shutdown that not everything takes part in. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { unlessStoodStill } = require('../stand-still.js');
const { run } = require('./child.js');
const { removeTree } = require('../remove.js');

let cacheDir;

beforeEach(() => {
  cacheDir = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-end-'));
});

afterEach(() => {
  removeTree(cacheDir);
});

const end = (scenario, attempt = 1) =>
  run('end.js', [scenario], { env: { CACHE_DIR: path.join(cacheDir, `attempt-${attempt}`) } });

test.each([
  'uncaught',
  'rejected',
])('an error that nobody handles (%s) ends the process as always, and what was stored is there afterwards', async (scenario) => {
  const found = await unlessStoodStill(
    async (attempt) => {
      const ended = await end(scenario, attempt);
      expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
      expect(ended.stderr).toMatch(/Error: of the application\n +at /);
      // A cache by itself is told its directory in code; only the system's is known here.
      return JSON.parse((await end('look', attempt)).stdout)[0];
    },
    (value) => value === 'of a system',
  );
  expect(found).toBe('of a system');
});

test('a handler of the application is the only one, and the system goes on', async () => {
  const ended = await end('handled');
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(ended.lines).toEqual(['handled: of the application', 'listeners: 1, running: true']);
});

test('a shutdown ends by its deadline and names what was not done', async () => {
  const attempt = async (number) => {
    const ended = await end('straggler', number);
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    return ended.lines.map((line) => (line.startsWith('{') ? JSON.parse(line) : line));
  };
  const stragglers = ['optimizeAgentContext of slow'];
  // Each part of the system has a second all the same, and is named too where a disk takes longer.
  const told = await unlessStoodStill(attempt, ([, last]) => last?.shutdown?.length === 1);
  expect(told).toEqual([
    { path: 'shutdown', message: `not done within 0 ms: ${stragglers[0]}`, stragglers },
    { shutdown: stragglers },
    expect.stringMatching(/^(full|E_SHUT_DOWN)$/),
  ]);
});
