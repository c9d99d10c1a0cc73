'use strict';

// Jest gives this module to whoever asks inside of a test, whether it is installed at the top or not.
const { expect } = require('@jest/globals');
const matchers = require('../../js/testing/matchers/index.js');

expect.extend(matchers);
