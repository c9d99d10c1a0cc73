'use strict';

/** Puts back what `migrate` replaced, as the record says: byte for byte. */

const { AgentwiseError } = require('../../errors.js');
const { Checkout, sha256, textOf } = require('./checkout.js');
const { revertManifest } = require('./manifest.js');
const { originalOf } = require('./modules.js');
const { MANIFEST } = require('./plan.js');
const { RECORD, readRecord } = require('./record.js');

const edited = (name) =>
  new AgentwiseError('E_EDITED', `${name} was edited since: --force puts the original back over it`);

/** Where a module's original is, and what has to be done with both. */
function moduleStep(checkout, row, isForced) {
  const { file, before, after, mode } = row;
  const [now, original] = [checkout.read(file), checkout.read(originalOf(file))];
  const removal = original && {
    file: original.file,
    before: original.content,
    after: null,
    mode: original.mode,
  };
  const state = now && sha256(now.content);
  if (state === before) return { file, state: 'already', restored: [], removed: removal ? [removal] : [] };
  if (original === null) {
    throw new AgentwiseError('E_IO', `${originalOf(file)} is not there: put ${file} back by git`);
  }
  if (sha256(original.content) !== before && !isForced) throw edited(originalOf(file));
  if (now !== null && state !== after && !isForced) throw edited(file);
  const restored = {
    file: checkout.path(file),
    before: now?.content ?? null,
    after: original.content,
    mode,
    beforeMode: now?.mode,
  };
  return { file, state: 'restored', restored: [restored], removed: [removal] };
}

/** A `package.json` that changed since keeps what is not of the migration. */
function manifestStep(checkout, row) {
  const found = row && checkout.read(MANIFEST);
  if (!found) return { changes: [], left: [] };
  const text = textOf(found);
  const isUntouched = sha256(found.content) === row.after;
  const result = isUntouched ? { text: row.before, left: [] } : revertManifest(text, row.edits, MANIFEST);
  if (result.text === text) return { changes: [], left: result.left };
  const after = Buffer.from(result.text);
  return {
    changes: [{ file: found.file, before: found.content, after, mode: found.mode }],
    left: result.left,
    text: { before: text, after: result.text },
  };
}

/**
 * @param {string} directory
 * @param {{ isForced: boolean }} options
 * @returns {{ checkout: Checkout, modules: object[], left: string[], manifest: object | undefined, changes: object[] }}
 * `left` names what of `package.json` was changed since and stays; no changes where nothing is to be undone
 * @throws `E_EDITED` for modules that were edited since, unless forced; `E_INVALID_ARGUMENT`, `E_IO`
 */
function planUndo(directory, { isForced }) {
  const checkout = new Checkout(directory);
  const record = readRecord(checkout);
  if (record === null) return { checkout, modules: [], left: [], changes: [] };
  const modules = record.modules.map((row) => moduleStep(checkout, row, isForced));
  const manifest = manifestStep(checkout, record.manifest);
  const recordFile = checkout.read(RECORD);
  const changes = [
    ...modules.flatMap(({ restored }) => restored),
    ...manifest.changes,
    ...modules.flatMap(({ removed }) => removed),
    { file: recordFile.file, before: recordFile.content, after: null, mode: recordFile.mode },
  ];
  return { checkout, modules, left: manifest.left, manifest: manifest.text, changes };
}

module.exports = { planUndo };
