'use strict';

/** The native module, with its log output on when `DEBUG` names this package. */

const { AgentwiseError, messageOf } = require('./errors.js');
const { publishedPackage } = require('./platform.js');

const native = load();

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
