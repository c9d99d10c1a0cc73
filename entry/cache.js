'use strict';

const { AdvancedCacheManager } = require('../js/advanced-cache-manager.js');

const { AgentwiseError } = require('../js/errors.js');

module.exports = { AdvancedCacheManager, AgentwiseError, default: AdvancedCacheManager };

Object.defineProperty(module.exports, '__esModule', { value: true });
