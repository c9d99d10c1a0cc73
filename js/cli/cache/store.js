'use strict';

/**
 * The cache that the commands look into: opened by itself, beside whoever uses the directory. Where nothing was ever stored
 * nothing is made. It never evicts: its limits are as large as can be, whatever those of the application are.
 */

const { once } = require('node:events');
const { closeSync, openSync, readSync, readdirSync, statSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { setTimeout } = require('node:timers/promises');
const args = require('../../arguments.js');
const { AgentwiseError } = require('../../errors.js');
const { WARNING } = require('../exit-codes.js');
const { UsageError } = require('../failures.js');

/** Largest limit of a tier, MB. */
const MOST_MB = 10_000_000;

/** A generation of the version that this package writes, see `SCHEMA_VERSION` in `src/cache/disk/db.rs`. */
const GENERATION = /^v1-\d{6,}$/;

const WHY_NOT = { EACCES: 'no permission', EPERM: 'no permission', ENOTDIR: 'it is not a directory' };

/** The databases in a directory, the newest last; `[]` also where there is no directory. */
function generationsIn(directory) {
  try {
    return readdirSync(directory)
      .filter((name) => GENERATION.test(name))
      .sort();
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw new AgentwiseError('E_CACHE_DISK', `cannot look into ${directory}: ${WHY_NOT[error.code] ?? error.code}`);
  }
}

/** Bytes of the newest database with its log. */
function fileBytesIn(directory) {
  const newest = generationsIn(directory).at(-1) ?? '';
  const sizes = ['cache.db', 'cache.db-wal'].map((name) =>
    statSync(join(directory, newest, name), { throwIfNoEntry: false }),
  );
  return sizes.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}

/** How every database of SQLite begins. */
const MAGIC = Buffer.from('SQLite format 3\0');

/** Whether the newest database is none any more: opening it would begin another one. What cannot be read is told when it is opened. */
function isDestroyed(directory, generation) {
  const head = Buffer.alloc(MAGIC.length);
  let file;
  try {
    file = openSync(join(directory, generation, 'cache.db'), 'r');
  } catch {
    return false;
  }
  try {
    const length = readSync(file, head, 0, head.length, 0);
    return length > 0 && !head.equals(MAGIC);
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}

/** Where and whose: `{ directory, root, names, isAll, settings }`. */
function placeOf(given) {
  const { configurationOf } = require('../configuration.js');
  const { dir, project, namespace: names = [], all: isAll = false } = given.options;
  if (isAll && (project !== undefined || names.length > 0)) {
    throw new UsageError(given.command, '--all means every namespace: it does not go with --project or --namespace');
  }
  if (dir === '') throw new UsageError(given.command, '--dir must be the path of a directory');
  if (names.some((name) => name === '' || name.includes('\0'))) {
    throw new UsageError(given.command, '--namespace must be a name with at least one character');
  }
  const { settings, cacheDir, problems } = configurationOf(given);
  // A directory that is named needs no configuration to be found.
  if (problems.length > 0 && dir === undefined) {
    const { path, message } = problems[0];
    throw new AgentwiseError('E_CONFIG_INVALID', `${path ? `${path}: ` : ''}${message}; see config check`);
  }
  if (dir === undefined && cacheDir === null) {
    throw new AgentwiseError('E_NOT_AVAILABLE', 'this configuration keeps no cache on disk; name a directory by --dir');
  }
  const root = project ?? settings['cache.namespace'] ?? settings.projectId ?? '';
  return {
    directory: dir === undefined ? cacheDir : resolve(dir),
    root,
    names,
    isAll,
    settings,
    isOwn: dir === undefined,
  };
}

/**
 * Calls `work` with the cache of a place and closes it. `null` where nothing was ever stored.
 *
 * @param {(store: { cache, native, state, isReplaced: boolean }) => Promise<T>} work `native` is the core's of the
 * namespace that is meant; `isReplaced` where the database was damaged and another one is begun
 * @param {{ isReading?: boolean, isReplacedTold?: boolean }} [how] `isReading` begins no other database in place of a destroyed
 * one; `isReplacedTold` where `work` tells that it is replaced; else it is a warning
 * @throws `E_CACHE_DISK`
 * @template T
 */
async function withStore(given, place, work, { isReading = false, isReplacedTold = false } = {}) {
  const { directory, root, names, settings } = place;
  const before = generationsIn(directory);
  if (before.length === 0) return null;
  if (isReading && isDestroyed(directory, before.at(-1))) {
    throw new AgentwiseError('E_CACHE_DISK', `the database in ${directory} is damaged: it is no database; see doctor`);
  }
  // Loaded here, so that help and usage errors need no native module.
  const { AdvancedCacheManager, coreOf } = require('../../advanced-cache-manager.js');
  const cache = new AdvancedCacheManager({
    cacheDir: directory,
    ...(root !== '' && { namespace: root }),
    l2MaxSizeMB: MOST_MB,
    l3MaxSizeMB: MOST_MB,
    enableSimilarityDetection: false,
    allowNetworkFileSystem: settings['cache.allowNetworkFileSystem'] === true,
  });
  try {
    const { native, state } = coreOf(cache);
    await opened(cache, directory);
    const isReplaced = generationsIn(directory).at(-1) !== before.at(-1);
    if (isReplaced && !isReplacedTold) {
      // What is shown is of a new database: that is no success, also where warnings are not shown.
      process.exitCode = WARNING;
      given.warn(`the database in ${directory} was damaged and another one is begun; the old one is kept, see doctor`);
    }
    return await work({
      cache,
      native: names.reduce((above, name) => above.namespace(args.exactText(name)), native),
      state,
      isReplaced,
    });
  } finally {
    await cache.stop();
  }
}

/** How long the reason is waited for that a database is not open, ms: it comes by an event of its own. */
const REASON_MS = 2000;

/** Waits until the database is open. */
async function opened(cache, directory) {
  const degraded = once(cache, 'degraded').then(([{ message }]) => message);
  await cache.entries({ limit: 1 }).next();
  const { state, reason } = cache.getStats().disk;
  if (state === 'ok') return;
  const told = new AbortController();
  const late = setTimeout(REASON_MS, 'another process keeps it from being opened', { signal: told.signal });
  const why = await Promise.race([degraded, late]);
  late.catch(() => {});
  told.abort();
  throw new AgentwiseError('E_CACHE_DISK', `cannot use the cache in ${directory}: ${why} (${reason ?? state})`);
}

module.exports = { placeOf, withStore, generationsIn, fileBytesIn };
