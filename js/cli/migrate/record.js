'use strict';

/** What was there before: a file in the checkout, by which `--undo` puts it back. */

const { AgentwiseError } = require('../../errors.js');
const { MODULES } = require('./modules.js');
const { textOf } = require('./checkout.js');

const RECORD = '.agentwise-optimization-migration.json';

/** Of the form of the record. */
const VERSION = 1;

const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isMode = (value) => Number.isInteger(value) && value >= 0 && value <= 0o7777;
const isText = (value) => typeof value === 'string';

const isModule = (row) =>
  MODULES.some(({ file }) => file === row?.file) && isHash(row.before) && isHash(row.after) && isMode(row.mode);

const isEdit = (row) =>
  ['scripts', 'dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'].includes(row?.section) &&
  isText(row.key) &&
  isText(row.after) &&
  (row.before === undefined || isText(row.before));

const isManifest = (value) =>
  value === null ||
  (isText(value?.before) && isHash(value.after) && Array.isArray(value.edits) && value.edits.every(isEdit));

/**
 * The record of a checkout: `{ content, modules: [{ file, before, after, mode }], manifest }`, hashes of what the files
 * held and hold; `manifest` is `null` or `{ before, after, edits }` with the text that `package.json` had. `null` if there is
 * none.
 *
 * @throws `E_INVALID_ARGUMENT` when it is damaged or of another version
 */
function readRecord(checkout) {
  const found = checkout.read(RECORD);
  if (found === null) return null;
  let value;
  try {
    value = JSON.parse(textOf(found));
  } catch {
    value = null;
  }
  if (value?.version === VERSION && Array.isArray(value.modules) && value.modules.every(isModule)) {
    const { modules, manifest } = value;
    if (isManifest(manifest)) return { content: found.content, modules, manifest };
  }
  const advice = 'it is damaged or of another version of this package; put the files back by git, or from their .orig';
  throw new AgentwiseError('E_INVALID_ARGUMENT', `${RECORD} cannot be used: ${advice}`);
}

const recordText = ({ modules, manifest }) => `${JSON.stringify({ version: VERSION, modules, manifest }, null, 2)}\n`;

module.exports = { RECORD, readRecord, recordText };
