'use strict';

/** All matchers, for `expect.extend(matchers)` of Jest, of the package `expect`, and of Vitest. */

module.exports = { ...require('./context.js'), ...require('./cache.js'), ...require('./system.js') };
