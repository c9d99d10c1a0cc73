'use strict';

/** A native module of another version than the package: nothing begins to work with it, and it is said what to do. */

const fs = require('node:fs');
const path = require('node:path');
const manifest = require('../../package.json');
const { moduleName, packageName } = require('../../js/platform.js');
const { copyPackage, linesOf, node } = require('../processes.js');
const { ROOT, useOwnDirectory } = require('../support.js');

const directory = useOwnDirectory();
const OWN = packageName();
const { version } = manifest;
const built = path.join(ROOT, 'js', moduleName());
const at = (...names) => directory.path('node_modules', 'agentwise-optimization', ...names);

/** The package as it is published, beside that of this platform in `platformVersion`. */
function install(platformVersion, { withModule = false } = {}) {
  fs.mkdirSync(at(), { recursive: true });
  copyPackage(at(), { withModule });
  fs.writeFileSync(at('package.json'), JSON.stringify({ ...manifest, optionalDependencies: { [OWN]: version } }));
  const platform = directory.path('node_modules', OWN);
  fs.mkdirSync(platform);
  fs.writeFileSync(
    path.join(platform, 'package.json'),
    JSON.stringify({ name: OWN, version: platformVersion, main: moduleName() }),
  );
  fs.symlinkSync(built, path.join(platform, moduleName()));
}

const evaluate = (code, env) => node(['-e', code], { cwd: directory.path(), env });
const COUNT = "console.log(require('agentwise-optimization').countTokens('hello world'))";
const CAUGHT = `try { ${COUNT} } catch ({ name, code, message }) { console.log(name, code, message) }`;
const MISFIT = `agentwise-optimization is ${version}, ${OWN} is 0.0.9; install both in one version: npm install agentwise-optimization@${version} ${OWN}@${version}`;

/** The rows of `doctor` in the area of the module. */
async function doctor() {
  const { stdout } = await node([at('js', 'cli', 'main.js'), 'doctor', '--json'], { cwd: directory.path() });
  return JSON.parse(stdout).checks.filter(({ area }) => area === 'binary');
}

test('the same version loads, and doctor names it', async () => {
  install(version);
  expect(await evaluate(COUNT)).toMatchObject({ code: 0, stdout: '2\n' });
  expect(await doctor()).toContainEqual({
    area: 'binary',
    check: 'platform package',
    state: 'ok',
    value: `${OWN} ${version}`,
  });
});

describe('another version', () => {
  test('is not loaded', async () => {
    install('0.0.9');
    const { stdout } = await evaluate(CAUGHT);
    expect(stdout).toMatch(/^AgentwiseError E_NOT_AVAILABLE /);
    expect(stdout).toContain(MISFIT);
  });

  test('is not loaded in Jest', () => {
    install('0.0.9');
    expect(() => require(at('index.js'))).toThrow(
      expect.objectContaining({ code: 'E_NOT_AVAILABLE', message: expect.stringContaining(MISFIT) }),
    );
  });

  test('is a problem for doctor and for the commands', async () => {
    install('0.0.9');
    const rows = await doctor();
    expect(rows).toContainEqual({
      area: 'binary',
      check: 'platform package',
      state: 'problem',
      value: `${OWN} 0.0.9, not ${version}`,
      remedy: expect.stringContaining(`npm install agentwise-optimization@${version} ${OWN}@${version}`),
    });
    expect(rows.find(({ check }) => check === 'native module')).toMatchObject({ state: 'problem' });
    const health = await node([at('js', 'cli', 'main.js'), 'health'], { cwd: directory.path() });
    expect([health.code, health.stdout]).toEqual([3, '']);
    expect(linesOf(health.stderr)).toEqual([expect.stringMatching(/^E_NOT_AVAILABLE: .*0\.0\.9/)]);
  });

  test('is not what an install is content with', async () => {
    install('0.0.9');
    const { code, stderr } = await node([at('js', 'install.js')], {
      cwd: at(),
      env: { PATH: directory.path('nothing') },
    });
    expect(code).toBe(1);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(`${OWN} is 0\\.0\\.9, agentwise-optimization is`)]);
  });

  test('does not matter where the module was built in its own directory, or is named', async () => {
    install('0.0.9', { withModule: true });
    expect(await evaluate(COUNT)).toMatchObject({ code: 0, stdout: '2\n' });
    const named = directory.path('named.node');
    fs.renameSync(at('js', moduleName()), named);
    expect(await evaluate(COUNT, { NAPI_RS_NATIVE_LIBRARY_PATH: named })).toMatchObject({ code: 0, stdout: '2\n' });
  });
});

test('a module without a function that this version calls is not loaded', async () => {
  install(version);
  fs.appendFileSync(at('js', 'native.js'), 'module.exports.openLater = nativeBinding.openLater\n');
  const { stdout } = await evaluate(CAUGHT);
  expect(stdout).toMatch(/^AgentwiseError E_NOT_AVAILABLE .*of another version: it has no openLater; .*npm install/);
});
