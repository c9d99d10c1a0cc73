'use strict';

/** What a system of this directory would be configured with, found out without starting one. */

/**
 * @param {import('./run.js').Given} given
 * @returns {{ file: string | null, problems: object[], warnings: object[], settings: object, cacheDir: string | null }}
 * `settings` by path; `cacheDir` is `null` where nothing is kept on disk
 */
function configurationOf(given) {
  const { checkConfiguration } = require('../index-of-functions.js');
  const { file, problems, warnings, settings } = checkConfiguration(given.systemConfig());
  const values = Object.fromEntries(Object.entries(settings).map(([path, { value }]) => [path, value]));
  const isOnDisk = values.enableAdvancedCaching && values['cache.persistToDisk'];
  return { file, problems, warnings, settings: values, cacheDir: isOnDisk ? values['cache.cacheDir'] : null };
}

module.exports = { configurationOf };
