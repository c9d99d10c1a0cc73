'use strict';

/**
 * One of several processes on one directory: sends contexts to agents of its own, and makes contexts of messages of the
 * others. Each line of its input is `{ send: { agent, context } }` or `{ read: { base, message } }`; each line of its output
 * the message, or the context.
 */

const readline = require('node:readline');
const { applyDelta, TokenOptimizer, toMessage } = require('../../../index.js');

const optimizer = new TokenOptimizer(null, null, null, null, JSON.parse(process.argv[2]));

async function done({ send, read }) {
  if (send) return toMessage(await optimizer.optimizeContext(send.agent, send.context));
  const resolved = await optimizer.resolveBlocks(read.message);
  return applyDelta(read.base ?? undefined, resolved);
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const answer = await done(JSON.parse(line)).catch((error) => ({ error: error.code ?? String(error) }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await optimizer.close();
})();
