'use strict';

module.exports = {
  testMatch: ['<rootDir>/__test__/**/*.spec.js'],
  testTimeout: 60_000,
};
