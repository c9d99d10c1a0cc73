/** What a hit in memory and a set cost, measured in the way that is replaced and in other caches. */

import { deepStrictEqual } from 'node:assert';
import { AdvancedCacheManager } from '../../index.mjs';
import { keys, prose, recordTexts } from './cache-values.mjs';
import { count, milliseconds, optional, times, withSpread } from './format.mjs';
import { compare, quantile, ratio, spread, target } from './harness.mjs';
import { memoryPeers } from './memory-peers.mjs';
import { random } from './random.mjs';
import { temporaryFolder } from './temporary.mjs';

export const name = 'cache-memory';
export const title = 'awaited hits in memory and sets, against the replaced way and other caches';

const ENTRIES = 10_000;
const ROOM = 2 * ENTRIES;
const KB = 1024;
const REPLACED = 'replaced way';
const COPY = 'ours';
const REFERENCE = "ours, valueMode 'reference'";
const DISK = 'ours, with disk';
const PARSE = 'JSON.parse of the text';

export const tables = {
  calls: {
    title: `one awaited call; ${count(ENTRIES)} keys of 60 characters, all in memory, in random order`,
    columns: [
      { key: 'operation', title: 'operation' },
      { key: 'contestant', title: 'cache' },
      { key: 'ms', title: 'time', format: withSpread(milliseconds) },
      { key: 'perSecond', title: 'per second', format: count },
      { key: 'timesFaster', title: `${REPLACED} ÷ this`, format: optional(withSpread(times)) },
      { key: 'timesParse', title: 'this ÷ JSON.parse', format: optional(withSpread(times)) },
    ],
  },
};

function ours(label, config) {
  const cache = new AdvancedCacheManager({ l1MaxSize: ROOM, l1MaxSizeMB: 1024, persistToDisk: false, ...config });
  return {
    name: label,
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    close: () => cache.stop(),
  };
}

/** Places of the keys in random order, over and over. */
function shuffledPlaces(next) {
  const order = Uint32Array.from({ length: ENTRIES }, (_, at) => at);
  for (let at = ENTRIES - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return () => {
    let turn = 0;
    return () => {
      turn = turn + 1 === ENTRIES ? 0 : turn + 1;
      return order[turn];
    };
  };
}

/** Fills a cache and makes sure that it answers with what was stored. */
async function fill(contestant, names, values) {
  for (let at = 0; at < ENTRIES; at++) await contestant.set(names[at], values[at]);
  for (let at = 0; at < ENTRIES; at++) {
    const found = await contestant.get(names[at]);
    if (found === null || found === undefined) throw new Error(`${contestant.name} lost an entry that fits`);
    if (at % 100 === 0) deepStrictEqual(found, values[at], contestant.name);
  }
}

async function measure(operation, cases) {
  const results = await compare(cases, { rounds: 11 });
  const rows = Object.entries(results).map(([contestant, { wall }]) => ({
    operation,
    contestant,
    ms: spread(wall),
    perSecond: Math.round(1e3 / quantile(wall, 0.5)),
    timesFaster: results[REPLACED] && contestant !== REPLACED ? ratio(results[REPLACED].wall, wall) : undefined,
    timesParse: results[PARSE] && contestant !== PARSE ? ratio(wall, results[PARSE].wall) : undefined,
  }));
  return { rows, results };
}

/** @param {string[]} texts the JSON of the values */
async function hits(operation, contestants, names, texts, places) {
  const values = texts.map((text) => JSON.parse(text));
  const cases = [];
  for (const contestant of contestants) {
    await fill(contestant, names, values);
    const place = places();
    cases.push({ name: contestant.name, run: () => contestant.get(names[place()]) });
  }
  if (typeof values[0] === 'object') {
    const place = places();
    cases.push({ name: PARSE, run: () => JSON.parse(texts[place()]) });
  }
  return measure(operation, cases);
}

async function sets(operation, contestants, names, texts, places) {
  const values = texts.map((text) => JSON.parse(text));
  const cases = [];
  for (const contestant of contestants) {
    await fill(contestant, names, values);
    const place = places();
    const run = () => {
      const at = place();
      // Never the value that is there.
      return contestant.set(names[at], values[at + 1 === ENTRIES ? 0 : at + 1]);
    };
    cases.push({ name: contestant.name, run });
  }
  return measure(operation, cases);
}

function targetsOf({ string, object, set }, peerNames) {
  const faster = ({ results }, other, one = COPY) => ratio(results[other].wall, results[one].wall).median;
  const others = peerNames.filter((peer) => peer !== REPLACED);
  const ahead = others.flatMap((peer) => [
    target(`${peer} ÷ ours, hit of a 1 KB string`, faster(string, peer), '>=', 1),
    target(`${peer} ÷ ours, hit of a 1 KB object`, faster(object, peer), '>=', 1),
  ]);
  const parse = target('ours ÷ JSON.parse, hit of a 1 KB object', faster(object, COPY, PARSE), '<=', 1.5);
  if (!peerNames.includes(REPLACED)) return [parse, ...ahead];
  return [
    target(`${REPLACED} ÷ ours, hit of a 1 KB string`, faster(string, REPLACED), '>=', 1),
    parse,
    target(`${REPLACED} ÷ ${REFERENCE}, hit of a 1 KB object`, faster(object, REPLACED, REFERENCE), '>=', 4),
    ...ahead,
    target(`ours ÷ ${REPLACED}, set of a 2 KB object`, faster(set, COPY, REPLACED), '<', 1),
  ];
}

export async function run(options = {}) {
  const next = random(20);
  const places = shuffledPlaces(next);
  const names = keys(ENTRIES);
  const strings = Array.from({ length: ENTRIES }, () => JSON.stringify(prose(KB, next)));
  const { peers, missing } = await memoryPeers({ entries: ROOM });
  const folder = await temporaryFolder(options);
  const contestants = [ours(COPY, {}), ours(REFERENCE, { valueMode: 'reference' }), ...peers];
  const withDisk = ours(DISK, { persistToDisk: true, cacheDir: folder.path });
  try {
    const string = await hits('hit of a 1 KB string', contestants, names, strings, places);
    const object = await hits('hit of a 1 KB object', contestants, names, recordTexts(ENTRIES, KB), places);
    const texts = recordTexts(ENTRIES, 2 * KB);
    const set = await sets('set of a 2 KB object', [...contestants, withDisk], names, texts, places);
    return {
      results: { calls: [...string.rows, ...object.rows, ...set.rows] },
      targets: targetsOf(
        { string, object, set },
        peers.map((peer) => peer.name),
      ),
      notes: [
        `${REPLACED}: SHA-256 of the key and lru-cache, by reference; on a set also JSON.stringify for the size`,
        `${DISK}: what a set costs the caller while the disk is written behind; for information`,
        ...missing,
      ],
    };
  } finally {
    for (const contestant of [...contestants, withDisk]) await contestant.close();
    await folder.remove();
  }
}
