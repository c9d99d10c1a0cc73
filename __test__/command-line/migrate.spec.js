'use strict';

/** The command `migrate`, on a checkout with the layout and the callers of an Agentwise. */

const fs = require('node:fs');
const { copyPackage, node } = require('../processes.js');
const { offeredBy } = require('../../js/cli/migrate/exported.js');
const { version } = require('../../package.json');
const { NOBODY, WELL, asOther, linesOf, onUnix, runAs, useCommandLine } = require('./support.js');
const { MODULES, agentwiseIn, git, snapshot } = require('./migrate-support.js');

const { cli, directory } = useCommandLine();

const read = (name) => fs.readFileSync(name, 'utf8');
const manifest = () => JSON.parse(read('package.json'));
const commit = () => {
  git('.', 'add', '--all');
  git('.', 'commit', '--quiet', '--message', 'more');
};

/** What `--json` says of a command that works. */
async function asked(...args) {
  const { code, signal, stdout } = await cli(['migrate', ...args, '--json', '--quiet']);
  expect([code, signal]).toEqual([0, null]);
  return JSON.parse(stdout);
}

/** That a command is refused with `code`, and nothing changed. */
async function refused(code, ...args) {
  const before = snapshot('.');
  const { stdout, stderr, ...how } = await cli(['migrate', ...args]);
  expect([how, stdout]).toEqual([{ code: 3, signal: null }, '']);
  const line = linesOf(stderr).find((text) => !text.startsWith('warning: '));
  expect(line).toMatch(new RegExp(`^${code}: `));
  expect(snapshot('.')).toEqual(before);
  return line;
}

