const { run } = require('./child.js');

/** What a scenario printed; standard error may have the text of the panic. */
async function outcome(scenario) {
  const { code, signal, stdout } = await run('failures.js', [scenario]);
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  return JSON.parse(stdout);
}

const INTERNAL = {
  isOurs: true,
  name: 'AgentwiseError',
  code: 'E_INTERNAL',
  message: expect.stringContaining('asked for by a test'),
};

describe('a panic in Rust is a JavaScript error and the process goes on', () => {
  test('in a synchronous call', async () => {
    expect(await outcome('sync')).toEqual({ errors: [INTERNAL, INTERNAL, INTERNAL], worksAfterwards: true });
  });

  test('on the thread pool', async () => {
    expect(await outcome('async')).toEqual({ errors: Array(20).fill(INTERNAL), worksAfterwards: true });
  });

  test('nobody catches it: the process ends as by any unhandled rejection, not by an abort', async () => {
    const { code, signal, stderr } = await run('failures.js', ['unhandled rejection']);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(stderr).toContain("code: 'E_INTERNAL'");
  });
});

describe('an internal failure in both stages', () => {
  let found;

  beforeAll(async () => {
    found = await outcome('stage');
  });

  test('gives the original context back, as a full result', () => {
    expect(found).toMatchObject({ isOriginal: true, failedType: 'full', failedTokensSaved: 0 });
    expect(found.enumerable).toEqual(['currentTask', 'projectStructure', 'history']);
  });

  test("leaves the caller's object alone", () => {
    expect(found.callersObjectUnchanged).toBe(true);
  });

  test('is told by optimizationError and by agentContextOptimized without success', () => {
    expect(found.eventsOfFailure).toEqual([
      ['optimizationError', { agentId: 'frontend-specialist', error: expect.objectContaining({ stage: 'filter' }) }],
      ['optimizationError', { agentId: 'frontend-specialist', error: expect.objectContaining({ stage: 'tokens' }) }],
      [
        'agentContextOptimized',
        { agentId: 'frontend-specialist', optimizationTime: expect.any(Number), success: false },
      ],
    ]);
  });

  test('does not say more than which stage it was', () => {
    // As JSON: the script prints it.
    expect(found.eventsOfFailure[0][1].error).toEqual({ code: 'E_INTERNAL', stage: 'filter' });
  });

  test('counts in health', () => {
    expect(found.health.components.contextFilter.score).toBeLessThan(100);
    expect(found.health.score).toBeLessThan(100);
  });

  test('the next call works as if nothing had happened', () => {
    expect(found.afterIsAsExpected).toBe(true);
    expect(found.eventsAfter.map(([name]) => name)).toEqual(found.eventsExpected.map(([name]) => name));
    expect(found.eventsAfter.at(-1)[1].success).toBe(true);
  });
});
