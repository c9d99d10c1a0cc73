'use strict';

/** The parts that a token optimizer works with: ours, or objects of the caller's. */

const { AgentwiseError } = require('./errors.js');

/** A component with these methods; `null` for none. */
function component(name, value, methods = []) {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object' && typeof value !== 'function') {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be an object`);
  }
  const missing = methods.filter((method) => typeof value[method] !== 'function');
  if (missing.length > 0) throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must have ${missing.join(', ')}`);
  return value;
}

module.exports = {
  component,
  memoryManager: (value) => component('memoryManager', value),
  cacheManager: (value) => component('cacheManager', value, ['get']),
  contextFilter: (value) => component('contextFilter', value, ['filterContext']),
};
