const { run, reportsIn, ENDED_WELL } = require('./child.js');

/** What the scenario's workers did, of a process that ended well and whose main thread worked afterwards. */
async function ends(scenario) {
  const ended = await run('workers.js', [scenario]);
  expect(ended).toMatchObject(ENDED_WELL);
  const { mainWorksAfterwards, ends } = JSON.parse(ended.stdout);
  expect(mainWorksAfterwards).toBe(true);
  return { ends, reports: reportsIn(ended.files).length };
}

const repeat = (number, value) => Array.from({ length: number }, () => value);

const WORKED = { code: 0, messages: [{ currentTask: 'fix the button', cached: true }] };
const SHUT_DOWN = { code: 0, messages: [{ handlers: 0, status: false }] };
const FINISHED = { code: 0, messages: [{ finished: 'render everything' }] };
/** How workers end that are terminated: 1, or 0 when they were not running JavaScript; never with an error. */
const isTermination = (end) => end === 0 || end === 1;

describe('the addon loads in a worker, which works and ends by itself', () => {
  test.each([
    ['worker before main', [WORKED, true]],
    ['worker after main', [true, WORKED]],
    ['both at once', [true, WORKED]],
    ['eight at once', repeat(8, WORKED)],
    ['eight in turn', repeat(8, WORKED)],
  ])('%s', async (scenario, expected) => {
    expect((await ends(scenario)).ends).toEqual(expected);
  });
});

test('systems in workers shut down properly', async () => {
  expect(await ends('shut down')).toEqual({ ends: repeat(4, SHUT_DOWN), reports: 4 });
});

test('a worker that has nothing more to do finishes work under way before it ends', async () => {
  expect((await ends('ends while work is under way')).ends).toEqual(repeat(2, FINISHED));
});

describe('twenty workers are terminated and the main thread goes on', () => {
  test.each([
    'terminated at once',
    'terminated while loading',
    'terminated while starting',
    'terminated in mid-work',
    'terminated in mid-shutdown',
  ])('%s', async (scenario) => {
    expect((await ends(scenario)).ends.map(isTermination)).toEqual(repeat(20, true));
  });

  test('while work of the main thread is under way', async () => {
    const { ends: found } = await ends('terminated while main works');
    expect(found.slice(0, 20).map(isTermination)).toEqual(repeat(20, true));
    expect(found.slice(20)).toEqual(repeat(3, true));
  });
});

describe('a worker in mid-work', () => {
  test('ends by process.exit() with its code', async () => {
    expect((await ends('process.exit() in mid-work')).ends).toEqual(repeat(4, { code: 5, messages: [] }));
  });

  test.each([
    ['exception in mid-work', 'Error: of the application'],
    ['exception in mid-work, later', 'TypeError: of the application, later'],
  ])('ends by an uncaught exception: %s', async (scenario, error) => {
    expect((await ends(scenario)).ends).toEqual(repeat(4, { code: 1, error, messages: [] }));
  });

  test('does not keep process.exit() of the main thread from ending the process', async () => {
    const ended = await run('workers.js', ['main exits while workers work']);
    expect(ended).toMatchObject({ code: 4, signal: null, stdout: '', stderr: '' });
  });
});
