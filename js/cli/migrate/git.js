'use strict';

/** What git says of a directory: whether there are changes in it that are not committed. */

const { spawnSync } = require('node:child_process');

/** Variables that point git at another repository than that of the directory. */
const FOREIGN = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX'];

/** Most output that is read, bytes. */
const LONGEST = 64 * 1024 * 1024;

function git(root, args) {
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
  for (const name of FOREIGN) delete env[name];
  // A repository may name a program that watches its files: nothing of it is to run here.
  const all = ['-c', 'core.fsmonitor=false', '-C', root, ...args];
  return spawnSync('git', all, { env, encoding: 'utf8', maxBuffer: LONGEST, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Those of `names`, files of `root`, that git neither has nor tells as new: it ignores them. */
function ignoredIn(root, names, files) {
  const { status, stdout } = git(root, ['ls-files', '-z', '--', ...names]);
  if (status !== 0) return [];
  const known = new Set([...stdout.split('\0'), ...files]);
  return names.filter((name) => !known.has(name));
}

/**
 * @param {string} root
 * @param {string[]} [names] of files of it that are to be replaced
 * @returns {{ state: 'clean' | 'dirty' | 'none' | 'missing' | 'unknown', files: string[], ignored?: string[], message?: string }}
 * `files` are
 * those with changes, and those that git does not know, from `root`; `ignored` those of `names` that it
 * has nothing of; `none`: no repository, `missing`: no git, `unknown`: git refuses to say
 */
function changesIn(root, names = []) {
  const prefix = git(root, ['rev-parse', '--show-prefix']);
  if (prefix.error?.code === 'ENOENT') return { state: 'missing', files: [] };
  if (/not a git repository/.test(prefix.stderr)) return { state: 'none', files: [] };
  const status = git(root, ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--', '.']);
  const failed = [prefix, status].find(({ status: code }) => code !== 0);
  if (failed) {
    const message = failed.error?.message ?? failed.stderr.trim().split('\n')[0];
    return { state: 'unknown', files: [], message };
  }
  const top = prefix.stdout.replace(/\n$/, '');
  const files = status.stdout
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.slice(3))
    .map((file) => (file.startsWith(top) ? file.slice(top.length) : file));
  return { state: files.length > 0 ? 'dirty' : 'clean', files, ignored: ignoredIn(root, names, files) };
}

module.exports = { changesIn };
