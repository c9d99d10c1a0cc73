/** The cache on disk: writing behind, hits, and how soon a large one answers. */

import { deepStrictEqual } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AdvancedCacheManager } from '../../index.mjs';
import { hitsByLayer } from './cache-stats.mjs';
import { key, keys, recordText, recordTexts } from './cache-values.mjs';
import { FILES, usableDiskPeers } from './disk-peers.mjs';
import { count, milliseconds, optional, times, withSpread } from './format.mjs';
import { quantile, ratio, spread, target } from './harness.mjs';
import { random } from './random.mjs';
import { temporaryFolder } from './temporary.mjs';

export const name = 'cache-disk';
export const title = 'writing behind, hits on disk and opening, against files, databases and cacache';

const KB = 1024;
const ENTRIES = 20_000;
const OURS = 'ours';
const READS = 500;
const OPENINGS = 9;
const CHILD = fileURLToPath(new URL('./cache-open-child.mjs', import.meta.url));

/** What both the filling and the opened cache are made with: nothing is thrown out. */
const ROOMY = { l2MaxSizeMB: 4000, l3MaxSizeMB: 4000 };

export const tables = {
  writes: {
    title: `${count(ENTRIES)} entries of 4 KB of JSON, each set awaited, until all are stored`,
    columns: [
      { key: 'contestant', title: 'store' },
      { key: 'entries', title: 'entries', format: count },
      { key: 'perSecond', title: 'entries/s', format: withSpread((value) => count(Math.round(value))) },
      { key: 'timesFiles', title: `this ÷ ${FILES}`, format: optional(withSpread(times)) },
      { key: 'survives', title: 'then safe from' },
    ],
  },
  reads: {
    title: 'one awaited hit of 4 KB on disk, warm, random keys (memory of ours held to one entry)',
    columns: [
      { key: 'contestant', title: 'store' },
      { key: 'reads', title: 'reads', format: count },
      { key: 'p50', title: 'p50', format: milliseconds },
      { key: 'p90', title: 'p90', format: milliseconds },
      { key: 'p99', title: 'p99', format: milliseconds },
      { key: 'max', title: 'max', format: milliseconds },
    ],
  },
  open: {
    title: `${OPENINGS} new processes: from before the constructor to the first answered get`,
    columns: [
      { key: 'entries', title: 'entries', format: count },
      { key: 'importMs', title: 'import (not in the target)', format: withSpread(milliseconds) },
      { key: 'constructorMs', title: 'constructor', format: withSpread(milliseconds) },
      { key: 'totalMs', title: 'first answer', format: withSpread(milliseconds) },
    ],
  },
};

const ours = {
  name: OURS,
  survives: 'kill, power loss',
  async store(folder, config) {
    const cache = new AdvancedCacheManager({ cacheDir: folder, ...ROOMY, ...config });
    return {
      async write(entries) {
        for (const { key, value } of entries) await cache.set(key, value);
        await cache.flush();
      },
      get: (key) => cache.get(key),
      stats: () => cache.getStats(),
      close: () => cache.stop(),
    };
  },
};

const sizeOf = ({ part = 1 }, entries) => Math.floor(entries.length * part);

/** What one contestant left for the disk to do must not fall to the next. */
async function sync() {
  await promisify(execFile)('sync').catch(() => {});
}

async function checkStored(contestant, folder, entries) {
  const store = await contestant.store(folder);
  try {
    for (let at = 0; at < entries.length; at += Math.ceil(entries.length / 100)) {
      deepStrictEqual(await store.get(entries[at].key), entries[at].value, `${contestant.name} lost an entry`);
    }
  } finally {
    await store.close();
  }
}

/** Fills a new folder for each round; those of the last round stay, for reading. */
async function writes(contestants, entries, root, rounds) {
  const seconds = Object.fromEntries(contestants.map((one) => [one.name, []]));
  const notes = [];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length];
      const folder = join(root, contestant.name);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
      const part = entries.slice(0, sizeOf(contestant, entries));
      const store = await contestant.store(folder);
      await sync();
      globalThis.gc?.();
      const before = performance.now();
      await store.write(part);
      seconds[contestant.name].push((performance.now() - before) / 1e3 / part.length);
      const disk = store.stats?.().disk;
      if (disk?.dropped > 0) notes.push(`round ${round + 1}: ${count(disk.dropped)} entries were not written`);
      await store.close();
      if (round === rounds - 1) await checkStored(contestant, folder, part);
    }
  }
  const rows = contestants.map((contestant) => ({
    contestant: contestant.name,
    entries: sizeOf(contestant, entries),
    perSecond: spread(seconds[contestant.name].map((each) => 1 / each)),
    timesFiles: contestant.name === FILES ? undefined : ratio(seconds[FILES], seconds[contestant.name]),
    survives: contestant.survives,
  }));
  return { rows, notes };
}

