'use strict';

/** The command `alert-test`: sends a test message by every channel that the configuration switches on, or by one. */

const { AgentwiseError } = require('./errors.js');

/**
 * What the system of this command is made with, over the directory's configuration: a monitor that sends and does nothing else.
 * It takes no port that the application has, stores nothing in its history, and ends none of its alerts.
 */
const CONFIG = {
  enableProductionMonitoring: true,
  cache: { persistToDisk: false },
  monitoring: { metricsPort: null, enableOtlpExport: false, persistMetrics: false, metricsInterval: 3_600_000 },
};

const DELIVERED = 0;
const NOT_DELIVERED = 2;

function lineOf({ channel, delivered, attempts, durationMs, error }, width) {
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, ${Math.round(durationMs)} ms`;
  return `${channel.padEnd(width)}  ${delivered ? `delivered (${tries})` : `not delivered (${tries}): ${error}`}`;
}

/**
 * @param system one that was made with `CONFIG`
 * @param {string} [channel] only this one
 * @returns {Promise<{ data: object[], text: string, code: number }>}
 */
async function testAlerts(system, channel) {
  const results = await system.productionMonitor.testAlert({ channel });
  if (results.length === 0) {
    throw new AgentwiseError(
      'E_CONFIG_INVALID',
      'no alert channel is switched on: set monitoring.enableSlackAlerts, …',
    );
  }
  const width = Math.max(...results.map((result) => result.channel.length));
  return {
    data: results,
    text: results.map((result) => lineOf(result, width)).join('\n'),
    code: results.every(({ delivered }) => delivered) ? DELIVERED : NOT_DELIVERED,
  };
}

module.exports = { CONFIG, testAlerts };
