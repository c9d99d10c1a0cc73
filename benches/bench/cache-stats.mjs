/** Reading `getStats()` of a cache. */

const LAYERS = ['l1', 'l2', 'l3'];

/**
 * Lookups that each layer answered. `hitRate` of a layer is taken as the share of the lookups that reached it.
 * @throws if that does not add up to all hits
 */
export function hitsByLayer(stats) {
  const { totalHits, totalMisses } = stats.overall;
  let reaching = totalHits + totalMisses;
  const hits = {};
  for (const layer of LAYERS) {
    const { hits: counted, hitRate = 0 } = stats[layer] ?? {};
    hits[layer] = counted ?? Math.round(reaching * hitRate);
    reaching -= hits[layer];
  }
  const sum = hits.l1 + hits.l2 + hits.l3;
  if (Math.abs(sum - totalHits) > Math.max(2, totalHits / 1000)) {
    throw new Error(`the layers of getStats() answered ${sum} lookups, overall.totalHits says ${totalHits}`);
  }
  return hits;
}

/** Waits until `done(stats)`, as what happens behind has no promise of its own; gives the last figures. */
export async function statsWhen(cache, done, { timeoutMs = 20_000 } = {}) {
  const end = performance.now() + timeoutMs;
  let stats = cache.getStats();
  while (!done(stats) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    stats = cache.getStats();
  }
  return stats;
}

/** Waits until nothing has been moved between the layers for half a second. */
export async function settled(cache) {
  let last = '';
  let since = performance.now();
  return statsWhen(cache, (stats) => {
    const now = JSON.stringify([stats.l2?.entries, stats.l3?.entries, stats.l3?.storedBytes, stats.disk?.queued]);
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since >= 500;
  });
}
