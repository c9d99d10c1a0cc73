import { cache } from './cache.js';
import { filter } from './filter.js';
import { loose } from './loose.js';
import { memory } from './memory.js';
import { monitor } from './monitor.js';
import { results } from './results.js';
import { shapes } from './shapes.js';
import { subclasses } from './subclasses.js';
import { orchestrator, system } from './system.js';
import { tokens } from './tokens.js';

async function main(): Promise<void> {
  const parts = [memory, cache, filter, monitor, tokens, system, orchestrator, subclasses, shapes, results, loose];
  for (const part of parts) await part();
  console.log(`${parts.length} parts`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