describe('an Agentwise', () => {
  beforeEach(() => agentwiseIn(directory.path()));

  test('has re-exports, scripts and the dependency afterwards, and nothing else is changed', async () => {
    const before = snapshot('.');
    const { stdout, ...rest } = await cli(['migrate']);
    expect(rest).toEqual(WELL);
    expect(linesOf(stdout)[0]).toBe(`migrated ${directory.path()}`);
    expect(stdout).toContain('npm install');
    for (const { file, entry } of MODULES) {
      expect(stdout).toContain(file);
      expect(read(`${file}.orig`)).toBe(before[file].slice('644 '.length));
      const name = file.slice(file.lastIndexOf('/') + 1, -'.ts'.length);
      expect(read(file)).toContain(`\nexport { default, ${name} } from '${entry}';\n`);
    }
    expect(manifest()).toEqual({
      ...JSON.parse(before['package.json'].slice('644 '.length)),
      scripts: {
        ...JSON.parse(before['package.json'].slice('644 '.length)).scripts,
        'optimization:health': 'agentwise-optimization health --environment development',
        'optimization:report': 'agentwise-optimization report --environment development',
        'optimization:status': 'agentwise-optimization status --environment development',
      },
      dependencies: { 'agentwise-optimization': `^${version}` },
    });
    expect(read('src/optimization/MemoryManager.ts').split('\n').slice(1)).toEqual([
      "export { default, MemoryManager } from 'agentwise-optimization/memory';",
      "export type { MemoryConfig, MemoryAlert } from 'agentwise-optimization/memory';",
      '',
    ]);
    const changed = [...MODULES.map(({ file }) => file), 'package.json'].sort();
    expect(git('.', 'diff', '--name-only').trim().split('\n').sort()).toEqual(changed);
  });

  test('is left alone the second time, also without a commit', async () => {
    expect((await asked()).state).toBe('done');
    const before = snapshot('.');
    expect(await asked()).toMatchObject({ action: 'migrate', state: 'unchanged', next: [], warnings: [] });
    const { stdout, ...rest } = await cli(['migrate']);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^nothing to do in /);
    expect(snapshot('.')).toEqual(before);
  });

  test('--dry-run shows what would change, and changes nothing', async () => {
    const before = snapshot('.');
    const { stdout, ...rest } = await cli(['migrate', '--dry-run']);
    expect(rest).toEqual(WELL);
    const lines = linesOf(stdout);
    expect(lines[0]).toBe(`would migrate ${directory.path()}`);
    expect(lines).toEqual(
      expect.arrayContaining([
        '--- a/src/optimization/MemoryManager.ts',
        "+export { default, MemoryManager } from 'agentwise-optimization/memory';",
        '+++ b/package.json',
        '+    "optimization:health": "agentwise-optimization health --environment development",',
      ]),
    );
    expect(lines.some((line) => line.startsWith('-    "optimization:health": "ts-node'))).toBe(true);
    // Of a long module only how long it is, however it ends.
    for (const end of ['', '\n']) {
      fs.writeFileSync(
        'src/context/AgentContextFilter.ts',
        Array.from({ length: 120 }, (_, at) => (at % 9 ? `// ${at}` : '')).join('\n') + end,
      );
      const long = linesOf((await cli(['migrate', '--dry-run', '--quiet'])).stdout);
      expect(long.filter((line) => /^-\/\/ \d/.test(line))).toEqual([]);
      expect(long.some((line) => /^- \(1[12]\d lines, which stand in /.test(line))).toBe(true);
    }
    git('.', 'checkout', '--', '.');
    expect(await asked('--dry-run')).toMatchObject({ state: 'planned', next: [] });
    fs.writeFileSync('new', '');
    expect((await asked('--dry-run')).warnings).toEqual([expect.stringContaining('not committed (new)')]);
    fs.rmSync('new');
    expect(snapshot('.')).toEqual(before);
  });

  test('--undo gives it back: git finds no difference', async () => {
    await asked();
    expect((await asked('--undo', '--dry-run')).state).toBe('planned');
    expect(await asked('--undo')).toMatchObject({ action: 'undo', state: 'done', next: ['npm install'] });
    expect(git('.', 'status', '--porcelain')).toBe('');
    const { stdout, ...rest } = await cli(['migrate', '--undo']);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^nothing to undo in /);
  });

  test('is refused while git has changes, except what a migration made; --force goes on', async () => {
    fs.appendFileSync('src/index.ts', '// edited\n');
    fs.writeFileSync('not added', '');
    expect(await refused('E_GIT_DIRTY')).toMatch(/2 files .*\(src\/index\.ts, not added\)/);
    git('.', 'checkout', '--', 'src/index.ts');
    fs.rmSync('not added');
    await asked();
    git('.', 'checkout', '--', 'src/optimization/MemoryManager.ts');
    expect(await asked()).toMatchObject({ state: 'done', warnings: [] });
    fs.appendFileSync('src/index.ts', '// edited\n');
    expect((await asked('--undo')).state).toBe('done');
    const { state, warnings } = await asked('--force');
    expect([state, warnings]).toEqual(['done', [expect.stringContaining('src/index.ts')]]);
  });

  test('in a repository above it counts what is below it only', async () => {
    fs.mkdirSync('below/agentwise', { recursive: true });
    agentwiseIn(directory.path('below/agentwise'), { withGit: false });
    git('.', 'add', '--all');
    git('.', 'commit', '--quiet', '--message', 'below');
    fs.writeFileSync('elsewhere', '');
    expect(await asked('below/agentwise')).toMatchObject({ state: 'done', warnings: [] });
    expect(await asked('below/agentwise', '--undo')).toMatchObject({ state: 'done' });
    fs.writeFileSync('below/agentwise/here', '');
    await refused('E_GIT_DIRTY', 'below/agentwise');
  });

  test('a git that will not say is a refusal, no git a warning', async () => {
    fs.writeFileSync('.git/config', '[core\n');
    await refused('E_GIT_DIRTY');
    fs.rmSync('.git', { recursive: true });
    const isBare = { GIT_CEILING_DIRECTORIES: directory.path('..') };
    const { stderr, code } = await cli(['migrate'], { env: isBare });
    expect([code, stderr]).toEqual([0, 'warning: no git repository: only the .orig files keep the originals\n']);
    await asked('--undo');
    const missing = await cli(['migrate'], { env: { PATH: directory.path() } });
    expect([missing.code, missing.stderr]).toEqual([0, expect.stringContaining('git is not installed')]);
  });

  test('scripts of its own stay and are told; --force sets them', async () => {
    const before = manifest();
    before.scripts['optimization:report'] = 'make report';
    before.scripts['optimization:status'] = before.scripts['optimization:status'].replace('development', 'production');
    delete before.scripts['optimization:health'];
    fs.writeFileSync('package.json', JSON.stringify(before, null, '\t'));
    commit();
    const { scripts, warnings } = await asked();
    expect(manifest().scripts).toMatchObject({
      'optimization:example': before.scripts['optimization:example'],
      'optimization:health': 'agentwise-optimization health --environment development',
      'optimization:report': 'make report',
      'optimization:status': 'agentwise-optimization status --environment production',
    });
    expect(scripts.map(({ state }) => state)).toEqual(['kept', 'set', 'foreign', 'set']);
    expect(warnings).toEqual([expect.stringMatching(/optimization:report.* stays: make report; --force/)]);
    await asked('--force');
    expect(manifest().scripts['optimization:report']).toBe('agentwise-optimization report --environment development');
    await asked('--undo');
    expect(read('package.json')).toBe(JSON.stringify(before, null, '\t'));
  });

  test('a module in another form is told, and stays', async () => {
    fs.renameSync('src/context/AgentContextFilter.ts', 'src/context/AgentContextFilter.tsx');
    commit();
    const { modules, warnings } = await asked();
    expect(modules).toContainEqual(
      expect.objectContaining({ state: 'absent', entry: 'agentwise-optimization/context' }),
    );
    expect(warnings).toEqual([
      'src/context/AgentContextFilter.tsx is there and stays: only src/context/AgentContextFilter.ts is replaced',
    ]);
    fs.mkdirSync('other/src/context', { recursive: true });
    fs.writeFileSync('other/src/context/AgentContextFilter.js', '');
    expect(await refused('E_NOT_AGENTWISE', 'other')).toContain('AgentContextFilter.js is there');
  });

  test('--package says what to depend on', async () => {
    await asked('--package', 'file:../a b.tgz');
    expect(manifest().dependencies).toEqual({ 'agentwise-optimization': 'file:../a b.tgz' });
    for (const spec of ['', ' 1', 'a\nb']) await refused('E_USAGE', '--package', spec, '--force');
  });

  test('imports of what is not exported are told with their place', async () => {
    const monitor = 'src/monitoring/ProductionMonitor.ts';
    fs.writeFileSync(monitor, read(monitor).replace('export interface Alert', "export * from './more';\n$&"));
    fs.writeFileSync('src/monitoring/more.ts', 'export interface Silence {}\n');
    fs.writeFileSync('src/early.ts', "import { Alert, Silence } from './monitoring/ProductionMonitor';\n");
    const source = `import {\n  MemoryManager,\n  type SecretOfOld as S, // gone\n} from './optimization/MemoryManager';
export { AlsoGone } from './caching/AdvancedCacheManager.js';
const { Third: mine } = require('./context/AgentContextFilter');
import { anything } from './other';`;
    fs.writeFileSync('src/late.ts', source);
    commit();
    expect((await asked()).warnings).toEqual([
      'src/late.ts:1 imports SecretOfOld, which agentwise-optimization/memory does not export',
      'src/late.ts:5 imports AlsoGone, which agentwise-optimization/cache does not export',
      'src/late.ts:6 imports Third, which agentwise-optimization/context does not export',
    ]);
  });

  test('problems of its configuration are told, and it is kept', async () => {
    fs.writeFileSync('config/optimization.development.json', '{ "cache": { "l1MaxSize": -1 } }');
    commit();
    const { warnings, configuration } = await asked();
    expect(warnings).toEqual([expect.stringMatching(/^config\/optimization\.development\.json: .*l1MaxSize/)]);
    expect(configuration).toHaveLength(1);
    expect(read('config/optimization.development.json')).toBe('{ "cache": { "l1MaxSize": -1 } }');
  });

  test('works without the native module, which only the configuration is checked with', async () => {
    const own = fs.mkdtempSync(directory.path('..', 'agentwise-test-package-'));
    try {
      copyPackage(own, { withModule: false });
      for (const name of ['entry', 'index.d.ts']) {
        fs.cpSync(require.resolve('../../package.json').replace('package.json', name), `${own}/${name}`, {
          recursive: true,
        });
      }
      const { code, stderr } = await node([`${own}/js/cli/main.js`, 'migrate'], { cwd: directory.path() });
      expect([code, stderr]).toEqual([
        0,
        expect.stringMatching(/^warning: config\/.* was not checked: .*native module/),
      ]);
      expect(read(MODULES[0].file)).toContain('agentwise-optimization/memory');
    } finally {
      fs.rmSync(own, { recursive: true, force: true });
    }
  });

  test('an edited module is not overwritten by --undo, unless forced', async () => {
    const [{ file }] = MODULES;
    const original = read(file);
    await asked();
    fs.appendFileSync(file, '// mine\n');
    expect(await refused('E_EDITED', '--undo')).toContain(file);
    await asked('--undo', '--force');
    expect(read(file)).toBe(original);
    expect(git('.', 'status', '--porcelain')).toBe('');
  });

  test('a module that was removed since comes back, one whose original is gone does not', async () => {
    const [{ file }, { file: other }] = MODULES;
    await asked();
    fs.rmSync(file);
    fs.rmSync(`${other}.orig`);
    expect(await refused('E_IO', '--undo')).toContain(`${other}.orig`);
    git('.', 'checkout', '--', other);
    await asked('--undo');
    expect(git('.', 'status', '--porcelain')).toBe('');
  });

  test('a file in the place of an original is never overwritten', async () => {
    const [{ file }] = MODULES;
    fs.writeFileSync(`${file}.orig`, 'of somebody');
    expect(await refused('E_EXISTS', '--force')).toContain('move it away');
    fs.rmSync(`${file}.orig`);
    await asked();
    // A later version of Agentwise brings its module again.
    fs.writeFileSync(file, 'export default class Later {}\n');
    commit();
    expect(await refused('E_EXISTS')).toContain('--force');
    expect((await asked('--force')).state).toBe('done');
    await asked('--undo');
    expect(read(file)).toBe('export default class Later {}\n');
  });

  test('a record that is damaged or of another version is no record', async () => {
    await asked();
    const record = '.agentwise-optimization-migration.json';
    const found = JSON.parse(read(record));
    const path = { ...found, modules: [{ ...found.modules[0], file: '../outside.ts' }] };
    for (const content of ['{', 'null', JSON.stringify({ ...found, version: 2 }), JSON.stringify(path)]) {
      fs.writeFileSync(record, content);
      expect(await refused('E_INVALID_ARGUMENT', '--undo')).toContain(record);
    }
  });

  onUnix('links are not followed', async () => {
    const [{ file }] = MODULES;
    const outside = fs.mkdtempSync(directory.path('..', 'agentwise-test-outside-'));
    try {
      fs.renameSync('src/caching', `${outside}/caching`);
      fs.symlinkSync(`${outside}/caching`, 'src/caching');
      expect(await refused('E_INVALID_ARGUMENT', '--force')).toContain('leads out of the directory');
      fs.rmSync('src/caching');
      fs.renameSync(`${outside}/caching`, 'src/caching');
      fs.renameSync(file, 'real.ts');
      fs.symlinkSync('../../real.ts', file);
      expect(await refused('E_INVALID_ARGUMENT', '--force')).toContain('symbolic link');
      fs.rmSync(file);
      fs.mkdirSync(file);
      expect(await refused('E_INVALID_ARGUMENT', '--force')).toContain('is no file');
    } finally {
      fs.rmSync(outside, { recursive: true, force: true });
    }
  });

  asOther('what root migrates stays the one of whose checkout it is', async () => {
    const all = () => ['.', ...fs.readdirSync('.', { recursive: true })];
    for (const name of all()) fs.chownSync(name, NOBODY, NOBODY);
    expect((await asked('--force')).state).toBe('done');
    expect(all().filter((name) => fs.lstatSync(name).uid !== NOBODY)).toEqual([]);
  });

  asOther('what this user cannot replace is refused before anything is changed', async () => {
    const before = snapshot('.');
    for (const name of ['.', ...fs.readdirSync('.', { recursive: true })]) fs.chownSync(name, NOBODY, NOBODY);
    fs.chmodSync('src/monitoring', 0o555);
    const { code, stderr } = await runAs(NOBODY, ['migrate', '--force'], { cwd: directory.path() });
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^E_IO: src\/monitoring.*EACCES/)]);
    fs.chmodSync('src/monitoring', 0o755);
    expect(snapshot('.')).toEqual(before);
  });
});

