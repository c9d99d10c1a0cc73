/** Two copies of one version in one process, as npm has them when it cannot share one: both work, and see one cache. */

const { createRequire } = require('node:module');
const path = require('node:path');
const one = require('agentwise-optimization');
const other = createRequire(path.join(__dirname, 'other', 'index.js'))('agentwise-optimization');

if (one.default === other.default) throw new Error('there is only one copy');

(async () => {
  const config = { environment: 'development', finalReport: false };
  const [first, second] = [await one.default.create(config), await other.default.create(config)];
  // Each copy is to the other what another process is: what is on disk is common.
  await first.cacheResponse('of two', 'answer', 60, { durable: true });
  const cached = await second.getCachedResponse('of two');
  await Promise.all([first.shutdown(), second.shutdown()]);
  if (cached !== 'answer') throw new Error(`the other copy found ${cached}`);
  console.log('two copies: one cache');
})();
