/** Hits of eviction policies in memory, entries bound only. */

import { target } from '../bench/harness.mjs';
import { optimumOf } from './optimum.mjs';
import { hitsOfLruCache, memoryOnly, replay } from './replay.mjs';

export const DEFAULT = 'default';

/** Points by which a default that gains this much on average may lose to LRU somewhere, and by which another may. */
const GAIN = 2;
const LOSS_WITH_GAIN = 3;
const LOSS = 1;

const points = (share) => share * 100;

export function entriesOf(trace, sizePercent) {
  return Math.max(1, Math.round((trace.keys.length * sizePercent) / 100));
}

/** Hits of one policy; undefined if the cache does not have it. */
async function hitsOf(trace, entries, policy) {
  let cache;
  try {
    cache = memoryOnly(entries, policy === DEFAULT ? undefined : policy);
  } catch (error) {
    if (policy === DEFAULT || error.code !== 'E_CONFIG_INVALID') throw error;
    return undefined;
  }
  const { hits } = await replay(trace, cache, (id) => id);
  return hits;
}

/** One row for each size of a trace. */
export async function policyRows(trace, { sizes, policies, progress }) {
  const requests = trace.ids.length;
  const optimum = optimumOf(trace);
  const rows = [];
  for (const sizePercent of sizes) {
    const entries = entriesOf(trace, sizePercent);
    const row = { trace: trace.name, requests, keys: trace.keys.length, sizePercent, entries, hitRates: {}, gains: {} };
    row.lruCache = hitsOfLruCache(trace, entries) / requests;
    row.optimum = optimum(entries) / requests;
    for (const policy of policies) {
      progress(`${trace.name}: ${entries} entries, ${policy}`);
      const hits = await hitsOf(trace, entries, policy);
      if (hits === undefined) continue;
      row.hitRates[policy] = hits / requests;
      row.gains[policy] = points(row.hitRates[policy] - row.lruCache);
    }
    rows.push(row);
  }
  return rows;
}

/** By policy, over all rows: points gained on average over lru-cache, and the row where it does worst. */
export function summarize(rows, policies) {
  return policies
    .filter((policy) => rows.some((row) => policy in row.gains))
    .map((policy) => {
      const worst = rows.reduce((low, row) => (row.gains[policy] < low.gains[policy] ? row : low));
      return {
        policy,
        averageGain: rows.reduce((sum, row) => sum + row.gains[policy], 0) / rows.length,
        worst: worst.gains[policy],
        where: `${worst.trace}, ${worst.sizePercent} %`,
      };
    });
}

/** An LRU stays near lru-cache; what is better on average may be somewhat worse here and there. */
export function policyTargets(summary) {
  return summary
    .filter(({ policy }) => policy === DEFAULT)
    .map(({ averageGain, worst, where }) => {
      const gains = averageGain >= GAIN;
      const what = gains ? `gains ${averageGain.toFixed(2)} points on average; ` : '';
      const name = `default against lru-cache, ${what}worst (${where})`;
      return target(name, worst, '>=', gains ? -LOSS_WITH_GAIN : -LOSS, 'points');
    });
}
