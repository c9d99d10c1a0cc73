'use strict';

/**
 * Specs in which other work shows: they bound short delays, or count what a process has. `npm run test:js` runs the
 * others several at a time, for most of them wait for servers and child processes, and then these one after the other.
 */
const ALONE = [
  'cache/many',
  'cache/similarity',
  'cache-processes/single-flight',
  'context-filter/hostile-agent-files',
  'large-contexts',
  'lifecycle/many-systems',
  'memory-manager/lifecycle',
  'production-monitor/agrees',
  'production-monitor/lifecycle',
  'production-monitor/restart',
  'shared-context/hostile',
  'shared-context/processes',
].map((name) => `<rootDir>/__test__/${name}.spec.js`);

module.exports = {
  globalSetup: '<rootDir>/__test__/calm.js',
  projects: [
    { displayName: 'together', testMatch: ['<rootDir>/__test__/**/*.spec.js'], testPathIgnorePatterns: ALONE },
    { displayName: 'alone', testMatch: ALONE },
  ],
  // Only catches hangs: most tests take milliseconds, some take seconds, and all take longer on a machine with much else to do.
  testTimeout: 300_000,
};
