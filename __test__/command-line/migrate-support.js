'use strict';

/** Checkouts of Agentwise to migrate: the one of the fixtures, and generated ones. */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT } = require('../support.js');
const { MODULES } = require('../../js/cli/migrate/modules.js');

const FIXTURE = path.join(ROOT, '__test__', 'fixtures', 'agentwise');

/** Every file below `root` with its content and its mode; a link with where it leads. */
function snapshot(root) {
  const found = {};
  for (const name of fs.readdirSync(root, { recursive: true }).sort()) {
    if (name === '.git' || name.startsWith(`.git${path.sep}`)) continue;
    const file = path.join(root, name);
    const about = fs.lstatSync(file);
    if (about.isSymbolicLink()) found[name] = `link ${fs.readlinkSync(file)}`;
    if (about.isFile()) found[name] = `${(about.mode & 0o7777).toString(8)} ${fs.readFileSync(file, 'latin1')}`;
  }
  return found;
}

/**
 * `maintenance.auto`: git looks after a repository in the background when something was committed, with a lock file in it. Whoever
 * removes the repository then, or gives all of it to somebody else, meets a file that goes.
 */
const SETTINGS = [
  'user.name=test',
  'user.email=test@localhost',
  'commit.gpgsign=false',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting]);

function git(cwd, ...args) {
  // What the user of this machine has set is none of the tests'.
  const env = { ...process.env, GIT_CONFIG_GLOBAL: os.devNull, GIT_CONFIG_NOSYSTEM: '1' };
  const { status, stdout, stderr } = spawnSync('git', [...SETTINGS, ...args], { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A copy of the fixture in `root`, in a repository of its own unless `withGit` says no. */
function agentwiseIn(root, { withGit = true } = {}) {
  fs.cpSync(FIXTURE, root, { recursive: true });
  fs.renameSync(path.join(root, 'ignored'), path.join(root, '.gitignore'));
  if (!withGit) return;
  git(root, 'init', '--quiet');
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'An Agentwise');
}

const SCRIPTS = {
  'optimization:example': 'ts-node examples/production-optimization-example.ts',
  'optimization:health': `ts-node -e "require('./dist/optimization/ProductionOptimizationSystem').default.getInstance({environment: 'staging'})"`,
  'optimization:report': 'echo a report of their own',
  'optimization:status': 'npx agentwise-optimization status',
};

const pick = (random, values) => values[Math.floor(random() * values.length)];

/** A manifest with some of the scripts, in some format. */
function manifestFor(random, lineEnd) {
  const scripts = { build: 'tsc' };
  for (const [name, script] of Object.entries(SCRIPTS)) if (random() < 0.6) scripts[name] = script;
  const manifest = { name: 'agentwise' };
  if (random() < 0.8) manifest.scripts = random() < 0.1 ? {} : scripts;
  const versions = [{}, { zod: '^3.0.0' }, { axios: '1', ws: '^8.0.0' }, { ws: '^8.0.0', axios: '1' }];
  if (random() < 0.8) manifest.dependencies = pick(random, versions);
  if (random() < 0.2) manifest.devDependencies = { 'agentwise-optimization': '*' };
  if (random() < 0.5) manifest.deep = { a: [1, { 'b"}': '\\"{[' }], c: null };
  const text = JSON.stringify(manifest, null, pick(random, [2, 4, '\t', 0])).replaceAll('\n', lineEnd);
  return pick(random, ['', '\ufeff']) + text + pick(random, ['', lineEnd]);
}

/** A checkout with at least one of the modules, all of it by `random`. */
function generatedIn(root, random) {
  const lineEnd = pick(random, ['\n', '\r\n']);
  const first = Math.floor(random() * MODULES.length);
  for (const [at, { file }] of MODULES.entries()) {
    if (at !== first && random() < 0.4) continue;
    const target = path.join(root, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const lines = ['// Ünï 日本', `export default class { size = ${Math.floor(random() * 1000)}; }`];
    const text = pick(random, ['', '\ufeff']) + lines.join(lineEnd) + pick(random, ['', lineEnd]);
    const bytes = pick(random, [
      Buffer.from(text),
      Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x80, 0x0a])]),
    ]);
    fs.writeFileSync(target, pick(random, [bytes, bytes, Buffer.alloc(0)]));
    fs.chmodSync(target, pick(random, [0o644, 0o600, 0o755]));
  }
  fs.writeFileSync(path.join(root, 'package.json'), manifestFor(random, lineEnd));
  if (random() < 0.5) {
    fs.mkdirSync(path.join(root, 'examples'), { recursive: true });
    fs.writeFileSync(path.join(root, 'examples', 'production-optimization-example.ts'), '');
  }
}

module.exports = { MODULES, agentwiseIn, generatedIn, git, snapshot };
