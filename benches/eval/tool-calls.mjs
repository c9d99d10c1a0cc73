/** Hits on the calls of read-only tools that recorded agents made, run after run, through one cache. */

import { AdvancedCacheManager } from '../../index.mjs';
import { isReadOnly, toolCalls } from '../bench/records.mjs';
import { temporaryFolder } from '../bench/temporary.mjs';
import { optimumOf } from './optimum.mjs';
import { entriesOf } from './policies.mjs';
import { hitsOfLruCache, replay } from './replay.mjs';
import { Numbering } from './traces.mjs';

/** Tools that neither read nor change anything: they are not looked at. */
const NEUTRAL = new Set(['think', 'transfer_to_human_agents']);
const L1_PERCENTS = [5, 10, 25, 100];
const L2_MB = 10;

/** Fields whose values say what a call is about. */
const IDENTIFIERS = new Set(['reservation_id', 'user_id', 'flight_number']);

/** What a write makes invalid: the name says it of a list of the known calls, `{ about, id }`. */
const WRITES = {
  nothing: () => [],
  'what they name': (known, written) => known.filter(({ about }) => written.some((one) => about.has(one))),
  all: (known) => known,
};

/** The values of identifying fields anywhere in a document. */
function identifiers(document, found = []) {
  if (document === null || typeof document !== 'object') return found;
  for (const [field, value] of Object.entries(document)) {
    if (IDENTIFIERS.has(field) && typeof value === 'string') found.push(value);
    else identifiers(value, found);
  }
  return found;
}

/** Requests for read-only calls; a write, once made, drops from the cache what it makes invalid. */
function callTrace(calls, droppedByWrites) {
  const numbering = new Numbering();
  const ids = [];
  const results = [];
  const known = new Map();
  const drops = new Map();
  for (const { tool, key, given, result } of calls) {
    const about = [...identifiers(given), ...identifiers(result)];
    if (isReadOnly(tool)) {
      const id = numbering.of(key);
      ids.push(id);
      // A result that was not recorded is stored as text: null is not a value.
      results[id] ??= result ?? '';
      known.set(id, { id, about: new Set(about) });
    } else if (!NEUTRAL.has(tool)) {
      const dropped = WRITES[droppedByWrites]([...known.values()], about).map(({ id }) => id);
      drops.set(ids.length, [...(drops.get(ids.length) ?? []), ...dropped]);
      for (const id of dropped) known.delete(id);
    }
  }
  const name = `tau-bench airline tools, writes drop ${droppedByWrites}`;
  return { name, ids: Int32Array.from(ids), keys: numbering.keys, drops, results };
}

/** Hits of a cache that only drops what has become invalid. */
function unboundedHits({ ids, drops }) {
  const held = new Set();
  let hits = 0;
  for (const [at, id] of ids.entries()) {
    for (const dropped of drops.get(at) ?? []) held.delete(dropped);
    if (held.has(id)) hits++;
    held.add(id);
  }
  return hits;
}

async function toolRow(trace, sizePercent, dir) {
  const entries = entriesOf(trace, sizePercent);
  const requests = trace.ids.length;
  const folder = await temporaryFolder({ dir });
  try {
    const cache = new AdvancedCacheManager({
      cacheDir: folder.path,
      l1MaxSize: entries,
      l2MaxSizeMB: L2_MB,
      enableSimilarityDetection: false,
    });
    const { hits, layers } = await replay(trace, cache, (id) => trace.results[id]);
    return {
      workload: trace.name,
      requests,
      keys: trace.keys.length,
      sizePercent,
      entries,
      l2MB: L2_MB,
      l1: layers.l1 / requests,
      l2: layers.l2 / requests,
      l3: layers.l3 / requests,
      all: hits / requests,
      lruCache: hitsOfLruCache(trace, entries) / requests,
      optimum: optimumOf(trace)(entries) / requests,
      unbounded: unboundedHits(trace) / requests,
    };
  } finally {
    await folder.remove();
  }
}

/** @returns {Promise<{ rows: object[], tools: Record<string, 'read' | 'write' | 'neutral'> }>} */
export async function toolCallRows(folder, { dir, progress }) {
  const calls = toolCalls(folder);
  const kind = (tool) => (isReadOnly(tool) ? 'read' : NEUTRAL.has(tool) ? 'neutral' : 'write');
  const tools = Object.fromEntries(
    [...new Set(calls.map(({ tool }) => tool))].sort().map((tool) => [tool, kind(tool)]),
  );
  const rows = [];
  for (const dropped of Object.keys(WRITES)) {
    const trace = callTrace(calls, dropped);
    for (const sizePercent of L1_PERCENTS) {
      progress(`${trace.name}: L1 ${sizePercent} %`);
      rows.push(await toolRow(trace, sizePercent, dir));
    }
  }
  return { rows, tools };
}
