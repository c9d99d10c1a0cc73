'use strict';

/** The configuration files of a checkout stay as they are; this says what is wrong in them. */

const { messageOf } = require('../../errors.js');

const FILES = [
  { file: 'config/optimization.development.json', environment: 'development' },
  { file: 'config/optimization.staging.json', environment: 'staging' },
  { file: 'config/optimization.production.json', environment: 'production' },
  { file: 'config/optimization.json', environment: 'production' },
];

/**
 * @param {import('./checkout.js').Checkout} checkout
 * @returns {Array<{ file: string, problems: string[], unchecked?: string }>} of each file that is there; `unchecked` says
 * why it was not looked at
 */
function configurationOf(checkout) {
  return FILES.filter(({ file }) => checkout.has(file)).map(({ file, environment }) => {
    try {
      // Loaded here: without a native module everything but this works.
      const { checkConfiguration } = require('../../configuration.js');
      const { problems } = checkConfiguration({
        environment,
        configFile: checkout.path(file),
        cwd: checkout.root,
        env: {},
      });
      return { file, problems: problems.map(({ path, message }) => `${path}: ${message}`) };
    } catch (error) {
      return { file, problems: [], unchecked: messageOf(error) };
    }
  });
}

module.exports = { configurationOf };
