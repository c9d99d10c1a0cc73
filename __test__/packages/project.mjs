/** Tarballs, and projects into which they are installed: what the checks of the packages share. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifestOf } from '../../npm/manifest.mjs';
import { npmPack } from '../../npm/pack.mjs';

export const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));
export const PACKAGE = 'agentwise-optimization';
/** The package of this platform. */
export const OWN = createRequire(import.meta.url)('../../js/platform.js').packageName();

/** What `npm/pack.mjs` made: the main package's tarball, and that of this platform. */
export function findTarballs(directory) {
  const tarballs = readdirSync(directory)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => join(directory, name));
  const named = new Map(tarballs.map((tarball) => [manifestOf(tarball).name, tarball]));
  const [main, own] = [named.get(PACKAGE), named.get(OWN)];
  if (!main || !own)
    throw new Error(`${directory} needs tarballs of ${PACKAGE} and ${OWN}: node npm/pack.mjs makes them`);
  return { main, own };
}

/** A tarball of an installed package. Without its scripts: npm 10 runs `prepare` whatever it is told, and tools of its authors are missing. */
function packInstalled(name, directory) {
  const installed = join(ROOT, 'node_modules', name);
  const stage = join(directory, 'stage', name);
  const isOwn = (source) => !relative(installed, source).split(sep).includes('node_modules');
  cpSync(installed, stage, { recursive: true, filter: isOwn });
  const { scripts: _, ...manifest } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  writeFileSync(join(stage, 'package.json'), JSON.stringify(manifest));
  return { tarball: npmPack(stage, directory), manifest };
}

/** What the main package needs at run time, with what that needs, as tarballs of what is installed in the checkout. */
export function packDependencies(main, directory) {
  mkdirSync(directory, { recursive: true });
  const packed = new Map();
  const visit = ({ dependencies = {} }) => {
    for (const name of Object.keys(dependencies)) {
      if (packed.has(name)) continue;
      const { tarball, manifest } = packInstalled(name, directory);
      packed.set(name, tarball);
      visit(manifest);
    }
  };
  visit(manifestOf(main));
  return [...packed.values()];
}

/** Makes an empty project. */
export function makeProject(directory, manifest = {}) {
  mkdirSync(directory, { recursive: true });
  const content = { name: 'project', version: '1.0.0', private: true, ...manifest };
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(content, null, 2)}\n`);
  return directory;
}

/** Options with which npm installs tarballs without asking anybody: nothing listens on that port. */
export const OFFLINE = ['--offline', '--registry=http://127.0.0.1:9', '--no-audit', '--no-fund', '--ignore-scripts'];

/** Installs tarballs into a project. On Windows npm is a script, which only a shell starts. */
export function installOffline(directory, tarballs, cache) {
  const quoted = tarballs.map((tarball) => `"${tarball}"`).join(' ');
  execFileSync(`npm install ${OFFLINE.join(' ')} --cache "${cache}" ${quoted}`, {
    cwd: directory,
    shell: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
