/**
 * Runs `npm/publish.mjs` against a registry on loopback, as the workflow calls it: in the checkout's place, with a directory
 * that is named from there. Prints what each run said, and what the registry got, as one line of JSON.
 *
 *     node __test__/packages/publishing.mjs <empty directory>
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeProject } from './project.mjs';
import { startRegistry } from './registry.mjs';

const SCRIPT = fileURLToPath(new URL('../../npm/publish.mjs', import.meta.url));
const [work] = process.argv.slice(2);

/** Small packages of the kind: names that nobody has, so that a mistake can publish nothing of ours. */
function packed(name, version, manifest, file) {
  const source = join(work, `${name}-${version}`);
  makeProject(join(source, 'package'), { name, version, private: false, ...manifest });
  execFileSync('tar', ['-czf', file, '-C', source, 'package']);
  return file;
}

const directory = join(work, 'release', 'packages');
mkdirSync(directory, { recursive: true });
// The main package's file is the first by its name, and is not to be the first by it.
packed('x-loopback', '0.2.0', { optionalDependencies: { 'x-loopback-platform': '0.2.0' } }, join(directory, 'a.tgz'));
packed('x-loopback-platform', '0.2.0', {}, join(directory, 'b.tgz'));
// An older version is no reason to leave a new one out.
const older = packed('x-loopback', '0.1.0', {}, join(work, 'older.tgz'));

const registry = await startRegistry([older]);
const npmrc = join(work, 'npmrc');
writeFileSync(npmrc, `registry=${registry.url}\n${registry.url.replace('http:', '')}/:_authToken=of-nobody\n`);
const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
const env = {
  ...own,
  npm_config_cache: join(work, 'cache'),
  npm_config_userconfig: npmrc,
  npm_config_update_notifier: 'false',
  npm_config_logs_max: '0',
};

async function run(...options) {
  const args = [SCRIPT, 'packages', ...options];
  const child = spawn(process.execPath, args, { cwd: join(work, 'release'), env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, stdout, stderr, published: registry.published.splice(0) };
}

const runs = [await run('--dry-run'), await run(), await run()];
await registry.close();
console.log(JSON.stringify(runs));
