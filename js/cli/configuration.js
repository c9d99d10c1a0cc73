'use strict';

/** What a system of this directory would be configured with, found out without starting one. */

const { resolve } = require('node:path');

const DEFAULT_DIRECTORY = '.cache';

/** A part that this version may lack. */
function provided(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

const nothing = () => ({ file: null, problems: [], warnings: [], settings: {} });

/**
 * @param {import('./run.js').Given} given
 * @param {string} [file] this one instead of the one that `--config` names
 * @returns {{ file: string | null, problems: object[], warnings: object[], settings: object }} `settings` as
 * `explainConfig()` has them: by path, each `{ value, source, … }`
 */
function checkedConfiguration(given, file) {
  const { checkConfiguration } = provided('../system-configuration.js') ?? { checkConfiguration: nothing };
  const { environment, configFile = file } = given.systemConfig(file === undefined ? {} : { configFile: file });
  return checkConfiguration({ environment, configFile, cwd: process.cwd() });
}

/**
 * The values only, and where the cache is: `cacheDir` is `null` where nothing is kept on disk. A file that cannot be read says
 * nothing about that: then it is where it usually is.
 */
function configurationOf(given) {
  const { settings, ...rest } = checkedConfiguration(given);
  const values = Object.fromEntries(Object.entries(settings).map(([path, { value }]) => [path, value]));
  const isInMemory = values.enableAdvancedCaching === false || values['cache.persistToDisk'] === false;
  const cacheDir = values['cache.cacheDir'] ?? (process.env.CACHE_DIR || DEFAULT_DIRECTORY);
  return { ...rest, settings: values, cacheDir: isInMemory ? null : resolve(cacheDir) };
}

module.exports = { checkedConfiguration, configurationOf, provided };
