'use strict';

/**
 * The cache that the commands look into: opened by itself, beside whoever uses the directory. Where nothing was ever stored
 * nothing is made. It never evicts: its limits are as large as can be, whatever those of the application are.
 */

const { readdirSync, statSync } = require('node:fs');
const { join, resolve } = require('node:path');
const args = require('../../arguments.js');
const { AgentwiseError } = require('../../errors.js');
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
 * namespace that is meant
 * @template T
 */
async function withStore(given, { directory, root, names, settings }, work) {
  const before = generationsIn(directory);
  if (before.length === 0) return null;
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
    if (generationsIn(directory).at(-1) !== before.at(-1)) {
      given.warn(`the database in ${directory} was damaged and another one is begun; the old one is kept, see doctor`);
    }
    return await work({
      cache,
      native: names.reduce((above, name) => above.namespace(args.exactText(name)), native),
      state,
    });
  } finally {
    await cache.stop();
  }
}

/** Waits until the database is open. */
async function opened(cache, directory) {
  let told;
  cache.on('degraded', (event) => {
    told = event;
  });
  await cache.entries({ limit: 1 }).next();
  const { state, reason } = cache.getStats().disk;
  if (state === 'ok') return;
  const why = told?.message ?? 'another process keeps it from being opened';
  throw new AgentwiseError('E_CACHE_DISK', `cannot use the cache in ${directory}: ${why} (${reason ?? state})`);
}

module.exports = { placeOf, withStore, generationsIn, fileBytesIn };
