const { run, reportsIn, ENDED_WELL } = require('./child.js');

const WINDOWS = process.platform === 'win32';
if (WINDOWS) console.warn('skipped: Windows ends a process that gets a signal at once, without its handlers');
const onPosix = WINDOWS ? describe.skip : describe;

/** Sends `signal` to a script as soon as it is ready. */
function signalled(scenario, signal) {
  const onLine = (line, child) => {
    if (line === 'ready') child.kill(signal);
  };
  return run('signal.js', [scenario, signal], { onLine });
}

onPosix.each(['SIGTERM', 'SIGINT', 'SIGUSR2'])('%s', (signal) => {
  const endedBySignal = { code: null, signal, stderr: '' };

  test('writes the final report, then ends the process as the signal would have', async () => {
    const ended = await signalled('one', signal);
    expect(ended).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
    expect(reportsIn(ended.files)).toEqual([expect.objectContaining({ environment: 'development' })]);
  });

  test('shuts every system down', async () => {
    const ended = await signalled('three', signal);
    expect(ended).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
    expect(reportsIn(ended.files)).toHaveLength(3);
  });

  test('shuts the system of getInstance() down', async () => {
    const ended = await signalled('getInstance', signal);
    expect(ended).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
    expect(reportsIn(ended.files)).toHaveLength(1);
  });

  test('finishes work that was accepted', async () => {
    const ended = await signalled('working', signal);
    expect(ended).toMatchObject(endedBySignal);
    expect([...ended.lines].sort()).toEqual(['ready', 'work finished']);
    const [report] = reportsIn(ended.files);
    expect(report.performance.totalOperations).toBe(1);
  });

  test('lets a shutdown that is under way finish', async () => {
    const ended = await signalled('shutdown under way', signal);
    expect(ended).toMatchObject(endedBySignal);
    expect([...ended.lines].sort()).toEqual(['ready', 'work finished']);
    expect(reportsIn(ended.files)).toHaveLength(1);
  });

  test.each([
    'handler, installed later',
    'handler, installed before',
    'once-handler, installed later',
    'once-handler, installed before',
  ])('leaves the end to the application: %s', async (scenario) => {
    const ended = await signalled(scenario, signal);
    expect(ended).toMatchObject({ code: 7, signal: null, stderr: '' });
    expect(ended.lines).toEqual([
      'ready',
      `handler of the application: ${signal}`,
      'shutdown of the system',
      `handlers left: ${scenario.startsWith('once') ? 0 : 1}`,
      'end of the application',
    ]);
    expect(reportsIn(ended.files)).toHaveLength(1);
  });

  test('is not kept from ending the process by a handler of another signal', async () => {
    expect(await signalled('handler of another signal', signal)).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
  });

  test('ends a process in which the module was loaded twice', async () => {
    const ended = await signalled('two copies of the module', signal);
    expect(ended).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
    expect(reportsIn(ended.files)).toHaveLength(2);
  });

  test('ends a process whose report cannot be written', async () => {
    expect(await signalled('working directory removed', signal)).toMatchObject({ ...endedBySignal, stdout: 'ready\n' });
  });

  test('ends a process with a listener that throws', async () => {
    const ended = await signalled('listener of shutdown that throws', signal);
    expect(ended).toMatchObject({ code: null, signal });
    expect(reportsIn(ended.files)).toHaveLength(1);
  });
});

test('handlers of signals are there while a system runs, and only then; others stay', async () => {
  const { lines, ...ended } = await run('signal-handlers.js');
  expect(ended).toMatchObject(ENDED_WELL);
  const none = { exit: 0, beforeExit: 0, SIGTERM: 0, SIGINT: 0, SIGUSR2: 0 };
  const one = { SIGTERM: 1, SIGINT: 1, SIGUSR2: 1 };
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { when: 'loaded', ...none },
    { when: 'constructed', ...none },
    expect.objectContaining({ when: 'one runs', ...one }),
    expect.objectContaining({ when: 'two run', ...one }),
    expect.objectContaining({ when: 'a third was refused', ...one }),
    expect.objectContaining({ when: 'one was shut down', ...one }),
    { when: 'all were shut down', ...none },
    expect.objectContaining({ when: 'a new one runs', ...one }),
    { when: 'all were shut down again', ...none },
    { when: 'one was shut down while it started', ...none },
  ]);
});