describe('what is no Agentwise', () => {
  /** An Agentwise with this as its `package.json`. */
  const having = (content) => () => {
    agentwiseIn('.', { withGit: false });
    fs.writeFileSync('package.json', content);
  };
  const withoutManifest = () => {
    having('')();
    fs.rmSync('package.json');
  };

  test.each([
    ['an empty directory', () => {}, 'E_NOT_AGENTWISE'],
    ['another package', () => fs.writeFileSync('package.json', '{}'), 'E_NOT_AGENTWISE'],
    ['no package.json', withoutManifest, 'E_NOT_AGENTWISE'],
    ['no JSON', having('{,}'), 'E_INVALID_ARGUMENT'],
    ['no object', having('[]'), 'E_INVALID_ARGUMENT'],
    ['no scripts', having('{"scripts":null}'), 'E_INVALID_ARGUMENT'],
    ['no UTF-8', having(Buffer.from([0x7b, 0xff, 0x7d])), 'E_INVALID_ARGUMENT'],
  ])('%s is refused', async (...[, make, code]) => {
    make();
    await refused(code);
  });

  test('nor is a directory that is not there, or a file', async () => {
    fs.writeFileSync('file', '');
    await refused('E_NOT_AGENTWISE', 'nowhere');
    await refused('E_NOT_AGENTWISE', 'file');
    await refused('E_NOT_AGENTWISE', '--undo', 'nowhere');
  });
});

test.each(MODULES.map(({ entry, file }) => [entry, file]))('%s exports the class of %s', (entry, file) => {
  const name = file.slice(file.lastIndexOf('/') + 1, -'.ts'.length);
  expect([...offeredBy(entry)]).toEqual(
    expect.arrayContaining([
      [name, false],
      ['AgentwiseError', false],
    ]),
  );
});
