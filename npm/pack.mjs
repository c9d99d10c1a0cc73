#!/usr/bin/env node
/**
 * The packages as they are published: the main one, which names one package for each platform as an optional dependency,
 * and those. Used by a developer, by `.ci/run` and by the workflows, so that all of them test what is published.
 *
 *     node npm/pack.mjs <directory>          the main package and that of this machine, from js/*.node
 *     node npm/pack.mjs <directory> --all    the main package and all of `npm/`, each with the module that lies in its directory
 *
 * Prints the paths of the tarballs. The checkout is not changed: what is packed is put together in a temporary directory.
 * Nothing is compiled: modules have to be there.
 */

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { moduleName, packageName } = createRequire(import.meta.url)('../js/platform.js');

/** Most bytes of a platform's tarball, so that an install stays quick: 15 MB. */
const MOST_BYTES = 15 * 2 ** 20;
/** What a platform's package has besides its module: the licence, and that of the data in the module. */
const LICENCES = ['LICENSE', 'src/similarity/data/LICENSE.wordnet'];

/** Where a workflow runs: npm attests the origin of a package only if its manifest names the same repository. */
const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
const origin = server && repository ? { repository: { type: 'git', url: `git+${server}/${repository}.git` } } : {};

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const main = read(join(ROOT, 'package.json'));

/** Directories of `npm/` with their manifests. */
export function platforms() {
  return readdirSync(join(ROOT, 'npm'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({
      name,
      directory: join(ROOT, 'npm', name),
      manifest: read(join(ROOT, 'npm', name, 'package.json')),
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** `npm pack` in `directory`; gives the path of the tarball. On Windows npm is a script, which only a shell starts. */
export function npmPack(directory, destination) {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', `"${destination}"`];
  const output = execFileSync(`npm ${args.join(' ')}`, {
    cwd: directory,
    shell: true,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 << 20,
  });
  const [packed] = Object.values(JSON.parse(output));
  return join(destination, packed.filename);
}

/** The main package: npm decides what is in it, then its manifest gets the platforms and loses what only a checkout can use. */
function packMain(work, destination) {
  const tarball = npmPack(ROOT, work);
  execFileSync('tar', ['-xzf', tarball, '-C', work], { stdio: 'inherit' });
  const directory = join(work, 'package');
  const { install } = main.scripts;
  const manifest = { ...main, ...origin, scripts: { install }, optionalDependencies: {} };
  delete manifest.devDependencies;
  delete manifest.overrides;
  for (const platform of platforms()) manifest.optionalDependencies[platform.manifest.name] = main.version;
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return npmPack(directory, destination);
}

/** The functions and classes that `js/` takes from a module. */
const taken = () =>
  [...readFileSync(join(ROOT, 'js', 'native.js'), 'utf8').matchAll(/^module\.exports\.(\w+) = nativeBinding\./gm)].map(
    ([, name]) => name,
  );

/** Refuses a module that was built from other sources than those it is packed with; in a process of its own, as it may crash. */
function requireSameSources(file) {
  const program = 'console.log(JSON.stringify(Object.keys(require(process.argv[1]))))';
  const found = JSON.parse(execFileSync(process.execPath, ['-e', program, file], { encoding: 'utf8' }));
  const missing = taken().filter((name) => !found.includes(name));
  if (missing.length > 0)
    throw new Error(`${file} is of another version, it has no ${missing.join(', ')}: build it with npm run build`);
}

/** One platform's package, with the module `file`. */
function packPlatform({ name, directory, manifest }, file, work, destination) {
  if (manifest.version !== main.version)
    throw new Error(`npm/${name} is ${manifest.version}, the package is ${main.version}`);
  if (!existsSync(file))
    throw new Error(`${file} is not there: build it with npm run build, or put it there with napi artifacts`);
  const stage = join(work, name);
  cpSync(directory, stage, { recursive: true });
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify({ ...manifest, ...origin }, null, 2)}\n`);
  copyFileSync(file, join(stage, manifest.main));
  for (const licence of LICENCES) copyFileSync(join(ROOT, licence), join(stage, licence.split('/').pop()));
  const tarball = npmPack(stage, destination);
  const { size } = statSync(tarball);
  if (size > MOST_BYTES) throw new Error(`${tarball} is ${size} bytes; at most ${MOST_BYTES}`);
  return tarball;
}

/** Packs into `destination`, which is made if it is not there. */
export function pack(destination, { all = false } = {}) {
  const work = mkdtempSync(join(tmpdir(), 'agentwise-pack-'));
  try {
    mkdirSync(destination, { recursive: true });
    const own = packageName();
    const wanted = platforms().filter(({ manifest }) => all || manifest.name === own);
    if (wanted.length === 0) throw new Error(`there is no package for this platform: ${own}`);
    const built = all
      ? ({ directory, manifest }) => join(directory, manifest.main)
      : () => join(ROOT, 'js', moduleName());
    // Those of other platforms cannot be loaded here; they are tried where they were built.
    for (const platform of wanted) {
      const file = built(platform);
      if (platform.manifest.name === own && existsSync(file)) requireSameSources(file);
    }
    // Platforms first, in the order in which they have to be published: the main package names them.
    const tarballs = wanted.map((platform) => packPlatform(platform, built(platform), work, destination));
    return [...tarballs, packMain(work, destination)];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [destination, option, ...rest] = process.argv.slice(2);
  if (!destination || destination.startsWith('-') || rest.length > 0 || (option && option !== '--all')) {
    console.error('usage: node npm/pack.mjs <directory> [--all]');
    process.exit(2);
  }
  try {
    for (const tarball of pack(resolve(destination), { all: option === '--all' })) {
      console.log(`${tarball} (${(statSync(tarball).size / 2 ** 20).toFixed(1)} MB)`);
    }
  } catch (error) {
    console.error(`npm/pack.mjs: ${error.message}`);
    process.exit(1);
  }
}
