/** Ends of a process in the middle of work; argument: which. */

const { AdvancedCacheManager, ProductionOptimizationSystem } = require('../../../index.js');

const config = { environment: 'development', finalReport: false };

const scenarios = {
  async uncaught() {
    const system = await ProductionOptimizationSystem.create(config);
    const cache = new AdvancedCacheManager();
    system.cacheResponse('asked', 'of a system');
    cache.set('asked', 'of a cache');
    setImmediate(() => {
      throw new Error('of the application');
    });
  },
  async rejected() {
    const system = await ProductionOptimizationSystem.create(config);
    system.cacheResponse('asked', 'of a system');
    new AdvancedCacheManager().set('asked', 'of a cache');
    Promise.reject(new Error('of the application'));
  },
  async handled() {
    const system = await ProductionOptimizationSystem.create(config);
    process.on('uncaughtException', (error) => console.log(`handled: ${error.message}`));
    const before = process.listenerCount('uncaughtException');
    setImmediate(() => {
      throw new Error('of the application');
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    console.log(`listeners: ${before}, running: ${system.getStatus().initialized}`);
    await system.shutdown();
  },
  async look() {
    const system = await ProductionOptimizationSystem.create(config);
    const cache = new AdvancedCacheManager();
    console.log(JSON.stringify([await system.getCachedResponse('asked'), await cache.get('asked')]));
    await system.shutdown();
    await cache.stop();
  },
  async straggler() {
    const system = await ProductionOptimizationSystem.create(config);
    system.on('warning', ({ path, message, stragglers }) => console.log(JSON.stringify({ path, message, stragglers })));
    system.on('shutdown', ({ stragglers }) => console.log(JSON.stringify({ shutdown: stragglers })));
    const words = Array.from({ length: 400_000 }, (_, at) => `word${at}`).join(' ');
    const work = system.optimizeAgentContext('slow', { currentTask: 'words', words });
    await system.shutdown({ timeoutMs: 0 });
    console.log(
      await work.then(
        ({ type }) => type,
        ({ code }) => code,
      ),
    );
  },
};

scenarios[process.argv[2]]();
