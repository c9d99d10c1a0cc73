'use strict';

/** Files of an Agentwise checkout: read after a look at what they are, never through a link that leads out of it. */

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { AgentwiseError } = require('../../errors.js');
const { visible } = require('../text.js');

const { R_OK, W_OK } = fs.constants;

const isAbsent = ({ code }) => code === 'ENOENT' || code === 'ENOTDIR';

const sha256 = (content) => createHash('sha256').update(content).digest('hex');

/** Every byte stays but those of line ends: as `latin1` any file is text. */
const withLineEnds = (content, end) =>
  Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n').replaceAll('\n', end), 'latin1');

/** Whether `content` has this hash, with the line ends that it has or with others: git may change them in a clone. */
const isSameText = (content, hash) =>
  sha256(content) === hash || ['\n', '\r\n'].some((end) => sha256(withLineEnds(content, end)) === hash);

/** `text` of a file that must be UTF-8; a byte order mark stays in it. */
function textOf({ name, content }) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} is not UTF-8`, { cause });
  }
}

class Checkout {
  /** @param {string} directory its root, which may be a link */
  constructor(directory) {
    try {
      this.root = fs.realpathSync(directory);
      if (!fs.statSync(this.root).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    } catch (cause) {
      throw new AgentwiseError('E_NOT_AGENTWISE', `${visible(directory)} is no directory (${cause.code})`, { cause });
    }
  }

  path(name) {
    return path.join(this.root, name);
  }

  /** The name that git has for `name`, which may stand behind a link inside of the root. */
  realName(name) {
    try {
      return path.relative(this.root, fs.realpathSync(this.path(name))).replaceAll(path.sep, '/');
    } catch {
      return name;
    }
  }

  /** Whether something is there, whatever it is. */
  has(name) {
    return fs.lstatSync(this.path(name), { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * `{ name, file, content, mode }`, or `null` if there is no such file.
   *
   * @throws `E_INVALID_ARGUMENT` for links and what is no file; `E_IO` for what cannot be read, or not be replaced
   */
  read(name) {
    const file = this.path(name);
    try {
      const about = fs.lstatSync(file);
      this.#refuseForeign(name, file, about);
      fs.accessSync(file, R_OK | W_OK);
      fs.accessSync(path.dirname(file), W_OK);
      return { name, file, content: fs.readFileSync(file), mode: about.mode & 0o7777 };
    } catch (cause) {
      if (isAbsent(cause)) return null;
      if (cause instanceof AgentwiseError) throw cause;
      throw new AgentwiseError('E_IO', `${name} cannot be read and replaced (${cause.code})`, { cause });
    }
  }

  #refuseForeign(name, file, about) {
    const refused = (what) => new AgentwiseError('E_INVALID_ARGUMENT', `${name} ${what}`);
    if (about.isSymbolicLink()) throw refused('is a symbolic link: it is not replaced');
    if (!about.isFile()) throw refused('is no file');
    const real = path.relative(this.root, fs.realpathSync(path.dirname(file)));
    if (real === '..' || real.startsWith(`..${path.sep}`) || path.isAbsolute(real)) {
      throw refused('is reached through a symbolic link that leads out of the directory');
    }
  }
}

module.exports = { Checkout, textOf, sha256, isSameText };
