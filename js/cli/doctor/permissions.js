'use strict';

/** `doctor`: who owns the directories and files of this package, and who else may read or change them. */

const fs = require('node:fs');
const path = require('node:path');
const { shellWord } = require('../text.js');
const { nearest } = require('./disk.js');

/** Group and others: write, and anything at all. */
const OTHERS_WRITE = 0o022;
const OTHERS = 0o077;

/** Names of settings whose text is a secret, and texts that hold one: credentials in an address, an address that is one. */
const SECRET_NAME =
  /"[\w-]*(?:token|secret|password|passwd|apiKey|routingKey|authorization)[\w-]*"?\s*:\s*"?[^\s"',}]/i;
const SECRET_TEXT = /:\/\/[^\s/"'@]+:[^\s/"'@]+@|hooks\.slack\.com\/services\/\w/i;

const isUnix = process.platform !== 'win32';

const octal = (mode) => `0${(mode & 0o777).toString(8)}`;

function mayUse(file, mode) {
  try {
    fs.accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}

/** For other programs; they hold nothing. */
const MARKERS = ['CACHEDIR.TAG', '.gitignore', 'lock'];

/** Names in the directory of what others may read. The parts of this package make theirs private. */
function openIn(directory) {
  return fs
    .readdirSync(directory)
    .filter((name) => !MARKERS.includes(name))
    .filter(
      (name) => ((fs.lstatSync(path.join(directory, name), { throwIfNoEntry: false })?.mode ?? 0) & OTHERS) !== 0,
    );
}

/** The cache goes on in memory only where its directory is not as it has to be. */
function checkCacheDirectory(found, cacheDir) {
  const directory = nearest(cacheDir);
  const isThere = directory === path.resolve(cacheDir);
  const facts = fs.statSync(directory);
  const elsewhere = 'set cache.cacheDir to another directory';
  if (!facts.isDirectory()) {
    found.problem('cache directory', `${directory} is not a directory`, `remove it, or ${elsewhere}`);
    return;
  }
  if (!mayUse(directory, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)) {
    found.problem(
      'cache directory',
      `${directory} cannot be written by this user`,
      `give this user the right, or ${elsewhere}`,
    );
    return;
  }
  if (!isThere) {
    found.ok('cache directory', `will be made in ${directory}`);
    return;
  }
  if (isUnix && facts.uid !== process.geteuid()) {
    found.problem(
      'cache directory',
      `${directory} belongs to user ${facts.uid}, not to ${process.geteuid()}: nothing is kept on disk`,
      `run as that user, or ${elsewhere}`,
    );
  } else if (isUnix && (facts.mode & OTHERS_WRITE) !== 0) {
    found.problem(
      'cache directory',
      `${directory} can be changed by others (${octal(facts.mode)}): nothing is kept on disk`,
      `chmod 700 ${shellWord(directory)}`,
    );
  } else {
    const open = isUnix && (facts.mode & OTHERS) !== 0 ? openIn(directory) : [];
    found.either(
      open.length === 0,
      'cache directory',
      isUnix ? `this user's, ${octal(facts.mode)}` : 'writable',
      `others may look into ${open.join(', ')}: chmod 700 ${shellWord(directory)}`,
    );
  }
}

function checkFile(found, file) {
  let text;
  let facts;
  try {
    text = fs.readFileSync(file, 'utf8');
    facts = fs.statSync(file);
  } catch (error) {
    found.problem('configuration file', `cannot read ${file} (${error.code})`, 'give this user the right to read it');
    return;
  }
  const hasSecret = SECRET_NAME.test(text) || SECRET_TEXT.test(text);
  const isOpen = isUnix && (facts.mode & OTHERS) !== 0;
  if (isUnix && facts.uid !== 0 && facts.uid !== process.geteuid()) {
    found.warning(
      'configuration file',
      `${file} belongs to user ${facts.uid}`,
      `chown it: who owns it decides what is done here`,
    );
  } else if (isUnix && (facts.mode & OTHERS_WRITE) !== 0) {
    found.warning(
      'configuration file',
      `${file} can be changed by others (${octal(facts.mode)})`,
      `chmod go-w ${shellWord(file)}`,
    );
  } else if (isOpen && hasSecret) {
    found.warning(
      'configuration file',
      `${file} seems to hold a secret, and others may read it (${octal(facts.mode)})`,
      `chmod 600 ${shellWord(file)}, or put the secret into its environment variable`,
    );
  } else {
    found.ok('configuration file', isUnix ? `${file}, ${octal(facts.mode)}` : file);
  }
}

/** @param {import('./findings.js').Findings} found */
function checkPermissions(found, { cacheDir, file }) {
  found.in('permissions');
  if (cacheDir !== null) checkCacheDirectory(found, cacheDir);
  if (file) checkFile(found, file);
  found.either(
    mayUse(process.cwd(), fs.constants.W_OK),
    'working directory',
    process.cwd(),
    'reports cannot be written here: give this user the right, or use report --output',
  );
}

module.exports = { checkPermissions };