async function reads(contestants, entries, root, rounds) {
  const next = random(4);
  const opened = [];
  for (const contestant of contestants.filter(({ writesOnly }) => !writesOnly)) {
    const store = await contestant.store(join(root, contestant.name), { l1MaxSize: 1 });
    opened.push({ contestant, store, held: sizeOf(contestant, entries), ms: [] });
  }
  const readSome = async ({ store, held }, ms) => {
    for (let i = 0; i < READS; i++) {
      const { key } = entries[Math.floor(next() * held)];
      const before = performance.now();
      const found = await store.get(key);
      ms?.push(performance.now() - before);
      if (found === null || found === undefined) throw new Error('a stored entry was not found');
    }
  };
  for (const one of opened) for (let warm = 0; warm < 4; warm++) await readSome(one);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < opened.length; turn++) {
      const one = opened[(turn + round) % opened.length];
      globalThis.gc?.();
      await readSome(one, one.ms);
    }
  }
  const memoryHits = hitsByLayer(opened[0].store.stats()).l1;
  for (const { store } of opened) await store.close();
  const rows = opened.map(({ contestant, ms }) => ({
    contestant: contestant.name,
    reads: ms.length,
    p50: quantile(ms, 0.5),
    p90: quantile(ms, 0.9),
    p99: quantile(ms, 0.99),
    max: Math.max(...ms),
  }));
  return { rows, notes: memoryHits > 10 ? [`${count(memoryHits)} reads of ours were answered from memory`] : [] };
}

async function opening(root, size) {
  const folder = join(root, 'large');
  const cache = new AdvancedCacheManager({ cacheDir: folder, ...ROOMY });
  for (let at = 0; at < size; at++) {
    await cache.set(key(at), JSON.parse(recordText(at, KB)));
    // A queue that is full delays the writer of a set; this filling has no need to find out.
    if (at % 5000 === 4999) await cache.flush();
  }
  await cache.flush();
  await cache.stop();
  const samples = [];
  for (let i = 0; i < OPENINGS; i++) {
    const wanted = key(Math.floor((size * (i + 0.5)) / OPENINGS));
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder, wanted, JSON.stringify(ROOMY)]);
    samples.push(JSON.parse(stdout));
  }
  const of = (step) => spread(samples.map((sample) => sample[step]));
  return { entries: size, importMs: of('importMs'), constructorMs: of('constructorMs'), totalMs: of('totalMs') };
}

export async function run(options = {}) {
  const folder = await temporaryFolder(options);
  try {
    const { usable, missing } = await usableDiskPeers(folder.path);
    const contestants = [ours, ...usable];
    const names = keys(ENTRIES);
    const entries = recordTexts(ENTRIES, 4 * KB).map((text, at) => ({ key: names[at], value: JSON.parse(text) }));
    const written = await writes(contestants, entries, folder.path, options.quick ? 1 : 3);
    const read = await reads(contestants, entries, folder.path, options.quick ? 4 : 10);
    const open = await opening(folder.path, options.quick ? 50_000 : 200_000);
    const first = read.rows[0];
    return {
      results: { writes: written.rows, reads: read.rows, open: [open] },
      targets: [
        target(`entries/s written ÷ ${FILES}`, written.rows[0].timesFiles.median, '>=', 5),
        target('hit on disk, p50', first.p50 * 1e3, '<=', 100, 'µs'),
        target('hit on disk, p99', first.p99, '<=', 2, 'ms'),
        target(`first answer with ${count(open.entries)} entries, median`, open.totalMs.median, '<=', 20, 'ms'),
      ],
      notes: [
        `folder: ${folder.path}${folder.inMemory ? ' (in memory, not on a disk: name a folder with --dir)' : ''}`,
        'files and cacache: 8 writes at a time; better-sqlite3: WAL, synchronous NORMAL, transactions of 64',
        ...missing,
        ...written.notes,
        ...read.notes,
      ],
    };
  } finally {
    await folder.remove();
  }
}
