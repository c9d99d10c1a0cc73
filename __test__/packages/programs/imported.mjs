/** `import`: the same objects as by `require`, from every entry. */

import { createRequire } from 'node:module';
import System, { countTokens } from 'agentwise-optimization';
import AdvancedCacheManager from 'agentwise-optimization/cache';
import AgentContextFilter from 'agentwise-optimization/context';
import MemoryManager from 'agentwise-optimization/memory';
import ProductionMonitor from 'agentwise-optimization/monitor';
import OptimizationOrchestrator from 'agentwise-optimization/orchestrator';
import TokenOptimizer from 'agentwise-optimization/tokens';

const required = createRequire(import.meta.url)('agentwise-optimization');
const classes = {
  AdvancedCacheManager,
  AgentContextFilter,
  MemoryManager,
  ProductionMonitor,
  OptimizationOrchestrator,
  TokenOptimizer,
};
for (const [name, found] of Object.entries(classes)) {
  if (required[name] !== found) throw new Error(`${name} is another one by import than by require`);
}
if (required.default !== System) throw new Error('the default exports differ');
const { filtered } = await new AgentContextFilter().filterContext('backend-specialist', { currentTask: 'an api' });
if (filtered.currentTask !== 'an api') throw new Error('wrong result');
console.log(`import: ${countTokens('hello world')} tokens`);
