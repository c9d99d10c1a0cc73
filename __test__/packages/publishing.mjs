/**
 * Runs `npm/publish.mjs` against a registry on loopback, as the workflow calls it: with a directory that is named from where it
 * runs. Fails if the registry gets anything but platforms first, each once, and nothing with `--dry-run`.
 *
 *     node __test__/packages/publishing.mjs
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeProject } from './project.mjs';
import { startRegistry } from './registry.mjs';

const SCRIPT = fileURLToPath(new URL('../../npm/publish.mjs', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'agentwise-publishing-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));

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
function release(version) {
  const optionalDependencies = { 'x-loopback-platform': version };
  packed('x-loopback', version, { optionalDependencies }, join(directory, 'a.tgz'));
  packed('x-loopback-platform', version, {}, join(directory, 'b.tgz'));
}
release('0.2.0');
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
  npm_config_noproxy: '127.0.0.1',
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
  assert.equal(code, 0, `publish.mjs ${options.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return { stdout, published: registry.published.splice(0) };
}

const all = ['x-loopback-platform@0.2.0', 'x-loopback@0.2.0'];
const told = (text) => all.map(text).join('');
try {
  assert.deepEqual(await run('--dry-run'), { stdout: told((name) => `+ ${name}\n`), published: [] });
  assert.deepEqual((await run()).published, ['x-loopback-platform@0.2.0 latest', 'x-loopback@0.2.0 latest']);
  assert.deepEqual(await run(), { stdout: told((name) => `${name} is there already\n`), published: [] });
  release('0.3.0-rc.1');
  assert.deepEqual((await run()).published, ['x-loopback-platform@0.3.0-rc.1 next', 'x-loopback@0.3.0-rc.1 next']);
} finally {
  await registry.close();
}
console.log('published to a registry on loopback: platforms first, each once, nothing with --dry-run');
