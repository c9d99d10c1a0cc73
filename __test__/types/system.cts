/** The module as CommonJS sees it: `import x = require()`, the default export, and `require().default`. */

import addon = require('agentwise-optimization');

import type { SystemConfig } from 'agentwise-optimization';
import Default, {
  type AgentContextFilter,
  type AgentwiseError,
  countTokens,
  countTokensAsync,
} from 'agentwise-optimization';

const config: SystemConfig = { environment: 'staging' };

export async function required(): Promise<addon.OptimizedContext> {
  const system: addon.ProductionOptimizationSystem = await addon.ProductionOptimizationSystem.create(config);
  const again: addon.ProductionOptimizationSystem = await addon.default.create(config);
  const imported: addon.ProductionOptimizationSystem = new Default(config);
  await again.shutdown();
  await imported[Symbol.asyncDispose]();
  const status: addon.SystemStatus = system.getStatus();
  if (!status.initialized) throw new addon.AgentwiseError('E_NOT_INITIALIZED', 'it does not run');
  return system.optimizeAgentContext('agent', { currentTask: 'task' });
}

export async function disposed(): Promise<void> {
  await using system = await addon.ProductionOptimizationSystem.create({ environment: 'production' });
  system.on('cacheHit', ({ layer, key }) => [layer, key]);
}

export const classes: [typeof AgentContextFilter, typeof AgentwiseError] = [
  addon.AgentContextFilter,
  addon.AgentwiseError,
];
export const counted: number = countTokens('text') + addon.countTokens({ any: 'value' }, { encoding: 'cl100k_base' });
export const counting: Promise<number> = countTokensAsync(['text']);

// @ts-expect-error the module is not the class itself
new addon(config);
// @ts-expect-error there is no such export
void addon.TokenCounter;
