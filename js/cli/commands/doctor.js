'use strict';

/** The command `doctor`: looks at everything that this package needs around it. Each finding has its remedy. */

const { OK, WARNING, CRITICAL } = require('../exit-codes.js');

const CODES = { ok: OK, warning: WARNING, problem: CRITICAL };
const STYLES = { ok: 'green', warning: 'yellow', problem: 'red' };

module.exports = function add(program, { action, examples }) {
  program
    .command('doctor')
    .description(
      'binary, versions, limits, disk, permissions, conflicts: each with a remedy; exit code 0 ok, 1 warnings, 2 problems',
    )
    .addHelpText('after', examples('doctor', 'doctor --json', 'doctor --environment production'))
    .action(
      action(async (given) => {
        const { examine } = require('../doctor/examination.js');
        const progress = given.output.progress('examining');
        try {
          const found = await examine(given, progress);
          return { data: dataOf(found), text: textOf(found, given.output), code: CODES[found.worst] };
        } finally {
          progress.end();
        }
      }),
    );
};

const countOf = (rows, wanted) => rows.filter(({ state }) => state === wanted).length;

const dataOf = ({ worst, rows }) => ({
  state: worst,
  warnings: countOf(rows, 'warning'),
  problems: countOf(rows, 'problem'),
  checks: rows,
});

/** One table for all areas; remedies stand below what they are for. */
function textOf({ rows }, { paint, table, visible }) {
  const lines = table(
    rows.map(({ state, check, value }) => [paint(state, STYLES[state]), check, visible(value)]),
  ).split('\n');
  const text = [];
  let area;
  for (const [at, row] of rows.entries()) {
    if (row.area !== area) {
      if (area !== undefined) text.push('');
      area = row.area;
      text.push(paint(area, 'bold'));
    }
    text.push(lines[at]);
    if (row.remedy) text.push(`  → ${visible(row.remedy)}`);
  }
  const [warnings, problems] = [countOf(rows, 'warning'), countOf(rows, 'problem')];
  const sum =
    warnings + problems === 0
      ? 'all is well'
      : [problems && `problems: ${problems}`, warnings && `warnings: ${warnings}`].filter(Boolean).join(', ');
  return [...text, '', sum].join('\n');
}
