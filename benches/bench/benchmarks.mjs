/** All benchmarks, in the order in which they run. */

import * as cacheCompression from './cache-compression.mjs';
import * as cacheDisk from './cache-disk.mjs';
import * as cacheLargeHeap from './cache-large-heap.mjs';
import * as cacheMemory from './cache-memory.mjs';
import * as filterContext from './filter-context.mjs';
import * as firstResult from './first-result.mjs';
import * as lookupCost from './lookup-cost.mjs';
import * as memoryAgents from './memory-agents.mjs';
import * as memoryCost from './memory-cost.mjs';
import * as memoryLeak from './memory-leak.mjs';
import * as monitorAgrees from './monitor-agrees.mjs';
import * as monitorCost from './monitor-cost.mjs';
import * as pipeline from './pipeline.mjs';
import * as similarity from './similarity.mjs';
import * as tokenCounting from './token-counting.mjs';
import * as tokenDeltas from './token-deltas.mjs';

export const BENCHMARKS = [
  filterContext,
  pipeline,
  tokenCounting,
  tokenDeltas,
  firstResult,
  lookupCost,
  cacheMemory,
  cacheDisk,
  cacheCompression,
  cacheLargeHeap,
  similarity,
  memoryAgents,
  memoryLeak,
  memoryCost,
  monitorCost,
  monitorAgrees,
];
