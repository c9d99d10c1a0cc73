'use strict';

/** What stands in the place of a module of an Agentwise. */

const { namesOf, offeredBy } = require('./exported.js');
const { BOM, lineEndOf, originalOf } = require('./modules.js');

/**
 * Statements that re-export from `entry` what the original exported and this package has, and no more: a name that was not
 * there before might be one that another module has, where a third exports all of both. Everything where it is not told what
 * the original exported.
 */
function statementsFor(entry, original) {
  const names = namesOf(original);
  if (names === null) return [`export { default } from '${entry}';`, `export * from '${entry}';`];
  const offered = offeredBy(entry);
  const types = names.filter((name) => offered.get(name) === true);
  const values = names.filter((name) => offered.get(name) === false);
  const lines = [`export { ${['default', ...values].join(', ')} } from '${entry}';`];
  // A list of its own: each file may be compiled by itself.
  if (types.length > 0) lines.push(`export type { ${types.join(', ')} } from '${entry}';`);
  return lines;
}

/** The lines that take the place of `original`, with its line ends, and a byte order mark if it has one. */
function replacementFor({ file, entry }, original) {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const lines = [
    `// In place of the module that stands beside in ${originalOf(name)}.`,
    ...statementsFor(entry, original),
    '',
  ];
  return (original.startsWith(BOM) ? BOM : '') + lines.join(lineEndOf(original));
}

module.exports = { replacementFor };
