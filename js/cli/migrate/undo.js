'use strict';

/** Puts back what `migrate` replaced, as the record says: byte for byte. */

const { AgentwiseError } = require('../../errors.js');
const { Checkout, isSameText, textOf } = require('./checkout.js');
const { revertManifest } = require('./manifest.js');
const { MODULES, lineEndOf, olderOriginalOf, originalOf } = require('./modules.js');
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
  const isNow = (hash) => now !== null && isSameText(now.content, hash);
  if (isNow(before)) {
    // What is beside is not needed: gone, unless somebody has put something else there.
    const isOriginal = original !== null && isSameText(original.content, before);
    const left = original !== null && !isOriginal ? [`${originalOf(file)} was edited since, and stays`] : [];
    return { file, state: 'already', restored: [], removed: isOriginal ? [removal] : [], left };
  }
  if (original === null) {
    throw new AgentwiseError('E_IO', `${originalOf(file)} is not there: put ${file} back by git`);
  }
  if (!isSameText(original.content, before) && !isForced) throw edited(originalOf(file));
  if (now !== null && !isNow(after) && !isForced) throw edited(file);
  const restored = {
    file: checkout.path(file),
    before: now?.content ?? null,
    after: original.content,
    mode,
    beforeMode: now?.mode,
  };
  return { file, state: 'restored', restored: [restored], removed: [removal], left: [] };
}

/** Originals of former migrations, which stay. */
function olderOriginals(checkout) {
  return MODULES.flatMap(({ file }) => {
    const names = [];
    while (checkout.has(olderOriginalOf(file, names.length + 1))) names.push(olderOriginalOf(file, names.length + 1));
    return names.map((name) => `${name} is an older original, and stays`);
  });
}

/** A `package.json` that changed since keeps what is not of the migration. */
function manifestStep(checkout, row, isForced) {
  const found = row && checkout.read(MANIFEST);
  if (!found) return { changes: [], left: [] };
  const text = textOf(found);
  // In a clone all files may have other line ends than where the record was made.
  const isForeign = lineEndOf(text) === '\r\n' && !row.before.includes('\r\n');
  const before = isForeign ? row.before.replaceAll('\n', '\r\n') : row.before;
  const isUntouched = isSameText(found.content, row.after);
  const result = isUntouched
    ? { text: before, left: [] }
    : revertManifest(text, { ...row, before }, MANIFEST, { isForced });
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
 * @returns {{ checkout: Checkout, modules: object[], left: string[], kept: string[], manifest: object | undefined,
 *   changes: object[] }} `left` names what of `package.json` was changed since and stays: then so does the record; `kept`
 * says which originals stay; no changes where nothing is to be undone
 * @throws `E_EDITED` for modules that were edited since, unless forced; `E_INVALID_ARGUMENT`, `E_IO`
 */
function planUndo(directory, { isForced }) {
  const checkout = new Checkout(directory);
  const record = readRecord(checkout);
  if (record === null) return { checkout, modules: [], left: [], kept: [], changes: [] };
  const modules = record.modules.map((row) => moduleStep(checkout, row, isForced));
  const manifest = manifestStep(checkout, record.manifest, isForced);
  const recordFile = checkout.read(RECORD);
  const changes = [
    ...modules.flatMap(({ restored }) => restored),
    ...manifest.changes,
    ...modules.flatMap(({ removed }) => removed),
  ];
  if (manifest.left.length === 0) {
    changes.push({ file: recordFile.file, before: recordFile.content, after: null, mode: recordFile.mode });
  }
  const kept = [...modules.flatMap(({ left }) => left), ...olderOriginals(checkout)];
  return { checkout, modules, left: manifest.left, kept, manifest: manifest.text, changes };
}

module.exports = { planUndo };
