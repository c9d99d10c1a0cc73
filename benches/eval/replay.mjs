/** Asks a cache for each request of a trace and stores what it does not have. */

import { LRUCache } from 'lru-cache';
import { AdvancedCacheManager } from '../../index.mjs';
import { hitsByLayer } from '../bench/cache-stats.mjs';

/** Room for any number of the values that are stored, so that only the number of entries counts. */
const AMPLE_MB = 4096;

/** Hits of npm's lru-cache. */
export function hitsOfLruCache({ ids, keys, drops }, entries) {
  const cache = new LRUCache({ max: entries });
  let hits = 0;
  for (let at = 0; at < ids.length; at++) {
    for (const id of drops.get(at) ?? []) cache.delete(keys[id]);
    const key = keys[ids[at]];
    if (cache.get(key) !== undefined) hits++;
    else cache.set(key, 1);
  }
  return hits;
}

/** A cache in memory of so many entries. `policy` undefined is the default. */
export function memoryOnly(entries, policy) {
  return new AdvancedCacheManager({
    l1MaxSize: entries,
    l1MaxSizeMB: AMPLE_MB,
    persistToDisk: false,
    enableSimilarityDetection: false,
    ...(policy === undefined ? {} : { evictionPolicy: policy }),
  });
}

/**
 * Replays a trace and stops the cache.
 * @param {(id: number) => unknown} make the value of a key
 * @returns {Promise<{ hits: number, layers: { l1: number, l2: number, l3: number }, stats: object }>}
 */
export async function replay({ ids, keys, drops }, cache, make) {
  let hits = 0;
  try {
    for (let at = 0; at < ids.length; at++) {
      for (const dropped of drops.get(at) ?? []) await cache.delete(keys[dropped]);
      const id = ids[at];
      const key = keys[id];
      if ((await cache.get(key)) !== null) hits++;
      else await cache.set(key, make(id));
      // What runs behind gets its turns.
      if ((at & 1023) === 1023) await new Promise((resolve) => setImmediate(resolve));
    }
    const stats = cache.getStats();
    return { hits, layers: hitsByLayer(stats), stats };
  } finally {
    await cache.stop();
  }
}
