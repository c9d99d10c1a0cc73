'use strict';

/**
 * `npm install`: makes sure that there is a native module. A published package finds the one of its platform; a checkout,
 * or a platform without one, builds it with cargo.
 */

const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, renameSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { installedPackages, isMusl, moduleName, publishedPackage, remedyForVersions } = require('./platform.js');

const ROOT = join(__dirname, '..');
const RUST = '1.89';
const isCheckout = existsSync(join(ROOT, '.git'));

const LIBRARIES = {
  linux: 'libagentwise_optimization.so',
  darwin: 'libagentwise_optimization.dylib',
  win32: 'agentwise_optimization.dll',
};

/**
 * Whether a module is there, loads and is of this version, in a process of its own: a module that crashes must not take the
 * install along.
 */
function isLoadable() {
  return spawnSync(process.execPath, ['-e', 'require("./js/binding.js")'], { cwd: ROOT, stdio: 'ignore' }).status === 0;
}

/** What of this platform is installed, and does not fit. */
const misfit = () => installedPackages().find(({ version, wanted }) => version !== wanted);

function fail(message) {
  console.error(`agentwise-optimization: ${message}`);
  process.exit(1);
}

function build() {
  const library = LIBRARIES[process.platform];
  if (!library) fail(`no native module for ${process.platform}-${process.arch}`);
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status !== 0) {
    const other = misfit();
    if (other)
      fail(`${other.name} is ${other.version}, agentwise-optimization is ${other.wanted}: ${remedyForVersions(other)}`);
    const published = publishedPackage();
    const lack = published
      ? `${published}, the native module for ${process.platform}-${process.arch}, is not installed or does not load (npm leaves ` +
        'it out with --omit=optional: install with --include=optional), and there is no Rust to build one'
      : `no prebuilt native module for ${process.platform}-${process.arch} and no Rust`;
    fail(`${lack}: install Rust ${RUST} or later from https://rustup.rs, then run npm install again`);
  }
  const target = join(ROOT, 'target');
  const isNew = !existsSync(target);
  const args = ['build', '--release', '--locked', '--target-dir', target];
  // Where cargo puts what it makes: a directory of the target's own, if one is named.
  const made = join(target, process.env.CARGO_BUILD_TARGET ?? '', 'release', library);
  const env = { ...process.env };
  // Rust for musl links statically unless told otherwise, and then makes no library that Node could load.
  if (isMusl()) env.RUSTFLAGS = `${env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim();
  const cargo = spawnSync('cargo', args, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (cargo.status !== 0)
    fail(`the native module could not be built (cargo ended with ${cargo.status ?? cargo.signal})`);
  if (!existsSync(made)) fail(`cargo made no ${library}`);
  // A running process may have the old module mapped: it is replaced, never written over.
  const module = join(ROOT, 'js', moduleName());
  copyFileSync(made, `${module}.new`);
  renameSync(`${module}.new`, module);
  // Nobody builds a second time in a package that is installed: what was made on the way is some hundred MB.
  if (!isCheckout && isNew) rmSync(target, { recursive: true, force: true });
}

// In a checkout the sources are what counts; cargo does nothing when they have not changed.
if (isCheckout || !isLoadable()) build();
