const { unlessStoodStill } = require('../stand-still.js');
const { usePeers, runScript } = require('./peers.js');

const peers = usePeers();

const directoryOf = (attempt) => peers.path(`cache-${attempt}`);

/** Lets a process store and end; what it says is in the result. */
function ended(storing, ending, { signal, attempt = 1 } = {}) {
  const onLine = (line, child) => {
    if (line === 'stored') child.kill(signal);
  };
  return runScript('ending.js', [storing, ending, directoryOf(attempt)], { cwd: peers.path(), onLine });
}

const next = (attempt = 1) => peers.peer({ cacheDir: directoryOf(attempt) });

/** What the next process finds. */
const found = (attempt) => next(attempt).get('key');

/**
 * That the value is there after the end that `end(attempt)` makes and checks. What was `written` before must be, however slow
 * the machine is; for the rest a process has its two seconds.
 */
async function expectKept(written, end) {
  let last;
  const attempt = async (number) => {
    last = number;
    await end(number);
    return found(number);
  };
  expect(await (written ? attempt(1) : unlessStoodStill(attempt, (value) => value === 'value'))).toBe('value');
  return next(last);
}

const BY_ITSELF = { code: 0, signal: null, stderr: '' };

describe('what was stored is there in the next process after', () => {
  const STORING = [
    { storing: 'set', written: false },
    { storing: 'set, not awaited', written: false },
    { storing: 'many sets', written: false },
    { storing: 'durable set', written: true },
    { storing: 'computed value', written: false },
    { storing: 'system: set', written: false },
  ];

  test.each(STORING)('a natural end: $storing', async ({ storing, written }) => {
    await expectKept(written, async (attempt) => {
      expect(await ended(storing, 'natural end', { attempt })).toMatchObject(BY_ITSELF);
    });
  });

  test.each(STORING)('process.exit(): $storing', async ({ storing, written }) => {
    const byCode = { code: 3, signal: null, stderr: '' };
    await expectKept(written, async (attempt) => {
      expect(await ended(storing, 'process.exit()', { attempt })).toMatchObject(byCode);
    });
  });

  test.each(STORING)('an uncaught exception: $storing', async ({ storing, written }) => {
    await expectKept(written, async (attempt) => {
      const { code, stderr } = await ended(storing, 'an uncaught exception', { attempt });
      expect(code).toBe(1);
      expect(stderr).toContain('Error: of the application');
    });
  });

  test('stop()', async () => {
    expect(await ended('set and stop', 'process.exit()')).toMatchObject({ code: 3 });
    expect(await found()).toBe('value');
  });

  test.each([
    { signal: 'SIGKILL', storing: 'durable set', written: true },
    { signal: 'SIGKILL', storing: 'many sets and flush', written: true },
    { signal: 'SIGKILL', storing: 'system: durable set', written: true },
    { signal: 'SIGTERM', storing: 'durable set', written: true },
    { signal: 'SIGTERM', storing: 'many sets and flush', written: true },
    { signal: 'SIGINT', storing: 'many sets and flush', written: true },
    { signal: 'SIGTERM', storing: 'system: many sets and flush', written: true },
    // Where a system ends the process, in its own time, there is time for what waits in other caches.
    { signal: 'SIGTERM', storing: 'system: many sets', written: false },
    { signal: 'SIGINT', storing: 'system: many sets', written: false },
  ])('$signal: $storing', async ({ signal, storing, written }) => {
    const bySignal = { code: null, signal, stderr: '' };
    const peer = await expectKept(written, async (attempt) => {
      expect(await ended(storing, 'a signal', { signal, attempt })).toMatchObject(bySignal);
    });
    if (storing.includes('many')) {
      const keys = Array.from({ length: 2000 }, (_, index) => `key-${index}`);
      const values = await peer.call('getMany', keys);
      expect(values.filter((value) => value === null)).toEqual([]);
    }
  });
});

test.each(['SIGTERM', 'SIGINT'])('what a system stored is there in the next process after %s', async (signal) => {
  const { lines, ...reader } = await unlessStoodStill(
    async (attempt) => {
      await ended('system: set', 'a signal', { signal, attempt });
      return ended('read', 'of a system', { attempt });
    },
    (read) => read.lines[0] === 'response',
  );
  expect(reader).toEqual(BY_ITSELF);
  expect(lines).toEqual(['response']);
});

test.each([
  'natural end',
  'process.exit()',
  'an uncaught exception',
])('a deletion is there after the end as well: %s', async (ending) => {
  const attempt = async (number) => {
    await ended('set and delete', ending, { attempt: number });
    return found(number);
  };
  expect(await unlessStoodStill(attempt, (value) => value === null)).toBeNull();
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
