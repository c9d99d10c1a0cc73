'use strict';

/** A server that does not answer once: the next request is none the worse for it. */

const { useSharedContext, until } = require('./support.js');

const { connect, foreign } = useSharedContext();

test('a request that was not answered costs the next request nothing', async () => {
  let asked = 0;
  const server = await foreign(async () => {
    if (++asked === 1) return undefined;
    // Longer than the connections of the first one take to be gone.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { json: { version: 5, context: { a: 1 }, hash: 'x' } };
  });
  const client = connect(server, {
    liveUpdates: false,
    retries: 0,
    requestTimeoutMs: 2000,
    retryDelayMs: 1,
    maxRetryDelayMs: 1,
  });
  expect(await client.getContext()).toBeNull();
  await until(async () => (await client.getContext()) !== null);
  expect(client.getStats()).toMatchObject({ connected: true, errors: 1 });
  expect(client.warnings()).toEqual(['timeout']);
  expect(asked).toBe(2);
});
