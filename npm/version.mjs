#!/usr/bin/env node
/**
 * Whether everything that names the version names the same one: package.json, its lock file, the packages of the platforms,
 * the crate and its lock file, the images, and, for a release, the tag. Its changelog must have the version with its date, and
 * nothing that is not released.
 *
 *     node npm/version.mjs [v<version>]
 */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platforms } from './pack.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const text = (name) => readFileSync(join(ROOT, name), 'utf8');

/** Where images have the version as their tag. */
const IMAGES = ['compose.yaml', 'docs/operations/docker.md'];

const tagsIn = (name) =>
  [...text(name).matchAll(/\bagentwise-optimization(?:-[a-z-]+)?:(\d[\w.+-]*\w)/g)].map(([, found]) => [name, found]);

/** What keeps a changelog from being that of the release; `null` if nothing does. */
export function unreleased(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const own = sections.find((section) => section.startsWith(`[${version}]`));
  if (!own) return `there is no section [${version}]`;
  const heading = own.split(/\r?\n/)[0];
  if (!/^\[[^\]]+\] - \d{4}-\d{2}-\d{2}\s*$/.test(heading)) return `"${heading}" has no date`;
  const waiting = sections.find((section) => /^\[unreleased\]/i.test(section));
  return waiting && /^[-*] /m.test(waiting) ? 'there are entries in [Unreleased]' : null;
}

function main(tag) {
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
    ...IMAGES.flatMap(tagsIn),
  ];
  if (tag) named.push(['the tag', tag.replace(/^v/, '')]);
  const problems = named
    .filter(([, found]) => found !== version)
    .map(([where, found]) => `${where}: ${found} instead of ${version}`);
  const open = tag ? unreleased(text('CHANGELOG.md'), version) : null;
  if (open) problems.push(`CHANGELOG.md: ${open}`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`${version} in ${named.length + 1} places`);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) main(process.argv[2]);
