/** One process of the benchmark first-result: prints its times as JSON. */

import { repositoryContext } from './contexts.mjs';
import { SETTINGS } from './settings.mjs';

const context = repositoryContext(100e3);
const started = performance.now();
const { ProductionOptimizationSystem } = await import('../../index.mjs');
const imported = performance.now();
const system = await ProductionOptimizationSystem.create(SETTINGS);
const created = performance.now();
await system.optimizeAgentContext('backend-specialist', context);
const finished = performance.now();
await system.shutdown();

console.log(
  JSON.stringify({
    importMs: imported - started,
    createMs: created - imported,
    optimizeMs: finished - created,
    totalMs: finished - imported,
  }),
);
