'use strict';

/** Files that wait to be moved to their places. A process that is killed leaves them behind; a later one takes them away. */

const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { MODULES } = require('./modules.js');

/** `.<name>.<process>-<random>.agentwise-migrate` */
const WAITING = /^\..+\.([1-9]\d{0,9})-[0-9a-f]{12}\.agentwise-migrate$/;

/** The name of a file that waits to be moved to `file`. */
const waitingName = (file) =>
  path.join(
    path.dirname(file),
    `.${path.basename(file)}.${process.pid}-${randomBytes(6).toString('hex')}.agentwise-migrate`,
  );

const isWaiting = (file) => WAITING.test(path.basename(file));

/** Whether the process that made it still runs: then it is about to be moved. */
function isOfSomebody(name) {
  const [, pid] = WAITING.exec(name);
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** Removes what ended processes left. What cannot be removed is no reason to fail: it harms nobody. */
function removeLeft(checkout) {
  const directories = new Set(['.', ...MODULES.map(({ file }) => path.posix.dirname(file))]);
  for (const directory of directories) {
    try {
      for (const name of fs.readdirSync(checkout.path(directory))) {
        if (isWaiting(name) && !isOfSomebody(name)) fs.rmSync(checkout.path(path.join(directory, name)));
      }
    } catch {}
  }
}

module.exports = { isWaiting, removeLeft, waitingName };
