const { usePeers, runScript } = require('./peers.js');

const peers = usePeers();

/** What the threads of a process saw that ended well, by itself. */
async function threads(scenario) {
  const { lines, ...ended } = await runScript('threads.js', [scenario, peers.path('cache')], { cwd: peers.path() });
  expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(lines.at(-1));
}

/** How workers end that are terminated: 1, or 0 when they were not running JavaScript; never with an error. */
const isTermination = (end) => end === 0 || end === 1;

test('threads with the same directory and namespace have one memory', async () => {
  const { values, hits, ended } = await threads('share');
  expect(values).toEqual([{ of: 'one' }, { of: 'one' }, { of: 'other' }, { of: 'other' }, null]);
  expect(hits).toEqual({ l1: 2, l2: 0, l3: 0 });
  expect(ended).toEqual([0, 0]);
});

test('threads with other namespaces have memories of their own', async () => {
  expect(await threads('apart')).toEqual({ values: [1, null], ended: [0, 0] });
});

test('in reference mode each thread sees at once what another one stored in place of a value', async () => {
  expect(await threads('reference')).toEqual({ seen: true, ended: [0, 0] });
});

test('a thread that stops its cache leaves the others theirs, with what it stored', async () => {
  expect(await threads('stop')).toEqual({ values: [1, 2, 3], ended: [0, 0] });
  const reader = peers.peer();
  expect(await reader.call('getMany', ['of one', 'of the other', 'later'])).toEqual([1, 2, 3]);
});

test('twenty threads that are terminated in mid-work leave the cache as it is', async () => {
  const { values, codes } = await threads('terminated in mid-work');
  expect(codes).toHaveLength(20);
  expect(codes.filter((code) => !isTermination(code))).toEqual([]);
  expect(values).toEqual([19, 50_000]);
  expect(await peers.peer().get('of main')).toBe(19);
});

test('threads that are terminated all at once do as well', async () => {
  const { values, codes } = await threads('terminated all at once');
  expect(codes.filter((code) => !isTermination(code))).toEqual([]);
  expect(values).toEqual([1]);
});

test('a computation whose thread was terminated is taken over by another thread', async () => {
  expect(await threads('terminated while it computes')).toEqual({ values: ['of main'], ended: [] });
});
