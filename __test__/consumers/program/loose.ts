import { ok, strictEqual } from 'node:assert';
import { ProductionOptimizationSystem } from 'agentwise-optimization';
import MemoryManager from 'agentwise-optimization/memory';
import AgentContextFilter from 'agentwise-optimization/context';

/** Fields that are nowhere written down: the original's types were `any` here, and the code reads what may not be there. */
export async function loose(): Promise<void> {
  const system = await ProductionOptimizationSystem.create({
    environment: 'development',
    finalReport: false,
    anything: undefined,
  } as any);
  const status = await system.getStatus();
  strictEqual(status.anything?.deep, undefined);
  strictEqual(status.components.tokenOptimizer?.deep?.deeper, undefined);
  strictEqual(status.components.somethingElse, undefined);
  strictEqual(status.components.memoryManager.process.somethingElse, undefined);
  strictEqual(status.tokenOptimizer?.somethingElse, undefined);
  const health = system.getHealthStatus();
  strictEqual(health.components.sharedContext?.healthy, undefined);
  strictEqual(health.somethingElse, undefined);
  const result = await system.optimizeAgentContext(
    'agent',
    { currentTask: 'x', projectStructure: { deep: 1 } },
    { anything: 1, maxSize: 1000 },
  );
  strictEqual(result.projectStructure.deep, 1);
  strictEqual(result.filtered, undefined);
  const found = await system.getCachedResponse('nothing');
  strictEqual(found?.anything, undefined);
  const report: any = await system.generateSystemReport();
  ok(typeof report === 'string');
  await system.shutdown();

  const memory = new MemoryManager();
  strictEqual(memory.getMemoryStats().somethingElse?.deep, undefined);
  memory.stop();
  strictEqual(new AgentContextFilter().getFilterStats().somethingElse, undefined);
}
