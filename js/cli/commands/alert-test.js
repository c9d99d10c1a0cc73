'use strict';

/** The command `alert-test`: sends a test message by every channel that the configuration switches on, or by one. */

const { AgentwiseError } = require('../../errors.js');
const { CRITICAL, OK } = require('../exit-codes.js');
const { counted } = require('../text.js');

/**
 * What the system of this command is made with, over the directory's configuration: a monitor that sends and does nothing else.
 * It takes no port that the application has, stores nothing in its history, and ends none of its alerts.
 */
const CONFIG = {
  enableProductionMonitoring: true,
  cache: { persistToDisk: false },
  monitoring: { metricsPort: null, enableOtlpExport: false, persistMetrics: false, metricsInterval: 3_600_000 },
};

module.exports = function add(program, { action, examples, chosen }) {
  program
    .command('alert-test')
    .description('sends a test message by every alert channel that is switched on; exit code 2 if one did not arrive')
    .addOption(
      chosen('--channel <name>', 'only by this one, on or not', ['console', 'slack', 'email', 'webhook', 'pagerduty']),
    )
    .addHelpText('after', examples('alert-test', 'alert-test --environment production --channel slack'))
    .action(
      action(async ({ open, options: { channel }, output }) => {
        const results = await (await open(CONFIG)).productionMonitor.testAlert({ channel });
        if (results.length === 0) {
          throw new AgentwiseError(
            'E_CONFIG_INVALID',
            'no alert channel is switched on: set monitoring.enableSlackAlerts, …',
          );
        }
        const isDelivered = results.every(({ delivered }) => delivered);
        return {
          data: results,
          text: output.table(results.map((result) => rowOf(result, output))),
          code: isDelivered ? OK : CRITICAL,
        };
      }),
    );
};

function rowOf({ channel, delivered, attempts, durationMs, error }, { paint, visible }) {
  const tries = `(${counted(attempts, 'attempt')}, ${Math.round(durationMs)} ms)`;
  const result = delivered ? paint('delivered', 'green') : paint('not delivered', 'red');
  return [channel, delivered ? `${result} ${tries}` : `${result} ${tries}: ${visible(error)}`];
}
