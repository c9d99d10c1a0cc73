'use strict';

const { FakeClock } = require('../js/testing/fake-clock.js');
const matchers = require('../js/testing/matchers/index.js');
const { createTestSystem } = require('../js/testing/test-system.js');

module.exports = { createTestSystem, FakeClock, matchers, default: createTestSystem };

Object.defineProperty(module.exports, '__esModule', { value: true });
