/** Where the code of a page runs: a project that has installed the package, and a copy of the checkout. */

import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { files, ROOT, read } from '../markdown.mjs';

const { version } = JSON.parse(read('package.json'));
const MODULES = join(ROOT, 'node_modules');

/** A project with the package of this checkout, its command, and the types of Node.js. */
export function makeProject(directory) {
  const modules = join(directory, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "name": "shop", "private": true }\n');
  symlinkSync(ROOT, join(modules, 'agentwise-optimization'));
  // As npm notes it when the tarball is installed, as pages say.
  const resolved = `file:../packages/agentwise-optimization-${version}.tgz`;
  const packages = { 'node_modules/agentwise-optimization': { version, resolved } };
  writeFileSync(join(modules, '.package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
  symlinkSync(join(ROOT, 'js/cli/main.js'), join(modules, '.bin/agentwise-optimization'));
  symlinkSync(join(MODULES, '@types'), join(modules, '@types'));
  symlinkSync(join(MODULES, 'undici-types'), join(modules, 'undici-types'));
}

/** A copy of what git knows of the checkout, as it is now, with what was installed and built in it. */
export function makeCheckout(directory) {
  for (const file of files('.')) {
    const target = join(directory, file);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(ROOT, file), target, { verbatimSymlinks: true });
  }
  symlinkSync(MODULES, join(directory, 'node_modules'));
  for (const installed of ['benches/node_modules', 'docs/tools/node_modules']) {
    if (existsSync(join(ROOT, installed))) symlinkSync(join(ROOT, installed), join(directory, installed));
  }
  for (const file of readdirSync(join(ROOT, 'js')).filter((name) => name.endsWith('.node'))) {
    symlinkSync(join(ROOT, 'js', file), join(directory, 'js', file));
  }
}

/** The environment of a program of a reader: nothing of the caller's but what finds programs. */
export const environment = (directory) => ({
  PATH: `${join(directory, 'project/node_modules/.bin')}:${process.env.PATH}`,
  HOME: join(directory, 'home'),
  TMPDIR: join(directory, 'tmp'),
  LANG: 'C.UTF-8',
  NO_COLOR: '1',
  // What Node.js says of its own parts is another text in each version.
  NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
});
