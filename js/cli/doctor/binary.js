'use strict';

/** `doctor`: the native module, how it was loaded, and the versions of what it runs in. */

const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs');
const { join, relative } = require('node:path');
const { messageOf } = require('../../errors.js');
const { installedPackages, remedyForVersions } = require('../../platform.js');
const { bytes } = require('../text.js');

const ROOT = join(__dirname, '..', '..', '..');

/** Where `js/native.js` is told to load another file from. */
const OVERRIDE = 'NAPI_RS_NATIVE_LIBRARY_PATH';

function loaded() {
  try {
    require('../../binding.js');
  } catch (error) {
    return { error };
  }
  const file = Object.keys(require.cache).find((name) => name.endsWith('.node') && name.includes('agentwise'));
  return { file: file ?? process.env[OVERRIDE] };
}

/** How `file` came to be there. */
function originOf(file) {
  if (process.env[OVERRIDE]) return `by ${OVERRIDE}`;
  const inside = relative(ROOT, file);
  return inside.startsWith('js') ? 'built here' : 'the prebuilt package of this platform';
}

/** The newest change of the Rust sources, ms; 0 where there are none or it is no checkout. */
function newestSource() {
  if (!existsSync(join(ROOT, '.git')) || !existsSync(join(ROOT, 'src'))) return 0;
  const times = readdirSync(join(ROOT, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.rs'))
    .map((name) => statSync(join(ROOT, 'src', name)).mtimeMs);
  return Math.max(0, ...times);
}

/** The C library that Node runs with, as its own report says. */
function libraryOf() {
  if (process.platform !== 'linux') return null;
  process.report.excludeNetwork = true;
  const { glibcVersionRuntime } = process.report.getReport().header;
  return glibcVersionRuntime ? `glibc ${glibcVersionRuntime}` : 'musl';
}

function findModule(found) {
  const { file, error } = loaded();
  if (error) {
    found.problem(
      'native module',
      messageOf(error).split('\n')[0],
      'run npm install again; where no prebuilt module fits it needs Rust (https://rustup.rs)',
    );
    return;
  }
  const { size, mtimeMs } = statSync(file);
  found.ok('native module', `${file} (${originOf(file)}, ${bytes(size)})`);
  if (process.env[OVERRIDE]) {
    found.warning('override', `${OVERRIDE} names the module`, `unset ${OVERRIDE}, unless that is meant`);
  } else if (newestSource() > mtimeMs) {
    found.warning('sources', 'newer than the native module', 'run npm run build');
  }
}

/** The packages that have the native modules: of the version that this one is, or what to do. A checkout has none. */
function findPlatformPackages(found) {
  for (const installed of installedPackages()) {
    const { name, version, wanted } = installed;
    if (version === wanted) found.ok('platform package', `${name} ${version}`);
    else found.problem('platform package', `${name} ${version}, not ${wanted}`, remedyForVersions(installed));
  }
}

/** @param {import('./findings.js').Findings} found */
function checkBinary(found) {
  found.in('binary');
  findModule(found);
  const { version, engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  found.ok('package', `agentwise-optimization ${version}`);
  findPlatformPackages(found);
  const [least] = engines.node.match(/\d+/);
  const isNew = Number(process.versions.node.split('.')[0]) >= Number(least);
  const node = `${process.versions.node} (${process.platform}-${process.arch}, Node-API ${process.versions.napi})`;
  if (isNew) found.ok('Node.js', node);
  else found.problem('Node.js', node, `install Node.js ${engines.node}`);
  const library = libraryOf();
  if (library) found.ok('C library', library);
}

module.exports = { checkBinary };
