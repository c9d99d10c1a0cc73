#!/usr/bin/env node
/**
 * Publishes packed tarballs, those of the platforms before the main one: whoever installs it in between must find them.
 * A package whose version is there already is left, so that a run that broke off can be repeated.
 *
 *     node npm/publish.mjs <directory> [options of npm publish: --provenance, --dry-run, …]
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { manifestOf } from './manifest.mjs';

const [directory, ...options] = process.argv.slice(2);
if (!directory || directory.startsWith('-')) {
  console.error('usage: node npm/publish.mjs <directory> [options of npm publish]');
  process.exit(2);
}

const npm = (args, stdio) => spawnSync('npm', args, { stdio, shell: process.platform === 'win32' }).status === 0;
/** Absolute: npm takes `packages/x.tgz` for a repository of GitHub. */
const tarballAt = (name) => resolve(directory, name);

/** What is tried before a release is not what everybody gets: npm refuses it as `latest`, too. */
const tagOf = ({ version }) => (version.includes('-') ? ['--tag', 'next'] : []);

const packages = readdirSync(directory)
  .filter((name) => name.endsWith('.tgz'))
  .map((name) => ({ tarball: tarballAt(name), manifest: manifestOf(tarballAt(name)) }))
  .sort(
    (one, other) => Number('optionalDependencies' in one.manifest) - Number('optionalDependencies' in other.manifest),
  );

const { optionalDependencies = {} } = packages.at(-1)?.manifest ?? {};
const names = packages.map(({ manifest }) => manifest.name);
const missing = Object.keys(optionalDependencies).filter((name) => !names.includes(name));
if (packages.length < 2 || missing.length > 0) {
  console.error(`not all packages are in ${directory}: ${missing.join(', ') || 'no main one with platforms'}`);
  process.exit(1);
}

for (const { tarball, manifest } of packages) {
  const identity = `${manifest.name}@${manifest.version}`;
  if (npm(['view', identity, 'version'], 'ignore')) {
    console.log(`${identity} is there already`);
  } else if (!npm(['publish', tarball, '--access', 'public', ...tagOf(manifest), ...options], 'inherit')) {
    console.error(`${identity} could not be published; those before it are`);
    process.exit(1);
  }
}
