'use strict';

/** The native module, with its log output on when `DEBUG` names this package. */

const native = require('./native.js');

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
