'use strict';

const { FakeClock } = require('../js/testing/fake-clock.js');
const { createTestSystem } = require('../js/testing/test-system.js');

module.exports = { createTestSystem, FakeClock, default: createTestSystem };

Object.defineProperty(module.exports, '__esModule', { value: true });
