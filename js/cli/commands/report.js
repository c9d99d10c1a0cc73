'use strict';

/** The command `report`: of a system that is made for it, with the configuration of this directory. */

const { AgentwiseError } = require('../../errors.js');

module.exports = function add(program, { action, examples }) {
  program
    .command('report')
    .description('writes optimization-report-<ms>.json into this directory and prints its path')
    .option('--html', 'as a page with charts instead')
    .option('--output <file>', 'under this name; one that is there is refused')
    .option('--force', 'overwrites it')
    .addHelpText(
      'after',
      examples('report', 'report --json', 'report --html', 'report --html --output report.html --force'),
    )
    .action(
      action(async ({ open, options: { html, output: file, force } }) => {
        if (force && file === undefined) throw new AgentwiseError('E_INVALID_ARGUMENT', '--force needs --output');
        const { QUIET } = require('../running.js');
        const system = await open(QUIET);
        const asked = html || file !== undefined;
        const path = await system.generateSystemReport(
          ...(asked ? [{ format: html ? 'html' : undefined, path: file, overwrite: force === true }] : []),
        );
        return { data: { path }, text: path };
      }),
    );
};
