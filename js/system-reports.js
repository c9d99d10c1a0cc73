'use strict';

/** Statistics, recommendations and reports of a system. */

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { heap } = require('./memory-view.js');
const { revive } = require('./revive.js');

const FORMATS = ['json', 'html'];

class SystemReports {
  #native;

  /** @param {object} native of a system */
  constructor(native) {
    this.#native = native;
  }

  getOptimizationStats() {
    return JSON.parse(call(this.#native.statistics), revive);
  }

  getOptimizationRecommendations() {
    return JSON.parse(call(this.#native.recommendations), revive);
  }

  /** The path of the report that was written. */
  async generateReport(options) {
    const given = args.options('options', options);
    const path = args.optionalPath('options.path', given.path);
    const format = args.optionalOneOf('options.format', given.format, FORMATS);
    const overwrite = args.optionalBoolean('options.overwrite', given.overwrite) ?? false;
    return callAsync(this.#native.writeReport, path, format, overwrite, ...heap());
  }
}

module.exports = { SystemReports };
