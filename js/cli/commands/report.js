'use strict';

/** The command `report`: of a system that is made for it, with the configuration of this directory. */

const fs = require('node:fs');
const path = require('node:path');
const { AgentwiseError } = require('../../errors.js');
const { visible } = require('../text.js');

module.exports = function add(program, { action, examples }) {
  program
    .command('report')
    .description('writes optimization-report-<ms>.json into this directory and prints its path')
    .option('--html', 'as a page with charts instead')
    .option(
      '--output <file>',
      'under this name, as a page where it ends in .html or .htm, else as JSON; one that is there is refused',
    )
    .option('--force', 'overwrites it')
    .addHelpText(
      'after',
      examples('report', 'report --json', 'report --html', 'report --html --output report.html --force'),
    )
    .action(
      action(async ({ open, options: { html, output: file, force } }) => {
        if (force && file === undefined) throw new AgentwiseError('E_INVALID_ARGUMENT', '--force needs --output');
        if (file !== undefined) requirePlace(file, force === true);
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

const refusal = (code, file, why) => new AgentwiseError(code, `cannot write the report ${visible(file)}: ${why}`);

/** Told before there is a system, and in the words of the command: where the report is to be, and what may be in its place. */
function requirePlace(file, isForced) {
  if (file === '') throw new AgentwiseError('E_INVALID_ARGUMENT', '--output must be the name of a file');
  const directory = path.dirname(path.resolve(file));
  let found;
  try {
    if (!fs.statSync(directory).isDirectory()) throw refusal('E_IO', file, `${visible(directory)} is not a directory`);
    found = fs.lstatSync(file, { throwIfNoEntry: false });
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    if (error instanceof AgentwiseError) throw error;
    const reasons = {
      ENOENT: `there is no directory ${visible(directory)}`,
      ENOTDIR: `there is no directory ${visible(directory)}, as what is above it is not a directory`,
      EACCES: `this user may not write into ${visible(directory)}`,
      EROFS: `${visible(directory)} is on a file system that is read-only`,
    };
    throw refusal('E_IO', file, reasons[error.code] ?? error.code);
  }
  if (found === undefined) return;
  if (!found.isFile()) throw refusal('E_IO', file, 'it is there and not a regular file; choose another name');
  if (!isForced) throw refusal('E_EXISTS', file, 'it is there; choose another name, or --force overwrites it');
}
