/**
 * One cache for all worker threads: its memory is native and shared, so that what one thread stored, the others find without
 * a copy of the cache for each, and what several need at once is computed once.
 *
 *   node worker-threads.mjs
 */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import AdvancedCacheManager from 'agentwise-optimization/cache';

const THREADS = 4;

/** Stands in for a model that takes its time. */
async function ask(question) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  return `an answer to: ${question}`;
}

async function worker({ cacheDir }) {
  const cache = new AdvancedCacheManager({ cacheDir });
  try {
    let computed = 0;
    const compute = (question) => async () => {
      computed += 1;
      return ask(question);
    };
    const answer = await cache.getOrCompute('What does the build do?', compute('What does the build do?'));
    parentPort.postMessage({ answer, computed });
  } finally {
    await cache.stop();
  }
}

async function main() {
  const cacheDir = await mkdtemp(join(tmpdir(), 'worker-threads-example-'));
  // The same directory is the same cache, in every thread and process.
  const cache = new AdvancedCacheManager({ cacheDir });
  try {
    const workers = Array.from(
      { length: THREADS },
      () => new Worker(new URL(import.meta.url), { workerData: { cacheDir } }),
    );
    // Both are waited for: the answer, and that the thread has ended. An error in a thread rejects.
    const results = await Promise.all(
      workers.map(async (thread) => {
        const ended = once(thread, 'exit');
        const [message] = await once(thread, 'message');
        await ended;
        return message;
      }),
    );
    console.log('threads:', results.length, 'different answers:', new Set(results.map(({ answer }) => answer)).size);
    console.log(
      'computed:',
      results.reduce((sum, { computed }) => sum + computed, 0),
      'time',
    );
    const { found, layer } = await cache.lookup('What does the build do?');
    console.log('found in the main thread:', found, layer);
  } finally {
    await cache.stop();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

await (isMainThread ? main() : worker(workerData));
