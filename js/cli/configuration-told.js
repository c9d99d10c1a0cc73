'use strict';

/** What is to be said of the configuration here when the answer comes from a system that has one already. */

const { realpathSync } = require('node:fs');
const { resolve } = require('node:path');
const { ENVIRONMENTS, checkedConfiguration, problemText } = require('./configuration.js');

const BUILT_IN = 'built-in defaults';

function isSameFile(one, other) {
  const real = (file) => {
    try {
      return realpathSync(file);
    } catch {
      // Seen from another container, or gone by now: its name is all there is.
      return resolve(file);
    }
  };
  return typeof one === 'string' && real(one) === real(other);
}

/** Who answers with another file than the one that `--config` names. */
function otherFiles(named, users) {
  return users
    .filter(({ configFile }) => configFile !== undefined && !isSameFile(configFile, named))
    .map(({ who, verb, configFile }) => `${who} ${verb} with ${configFile ?? BUILT_IN}, not with ${resolve(named)}`);
}

/** What is wrong with the configuration that a system in each of `environments` would start with now. */
function brokenOnes(given, environments) {
  const told = new Set();
  for (const environment of environments) {
    const { problems } = checkedConfiguration(given, { environment });
    // It names the file, or the variable.
    if (problems.length > 0) told.add(`a system that starts here will fail: ${problemText(problems)}`);
  }
  return [...told];
}

/**
 * One line for each thing to say: with `--config`, which was found to be right before, who answers with another file; else
 * that the configuration here is broken, which who answers need not have noticed.
 *
 * @param {import('./run.js').Given} given
 * @param {{ who: string, verb: string, environment?: string | null, configFile?: string | null }[]} users who answers; an
 *   `environment` that is not known is that of the command, a `configFile` that is not known is not told
 * @returns {{ path: string, message: string }[]} also told on standard error
 */
function configurationTold(given, users) {
  const { config: named } = given.options;
  const known = (environment) => (ENVIRONMENTS.includes(environment) ? environment : given.environment);
  const environments = new Set(users.map(({ environment }) => known(environment)));
  const messages = named === undefined ? brokenOnes(given, environments) : otherFiles(named, users);
  for (const message of messages) given.warnOnce(message);
  return messages.map((message) => ({ path: 'configuration', message }));
}

module.exports = { configurationTold };
