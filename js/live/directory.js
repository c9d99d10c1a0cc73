'use strict';

/**
 * The directory in which running systems can be found, as `src/monitor/live/` makes it. Nothing in it is believed unless it
 * belongs to this user or root and nobody else can write to it. Everything is read through the open directory, so that nobody
 * can put another one in its place meanwhile.
 */

const fs = require('node:fs');
const path = require('node:path');
const { AgentwiseError, messageOf } = require('../errors.js');

/** In the cache directory. */
const NAME = 'live';
const ROOT = 0;
/** What others than the owner may do: write. */
const OTHERS_WRITE = 0o022;
const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

const me = () => process.geteuid?.() ?? ROOT;
const isTrusted = ({ uid }) => process.platform === 'win32' || uid === ROOT || uid === me();

const notOwned = (file, problem) => new AgentwiseError('E_NOT_OWNED', `${file} ${problem}`);

const howElse = () => (me() === ROOT ? 'ask as that user' : 'ask as that user, or name a cache directory of your own');

const whoseText = ({ uid }) => `belongs to user ${uid}, not to user ${me()} who asks`;

function foreign(file, found) {
  return notOwned(file, `${whoseText(found)}, and is not believed: ${howElse()}`);
}

/** What could not be read, and why. */
function unreadable(file, error) {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    const found = fs.lstatSync(file, { throwIfNoEntry: false });
    if (found && !isTrusted(found)) return foreign(file, found);
    // Root is believed by who may read what is root's.
    if (found && found.uid !== me()) {
      return new AgentwiseError('E_IO', `cannot read ${file}: it ${whoseText(found)}; ${howElse()}`, { cause: error });
    }
  }
  return new AgentwiseError('E_IO', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
}

/** What is above it may not be entered: that of another user is told as theirs. */
function blocked(directory, error) {
  const failure = new AgentwiseError('E_IO', `cannot read ${directory}: ${messageOf(error)}`, { cause: error });
  if (error.code !== 'EACCES') return failure;
  for (let above = path.dirname(directory); above !== path.dirname(above); above = path.dirname(above)) {
    try {
      const found = fs.lstatSync(above);
      // The lowest that can be looked at is the one that may not be entered.
      return found.uid === me() ? failure : foreign(above, found);
    } catch {
      // That is higher up.
    }
  }
  return failure;
}

/** Opens it; `null` when there is none. */
function open(directory) {
  try {
    return fs.openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    let found;
    try {
      found = fs.lstatSync(directory, { throwIfNoEntry: false });
    } catch (unknown) {
      // What is above is no directory: then there is none here either.
      if (unknown.code === 'ENOTDIR') return null;
      throw blocked(directory, unknown);
    }
    if (!found) return null;
    if (!found.isDirectory()) throw notOwned(directory, 'is not a directory, as running systems make it; remove it');
    throw unreadable(directory, error);
  }
}

/**
 * Opens the directory of running systems; `null` when there is none. `at(name)` is where a file can be reached, also where its
 * path is too long for a socket; `shown(name)` is its path for people. To be closed.
 *
 * @throws `E_NOT_OWNED`, `E_IO`.
 */
function openDirectory(cacheDir) {
  const directory = path.join(path.resolve(cacheDir), NAME);
  const opened = open(directory);
  if (opened === null) return null;
  const close = () => fs.closeSync(opened);
  try {
    const found = fs.fstatSync(opened);
    if (!isTrusted(found)) throw foreign(directory, found);
    if (process.platform !== 'win32' && (found.mode & OTHERS_WRITE) !== 0)
      throw notOwned(directory, 'can be changed by other users, and is not believed; run chmod 700 on it');
    const held = `/proc/self/fd/${opened}`;
    const base = process.platform === 'linux' && fs.existsSync(held) ? held : directory;
    return {
      at: (name) => path.join(base, name),
      shown: (name) => path.join(directory, name),
      // Through the link, or it would be the link that is listed.
      names: () => fs.readdirSync(`${base}/`),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The text of a file in it, of `most` bytes at most; `null` when there is none.
 *
 * @throws `E_NOT_OWNED`, `E_IO`.
 */
function readFile(directory, name, most) {
  const shown = directory.shown(name);
  let file;
  try {
    file = fs.openSync(directory.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    if (error.code === 'ELOOP') throw notOwned(shown, 'is a symbolic link, and is not believed; remove it');
    throw unreadable(shown, error);
  }
  try {
    const found = fs.fstatSync(file);
    if (!found.isFile()) throw notOwned(shown, 'is not a regular file, and is not believed; remove it');
    if (!isTrusted(found)) throw foreign(shown, found);
    if (found.size > most) throw new AgentwiseError('E_IO', `${shown} has ${found.size} bytes, more than ${most}`);
    return fs.readFileSync(file, 'utf8');
  } finally {
    fs.closeSync(file);
  }
}

module.exports = { openDirectory, readFile, isTrusted };
