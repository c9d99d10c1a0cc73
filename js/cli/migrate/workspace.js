'use strict';

/** Which package manager a checkout uses, and where that installs: in it, or in the workspace that it is a part of. */

const fs = require('node:fs');
const path = require('node:path');

const MANAGERS = [
  { lock: 'package-lock.json', name: 'npm' },
  { lock: 'npm-shrinkwrap.json', name: 'npm' },
  { lock: 'pnpm-lock.yaml', name: 'pnpm' },
  { lock: 'yarn.lock', name: 'yarn' },
  { lock: 'bun.lock', name: 'bun' },
  { lock: 'bun.lockb', name: 'bun' },
];

const isThere = (...names) => fs.existsSync(path.join(...names));

/** Whether packages below may be installed from here. */
function isWorkspaceRoot(directory) {
  if (isThere(directory, 'pnpm-workspace.yaml')) return true;
  try {
    return Boolean(JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'))?.workspaces);
  } catch {
    // None is there, or it is somebody else's to mend.
    return false;
  }
}

/** The directory itself, then those above it that are roots of workspaces, as far as its repository goes. */
function* placesOf(root) {
  yield root;
  for (let at = root; !isThere(at, '.git') && path.dirname(at) !== at; ) {
    at = path.dirname(at);
    if (isWorkspaceRoot(at)) yield at;
  }
}

/** With two lock files in one directory the one that is not npm's counts: npm's is also what a slip leaves behind. */
const managerIn = (place) => MANAGERS.filter(({ lock }) => isThere(place, lock)).at(-1)?.name;

/**
 * @param {string} root of the checkout
 * @returns {{ name: string, places: string[] }} `name` of the package manager, by the nearest lock file; `places` in which it may
 * have installed, the nearest first
 */
function packageManagerOf(root) {
  const places = [...placesOf(root)];
  const name = places.map(managerIn).find((found) => found !== undefined) ?? 'npm';
  return { name, places };
}

module.exports = { packageManagerOf };
