'use strict';

/** What a system of this directory would be configured with, found out without starting one. */

const { existsSync } = require('node:fs');
const { resolve } = require('node:path');
const { AgentwiseError } = require('../errors.js');
const { counted, visible } = require('./text.js');

const ENVIRONMENTS = ['development', 'staging', 'production'];

/** A file that was named must be there: a system would look further. */
function requireFile(file) {
  if (existsSync(file)) return;
  throw new AgentwiseError('E_CONFIG_MISSING', `the configuration file ${visible(file)} does not exist`);
}

const DEFAULT_DIRECTORY = '.cache';

/**
 * @param {import('./run.js').Given} given
 * @param {{ file?: string, environment?: string }} [instead] of the file that `--config` names, and of the command's environment
 * @returns {object} as `checkConfiguration()` gives it: `file`, `problems`, `warnings`, and unless there are problems
 * `settings` and `explanation`
 */
function checkedConfiguration(given, { file, environment } = {}) {
  const { checkConfiguration } = require('../configuration.js');
  if (file !== undefined) requireFile(file);
  const { configFile, ...own } = given.systemConfig();
  return checkConfiguration({
    environment: environment ?? own.environment,
    configFile: file ?? configFile,
    cwd: process.cwd(),
  });
}

/** The code that a system would fail with: a problem has none of its own. */
function codeOf({ path, message }) {
  if (path !== 'configuration') return 'E_CONFIG_INVALID';
  if (message.startsWith('cannot read ')) return 'E_CONFIG_UNREADABLE';
  return message.startsWith('OPTIMIZATION_CONFIG names ') ? 'E_CONFIG_MISSING' : 'E_CONFIG_INVALID';
}

/** The first problem, and how many there are. */
function problemText(problems) {
  const [{ path, message }] = problems;
  const more = problems.length > 1 ? `; ${counted(problems.length, 'problem')}, see config check` : '';
  return `${path}: ${message}${more}`;
}

/** Throws what a system would fail with, in one line, where there are problems. */
function requireSound({ problems }) {
  if (problems.length > 0) throw new AgentwiseError(codeOf(problems[0]), problemText(problems));
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

module.exports = { ENVIRONMENTS, requireFile, checkedConfiguration, configurationOf, problemText, requireSound };
