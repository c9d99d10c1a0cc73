'use strict';

/** What `migrate` and its `--undo` keep of the user's, and what `--undo` puts back after an install. */

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { isEditedReplacement, isOriginal } = require('../../js/cli/migrate/modules.js');
const { planMigration } = require('../../js/cli/migrate/plan.js');
const { applyChanges } = require('../../js/cli/migrate/transaction.js');
const { planUndo } = require('../../js/cli/migrate/undo.js');
const { seeded } = require('../support.js');
const { useCommandLine } = require('./support.js');
const { MODULES, agentwiseIn, generatedIn, git, snapshot } = require('./migrate-support.js');

const { cli, directory } = useCommandLine();
const [{ file: MODULE }] = MODULES;
const ORIGINAL = `${MODULE}.orig`;

const read = (name) => fs.readFileSync(name, 'utf8');
const manifest = () => JSON.parse(read('package.json'));
/** A repository above the temporary directory is none of ours. */
const withoutGit = () => ({ GIT_CEILING_DIRECTORIES: path.resolve(directory.path(), '..') });

/** What `--json` says of a command that works. */
async function asked(...args) {
  const { code, stdout, stderr } = await cli(['migrate', ...args, '--json', '--quiet'], { env: withoutGit() });
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

/** A manifest as npm writes it when it has installed both tarballs into `section`. */
function installed(text, section = 'dependencies') {
  const found = JSON.parse(text.replace('\ufeff', ''));
  const given = {
    'agentwise-optimization': 'file:../packages/agentwise-optimization-0.1.0.tgz',
    'agentwise-optimization-linux-x64-gnu': 'file:../packages/agentwise-optimization-linux-x64-gnu-0.1.0.tgz',
  };
  for (const list of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']) {
    if (list !== section) delete found[list]?.['agentwise-optimization'];
    if (found[list] && Object.keys(found[list]).length === 0) delete found[list];
  }
  const all = Object.entries({ ...found[section], ...given }).sort(([a], [b]) => (a < b ? -1 : 1));
  found[section] = Object.fromEntries(all);
  return `${JSON.stringify(found, null, 2)}\n`;
}

describe('an Agentwise without git', () => {
  beforeEach(() => agentwiseIn(directory.path(), { withGit: false }));

  test('an edited re-export is left alone, forced or not, and its original too', async () => {
    const original = read(MODULE);
    await asked();
    fs.appendFileSync(MODULE, 'export const EXTRA = 1;\n');
    fs.writeFileSync('src/uses.ts', `import { EXTRA } from './optimization/MemoryManager';\n`);
    const before = snapshot('.');
    for (const args of [[], ['--force']]) {
      const { state, warnings } = await asked(...args);
      expect(state).toBe('unchanged');
      expect(warnings).toEqual([`${MODULE} re-exports agentwise-optimization/memory and has more: it stays as it is`]);
      expect(snapshot('.')).toEqual(before);
    }
    await asked('--package', 'file:x.tgz', '--force');
    expect([read(MODULE), read(ORIGINAL)]).toEqual([before[MODULE].slice('644 '.length), original]);
    await asked('--undo', '--force');
    expect(read(MODULE)).toBe(original);
  });

  test('a module that comes again has its original beside the older one, which stays', async () => {
    const original = read(MODULE);
    await asked();
    for (const [at, text] of ['// later 1\n', '// later 2\n'].entries()) {
      fs.writeFileSync(MODULE, text);
      expect((await asked('--force')).state).toBe('done');
      expect([read(ORIGINAL), read(`${ORIGINAL}.1`)]).toEqual([text, original]);
      if (at === 1) expect(read(`${ORIGINAL}.2`)).toBe('// later 1\n');
    }
    const { warnings } = await asked('--undo');
    expect(warnings).toEqual([1, 2].map((number) => `${ORIGINAL}.${number} is an older original, and stays`));
    expect([read(MODULE), read(`${ORIGINAL}.1`)]).toEqual(['// later 2\n', original]);
  });

  test('--undo leaves an original that was edited where it is not needed', async () => {
    const original = read(MODULE);
    await asked();
    fs.writeFileSync(MODULE, original);
    fs.appendFileSync(ORIGINAL, 'precious\n');
    const { state, warnings } = await asked('--undo', '--force');
    expect([state, warnings]).toEqual(['done', [`${ORIGINAL} was edited since, and stays`]]);
    expect([read(MODULE), read(ORIGINAL)]).toEqual([original, `${original}precious\n`]);
  });

  test('--undo takes out what an install wrote, byte for byte', async () => {
    const text = read('package.json').replace('"dependencies": {},', '"dependencies": {}, "files": ["a", "b"],');
    fs.writeFileSync('package.json', text);
    for (const section of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      await asked();
      fs.writeFileSync('package.json', installed(read('package.json'), section));
      expect(await asked('--undo')).toMatchObject({ state: 'done', warnings: [] });
      expect(read('package.json')).toBe(text);
    }
  });

  test('--undo gives back the entry that an install wrote over', async () => {
    const given = { ...manifest(), dependencies: { 'agentwise-optimization': '0.0.1', zod: '3' } };
    const text = JSON.stringify(given, null, '\t');
    fs.writeFileSync('package.json', text);
    await asked();
    fs.writeFileSync('package.json', installed(read('package.json')));
    const later = manifest();
    later.scripts.later = 'echo';
    fs.writeFileSync('package.json', JSON.stringify(later));
    expect(await asked('--undo')).toMatchObject({ state: 'done', warnings: [] });
    expect(manifest()).toEqual({ ...given, scripts: { ...given.scripts, later: 'echo' } });
  });

  test('--undo that cannot put all of package.json back says so, and can be repeated', async () => {
    const before = manifest();
    await asked();
    const later = manifest();
    later.scripts['optimization:report'] = 'make report';
    fs.writeFileSync('package.json', installed(JSON.stringify(later)));
    const stays = expect.stringContaining('scripts optimization:report was changed since, and stays');
    expect(await asked('--undo')).toMatchObject({ state: 'partly', warnings: [stays] });
    expect(fs.existsSync(ORIGINAL)).toBe(false);
    expect(manifest()).toEqual({ ...before, scripts: { ...before.scripts, 'optimization:report': 'make report' } });
    expect(await asked('--undo')).toMatchObject({ state: 'unchanged', warnings: [stays] });
    expect(await asked('--undo', '--force')).toMatchObject({ state: 'done', warnings: [] });
    expect(manifest()).toEqual(before);
    expect((await cli(['migrate', '--undo'])).stdout).toMatch(/^nothing to undo in /);
  });
});

test('whatever a manifest looks like, --undo after an install gives what there was', () => {
  for (let at = 0; at < 60; at++) {
    const root = directory.path(`checkout-${at}`);
    fs.mkdirSync(root);
    generatedIn(root, seeded(4000 + at));
    const before = snapshot(root);
    const options = { spec: '^1.2.3', isGiven: at % 3 === 0, isForced: at % 2 === 0 };
    applyChanges(planMigration(root, options).changes);
    const file = `${root}/package.json`;
    fs.writeFileSync(file, installed(read(file), at % 4 === 0 ? 'devDependencies' : 'dependencies'));
    applyChanges(planUndo(root, { isForced: false }).changes);
    expect(snapshot(root)).toEqual(before);
  }
});

test('what git ignores is told: only the .orig files keep it', async () => {
  git('.', 'init', '--quiet');
  fs.writeFileSync('.gitignore', 'agentwise/\n');
  fs.mkdirSync('agentwise');
  agentwiseIn(directory.path('agentwise'), { withGit: false });
  git('.', 'add', '--all');
  git('.', 'commit', '--quiet', '--message', 'without it');
  const { state, warnings } = await asked('agentwise');
  const names = MODULES.slice(0, 3).map(({ file }) => file);
  expect([state, warnings]).toEqual([
    'done',
    [`git ignores ${names.join(', ')}, …: only the .orig files keep the originals`],
  ]);
  await asked('agentwise', '--undo');
  git('.', 'add', '--force', 'agentwise');
  git('.', 'commit', '--quiet', '--message', 'with it');
  expect(await asked('agentwise')).toMatchObject({ state: 'done', warnings: [] });
});

test('--undo in a clone with other line ends', async () => {
  agentwiseIn(directory.path());
  fs.chmodSync('package.json', 0o600);
  await asked();
  expect(fs.statSync('.agentwise-optimization-migration.json').mode & 0o777).toBe(0o600);
  git('.', 'add', '--all');
  git('.', 'commit', '--quiet', '--message', 'migrated');
  git('.', 'clone', '--quiet', '-c', 'core.autocrlf=true', '.', 'clone');
  expect(read(`clone/${ORIGINAL}`)).toContain('\r\n');
  fs.appendFileSync(`clone/${MODULE}`, '// mine\r\n');
  expect((await cli(['migrate', 'clone', '--undo'])).stderr).toMatch(/^E_EDITED: /);
  git('clone', 'checkout', '--', MODULE);
  expect(await asked('clone', '--undo')).toMatchObject({ state: 'done', warnings: [] });
  for (const name of [MODULE, 'package.json']) expect(/[^\r]\n/.test(read(`clone/${name}`))).toBe(false);
  git('clone', 'add', '--all');
  expect(git('clone', 'diff', '--cached', '--name-only', 'HEAD~1')).toBe('');
});

test('what killed processes left is no change of the user, and is taken away', async () => {
  agentwiseIn(directory.path());
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const waiting = (of) => `src/caching/.AdvancedCacheManager.ts.${of}-0123456789ab.agentwise-migrate`;
  for (const args of [[], ['--undo']]) {
    for (const of of [pid, process.pid]) fs.writeFileSync(waiting(of), 'half');
    expect(await asked('--dry-run', ...args)).toMatchObject({ state: 'planned', warnings: [] });
    expect(fs.existsSync(waiting(pid))).toBe(true);
    expect(await asked(...args)).toMatchObject({ state: 'done', warnings: [] });
    expect([fs.existsSync(waiting(pid)), fs.existsSync(waiting(process.pid))]).toEqual([false, true]);
  }
  fs.rmSync(waiting(process.pid));
  expect(git('.', 'status', '--porcelain')).toBe('');
});

test.each([
  ["export * from 'agentwise-optimization/memory';\nexport const own = 1;", true],
  ['import x from "./x";\nexport { default, A } from "agentwise-optimization";', true],
  ["export * from 'agentwise-optimization';", false],
  ["export class A {}\nimport { B } from 'agentwise-optimization';", false],
  ["// export * from 'agentwise-optimization';\nexport class A {}", false],
  ["export * from 'agentwise-optimization-other';\nexport class A {}", false],
  ['', false],
])('%j is an edited re-export: %s', (text, expected) => {
  expect(isEditedReplacement(text)).toBe(expected);
});

test('names of originals', () => {
  const names = [ORIGINAL, `${ORIGINAL}.1`, `${ORIGINAL}.12`, MODULE, `${ORIGINAL}.0`, `${ORIGINAL}.a`, 'a.orig'];
  expect(names.map(isOriginal)).toEqual([true, true, true, false, false, false, false]);
});
