'use strict';

/** A server that does not answer once: the next request is none the worse for it. */

const { unlessStoodStill } = require('../stand-still.js');
const { useSharedContext, until } = require('./support.js');

const { connect, foreign } = useSharedContext();

/** What came of a request that was not answered and of the next one. Who stands still for two seconds has no answer either. */
async function asking() {
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
  const { connected, errors } = client.getStats();
  return { connected, errors, warnings: client.warnings(), asked };
}

test('a request that was not answered costs the next request nothing', async () => {
  const found = await unlessStoodStill(asking, ({ asked }) => asked === 2);
  expect(found).toEqual({ connected: true, errors: 1, warnings: ['timeout'], asked: 2 });
});
