'use strict';

/** Figures of V8's heap, which only its own thread can read. */

const v8 = require('node:v8');
const { resourceLimits } = require('node:worker_threads');

const MB = 2 ** 20;

/** Young generations of a heap: V8's limit for all of it counts three semi-spaces. */
const SEMI_SPACES = 3;
/** V8's default on 64 bits, MB. */
const SEMI_SPACE_MB = 16;

/** Bytes of the heap's limit that only young objects may take: V8 ends the process when the old ones need more than the rest. */
const YOUNG_BYTES = (() => {
  const ofWorker = resourceLimits.maxYoungGenerationSizeMb;
  if (ofWorker > 0) return ofWorker * MB;
  const options = [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv].join(' ');
  const asked = [...options.matchAll(/--max[-_]semi[-_]space[-_]size[= ](\d+)/g)].at(-1)?.[1];
  return SEMI_SPACES * Number(asked ?? SEMI_SPACE_MB) * MB;
})();

/** Total, used, external, limit, in bytes. */
function heap() {
  const { total_heap_size, used_heap_size, heap_size_limit } = v8.getHeapStatistics();
  // Statistics of the heap have what is external as of when V8 last looked.
  const { external } = process.memoryUsage();
  return [total_heap_size, used_heap_size, external, Math.max(heap_size_limit - YOUNG_BYTES, heap_size_limit / 2)];
}

module.exports = { heap };
