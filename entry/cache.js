'use strict';

const { AdvancedCacheManager } = require('../js/advanced-cache-manager.js');

module.exports = { AdvancedCacheManager, default: AdvancedCacheManager };

Object.defineProperty(module.exports, '__esModule', { value: true });
