'use strict';

const { OptimizationOrchestrator } = require('../js/optimization-orchestrator.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = { OptimizationOrchestrator, AgentwiseError, default: OptimizationOrchestrator };

Object.defineProperty(module.exports, '__esModule', { value: true });
