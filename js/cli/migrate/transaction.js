'use strict';

/**
 * Writes several files so that all of them change or none does. Each is written beside its place and moved there; when one
 * cannot be, those before it are put back. Whoever kills the process between two moves leaves a mixture: what is needed to
 * undo it must come first in the list.
 */

const realFiles = require('node:fs');
const path = require('node:path');
const { AgentwiseError, messageOf } = require('../../errors.js');
const { waitingName } = require('./waiting.js');

class Transaction {
  #files;
  #waiting = new Map();
  #done = [];

  /** @param {object} files `node:fs`, or the same with faults */
  constructor(files) {
    this.#files = files;
  }

  /**
   * @param {Array<{ file: string, before: Buffer | null, after: Buffer | null, mode: number }>} changes `before` and
   * `after` are what the file holds, `null` where there is none
   */
  run(changes) {
    try {
      for (const change of changes) this.#stage(change);
      for (const change of changes) this.#commit(change);
    } catch (cause) {
      this.#rollBack(cause);
    }
    this.#sweep();
  }

  #write(file, content, mode) {
    const opened = this.#files.openSync(file, 'wx', 0o600);
    try {
      this.#files.writeFileSync(opened, content);
      this.#giveTo(opened, path.dirname(file));
      this.#files.fchmodSync(opened, mode);
      this.#files.fsyncSync(opened);
    } finally {
      this.#files.closeSync(opened);
    }
  }

  /** What root writes into somebody's checkout is theirs. */
  #giveTo(opened, directory) {
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = this.#files.statSync(directory);
    if (uid !== 0) this.#files.fchownSync(opened, uid, gid);
  }

  #stage(change) {
    if (change.after === null) return;
    const waiting = waitingName(change.file);
    this.#waiting.set(change, waiting);
    this.#write(waiting, change.after, change.mode);
  }

  #commit(change) {
    const { file, before, after } = change;
    const now = contentOf(this.#files, file);
    if (!isSame(now, before)) throw new AgentwiseError('E_EDITED', `${file} is being changed by somebody else`);
    if (after === null) this.#files.unlinkSync(file);
    else if (before === null) this.#create(file, change);
    else this.#files.renameSync(this.#waiting.get(change), file);
    this.#done.push(change);
  }

  /** Never over a file that came into being meanwhile, where the file system can say so. */
  #create(file, change) {
    const waiting = this.#waiting.get(change);
    try {
      this.#files.linkSync(waiting, file);
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(error.code)) throw error;
      this.#files.renameSync(waiting, file);
    }
  }

  #rollBack(cause) {
    const lost = [];
    for (const change of this.#done.reverse()) {
      try {
        this.#putBack(change);
      } catch (error) {
        lost.push(`${change.file} (${error.code ?? messageOf(error)})`);
      }
    }
    this.#sweep();
    const result = lost.length === 0 ? 'nothing is changed' : `these could not be put back: ${lost.join(', ')}`;
    const code = cause instanceof AgentwiseError ? cause.code : 'E_IO';
    throw new AgentwiseError(code, `${messageOf(cause)}; ${result}`, { cause });
  }

  #putBack({ file, before, beforeMode, mode }) {
    if (before === null) {
      this.#files.unlinkSync(file);
      return;
    }
    const waiting = waitingName(file);
    try {
      this.#write(waiting, before, beforeMode ?? mode);
      this.#files.renameSync(waiting, file);
    } finally {
      this.#files.rmSync(waiting, { force: true });
    }
  }

  /** What waited and is not needed any more. That it stays behind is no reason to fail. */
  #sweep() {
    for (const waiting of this.#waiting.values()) {
      try {
        this.#files.rmSync(waiting, { force: true });
      } catch {}
    }
  }
}

/** What `file` holds, `null` if there is none. */
function contentOf(files, file) {
  try {
    return files.readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

const isSame = (a, b) => (a === null || b === null ? a === b : a.equals(b));

/**
 * Makes `changes` in their order, all or none.
 *
 * @throws `E_IO` when one cannot be made, `E_EDITED` when a file is not what it was when this was planned; both say whether
 * something could not be put back
 */
function applyChanges(changes, files = realFiles) {
  new Transaction(files).run(changes);
}

module.exports = { applyChanges, contentOf };
