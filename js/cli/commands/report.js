'use strict';

/** The command `report`. */

module.exports = function add(program, { action, examples }) {
  program
    .command('report')
    .description('writes optimization-report-<ms>.json into this directory and prints its path')
    .addHelpText('after', examples('report', 'report --json'))
    .action(
      action(async ({ open }) => {
        const path = await (await open()).generateSystemReport();
        return { data: { path }, text: path };
      }),
    );
};
