'use strict';

/** What can be asked of a configuration without a system. */

const args = require('./arguments.js');
const { AgentwiseError, call } = require('./errors.js');
const { handedVariables } = require('./variables.js');
const native = require('./binding.js');

/** See `index.d.ts`. */
function checkConfiguration(options) {
  const given = args.options('options', options);
  const { environment, configFile, cwd, code, env } = given;
  if (env !== undefined && (env === null || typeof env !== 'object')) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', 'options.env must be an object of texts');
  }
  const own = args.options('options.code', code);
  const request = { ...own };
  if (environment !== undefined) request.environment = environment;
  if (configFile !== undefined) request.configFile = configFile;
  const directory = args.optionalString('options.cwd', cwd) ?? process.cwd();
  return JSON.parse(
    call(native.checkConfiguration, args.configurationJson(request), directory, handedVariables(env ?? process.env)),
  );
}

/** See `index.d.ts`. */
function configurationSchema() {
  return structuredClone(require('../config/optimization.schema.json'));
}

module.exports = { checkConfiguration, configurationSchema };
