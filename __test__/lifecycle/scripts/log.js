/** Does a bit of everything with texts that must not be seen anywhere. */

const fs = require('node:fs');
const native = require('../../../js/binding.js');

let handle;
const { openSystem } = native;
native.openSystem = (...args) => {
  handle = openSystem(...args);
  return handle;
};

const { AgentContextFilter, ProductionOptimizationSystem, countTokens } = require('../../../index.js');
const { removeTree } = require('../../remove.js');

const SECRET = 'TOPSECRET';

(async () => {
  const system = await ProductionOptimizationSystem.create({
    environment: 'development',
    projectId: `${SECRET}-project`,
    sharedContextUrl: `http://user:${SECRET}@localhost`,
  });
  const context = {
    currentTask: `${SECRET} task`,
    [`${SECRET}-key`]: { [`${SECRET}-inner`]: `${SECRET} text` },
    projectStructure: [`${SECRET}.ts`],
  };
  await system.optimizeAgentContext(`${SECRET}-agent`, context);
  await system.optimizeAgentContext(`${SECRET}-agent`, { ...context, more: `${SECRET} more` });
  handle.failNextStage('filter');
  await system.optimizeAgentContext(`${SECRET}-agent`, context);
  await system.cacheResponse(`${SECRET} query`, `${SECRET} response`, 60, { model: `${SECRET}-model` });
  await system.getCachedResponse(`${SECRET} query`);
  await system.getCachedResponse(`${SECRET} other query`);
  await new AgentContextFilter().filterContext(`${SECRET}-agent`, context);
  await new AgentContextFilter().filterContext(`${SECRET}-agent`, { [SECRET]: 1n }).catch(() => {});
  countTokens(`${SECRET} tokens`);
  await system.updateConfiguration({ cache: { ttlSeconds: SECRET } }).catch(() => {});
  await system.performMaintenance();
  fs.rmSync(await system.generateSystemReport());
  // A report that cannot be written is a warning.
  if (process.argv[2] === 'unwritable') removeTree(process.cwd());
  await system.shutdown();
})();
