const { run, reportsIn, ENDED_WELL } = require('./child.js');

describe('a process ends by itself, without a word, after it made and forgot', () => {
  test.each([
    'a system that was never initialized',
    'a system that was never initialized, with listeners',
    'a created system',
    'a created system for production',
    'a created system with listeners',
    'a system that worked',
    'a system that worked, with listeners',
    'the system of getInstance',
    'the system of getInstance that worked',
    'ten systems',
    'a system that was shut down',
    'a context filter',
  ])('%s', async (scenario) => {
    expect(await run('forget.js', [scenario])).toMatchObject({ ...ENDED_WELL, stdout: '' });
  });
});

describe('work under way when a process has nothing more to do is finished before it ends', () => {
  test.each([
    'create()',
    'optimizeAgentContext()',
    'generateSystemReport()',
    'performMaintenance()',
    'shutdown()',
    'filterContext()',
    'countTokensAsync()',
  ])('%s', async (scenario) => {
    const ended = await run('forget.js', [scenario]);
    expect(ended).toMatchObject({ ...ENDED_WELL, stdout: `${scenario} finished\n` });
    const writes = scenario === 'generateSystemReport()' || scenario === 'shutdown()';
    expect(reportsIn(ended.files)).toHaveLength(writes ? 1 : 0);
  });
});

test('process.exit() in mid-work ends the process with its code', async () => {
  expect(await run('forget.js', ['process.exit() in mid-work'])).toMatchObject({
    code: 3,
    signal: null,
    stdout: '',
    stderr: '',
  });
});

test('an exception of the application in mid-work ends the process as always', async () => {
  const ended = await run('forget.js', ['an uncaught exception in mid-work']);
  expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(ended.stderr).toContain('Error: of the application');
});
