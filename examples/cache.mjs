/**
 * The cache by itself: times to live, tags, namespaces, one computation for all who ask, entries that survive a restart.
 *
 *   node cache.mjs
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AdvancedCacheManager, { AgentwiseError } from 'agentwise-optimization/cache';

// A real program names a directory that stays, or leaves it out: `.cache` under the working directory.
const cacheDir = await mkdtemp(join(tmpdir(), 'cache-example-'));

let calls = 0;
/** Stands in for a model. */
async function ask(question) {
  calls += 1;
  return { question, answer: question.length };
}

async function useCache(cache) {
  await cache.set('greeting', 'hello', 60); // lives 60 s
  console.log('get:', await cache.get('greeting'), await cache.get('nothing here'));

  // Ten callers at once, one computation. A value that is over may be served for an hour if the model is away.
  const question = 'How long is this question?';
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      cache.getOrCompute(question, () => ask(question), { ttlSeconds: 600, staleIfErrorSeconds: 3600 }),
    ),
  );
  console.log('answers:', answers.length, 'calls of the model:', calls);

  // A tag ends everything that depends on one thing.
  await cache.set('file summary', { of: 'src/app.ts' }, 0, { tags: ['src/app.ts'] });
  await cache.set('file tests', { of: 'src/app.ts' }, 0, { tags: ['src/app.ts'] });
  console.log('deleted by tag:', await cache.deleteByTag('src/app.ts'));

  // The same key, apart from the rest.
  const tools = cache.namespace('tools');
  await tools.set('greeting', 'hi from a tool');
  console.log('namespaces:', await cache.get('greeting'), '/', await tools.get('greeting'));

  // What JSON cannot hold is refused, not stored as something else.
  try {
    await cache.set('broken', { size: 1n });
  } catch (error) {
    if (!(error instanceof AgentwiseError)) throw error;
    console.log('refused:', error.code);
  }
}

try {
  const cache = new AdvancedCacheManager({ cacheDir, ttlSeconds: 3600, l1MaxSize: 10_000 });
  try {
    await useCache(cache);
  } finally {
    await cache.stop(); // writes what waits
  }

  // As after a restart of the process: memory is empty, the disk is not.
  const again = new AdvancedCacheManager({ cacheDir });
  try {
    console.log('after a restart:', await again.get('greeting'));
    const { overall } = again.getStats();
    console.log('hits:', overall.totalHits, 'misses:', overall.totalMisses);
  } finally {
    await again.stop();
  }
} finally {
  await rm(cacheDir, { recursive: true, force: true });
}
