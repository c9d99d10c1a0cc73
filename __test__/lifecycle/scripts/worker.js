/** The body of a worker thread; `workerData` names what it does. Says `started` when work is under way. */

const { parentPort, workerData, threadId } = require('node:worker_threads');

parentPort.postMessage('loading');

const { ProductionOptimizationSystem, countTokensAsync } = require('../../../index.js');
const { CONFIG, SMALL, large } = require('./contexts.js');

/** With listeners, so that events are on their way to a thread that ends. */
async function create() {
  const system = await ProductionOptimizationSystem.create(CONFIG);
  for (const name of ['contextOptimized', 'agentContextOptimized', 'agentMemoryUpdate', 'cacheHit']) {
    system.on(name, () => {});
  }
  return system;
}

async function startLargeWork() {
  const system = await create();
  void system.optimizeAgentContext('frontend-specialist', large(threadId, 80));
  void system.optimizeAgentContext('backend-specialist', large(threadId, 80));
  void countTokensAsync(large(threadId, 80));
  parentPort.postMessage('started');
  return system;
}

const MODES = {
  work: async () => {
    const system = await create();
    const result = await system.optimizeAgentContext('frontend-specialist', SMALL);
    // The workers of a process share one cache.
    const query = `query of ${threadId}`;
    await system.cacheResponse(query, threadId);
    return { currentTask: result.currentTask, cached: (await system.getCachedResponse(query)) === threadId };
  },
  'work and shut down': async () => {
    const system = await create();
    await system.optimizeAgentContext('frontend-specialist', SMALL);
    await system.shutdown();
    return { handlers: process.listenerCount('SIGTERM'), status: system.getStatus().initialized };
  },
  'work under way': startLargeWork,
  'work under way, then end': async () => {
    const system = await create();
    void system
      .optimizeAgentContext('frontend-specialist', large(threadId, 80))
      .then((result) => parentPort.postMessage({ finished: result.currentTask }));
  },
  'start under way': () => {
    void ProductionOptimizationSystem.create(CONFIG);
    parentPort.postMessage('started');
  },
  'shutdown under way': async () => {
    const system = await startLargeWork();
    void system.shutdown();
  },
  exit: async () => {
    await startLargeWork();
    process.exit(5);
  },
  throw: async () => {
    await startLargeWork();
    throw new Error('of the application');
  },
  'throw later': async () => {
    await startLargeWork();
    setImmediate(() => {
      throw new TypeError('of the application, later');
    });
  },
};

(async () => {
  const result = await MODES[workerData]();
  if (result?.constructor === Object) parentPort.postMessage(result);
})();
