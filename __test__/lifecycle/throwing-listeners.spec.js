/**
 * What Node does with a listener that throws: the exception is the application's, it is not swallowed, and it comes out
 * where `emit` was called. Here that is inside of the system, between the application's calls: the exception must come out
 * always the same way, and must not take anything else with it.
 */

const { run } = require('./child.js');

const ROUNDS = 20;
const EVENTS = ['contextOptimized', 'agentMemoryUpdate', 'agentContextOptimized', 'cacheSet', 'cacheHit', 'cacheMiss'];
const OTHER_EVENTS = ['initialized', 'configurationUpdated', 'reportGenerated', 'shutdown'];

describe.each([...EVENTS, ...OTHER_EVENTS])('a listener of %s that throws', (event) => {
  let found;

  beforeAll(async () => {
    const { code, signal, stdout } = await run('throwing-listener.js', [event, 'caught']);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    found = JSON.parse(stdout);
  });

  test('is heard of once for each time that it threw', () => {
    expect(found.thrown).toBeGreaterThan(0);
    expect(found.unexpected).toBe(0);
    expect(found.surfaced.rejected + found.surfaced.uncaught).toBe(found.thrown);
  });

  test('is heard of always the same way: never once as a rejection, once as an uncaught exception', () => {
    expect([found.surfaced.rejected, found.surfaced.uncaught]).toContain(0);
  });

  test('does not cost an agent its context: who got none is not sent a delta to it', () => {
    for (const { first, second } of found.results) {
      expect({ first, second }).not.toEqual({ first: 'rejected', second: 'incremental' });
      expect({ first, second }).not.toEqual({ first: 'rejected', second: 'rejected' });
    }
  });

  test('does not cost other listeners their events', () => {
    const counts = { cacheSet: ROUNDS, cacheHit: ROUNDS + 1, cacheMiss: ROUNDS };
    const expected = {};
    for (const name of EVENTS) if (name !== event) expected[name] = counts[name] ?? 2 * ROUNDS + 1;
    expect(found.heard).toEqual(expected);
  });

  test('leaves one system that works and can be shut down', () => {
    expect(found.opened).toBe(1);
    expect(found.afterwards).toEqual({
      initialized: true,
      operations: 2 * ROUNDS,
      cached: 0,
      type: 'full',
      down: true,
      handlers: 0,
    });
  });
});

test.each(EVENTS)('nobody catches what a listener of %s throws: the process ends with its message', async (event) => {
  const { code, signal, stdout, stderr } = await run('throwing-listener.js', [event]);
  expect({ code, signal, stdout }).toEqual({ code: 1, signal: null, stdout: '' });
  expect(stderr).toContain(`of a listener of ${event}`);
});
