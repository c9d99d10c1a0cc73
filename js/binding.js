'use strict';

/** The native module, with its log output on when `DEBUG` names this package. */

const { AgentwiseError, messageOf } = require('./errors.js');
const { installedPackages, publishedPackage, remedyForVersions } = require('./platform.js');

const native = load();
checkVersion();

/** The generated loader tries every name a module may have; what matters is why the one that is there did not load. */
function load() {
  try {
    return require('./native.js');
  } catch (error) {
    const causes = [];
    for (let cause = error; cause && causes.length < 50; cause = cause.cause) causes.push(cause);
    const real = causes.find((cause) => cause.code && cause.code !== 'MODULE_NOT_FOUND') ?? causes.at(-1);
    throw new AgentwiseError(
      'E_NOT_AVAILABLE',
      `the native module could not be loaded: ${messageOf(real).split('\n')[0]}; ${remedy()}`,
      { cause: error },
    );
  }
}

/**
 * Half an upgrade would fail later, anywhere. The generated loader compares versions only if a variable asks for it, and it sets
 * each export that it knows, also those that the module does not have.
 */
function checkVersion() {
  for (const installed of installedPackages()) {
    const { name, version, wanted, file } = installed;
    if (version === wanted || !require.cache[file]) continue;
    throw new AgentwiseError(
      'E_NOT_AVAILABLE',
      `the native module is of another version: agentwise-optimization is ${wanted}, ${name} is ${version}; ${remedyForVersions(installed)}`,
    );
  }
  const missing = Object.keys(native).filter((name) => native[name] === undefined);
  if (missing.length === 0) return;
  throw new AgentwiseError(
    'E_NOT_AVAILABLE',
    `the native module is of another version: it has no ${missing.join(', ')}; ${remedy()}`,
  );
}

function remedy() {
  const published = publishedPackage();
  return published
    ? `${published} has it for this platform: run npm install again with --include=optional, on the platform that it runs on`
    : 'run npm install again (it needs Rust where no prebuilt module fits)';
}

const NAME = 'agentwise-optimization';

/** `DEBUG` as the `debug` package reads it: names with `*`, separated by commas or spaces, `-` excludes. */
function isDebugged(patterns) {
  let enabled = false;
  for (const pattern of patterns.split(/[\s,]+/).filter(Boolean)) {
    const excluded = pattern.startsWith('-');
    const text = excluded ? pattern.slice(1) : pattern;
    const expression = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    if (!new RegExp(`^${expression.join('.*')}$`).test(NAME)) continue;
    if (excluded) return false;
    enabled = true;
  }
  return enabled;
}

if (isDebugged(process.env.DEBUG ?? '')) native.logToStderr();

module.exports = native;
