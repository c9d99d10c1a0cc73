/** Hits of the three layers together on a trace, with values of about 2 KB. */

import { AdvancedCacheManager } from '../../index.mjs';
import { prose } from '../bench/cache-values.mjs';
import { random } from '../bench/random.mjs';
import { temporaryFolder } from '../bench/temporary.mjs';
import { optimumOf } from './optimum.mjs';
import { entriesOf } from './policies.mjs';
import { hitsOfLruCache, replay } from './replay.mjs';
import { firstOf } from './traces.mjs';

const VALUE_CHARACTERS = 2000;
const L1_PERCENT = 1;
/** Of the bytes that all values have together. */
const DISK_SHARE = 0.1;
const LONGEST = 100_000;

function record(key, id) {
  return { key, text: prose(VALUE_CHARACTERS, random(id + 1)) };
}

const tenths = (megabytes) => Math.max(0.5, Math.round(megabytes * 10) / 10);

/** Long traces by their first requests, as each miss is written to a disk. */
export async function layerRow(trace, { dir, progress }) {
  const part = firstOf(trace, LONGEST);
  const requests = part.ids.length;
  const distinct = part.keys.length;
  const l1Entries = entriesOf(part, L1_PERCENT);
  const valueBytes = JSON.stringify(record(part.keys[0], 0)).length;
  const diskMB = tenths((distinct * valueBytes * DISK_SHARE) / 1e6);
  progress(`${part.name}: L1 ${l1Entries} entries, L2 and L3 ${diskMB} MB each`);
  const folder = await temporaryFolder({ dir });
  try {
    const cache = new AdvancedCacheManager({
      cacheDir: folder.path,
      l1MaxSize: l1Entries,
      l2MaxSizeMB: diskMB,
      l3MaxSizeMB: diskMB,
      enableSimilarityDetection: false,
    });
    const { hits, layers, stats } = await replay(part, cache, (id) => record(part.keys[id], id));
    return {
      trace: part.name,
      requests,
      keys: distinct,
      l1Entries,
      l2MB: diskMB,
      l3MB: diskMB,
      l1: layers.l1 / requests,
      l2: layers.l2 / requests,
      l3: layers.l3 / requests,
      all: hits / requests,
      lruCache: hitsOfLruCache(part, l1Entries) / requests,
      optimum: optimumOf(part)(l1Entries) / requests,
      unbounded: (requests - distinct) / requests,
      entriesInL2: stats.l2.entries,
      entriesInL3: stats.l3.entries,
    };
  } finally {
    await folder.remove();
  }
}
