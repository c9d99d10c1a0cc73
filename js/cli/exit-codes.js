'use strict';

/** Exit codes as monitoring plug-ins have them (the Monitoring Plugins Development Guidelines, "Plugin Return Codes"). */

module.exports = Object.freeze({ OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 });
