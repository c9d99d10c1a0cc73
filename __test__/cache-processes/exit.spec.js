const { usePeers, runScript } = require('./peers.js');

const peers = usePeers();

/** Lets a process store and end; what it says is in the result. */
function ended(storing, ending, signal) {
  const onLine = (line, child) => {
    if (line === 'stored') child.kill(signal);
  };
  return runScript('ending.js', [storing, ending, peers.path('cache')], { cwd: peers.path(), onLine });
}

/** What the next process finds. */
const found = (key = 'key') => peers.peer().get(key);

const BY_ITSELF = { code: 0, signal: null, stderr: '' };

describe('what was stored is there in the next process after', () => {
  const STORING = ['set', 'set, not awaited', 'many sets', 'durable set', 'computed value', 'system: set'];

  test.each(STORING)('a natural end: %s', async (storing) => {
    expect(await ended(storing, 'natural end')).toMatchObject(BY_ITSELF);
    expect(await found()).toBe('value');
  });

  test.each(STORING)('process.exit(): %s', async (storing) => {
    expect(await ended(storing, 'process.exit()')).toMatchObject({ code: 3, signal: null, stderr: '' });
    expect(await found()).toBe('value');
  });

  test.each(STORING)('an uncaught exception: %s', async (storing) => {
    const { code, stderr } = await ended(storing, 'an uncaught exception');
    expect(code).toBe(1);
    expect(stderr).toContain('Error: of the application');
    expect(await found()).toBe('value');
  });

  test('stop()', async () => {
    expect(await ended('set and stop', 'process.exit()')).toMatchObject({ code: 3 });
    expect(await found()).toBe('value');
  });

  test.each([
    ['SIGKILL', 'durable set'],
    ['SIGKILL', 'many sets and flush'],
    ['SIGKILL', 'system: durable set'],
    ['SIGTERM', 'durable set'],
    ['SIGTERM', 'many sets and flush'],
    ['SIGINT', 'many sets and flush'],
    ['SIGTERM', 'system: many sets and flush'],
    // Where a system ends the process, in its own time, there is time for what waits in other caches.
    ['SIGTERM', 'system: many sets'],
    ['SIGINT', 'system: many sets'],
  ])('%s: %s', async (signal, storing) => {
    expect(await ended(storing, 'a signal', signal)).toMatchObject({ code: null, signal, stderr: '' });
    expect(await found()).toBe('value');
    if (storing.includes('many')) {
      const keys = Array.from({ length: 2000 }, (_, index) => `key-${index}`);
      const values = await peers.peer().call('getMany', keys);
      expect(values.filter((value) => value === null)).toEqual([]);
    }
  });
});

test.each(['SIGTERM', 'SIGINT'])('what a system stored is there in the next process after %s', async (signal) => {
  await ended('system: set', 'a signal', signal);
  const { lines, ...reader } = await ended('read', 'of a system');
  expect(reader).toEqual(BY_ITSELF);
  expect(lines).toEqual(['response']);
});

test('a deletion is there after the end as well', async () => {
  for (const ending of ['natural end', 'process.exit()', 'an uncaught exception']) {
    await ended('set and delete', ending);
    expect(await found()).toBeNull();
  }
});

describe('a process ends by itself, without a word, after it made and forgot', () => {
  test.each([
    'a cache',
    'a cache without a disk',
    'a cache with listeners',
    'a cache that was used',
    'a hundred caches',
    'a cache that cannot use its disk',
    'a stopped cache',
    'a computation that nobody waits for',
  ])('%s', async (what) => {
    expect(await ended('forget', what)).toEqual({ ...BY_ITSELF, lines: [] });
  });
});
