/** Makes something, forgets it and ends. What is made is named by the argument. */

const { AgentContextFilter, ProductionOptimizationSystem, countTokensAsync } = require('../../../index.js');
const { CONFIG, SMALL, large } = require('./contexts.js');

const EVENTS = [
  'initialized',
  'memoryAlert',
  'agentThrottled',
  'agentContextOptimized',
  'cacheHit',
  'cacheMiss',
  'warning',
];

function listen(system) {
  for (const name of EVENTS) system.on(name, () => {});
  return system;
}

async function work(system) {
  await system.optimizeAgentContext('frontend-specialist', SMALL);
  await system.cacheResponse('query', { answer: 42 });
  await system.getCachedResponse('query', 'frontend-specialist');
  await system.getCachedResponse('other');
  system.getStatus();
  system.getHealthStatus();
  await system.performMaintenance();
}

const done = (name) => () => console.log(`${name} finished`);

const SCENARIOS = {
  'a system that was never initialized': () => new ProductionOptimizationSystem(CONFIG),
  'a system that was never initialized, with listeners': () => listen(new ProductionOptimizationSystem(CONFIG)),
  'a created system': () => ProductionOptimizationSystem.create(CONFIG),
  'a created system for production': () => ProductionOptimizationSystem.create({ environment: 'production' }),
  'a created system with listeners': async () => listen(await ProductionOptimizationSystem.create(CONFIG)),
  'a system that worked': async () => work(await ProductionOptimizationSystem.create(CONFIG)),
  'a system that worked, with listeners': async () => work(listen(await ProductionOptimizationSystem.create(CONFIG))),
  'the system of getInstance': () => ProductionOptimizationSystem.getInstance(CONFIG),
  'the system of getInstance that worked': async () => work(await ProductionOptimizationSystem.getInstance(CONFIG)),
  'ten systems': () => Promise.all(Array.from({ length: 10 }, () => ProductionOptimizationSystem.create(CONFIG))),
  'a system that was shut down': async () => (await ProductionOptimizationSystem.create(CONFIG)).shutdown(),
  'a context filter': async () => new AgentContextFilter().filterContext('frontend-specialist', SMALL),

  // Work under way when the script has nothing more to do.
  'create()': () => void ProductionOptimizationSystem.create(CONFIG).then(done('create()')),
  'optimizeAgentContext()': async () => {
    const system = listen(await ProductionOptimizationSystem.create(CONFIG));
    void system.optimizeAgentContext('frontend-specialist', large()).then(done('optimizeAgentContext()'));
  },
  'generateSystemReport()': async () => {
    const system = await ProductionOptimizationSystem.create(CONFIG);
    void system.generateSystemReport().then(done('generateSystemReport()'));
  },
  'performMaintenance()': async () => {
    const system = await ProductionOptimizationSystem.create(CONFIG);
    void system.performMaintenance().then(done('performMaintenance()'));
  },
  'shutdown()': async () => {
    const system = await ProductionOptimizationSystem.create(CONFIG);
    void system.optimizeAgentContext('frontend-specialist', large());
    void system.shutdown().then(done('shutdown()'));
  },
  'filterContext()': () => {
    void new AgentContextFilter().filterContext('frontend-specialist', large()).then(done('filterContext()'));
  },
  'countTokensAsync()': () => void countTokensAsync(large()).then(done('countTokensAsync()')),

  // Ends without waiting for work.
  'process.exit() in mid-work': async () => {
    const system = listen(await ProductionOptimizationSystem.create(CONFIG));
    for (let agent = 0; agent < 4; agent++) void system.optimizeAgentContext(`agent-${agent}`, large(agent));
    process.exit(3);
  },
  'an uncaught exception in mid-work': async () => {
    const system = listen(await ProductionOptimizationSystem.create(CONFIG));
    for (let agent = 0; agent < 4; agent++) void system.optimizeAgentContext(`agent-${agent}`, large(agent));
    throw new Error('of the application');
  },
};

void SCENARIOS[process.argv[2]]();
