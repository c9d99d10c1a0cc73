/**
 * What the cache on disk is compared with. Each is `{ name, survives, store(folder) }`; `store` opens
 * `{ write(entries), get(key), close() }` in a folder, where `write` is done when all is handed to the operating system.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CONCURRENCY = 8;
const BATCH = 64;

/** `work(item)` for all items, a few at a time. */
async function each(items, work) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

const written = (path, text) => writeFile(path, text);

/** As safe from a power loss as a database is. */
async function writtenAndSynced(path, text) {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The replaced way of storing. */
async function files(folder, write = written) {
  const path = (key) => join(folder, `${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    write: (entries) => each(entries, ({ key, value }) => write(path(key), JSON.stringify({ key, value }))),
    get: async (key) => JSON.parse(await readFile(path(key), 'utf8')).value,
    close: async () => {},
  };
}

async function lmdb(folder) {
  const { open: openDatabase } = await import('lmdb');
  const database = openDatabase({ path: join(folder, 'lmdb') });
  return {
    async write(entries) {
      let last;
      for (const { key, value } of entries) last = database.put(key, value);
      await last;
      await database.flushed;
    },
    get: async (key) => database.get(key),
    close: () => database.close(),
  };
}

async function betterSqlite(folder) {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(join(folder, 'cache.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec('CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT NOT NULL)');
  const put = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
  const get = database.prepare('SELECT value FROM entries WHERE key = ?').pluck();
  const putAll = database.transaction((batch) => {
    for (const { key, value } of batch) put.run(key, JSON.stringify(value));
  });
  return {
    async write(entries) {
      for (let at = 0; at < entries.length; at += BATCH) putAll(entries.slice(at, at + BATCH));
    },
    get: async (key) => JSON.parse(get.get(key)),
    close: async () => database.close(),
  };
}

async function cacache(folder) {
  const { default: store } = await import('cacache');
  return {
    write: (entries) => each(entries, ({ key, value }) => store.put(folder, key, JSON.stringify(value))),
    get: async (key) => JSON.parse((await store.get(folder, key)).data),
    close: async () => {},
  };
}

export const FILES = 'one JSON file per entry';

/**
 * `survives`: what the entries are safe from when `write` is done. `part`: for slow ones this share of the entries is
 * enough. `writesOnly`: its hits are those of another.
 */
export const DISK_PEERS = [
  { name: FILES, survives: 'kill', store: files },
  {
    name: `${FILES}, synced`,
    survives: 'kill, power loss',
    part: 0.05,
    writesOnly: true,
    store: (folder) => files(folder, writtenAndSynced),
  },
  { name: 'lmdb', survives: 'kill, power loss', store: lmdb },
  { name: 'better-sqlite3', survives: 'kill', store: betterSqlite },
  { name: 'cacache', survives: 'kill', part: 0.25, store: cacache },
];

const PROBE = fileURLToPath(new URL('./disk-peer-probe.mjs', import.meta.url));

/** Tries each peer in a process of its own, as a binary for another Node.js can end the process. */
export async function usableDiskPeers(folder) {
  const usable = [];
  const missing = [];
  for (const peer of DISK_PEERS) {
    try {
      await promisify(execFile)(process.execPath, [PROBE, peer.name, folder], { timeout: 30_000 });
      usable.push(peer);
    } catch (error) {
      const why = error.stderr?.match(/^\w*Error.*$/m)?.[0] ?? error.signal ?? `status ${error.code}`;
      missing.push(`${peer.name} is not compared: it does not run in Node.js ${process.version} (${why})`);
    }
  }
  return { usable, missing };
}
