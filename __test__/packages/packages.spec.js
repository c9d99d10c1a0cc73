'use strict';

/**
 * What the packages say of themselves. That they install and work is tried with the packed tarballs, by
 * `__test__/packages/smoke.mjs` and `npm run test:consumers`; that they are published, by `__test__/packages/publishing.mjs`.
 */

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const manifest = require('../../package.json');
const { moduleName, packageName } = require('../../js/platform.js');
const { linesOf, node } = require('../processes.js');
const { ROOT, runNode, useOwnDirectory } = require('../support.js');

const directory = useOwnDirectory();
const subpaths = Object.keys(manifest.exports).filter((name) => name !== '.' && !name.endsWith('.json'));

/** By the triple of a target, what npm has to know of it. */
const TARGETS = {
  'x86_64-unknown-linux-gnu': { name: 'linux-x64-gnu', os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'aarch64-unknown-linux-gnu': { name: 'linux-arm64-gnu', os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'x86_64-unknown-linux-musl': { name: 'linux-x64-musl', os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  'aarch64-unknown-linux-musl': { name: 'linux-arm64-musl', os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
  'x86_64-apple-darwin': { name: 'darwin-x64', os: ['darwin'], cpu: ['x64'] },
  'aarch64-apple-darwin': { name: 'darwin-arm64', os: ['darwin'], cpu: ['arm64'] },
  'x86_64-pc-windows-msvc': { name: 'win32-x64-msvc', os: ['win32'], cpu: ['x64'] },
};

describe('npm/', () => {
  const names = fs
    .readdirSync(path.join(ROOT, 'npm'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

  test('has one package for each target, and each is built and tested by the workflow', () => {
    expect([...manifest.napi.targets].sort()).toEqual(Object.keys(TARGETS).sort());
    expect(names.sort()).toEqual(
      Object.values(TARGETS)
        .map(({ name }) => name)
        .sort(),
    );
    const workflow = fs.readFileSync(path.join(ROOT, '.github', 'workflows', 'ci.yml'), 'utf8');
    for (const target of Object.keys(TARGETS)) {
      // Once in the matrix of builds, and at least once in that of tests.
      expect(workflow.split(`target: ${target}`).length - 1).toBeGreaterThanOrEqual(2);
    }
  });

  test.each(Object.values(TARGETS).map((target) => [target.name, target]))('%s', (...[name, { os, cpu, libc }]) => {
    const found = JSON.parse(fs.readFileSync(path.join(ROOT, 'npm', name, 'package.json'), 'utf8'));
    const file = `agentwise-optimization.${name}.node`;
    expect(found).toMatchObject({ name: `agentwise-optimization-${name}`, main: file, files: [file], os, cpu });
    expect(found.libc).toEqual(libc);
    for (const key of ['version', 'license', 'engines']) expect(found[key]).toEqual(manifest[key]);
    expect(fs.readFileSync(path.join(ROOT, 'npm', name, 'README.md'), 'utf8')).toContain(found.name);
  });

  test('one of them is that of this machine', () => {
    const name = packageName().replace('agentwise-optimization-', '');
    expect(names).toContain(name);
    expect(moduleName()).toBe(`agentwise-optimization.${name}.node`);
  });

  test('names one version everywhere', async () => {
    const same = await node([path.join(ROOT, 'npm', 'version.mjs')], { cwd: ROOT });
    expect(same).toMatchObject({ code: 0, stderr: '' });
    const other = await node([path.join(ROOT, 'npm', 'version.mjs'), 'v999.0.0'], { cwd: ROOT });
    expect(other.code).toBe(1);
    expect(linesOf(other.stderr)).toContain(`the tag: 999.0.0 instead of ${manifest.version}`);
  });

  test('a release has a changelog with its date, and nothing that waits', async () => {
    const script = pathToFileURL(path.join(ROOT, 'npm', 'version.mjs')).href;
    const changelog = (waiting, heading) => `# Changelog\n\n## [Unreleased]\n${waiting}\n## ${heading}\n\n- First\n`;
    const found = await runNode(
      `import { unreleased } from ${JSON.stringify(script)};
       const texts = ${JSON.stringify([
         changelog('', '[1.0.0] - 2026-02-03'),
         changelog('', '[1.0.0] - 2026-02-03').replace('## [Unreleased]\n', ''),
         changelog('', '[1.0.0] - not released'),
         changelog('\n### Added\n\n- More\n', '[1.0.0] - 2026-02-03'),
         changelog('', '[1.0.0-rc.1] - 2026-02-03'),
       ])};
       console.log(JSON.stringify(texts.map((text) => unreleased(text, '1.0.0'))));`,
      { module: true },
    );
    expect(found).toEqual([
      null,
      null,
      '"[1.0.0] - not released" has no date',
      'there are entries in [Unreleased]',
      'there is no section [1.0.0]',
    ]);
  });
});

describe('entries', () => {
  test.each(subpaths)('%s has its files, and a path for those who do not read exports', (subpath) => {
    const conditions = manifest.exports[subpath];
    const filesOf = (condition) =>
      typeof condition === 'string' ? [condition] : Object.values(condition).flatMap(filesOf);
    for (const file of filesOf(conditions)) expect(fs.existsSync(path.join(ROOT, file))).toBe(true);
    const { types } = conditions.require ?? conditions;
    expect(manifest.typesVersions['*'][subpath.slice(2)]).toEqual([types]);
  });

  test('there are no other paths', () => {
    const named = Object.keys(manifest.typesVersions['*']).map((name) => `./${name}`);
    expect(named.sort()).toEqual([...subpaths].sort());
  });
});

describe('npm/libraries.mjs', () => {
  const script = path.join(ROOT, 'npm', 'libraries.mjs');

  test('compares versions part by part, and knows what musl lacks', async () => {
    const found = await runNode(
      `import { isOlder, problems } from ${JSON.stringify(pathToFileURL(script).href)};
       const pairs = [['2.9', '2.17'], ['2.17', '2.9'], ['2.17', '2.17'], ['2.17', '2.17.1'], ['1.99', '2.0']];
       const gnu = ['libc.so.6', 'libgcc_s.so.1', 'ld-linux-x86-64.so.2'];
       console.log(JSON.stringify({
         older: pairs.map(([one, other]) => isOlder(one, other)),
         fits: problems({ libraries: gnu, glibc: '2.17' }, '2.17'),
         tooNew: problems({ libraries: gnu, glibc: '2.28' }, '2.17'),
         foreign: problems({ libraries: ['libssl.so.3'], glibc: null }, '2.17'),
         musl: problems({ libraries: ['libc.musl-x86_64.so.1', 'libgcc_s.so.1'], glibc: null }),
         notMusl: problems({ libraries: ['libc.so.6'], glibc: '2.17' }),
       }));`,
      { module: true },
    );
    expect(found).toEqual({
      older: [true, false, false, true, true],
      fits: [],
      tooNew: ['it needs glibc 2.28; at most 2.17 is allowed'],
      foreign: ['it needs libssl.so.3'],
      musl: [],
      notMusl: ['it needs libc.so.6', 'it needs glibc 2.17, and is for musl'],
    });
  });

  test.each([
    ['nothing', []],
    ['no version', ['x.node', '--glibc']],
    ['no number', ['x.node', '--glibc', 'newest']],
    ['too much', ['x.node', '--glibc', '2.17', 'y.node']],
  ])('given %s it says how it is used', async (...[, args]) => {
    const { code, stderr } = await node([script, ...args], { cwd: ROOT });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^usage: /)]);
  });
});

test('npm/pack.mjs leaves nothing behind when there is nothing to pack', async () => {
  const script = path.join(ROOT, 'npm', 'pack.mjs');
  const wrong = await node([script, '--all'], { cwd: ROOT });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/^usage: /)]);
  // A checkout has modules of other platforms only while it is released.
  const destination = directory.path('packed');
  const { code, stderr } = await node([script, destination, '--all'], { cwd: ROOT });
  expect([code, stderr]).toEqual([1, expect.stringMatching(/\.node is not there: build it/)]);
  expect(fs.readdirSync(destination)).toEqual([]);
});

test('npm/pack.mjs packs no module of other sources', async () => {
  const checkout = directory.path('checkout');
  for (const name of ['npm', 'package.json', 'js/platform.js', 'js/native.js']) {
    fs.cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
  }
  const module = path.join(checkout, 'js', moduleName());
  fs.copyFileSync(path.join(ROOT, 'js', moduleName()), module);
  fs.appendFileSync(path.join(checkout, 'js', 'native.js'), '\nmodule.exports.laterOne = nativeBinding.laterOne\n');
  const { code, stderr } = await node([path.join(checkout, 'npm', 'pack.mjs'), directory.path('packed')], {
    cwd: checkout,
  });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/\.node is of another version, it has no laterOne: build it/),
  ]);
  expect(fs.readdirSync(directory.path('packed'))).toEqual([]);
});

test('npm/publish.mjs publishes nothing when packages are missing', async () => {
  const script = path.join(ROOT, 'npm', 'publish.mjs');
  const { code, stderr, stdout } = await node([script, directory.path('.'), '--dry-run'], { cwd: ROOT });
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^not all packages are in /)]);
});
