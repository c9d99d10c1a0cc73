'use strict';

/** The command `health`. */

const { OK, WARNING, CRITICAL, UNKNOWN } = require('../exit-codes.js');

const CODES = { healthy: OK, warning: WARNING, critical: CRITICAL, down: CRITICAL };

const STYLES = { healthy: 'green', warning: 'yellow', critical: 'red', down: 'red' };

module.exports = function add(program, { action, examples }) {
  program
    .command('health')
    .description('health and score; exit code 0 healthy, 1 warning, 2 critical, 3 unknown')
    .addHelpText('after', examples('health', 'health --json', 'health --environment production'))
    .action(
      action(async ({ open, output }) => {
        const health = (await open()).getHealthStatus();
        return { data: health, text: textOf(health, output), code: CODES[health.overall] ?? UNKNOWN };
      }),
    );
};

function textOf(health, { paint, table }) {
  const parts = Object.entries(health.components).map(([name, part]) => [name, part ? `${part.score}` : 'off']);
  const overall = `${paint(health.overall, STYLES[health.overall])}, score ${health.score} of 100`;
  return [table([['health', overall], ...parts]), ...health.recommendations].join('\n');
}
