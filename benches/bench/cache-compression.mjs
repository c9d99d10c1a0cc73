/** What compression saves on recorded responses, with a dictionary that has not seen them. */

import { AdvancedCacheManager } from '../../index.mjs';
import { settled, statsWhen } from './cache-stats.mjs';
import { count, megabytes, percent } from './format.mjs';
import { target } from './harness.mjs';
import { teamMessages, toolCalls } from './records.mjs';
import { temporaryFolder } from './temporary.mjs';

export const name = 'cache-compression';
export const title = 'bytes saved in L3 on recorded responses of 1–20 KB';

const SMALLEST = 1e3;
const LARGEST = 20e3;
const TRAINING_TIMEOUT_MS = 60_000;
/** L2 has no room for any of the entries: all end in L3. */
const CONFIG = { l1MaxSize: 1, l2MaxSizeMB: 0.001, l3MaxSizeMB: 1000, enableSimilarityDetection: false };

export const tables = {
  saved: {
    title: 'held-out half, after a dictionary was trained by the other half',
    columns: [
      { key: 'source', title: 'responses' },
      { key: 'training', title: 'for training', format: count },
      { key: 'entries', title: 'measured', format: count },
      { key: 'rawBytes', title: 'JSON', format: megabytes },
      { key: 'storedBytes', title: 'stored', format: megabytes },
      { key: 'dictionaryBytes', title: 'dictionary', format: megabytes },
      { key: 'saved', title: 'saved', format: percent },
      { key: 'savedWithDictionary', title: 'with the dictionary', format: percent },
    ],
  },
};

/** `group` is what a half consists of: runs of the same task and messages of one team stay together. */
function sources(folder) {
  const tools = toolCalls(folder).map(({ task, result }) => ({ group: task, value: result }));
  const messages = teamMessages(folder).map(({ team, message }) => ({ group: team, value: message }));
  return { 'tau-bench tool outputs': tools, 'ChatDev messages': messages };
}

/** Those of the right size, each once, by half: every other group. */
function halves(records) {
  const groups = [...new Set(records.map(({ group }) => group))];
  const half = new Map(groups.map((group, at) => [group, at % 2 === 0 ? 'training' : 'measured']));
  const seen = new Set();
  const split = { training: [], measured: [] };
  for (const { group, value } of records) {
    const text = JSON.stringify(value);
    const bytes = Buffer.byteLength(text);
    if (bytes < SMALLEST || bytes > LARGEST || seen.has(text)) continue;
    seen.add(text);
    split[half.get(group)].push(value);
  }
  return split;
}

async function store(cache, label, values) {
  for (const [at, value] of values.entries()) await cache.set(`${label} ${at}`, value);
  await cache.flush();
  return settled(cache);
}

function row(source, training, before, after, dictionaryBytes) {
  const entries = after.entries - before.entries;
  const rawBytes = after.rawBytes - before.rawBytes;
  const storedBytes = after.storedBytes - before.storedBytes;
  return {
    source,
    training,
    entries,
    rawBytes,
    storedBytes,
    dictionaryBytes,
    saved: rawBytes > 0 ? 1 - storedBytes / rawBytes : 0,
    savedWithDictionary: rawBytes > 0 ? 1 - (storedBytes + dictionaryBytes) / rawBytes : 0,
  };
}

export async function run(options = {}) {
  if (!options.data) {
    const notes = ['skipped: name a folder with recorded runs, npm run bench -- --data <folder>'];
    return { results: { saved: [] }, targets: [], notes };
  }
  const parts = Object.entries(sources(options.data)).map(([source, records]) => ({ source, ...halves(records) }));
  const folder = await temporaryFolder(options);
  const cache = new AdvancedCacheManager({ ...CONFIG, cacheDir: folder.path });
  const notes = [];
  try {
    for (const { source, training } of parts) await store(cache, `training ${source}`, training);
    const isTrained = (stats) => stats.l3.dictionaryBytes > 0;
    const trained = await statsWhen(cache, isTrained, { timeoutMs: TRAINING_TIMEOUT_MS });
    if (!isTrained(trained)) notes.push('no dictionary was trained');
    const rows = [];
    // Entries may be written again with the new dictionary.
    const first = (await settled(cache)).l3;
    let before = first;
    for (const { source, training, measured } of parts) {
      const { l3: after } = await store(cache, `measured ${source}`, measured);
      rows.push(row(source, training.length, before, after, 0));
      before = after;
    }
    const trainedBy = parts.reduce((sum, { training }) => sum + training.length, 0);
    const all = row('all', trainedBy, first, before, before.dictionaryBytes);
    rows.push(all);
    if (before.dictionaryBytes !== first.dictionaryBytes) notes.push('the dictionary changed while it was measured');
    notes.push('the dictionary is counted once, in the last line; compressionRatio is in the JSON');
    return {
      results: { saved: rows.map((one) => ({ ...one, compressionRatio: 1 - one.saved })) },
      targets: [target('saved in L3, dictionary counted', all.savedWithDictionary * 100, '>=', 70, '%')],
      notes,
    };
  } finally {
    await cache.stop();
    await folder.remove();
  }
}
