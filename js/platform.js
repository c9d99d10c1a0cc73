'use strict';

/** Names of the native module of this platform: its file, as the generated loader looks for it, and its package on npm. */

const { platform, arch } = process;

/** Whether this Node.js is linked with musl: its report names the version of glibc otherwise. */
function isMusl() {
  if (platform !== 'linux') return false;
  // Else the report looks up the name of every peer that the process is connected with.
  process.report.excludeNetwork = true;
  return !process.report.getReport().header.glibcVersionRuntime;
}

/** For example `linux-x64-gnu`. */
function platformName() {
  const abi = { linux: isMusl() ? '-musl' : '-gnu', win32: '-msvc' }[platform] ?? '';
  return `${platform}-${arch}${abi}`;
}

/** The file, beside js/native.js or in the package. */
const moduleName = () => `agentwise-optimization.${platformName()}.node`;

/** The package that has it; whether there is one of this name is not said. */
const packageName = () => `agentwise-optimization-${platformName()}`;

/**
 * The package of this platform, if this package was published with one: a checkout was not, and not every platform has one.
 *
 * @returns {string | undefined}
 */
function publishedPackage() {
  const { optionalDependencies = {} } = require('../package.json');
  return packageName() in optionalDependencies ? packageName() : undefined;
}

module.exports = { isMusl, moduleName, packageName, publishedPackage };
