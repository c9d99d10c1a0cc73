'use strict';

/** What `migrate` finds around a checkout: links inside of it, the workspace that it belongs to, where the package came from. */

const fs = require('node:fs');
const path = require('node:path');
const { useCommandLine, linesOf } = require('./support.js');
const { MODULES, agentwiseIn, git } = require('./migrate-support.js');

const { cli, directory } = useCommandLine();

/** What `--json` says of a command that works; a repository above the temporary directory is none of ours. */
async function asked(...args) {
  const env = { GIT_CEILING_DIRECTORIES: path.resolve(directory.path(), '..') };
  const { code, stdout } = await cli(['migrate', ...args, '--json', '--quiet'], { env });
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

function commit() {
  git('.', 'add', '--all');
  git('.', 'commit', '--quiet', '--message', 'more');
}

const write = (name, value) => {
  fs.mkdirSync(path.dirname(name), { recursive: true });
  fs.writeFileSync(name, typeof value === 'string' ? value : JSON.stringify(value));
};

describe('modules behind a link of the checkout', () => {
  beforeEach(() => {
    agentwiseIn(directory.path());
    fs.renameSync('src', 'lib2');
    fs.symlinkSync('lib2', 'src');
    commit();
  });

  test('are not told to be ignored: git has them under their other name', async () => {
    expect(await asked()).toMatchObject({ state: 'done', warnings: [] });
  });

  test('are told where git does ignore them', async () => {
    fs.appendFileSync('.gitignore', '\nlib2/optimization/\n');
    git('.', 'rm', '-r', '--quiet', '--cached', 'lib2/optimization');
    commit();
    const names = MODULES.map(({ file }) => file).filter((file) => file.startsWith('src/optimization/'));
    expect((await asked()).warnings).toEqual([
      `git ignores ${names.slice(0, 3).join(', ')}, …: only the .orig files keep the originals`,
    ]);
  });

  test('that a migration wrote are no change of the user', async () => {
    await asked();
    git('.', 'checkout', '--', 'lib2/optimization/MemoryManager.ts');
    expect(await asked()).toMatchObject({ state: 'done', warnings: [] });
  });
});

test('--force says that it went on, and not what to do instead', async () => {
  agentwiseIn(directory.path());
  fs.writeFileSync('new', '');
  const told = '1 file with changes that are not committed (new)';
  expect((await asked('--dry-run')).warnings).toEqual([`${told}: commit or stash them; --force goes on all the same`]);
  expect((await asked('--dry-run', '--force')).warnings).toEqual([`${told}: --force goes on all the same`]);
  expect((await asked('--force')).warnings).toEqual([`${told}: --force went on all the same`]);
});

describe('the package manager', () => {
  const nextIn = async (place) => (await asked(place)).next[0];

  test.each([
    ['pnpm-lock.yaml', 'pnpm'],
    ['yarn.lock', 'yarn'],
    ['bun.lock', 'bun'],
    ['package-lock.json', 'npm'],
  ])('%s at the root of the workspace: %s', async (lock, name) => {
    agentwiseIn(directory.path('packages/x'), { withGit: false });
    write(lock, '');
    write(...(name === 'pnpm' ? ['pnpm-workspace.yaml', ''] : ['package.json', { workspaces: ['packages/*'] }]));
    expect(await nextIn('packages/x')).toBe(`${name} install`);
  });

  test('of the checkout itself counts first', async () => {
    agentwiseIn(directory.path('packages/x'), { withGit: false });
    write('package.json', { workspaces: ['packages/*'] });
    write('yarn.lock', '');
    write('packages/x/package-lock.json', {});
    expect(await nextIn('packages/x')).toBe('npm install');
  });

  test.each([
    ['of a directory above that is no workspace', () => write('yarn.lock', '')],
    [
      'above the repository',
      () => {
        write('yarn.lock', '');
        write('package.json', { workspaces: ['*'] });
        git('agentwise', 'init', '--quiet');
        git('agentwise', 'add', '--all');
        git('agentwise', 'commit', '--quiet', '--message', 'its own');
      },
    ],
  ])('%s does not count', async (...[, surround]) => {
    agentwiseIn(directory.path('agentwise'), { withGit: false });
    surround();
    expect(await nextIn('agentwise')).toBe('npm install');
  });
});

describe('where the package is to come from', () => {
  const PACKED = ['agentwise-optimization', 'agentwise-optimization-linux-x64-gnu'];

  /** As npm notes what `npm install --no-save <folder>/*.tgz` has installed. */
  function installed(root, resolved) {
    const rows = PACKED.map((name) => [`node_modules/${name}`, { version: '0.1.0', resolved: resolved(name) }]);
    write(path.join(root, 'node_modules/.package-lock.json'), {
      packages: { ...Object.fromEntries(rows), 'node_modules/other': { resolved: 'file:../other-1.0.0.tgz' } },
    });
  }

  test('the tarballs that were installed to have the command, as they are in the place of a registry', async () => {
    agentwiseIn(directory.path());
    installed('.', (name) => `file:../my packages/${name}-0.1.0.tgz`);
    const { next, note } = await asked('--force');
    expect(next[0]).toBe(`npm install ${PACKED.map((name) => `'../my packages/${name}-0.1.0.tgz'`).join(' ')}`);
    expect(note).toBeNull();
  });

  test('of a workspace: named from the checkout, in the words of its package manager', async () => {
    agentwiseIn(directory.path('packages/x'), { withGit: false });
    write('package.json', { workspaces: ['packages/*'] });
    write('yarn.lock', '');
    installed('.', (name) => `file:../made/${name}-0.1.0.tgz`);
    const tarballs = PACKED.map((name) => `../../../made/${name}-0.1.0.tgz`);
    expect((await asked('packages/x')).next[0]).toBe(`yarn add ${tarballs.join(' ')}`);
  });

  test.each([
    ['a registry', (name) => `https://registry.example/${name}/-/${name}-0.1.0.tgz`],
    ['what npm does not say', () => undefined],
  ])('%s: it is installed as it is named', async (...[, resolved]) => {
    agentwiseIn(directory.path(), { withGit: false });
    installed('.', resolved);
    expect((await asked()).next[0]).toBe('npm install');
  });

  test('from the registry nothing more is said, else what to do if the registry does not have it', async () => {
    agentwiseIn(directory.path(), { withGit: false });
    const { stdout } = await cli(['migrate', '--quiet']);
    const lines = linesOf(stdout);
    expect(lines[lines.indexOf('Next:') + 1]).toBe('  npm install');
    expect(lines.at(-1)).toMatch(/registry does not have .*E404.*npm run pack:local/);
    await asked('--undo');
    installed('.', (name) => `https://registry.example/${name}/-/${name}-0.1.0.tgz`);
    expect((await asked()).note).toBeNull();
  });

  test('--package says it', async () => {
    agentwiseIn(directory.path(), { withGit: false });
    installed('.', (name) => `file:../packages/${name}-0.1.0.tgz`);
    expect(await asked('--package', 'file:../mine.tgz')).toMatchObject({ note: null });
    expect((await asked('--undo')).next).toEqual(['npm install']);
  });

  test.each([
    '{',
    '[]',
    '{"packages": null}',
    '{"packages": {"node_modules/agentwise-optimization": 1}}',
  ])('a note of npm that says nothing: %s', async (text) => {
    agentwiseIn(directory.path(), { withGit: false });
    write('node_modules/.package-lock.json', text);
    expect((await asked()).next[0]).toBe('npm install');
  });
});
