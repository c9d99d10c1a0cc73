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

/**
 * The packages of this platform that are installed. A published package takes its native module from one of them, unless one was
 * built in its own directory; a checkout knows of none.
 *
 * @returns {Array<{ name: string, version: string, wanted: string, file: string }>} `wanted`: the version that fits; `file`: the
 *   module
 */
function installedPackages() {
  const { version: wanted, optionalDependencies = {} } = require('../package.json');
  const start = `agentwise-optimization-${platform}-${arch}`;
  return Object.keys(optionalDependencies).flatMap((name) => {
    if (!name.startsWith(start)) return [];
    try {
      const { version } = require(`${name}/package.json`);
      return [{ name, version, wanted, file: require.resolve(name) }];
    } catch {
      return [];
    }
  });
}

/** What to do where the two versions are not one. */
const remedyForVersions = ({ name, wanted }) =>
  `install both in one version: npm install agentwise-optimization@${wanted} ${name}@${wanted}, or the tarballs of both`;

module.exports = { isMusl, moduleName, packageName, publishedPackage, installedPackages, remedyForVersions };
