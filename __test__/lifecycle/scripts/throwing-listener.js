/** A listener of the event that the argument names throws; prints where its exceptions came out and what else happened. */

const native = require('../../../js/binding.js');

let opened = 0;
const { openSystem } = native;
native.openSystem = (...args) => {
  opened++;
  return openSystem(...args);
};

const { ProductionOptimizationSystem } = require('../../../index.js');
const { CONFIG, SMALL } = require('./contexts.js');

const ROUNDS = 20;
const EVENTS = ['contextOptimized', 'agentMemoryUpdate', 'agentContextOptimized', 'cacheSet', 'cacheHit', 'cacheMiss'];

const [event, caught] = process.argv.slice(2);
const MESSAGE = `of a listener of ${event}`;

const surfaced = { rejected: 0, uncaught: 0 };
let unexpected = 0;
if (caught === 'caught') {
  process.on('uncaughtException', (error) => {
    if (error.message === MESSAGE) surfaced.uncaught++;
    else throw error;
  });
}

/** The value of a call, or undefined when it rejected with what the listener threw. */
async function outcome(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.message !== MESSAGE) unexpected++;
    else if (caught === 'caught') surfaced.rejected++;
    else throw error;
    return undefined;
  }
}

/** Events come by two ways; after some turns of the loop both have been gone. */
const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

(async () => {
  const system = new ProductionOptimizationSystem(CONFIG);
  const heard = {};
  let thrown = 0;
  system.on(event, () => {
    thrown++;
    throw new Error(MESSAGE);
  });
  await outcome(system.initialize());
  // Whoever saw the first call reject tries again.
  if (surfaced.rejected > 0) await outcome(system.initialize());
  for (const name of EVENTS) {
    if (name !== event)
      system.on(name, () => {
        heard[name] = (heard[name] ?? 0) + 1;
      });
  }

  const results = [];
  for (let round = 0; round < ROUNDS; round++) {
    const agent = `agent-${round}`;
    const first = await outcome(system.optimizeAgentContext(agent, SMALL));
    await turns();
    const second = await outcome(system.optimizeAgentContext(agent, SMALL));
    await turns();
    results.push({ first: first?.type ?? 'rejected', second: second?.type ?? 'rejected' });
    await outcome(system.cacheResponse(agent, round));
    await outcome(system.getCachedResponse(agent));
    await outcome(system.getCachedResponse('missing'));
  }
  await outcome(system.updateConfiguration({ cache: { ttlSeconds: 60 } }));
  await outcome(system.generateSystemReport());

  // Without the bad listener everything is as it should be.
  system.removeAllListeners(event);
  const afterwards = {
    initialized: system.getStatus().initialized,
    operations: system.getStatus().tokenOptimizer.operations,
    cached: await system.getCachedResponse('agent-0'),
    type: (await system.optimizeAgentContext('fresh', SMALL)).type,
  };
  if (event === 'shutdown') {
    system.on(event, () => {
      thrown++;
      throw new Error(MESSAGE);
    });
  }
  await outcome(system.shutdown());
  await turns();
  afterwards.down = system.getStatus().initialized === false;
  afterwards.handlers = ['SIGTERM', 'SIGINT', 'SIGUSR2'].reduce((sum, name) => sum + process.listenerCount(name), 0);
  console.log(JSON.stringify({ thrown, surfaced, unexpected, opened, heard, results, afterwards }));
})();
