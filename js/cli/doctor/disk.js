'use strict';

/** `doctor`: the disk that the cache directory is on: its file system, room and speed. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { bytes } = require('../text.js');

const MB = 2 ** 20;

/** `f_type` of usual file systems, from the kernel's `linux/magic.h`. */
const FILE_SYSTEMS = new Map([
  [0x0000ef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
]);

/** Those where locks between machines do not hold, as `src/cache/disk/location/network.rs` has them: the cache refuses them. */
const NETWORK = new Map([
  [0x00006969, 'NFS'],
  [0x0000517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x73757245, 'Coda'],
  [0x0000564c, 'NCP'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0xaad7aaea, 'PanFS'],
  [0x20030528, 'OrangeFS'],
  [0x61636673, 'ACFS'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
  [0x7c7c6673, 'prl_fs'],
]);

/** Room under which a disk is as good as full: the cache keeps a reserve of 8 MB for that. */
const LEAST_FREE = 64 * MB;

/** What is written for the measurement: as many batches as a busy second has, of usual size. */
const BATCHES = 16;
const BATCH_BYTES = 128 * 1024;

/** Longest usual wait for one `fsync`, ms: a disk of rust, turning. Each durable write waits as long. */
const SLOW_SYNC_MS = 30;

/** The directory, or the nearest one above it that is there: what is missing will be on the same disk. */
function nearest(directory) {
  let at = path.resolve(directory);
  while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
  return at;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/**
 * Writes and syncs batches into a file of its own, which is gone afterwards.
 *
 * @returns {{ bytesPerSecond: number, syncMs: number }} `syncMs`: the median
 */
function speedOf(directory, progress) {
  const file = path.join(directory, `.doctor-${crypto.randomBytes(8).toString('hex')}`);
  const data = crypto.randomBytes(BATCH_BYTES);
  const syncs = [];
  const fd = fs.openSync(file, 'wx', 0o600);
  try {
    const started = performance.now();
    for (let batch = 0; batch < BATCHES; batch++) {
      fs.writeSync(fd, data);
      const written = performance.now();
      fs.fsyncSync(fd);
      syncs.push(performance.now() - written);
      progress.update(batch + 1, BATCHES);
    }
    const seconds = (performance.now() - started) / 1000;
    return { bytesPerSecond: (BATCHES * BATCH_BYTES) / seconds, syncMs: median(syncs) };
  } finally {
    fs.closeSync(fd);
    fs.rmSync(file, { force: true });
  }
}

function checkFileSystem(found, type, settings) {
  const network = process.platform === 'linux' ? NETWORK.get(type) : undefined;
  if (network && settings['cache.allowNetworkFileSystem'] !== true) {
    found.problem(
      'file system',
      `${network}, a network file system: nothing is kept on disk`,
      'set cache.cacheDir to a local directory, or cache.allowNetworkFileSystem if one machine uses it alone',
    );
  } else if (network) {
    found.warning('file system', `${network}, a network file system`, 'use the directory from one machine only');
  } else if (FILE_SYSTEMS.get(type) === 'tmpfs') {
    found.warning(
      'file system',
      'tmpfs: in memory, gone with a restart',
      'set cache.cacheDir to a directory on a disk',
    );
  } else {
    found.ok(
      'file system',
      process.platform === 'linux' ? (FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`) : 'local',
    );
  }
}

function checkRoom(found, { bavail, bsize, files, ffree }, settings) {
  const free = bavail * bsize;
  const budget = ((settings['cache.l2MaxSizeMB'] ?? 0) + (settings['cache.l3MaxSizeMB'] ?? 0)) * MB;
  const remedy = 'make room, or set cache.cacheDir to another disk';
  if (free < LEAST_FREE) found.problem('free space', bytes(free), remedy);
  else {
    found.either(
      free >= budget,
      'free space',
      bytes(free),
      `the cache may take ${bytes(budget)}: make room, or lower cache.l2MaxSizeMB and cache.l3MaxSizeMB`,
    );
  }
  // Some file systems count no files and say 0 of 0.
  if (files > 0 && ffree === 0) found.problem('free files', 'none', remedy);
}

/** Where a database says by which SQLite it was written last: "SQLITE_VERSION_NUMBER" in its header. */
const VERSION_AT = 96;

/** Before it, a commit could be lost (a bug of the write-ahead log). */
const SOUND_SQLITE = 3_051_003;

/** The version of SQLite that wrote `file`, as its number; `null` where that cannot be seen. */
function sqliteOf(file) {
  try {
    const fd = fs.openSync(file, 'r');
    const header = Buffer.alloc(VERSION_AT + 4);
    const read = fs.readSync(fd, header, 0, header.length, 0);
    fs.closeSync(fd);
    return read === header.length && header.toString('latin1', 0, 15) === 'SQLite format 3'
      ? header.readUInt32BE(VERSION_AT)
      : null;
  } catch {
    return null;
  }
}

/** The database in use is the one of the newest generation. */
function checkDatabase(found, cacheDir) {
  let names = [];
  try {
    names = fs
      .readdirSync(cacheDir)
      .filter((name) => /^v1-\d{6,9}$/.test(name))
      .sort();
  } catch {
    // Not there yet, or not ours to look into: other rows say so.
  }
  const file = path.join(cacheDir, names.at(-1) ?? '', 'cache.db');
  const version = names.length > 0 ? sqliteOf(file) : null;
  if (version === null) return;
  const text = `${Math.floor(version / 1_000_000)}.${Math.floor(version / 1000) % 1000}.${version % 1000}`;
  const value = `${names.at(-1)}, ${bytes(fs.statSync(file).size)}, written by SQLite ${text}`;
  found.either(
    version >= SOUND_SQLITE,
    'database',
    value,
    'use a newer version of this package: that one could lose a commit',
  );
}

/**
 * @param {import('./findings.js').Findings} found
 * @param {{ cacheDir: string, settings: object }} facts
 */
function checkDisk(found, { cacheDir, settings }, progress) {
  found.in('disk');
  const directory = nearest(cacheDir);
  found.ok('cache directory', directory === path.resolve(cacheDir) ? cacheDir : `${cacheDir}, not there yet`);
  let facts;
  try {
    facts = fs.statfsSync(directory);
  } catch (error) {
    found.problem(
      'file system',
      `cannot look at ${directory} (${error.code})`,
      'set cache.cacheDir to another directory',
    );
    return;
  }
  // 32 bits, signed or not by the processor.
  checkFileSystem(found, facts.type >>> 0, settings);
  checkRoom(found, facts, settings);
  checkDatabase(found, cacheDir);
  try {
    const { bytesPerSecond, syncMs } = speedOf(directory, progress);
    found.either(
      syncMs <= SLOW_SYNC_MS,
      'speed',
      `${bytes(bytesPerSecond)}/s in synced writes of ${bytes(BATCH_BYTES)}, fsync ${syncMs.toFixed(2)} ms`,
      'a durable write waits for an fsync: set cache.cacheDir to a faster disk',
    );
  } catch (error) {
    found.problem('speed', `cannot write in ${directory} (${error.code})`, remedyOf(error));
  }
}

function remedyOf({ code }) {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'make room, or set cache.cacheDir to another disk';
  return 'give this user the right to write there, or set cache.cacheDir to another directory';
}

module.exports = { checkDisk, nearest, NETWORK };
