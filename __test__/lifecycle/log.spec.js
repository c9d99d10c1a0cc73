const { run } = require('./child.js');

const LINE = /^\S+Z\s+(ERROR|WARN|INFO|DEBUG) agentwise_optimization::\S+ .+$/;

/** The log lines; what Rust itself says of the failure that the script asks for is not ours. */
function logged(stderr) {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .filter(
      (line) => !/^thread '.*' .*panicked at |^failure asked for by a test$|^note: run with `RUST_BACKTRACE/.test(line),
    );
}

async function output(DEBUG, ...args) {
  const { code, signal, stdout, stderr } = await run('log.js', args, { env: DEBUG === undefined ? {} : { DEBUG } });
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  // Never on standard output: that is the application's.
  expect(stdout).toBe('');
  // Never content, queries or keys, with a log or without.
  expect(stderr).not.toContain('TOPSECRET');
  return logged(stderr);
}

describe('DEBUG that names the package gives log lines on standard error', () => {
  test.each([
    'agentwise-optimization',
    'agentwise*',
    '*',
    'other,agentwise-optimization',
    'other agentwise-*',
  ])('%s', async (debug) => {
    const lines = await output(debug);
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const line of lines) expect(line).toMatch(LINE);
    expect(lines.join('\n')).toContain('a stage failed');
  });

  test('a report that cannot be written is logged with its code', async () => {
    expect((await output('agentwise-optimization', 'unwritable')).join('\n')).toMatch(/WARN .*code="E_IO"/);
  });
});

describe('without it there is no log', () => {
  test.each([
    undefined,
    '',
    'other',
    'agentwise',
    'agentwise-optimization-other',
    '*,-agentwise-optimization',
  ])('DEBUG=%s', async (debug) => {
    expect(await output(debug)).toEqual([]);
  });
});
