import { strictEqual } from 'node:assert';
import addon = require('agentwise-optimization');
import memoryModule = require('agentwise-optimization/memory');
import contextModule = require('agentwise-optimization/context');

const { MemoryManager } = memoryModule;

/** `import … = require()`, and `require().default`, as compiled code does. */
export function required(): void {
  const memory: memoryModule.MemoryManager = new MemoryManager();
  const config: memoryModule.MemoryConfig | undefined = undefined;
  strictEqual(memoryModule.default, MemoryManager);
  strictEqual(addon.MemoryManager, MemoryManager);
  strictEqual(addon.default, addon.ProductionOptimizationSystem);
  strictEqual(contextModule.default, addon.AgentContextFilter);
  memory.stop();
  void config;
  const dynamic = require('agentwise-optimization/cache').default;
  strictEqual(dynamic, addon.AdvancedCacheManager);
}
