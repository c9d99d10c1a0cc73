'use strict';

/** What a system of this directory would be configured with, found out without starting one. */

const { existsSync } = require('node:fs');
const { resolve } = require('node:path');
const { AgentwiseError } = require('../errors.js');
const { visible } = require('./text.js');

/** A file that was named must be there: a system would look further. */
function requireFile(file) {
  if (existsSync(file)) return;
  throw new AgentwiseError('E_CONFIG_MISSING', `the configuration file ${visible(file)} does not exist`);
}

const DEFAULT_DIRECTORY = '.cache';

/**
 * @param {import('./run.js').Given} given
 * @param {string} [file] this one instead of the one that `--config` names
 * @returns {object} as `checkConfiguration()` gives it: `file`, `problems`, `warnings`, and unless there are problems
 * `settings` and `explanation`
 */
function checkedConfiguration(given, file) {
  const { checkConfiguration } = require('../configuration.js');
  if (file !== undefined) requireFile(file);
  const { environment, configFile } = given.systemConfig();
  return checkConfiguration({ environment, configFile: file ?? configFile, cwd: process.cwd() });
}

/** Nested settings by path; a list is a value. */
function byPath(settings, prefix = '') {
  return Object.entries(settings).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? byPath(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value]],
  );
}

/**
 * The settings by path, and where the cache is: `cacheDir` is `null` where nothing is kept on disk. A configuration with
 * problems says nothing about that: then it is where it usually is.
 */
function configurationOf(given) {
  const { settings, ...rest } = checkedConfiguration(given);
  const values = Object.fromEntries(byPath(settings ?? {}));
  const isInMemory = values.enableAdvancedCaching === false || values['cache.persistToDisk'] === false;
  const cacheDir = values['cache.cacheDir'] ?? (process.env.CACHE_DIR || DEFAULT_DIRECTORY);
  return { ...rest, settings: values, cacheDir: isInMemory ? null : resolve(cacheDir) };
}

module.exports = { requireFile, checkedConfiguration, configurationOf };
