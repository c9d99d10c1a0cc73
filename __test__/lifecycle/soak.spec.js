/** The soak of `benches/`, short: that it runs, that everything holds, and that it would say so if it did not. */

const path = require('node:path');
const { ROOT, useOwnDirectory } = require('../support.js');
const { node } = require('../processes.js');

const directory = useOwnDirectory();
const SOAK = path.join(ROOT, 'benches', 'soak.mjs');
const MODULES = path.join(ROOT, 'benches', 'soak');

const soak = (...args) => node(['--expose-gc', SOAK, ...args], { cwd: directory.path() });

test('ten agents, caches and faults for some seconds: everything holds', async () => {
  const { code, signal, stdout } = await soak('--minutes', '0.15', '--seed', '7', '--json');
  const { violations, ok, seed, counts, samples } = JSON.parse(stdout);
  expect(violations).toEqual({});
  expect({ code, signal, ok, seed }).toEqual({ code: 0, signal: null, ok: true, seed: 7 });
  // It is no soak if nothing happened.
  expect(samples.length).toBeGreaterThan(2);
  expect(counts['contexts optimized']).toBeGreaterThan(20);
  expect(counts['checked: what deltas make is the context itself']).toBeGreaterThan(5);
  expect(counts['checked: what deltas make is what the filter kept']).toBeGreaterThan(5);
  expect(counts['checked: cache: hits + misses are the lookups']).toBeGreaterThan(5);
  expect(Object.keys(counts).some((what) => what.startsWith('fault: '))).toBe(true);
});

test.each([
  [['--minutes', 'long']],
  [['--minutes', '0']],
  [['--seed', 'x']],
  [['--no-such-option']],
])('refuses %j', async (args) => {
  const { code, stdout, stderr } = await soak(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^soak: /);
});

describe('a figure that', () => {
  const trendOf = async (figure, valueAt) => {
    const samples = Array.from({ length: 300 }, (_, seconds) => ({ seconds, [figure]: valueAt(seconds) }));
    const { stdout } = await node(
      [
        '--input-type=module',
        '-e',
        `import { trends } from ${JSON.stringify(path.join(MODULES, 'trend.mjs'))};
         console.log(JSON.stringify(trends(${JSON.stringify(samples)})));`,
      ],
      { cwd: directory.path() },
    );
    return JSON.parse(stdout)[figure].grows;
  };

  test.each([
    ['stays', 'fds', () => 50, false],
    ['goes up and down', 'fds', (at) => 50 + (at % 40), false],
    ['has one peak', 'rssMb', (at) => (at > 200 && at < 230 ? 900 : 200), false],
    ['warms up', 'rssMb', (at) => Math.min(at, 90) * 5, false],
    ['grows', 'fds', (at) => 50 + at / 3, true],
    ['grows beside its noise', 'rssMb', (at) => 200 + at / 2 + (at % 7) * 10, true],
    ['grows late', 'heapMb', (at) => 10 + Math.max(0, at - 150) / 4, true],
  ])('%s', async (_, figure, valueAt, grows) => {
    expect(await trendOf(figure, valueAt)).toBe(grows);
  });
});
