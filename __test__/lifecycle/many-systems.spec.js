const fs = require('node:fs');
const { run, reportsIn, ENDED_WELL } = require('./child.js');

const HAS_PROC = fs.existsSync('/proc/self/task');
if (!HAS_PROC) console.warn('skipped: threads and file descriptors are read from /proc, which is not there');
const testWithProc = HAS_PROC ? test : test.skip;

/**
 * MB that the process may grow by over 800 systems. One system holds about 80 KB, so keeping them shows as 60 MB and
 * more, and keeping half of each is seen. What the allocator takes for itself levels off after some 3,000 systems; from
 * the 1,000th to the 1,800th it was measured at 1 to 15 MB.
 */
const RSS_GROWTH_MB = 30;

/** Only catches hangs. Systems that are shut down write to the disk each: half a minute in all, and minutes where others do too. */
const PATIENCE_MS = 600_000;

async function runMany(fate, ...collect) {
  const options = { nodeArgs: ['--expose-gc'], hangMs: PATIENCE_MS };
  const { stdout, files, ...ended } = await run('many-systems.js', [fate, ...collect], options);
  expect(ended).toMatchObject(ENDED_WELL);
  return { ...JSON.parse(stdout), reports: reportsIn(files).length };
}

/** Both fates at once, each in a process of its own. Asked for by the first test that needs them. */
const both = (...collect) => {
  let runs;
  return async (fate) => {
    runs ??= Promise.all(['shut down', 'forget'].map(async (each) => [each, await runMany(each, ...collect)]));
    return Object.fromEntries(await runs)[fate];
  };
};

const runOf = both();
const collectedRunOf = both('collect');

describe.each([
  ['shut down', 1800],
  ['forget', 0],
])('of 1,800 systems, used once each, from the 1,000th on (%s)', (fate, reports) => {
  let before;
  let after;
  let written;

  beforeAll(async () => {
    ({ before, after, reports: written } = await runOf(fate));
  }, PATIENCE_MS);

  test('every one that was shut down wrote its report', () => {
    expect(written).toBe(reports);
  });

  testWithProc('no thread is left', () => {
    expect(after.threads).toBeLessThanOrEqual(before.threads);
    expect(after.samplers).toBeLessThanOrEqual(1);
  });

  testWithProc('no file descriptor is left', () => {
    expect(after.fds).toBeLessThanOrEqual(before.fds);
  });

  test.each(['handles', 'requests', 'resources', 'listeners'])('none of the %s of Node is left', (figure) => {
    expect(after[figure]).toBeLessThanOrEqual(before[figure]);
  });

  test('no object is left', () => {
    // The last one may still be on a stack.
    expect(after.alive).toBeLessThanOrEqual(1);
  });

  if (fate === 'shut down') {
    test('no memory is left: shutdown() gives it back without waiting for the garbage collector', () => {
      expect(after.rssMb - before.rssMb).toBeLessThan(RSS_GROWTH_MB);
    });
  }
});

/** Memory alone says little of what is forgotten: V8 does not know how much native memory waits for a collection. */
test.each(['shut down', 'forget'])(
  'memory does not grow when garbage is collected (%s)',
  async (fate) => {
    const { before, after } = await collectedRunOf(fate);
    expect(after.rssMb - before.rssMb).toBeLessThan(RSS_GROWTH_MB);
  },
  PATIENCE_MS,
);

test('caches that are forgotten are not kept', async () => {
  const { stdout, ...ended } = await run('many-caches.js', [], { nodeArgs: ['--expose-gc'] });
  expect(ended).toMatchObject(ENDED_WELL);
  // The last one may still be on a stack.
  expect(Number(stdout)).toBeLessThanOrEqual(1);
});
