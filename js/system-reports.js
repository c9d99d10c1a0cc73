'use strict';

/** Statistics, recommendations and reports of a system. */

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { revive } = require('./revive.js');

const FORMATS = ['json', 'html'];

class SystemReports {
  #native;

  #around;

  /**
   * @param {object} native of a system
   * @param {typeof import('./surroundings.js').PROCESS} around
   */
  constructor(native, around) {
    this.#native = native;
    this.#around = around;
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
    return callAsync(this.#native.writeReport, path, format, overwrite, ...this.#around.heap());
  }
}

module.exports = { SystemReports };
