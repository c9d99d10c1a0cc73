'use strict';

const { MemoryManager } = require('../js/memory-manager.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = { MemoryManager, AgentwiseError, default: MemoryManager };

Object.defineProperty(module.exports, '__esModule', { value: true });
