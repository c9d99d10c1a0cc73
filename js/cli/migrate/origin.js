'use strict';

/** Where the package in `node_modules` came from: a registry, or tarballs. npm notes it there of all that it installs. */

const fs = require('node:fs');
const path = require('node:path');
const { PACKAGE, isOwnName } = require('./modules.js');

const NOTED = path.join('node_modules', '.package-lock.json');

const TARBALL = /^file:(.+\.tgz)$/;

/** `resolved` of this package and of that of the platform, by their names; none where npm says nothing. */
function resolvedIn(place) {
  let noted;
  try {
    noted = JSON.parse(fs.readFileSync(path.join(place, NOTED), 'utf8'));
  } catch {
    return new Map();
  }
  const rows = Object.entries(noted?.packages ?? {}).map(([name, row]) => [
    name.replace(/^node_modules\//, ''),
    row?.resolved,
  ]);
  return new Map(rows.filter(([name, resolved]) => isOwnName(name) && typeof resolved === 'string'));
}

/**
 * @param {string} root of the checkout
 * @param {string[]} places where it may be installed, the nearest first
 * @returns {{ tarballs: string[], isFromRegistry: boolean }} `tarballs` by which it was installed, from `root`
 */
function originOf(root, places) {
  for (const place of places) {
    const resolved = resolvedIn(place);
    const own = resolved.get(PACKAGE);
    if (own === undefined) continue;
    const isFromRegistry = /^https?:/.test(own);
    if (!TARBALL.test(own)) return { tarballs: [], isFromRegistry };
    const files = [...resolved.values()].map((text) => TARBALL.exec(text)?.[1]).filter(Boolean);
    const named = files.map((file) => path.relative(root, path.resolve(place, file)).replaceAll(path.sep, '/'));
    return { tarballs: named, isFromRegistry };
  }
  return { tarballs: [], isFromRegistry: false };
}

module.exports = { originOf };
