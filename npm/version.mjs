#!/usr/bin/env node
/**
 * Whether everything that names the version names the same one: package.json, its lock file, the packages of the platforms,
 * the crate and its lock file, and, for a release, the tag and the changelog.
 *
 *     node npm/version.mjs [v<version>]
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platforms } from './pack.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const text = (name) => readFileSync(join(ROOT, name), 'utf8');
const { version } = JSON.parse(text('package.json'));
const lock = JSON.parse(text('package-lock.json'));
const crate = /^\[package\]\n(?:.+\n)*?version = "([^"]+)"/m.exec(text('Cargo.toml'))?.[1];
const locked = /name = "agentwise-optimization"\nversion = "([^"]+)"/.exec(text('Cargo.lock'))?.[1];

const named = [
  ['package-lock.json', lock.version],
  ['package-lock.json, packages', lock.packages[''].version],
  ['Cargo.toml', crate],
  ['Cargo.lock', locked],
  ...platforms().map(({ name, manifest }) => [`npm/${name}`, manifest.version]),
];

const tag = process.argv[2];
if (tag) {
  named.push(['the tag', tag.replace(/^v/, '')]);
  const isWritten = text('CHANGELOG.md').includes(`## [${version}]`);
  named.push(['CHANGELOG.md', isWritten ? version : 'not there']);
}

const wrong = named.filter(([, found]) => found !== version);
for (const [where, found] of wrong) console.error(`${where}: ${found} instead of ${version}`);
if (wrong.length > 0) process.exit(1);
console.log(`${version} in ${named.length + 1} places`);
