'use strict';

/** What `npm install` runs, in a copy of the package, with a cargo of the test's own. */

const fs = require('node:fs');
const path = require('node:path');
const { useOwnDirectory } = require('./support.js');
const { copyPackage, linesOf, moduleName, node } = require('./processes.js');

/** The cargo of the tests is a shell script. */
const onUnix = process.platform === 'win32' ? describe.skip : describe;

onUnix('js/install.js', () => {
  const directory = useOwnDirectory();
  const name = moduleName();
  const library = { linux: 'libagentwise_optimization.so', darwin: 'libagentwise_optimization.dylib' }[
    process.platform
  ];
  const module = () => directory.path('package', 'js', name);
  const calls = () => (fs.existsSync(directory.path('calls')) ? linesOf(fs.readFileSync('calls', 'utf8')) : []);

  beforeEach(() => {
    fs.mkdirSync(directory.path('package'));
    fs.mkdirSync(directory.path('bin'));
  });

  const install = (env) =>
    node([directory.path('package', 'js', 'install.js')], {
      cwd: directory.path('package'),
      env: { PATH: directory.path('bin'), ...env },
    });

  /** A cargo that notes how it was called and then does `build`. */
  function fakeCargo(build) {
    const script = `#!/bin/sh
echo "$*" >> '${directory.path('calls')}'
[ "$1" = --version ] && exit 0
${build}
`;
    fs.writeFileSync(directory.path('bin', 'cargo'), script, { mode: 0o755 });
  }

  /** A build that gives what is in `from`. */
  const copies = (from, triple = '') => {
    const release = directory.path('package', 'target', triple, 'release');
    return `/bin/mkdir -p '${release}' && /bin/cp '${from}' '${path.join(release, library)}'`;
  };

  const loads = () =>
    node(['-e', 'console.log(require("./index.js").countTokens("hello world"))'], { cwd: directory.path('package') });

  test('calls no cargo when there is a module that loads', async () => {
    copyPackage(directory.path('package'));
    fakeCargo('exit 9');
    const before = fs.statSync(module());
    expect(await install()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(calls()).toEqual([]);
    expect(fs.statSync(module())).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs, size: before.size });
  });

  test('needs no cargo when there is a module that loads', async () => {
    copyPackage(directory.path('package'));
    expect(await install()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(await loads()).toMatchObject({ code: 0, stdout: '2\n' });
  });

  test.each([
    ['no module', () => {}],
    ['a module that does not load', () => fs.writeFileSync(module(), 'this is no module')],
  ])('with %s and without Rust says in one line what to install', async (_, prepare) => {
    copyPackage(directory.path('package'), { withModule: false });
    prepare();
    const { stderr, ...rest } = await install();
    expect(rest).toEqual({ code: 1, signal: null, stdout: '' });
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/install Rust \d+\.\d+.*https:\/\/rustup\.rs/)]);
    expect(stderr).toContain(`${process.platform}-${process.arch}`);
    expect(fs.existsSync(directory.path('package', 'target'))).toBe(false);
  });

  test.each([
    ['no module', () => {}],
    ['a module that does not load', () => fs.writeFileSync(module(), 'this is no module')],
    ['no module in a checkout', () => fs.mkdirSync(directory.path('package', '.git'))],
  ])('builds with cargo for %s', async (_, prepare) => {
    copyPackage(directory.path('package'), { withModule: false });
    const built = path.join(__dirname, '..', 'js', name);
    prepare();
    fakeCargo(copies(built));
    expect(await install()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(calls()).toEqual(['--version', expect.stringMatching(/^build --release --locked /)]);
    expect(fs.readFileSync(module()).equals(fs.readFileSync(built))).toBe(true);
    expect(fs.readdirSync(directory.path('package', 'js')).filter((file) => file.endsWith('.new'))).toEqual([]);
    expect(await loads()).toMatchObject({ code: 0, stdout: '2\n' });
    // A checkout builds again.
    const isCheckout = fs.existsSync(directory.path('package', '.git'));
    expect(fs.existsSync(directory.path('package', 'target'))).toBe(isCheckout);
  });

  test('finds what cargo built for a target that the environment names', async () => {
    copyPackage(directory.path('package'), { withModule: false });
    const built = path.join(__dirname, '..', 'js', name);
    fakeCargo(copies(built, 'of-the-host'));
    expect(await install({ CARGO_BUILD_TARGET: 'of-the-host' })).toEqual({
      code: 0,
      signal: null,
      stdout: '',
      stderr: '',
    });
    expect(fs.readFileSync(module()).equals(fs.readFileSync(built))).toBe(true);
  });

  test('in a checkout the sources count, also when a module loads', async () => {
    copyPackage(directory.path('package'));
    fs.mkdirSync(directory.path('package', '.git'));
    fakeCargo(copies(module()));
    const before = fs.statSync(module()).ino;
    expect(await install()).toMatchObject({ code: 0, stderr: '' });
    expect(calls()).toHaveLength(2);
    // Replaced, never written over: a running process may have it mapped.
    expect(fs.statSync(module()).ino).not.toBe(before);
  });

  test.each([
    ['ends with an error', 'exit 7', /cargo ended with 7/],
    ['is killed', 'kill -KILL $$', /cargo ended with SIGKILL/],
    ['makes no library', 'exit 0', /cargo made no /],
  ])('tells of a cargo that %s', async (_, build, message) => {
    copyPackage(directory.path('package'), { withModule: false });
    fakeCargo(build);
    const { stderr, ...rest } = await install();
    expect(rest).toEqual({ code: 1, signal: null, stdout: '' });
    expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
    expect(fs.existsSync(module())).toBe(false);
  });
});
