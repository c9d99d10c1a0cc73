'use strict';

const { ProductionMonitor } = require('../js/production-monitor.js');
const { AgentwiseError } = require('../js/errors.js');

module.exports = { ProductionMonitor, AgentwiseError, default: ProductionMonitor };

Object.defineProperty(module.exports, '__esModule', { value: true });
