const { unlessSlow } = require('../processes.js');
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

/** That the value is there after the end that `end()` makes and checks. What was durable must be, however slow the machine is. */
async function expectKept(storing, end) {
  const attempt = async () => {
    await end();
    return found();
  };
  const isWritten = /durable|flush/.test(storing);
  expect(await (isWritten ? attempt() : unlessSlow(attempt, (value) => value === 'value'))).toBe('value');
}

const BY_ITSELF = { code: 0, signal: null, stderr: '' };

describe('what was stored is there in the next process after', () => {
  const STORING = ['set', 'set, not awaited', 'many sets', 'durable set', 'computed value', 'system: set'];

  test.each(STORING)('a natural end: %s', async (storing) => {
    await expectKept(storing, async () => expect(await ended(storing, 'natural end')).toMatchObject(BY_ITSELF));
  });

  test.each(STORING)('process.exit(): %s', async (storing) => {
    const byCode = { code: 3, signal: null, stderr: '' };
    await expectKept(storing, async () => expect(await ended(storing, 'process.exit()')).toMatchObject(byCode));
  });

  test.each(STORING)('an uncaught exception: %s', async (storing) => {
    await expectKept(storing, async () => {
      const { code, stderr } = await ended(storing, 'an uncaught exception');
      expect(code).toBe(1);
      expect(stderr).toContain('Error: of the application');
    });
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
    const bySignal = { code: null, signal, stderr: '' };
    await expectKept(storing, async () => expect(await ended(storing, 'a signal', signal)).toMatchObject(bySignal));
    if (storing.includes('many')) {
      const keys = Array.from({ length: 2000 }, (_, index) => `key-${index}`);
      const values = await peers.peer().call('getMany', keys);
      expect(values.filter((value) => value === null)).toEqual([]);
    }
  });
});

test.each(['SIGTERM', 'SIGINT'])('what a system stored is there in the next process after %s', async (signal) => {
  const { lines, ...reader } = await unlessSlow(
    async () => {
      await ended('system: set', 'a signal', signal);
      return ended('read', 'of a system');
    },
    (read) => read.lines[0] === 'response',
  );
  expect(reader).toEqual(BY_ITSELF);
  expect(lines).toEqual(['response']);
});

test('a deletion is there after the end as well', async () => {
  for (const ending of ['natural end', 'process.exit()', 'an uncaught exception']) {
    const attempt = async () => {
      await ended('set and delete', ending);
      return found();
    };
    expect(await unlessSlow(attempt, (value) => value === null)).toBeNull();
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
