'use strict';

/** What `migrate` would do to a checkout, found out without changing anything. */

const { AgentwiseError } = require('../../errors.js');
const { visible } = require('../text.js');
const { importedNames } = require('./callers.js');
const { Checkout, isSameText, sha256, textOf } = require('./checkout.js');
const { EXAMPLE, editManifest, revertManifest } = require('./manifest.js');
const {
  MODULES,
  isEditedReplacement,
  isOriginal,
  isReplacement,
  olderOriginalOf,
  originalOf,
} = require('./modules.js');
const { RECORD, readRecord, recordText } = require('./record.js');
const { replacementFor } = require('./replacement.js');

const MANIFEST = 'package.json';

function stateOf(text) {
  if (isReplacement(text)) return 'already';
  return isEditedReplacement(text) ? 'edited' : 'replaced';
}

/** A module of the same name in another form, which is not replaced. */
const otherOf = (checkout, file) =>
  ['.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '/index.ts', '/index.js']
    .map((ending) => file.replace(/\.ts$/, ending))
    .find((name) => checkout.has(name));

/** Where one of the seven modules stands, what it is, and, if it is replaced, by what text: that depends on its callers. */
function moduleIn(checkout, { file, entry }, imports) {
  const found = checkout.read(file);
  if (found === null) return { file, entry, state: 'absent', other: otherOf(checkout, file) };
  const text = found.content.toString('utf8');
  const imported = imports.filter(({ module }) => module === file).map(({ name }) => name);
  const state = stateOf(text);
  const after = state === 'replaced' ? replacementFor({ file, entry, imported }, text) : undefined;
  return { file, entry, found, text, state, after };
}

/** A place for an older original: it may be the only copy that there is. */
function olderPlace(checkout, file) {
  let number = 1;
  while (checkout.has(olderOriginalOf(file, number))) number++;
  return checkout.path(olderOriginalOf(file, number));
}

/**
 * Where the original goes. What is there already must be the same, or, if forced, what was put there before, which then
 * stands beside.
 *
 * @returns {object[]} changes for it: none if it is there
 */
function keepOriginal(checkout, { file, found }, record, isForced) {
  const name = originalOf(file);
  const kept = checkout.read(name);
  const change = { file: checkout.path(name), before: kept?.content ?? null, after: found.content, mode: found.mode };
  if (kept === null) return [change];
  if (kept.content.equals(found.content)) return [];
  const isOwn = record?.modules.some((row) => row.file === file && isSameText(kept.content, row.before));
  if (isOwn && isForced) {
    const older = { file: olderPlace(checkout, file), before: null, after: kept.content, mode: kept.mode };
    return [older, { ...change, beforeMode: kept.mode }];
  }
  const advice = isOwn ? 'an older original: --force keeps both' : 'another file: move it away';
  throw new AgentwiseError('E_EXISTS', `${name} is there already, and is ${advice}`);
}

function replaceModule(checkout, module, record, isForced) {
  const { file, found } = module;
  const after = Buffer.from(module.after);
  return {
    changes: [
      ...keepOriginal(checkout, module, record, isForced),
      { file: found.file, before: found.content, after, mode: found.mode },
    ],
    row: { file, before: sha256(found.content), after: sha256(after), mode: found.mode },
  };
}

/** One edit for what was set twice: from what was there at first to what is there last. */
function mergedEdits(earlier, edits) {
  const same = (a) => (b) => a.section === b.section && a.key === b.key;
  const kept = earlier.filter((edit) => !edits.some(same(edit)));
  return kept.concat(
    edits.map((edit) => {
      const first = earlier.find(same(edit));
      const isChain = first !== undefined && first.after === edit.before;
      return isChain ? { ...edit, before: first.before, isNewSection: first.isNewSection } : edit;
    }),
  );
}

/** What the record says of `package.json`: the text that it had before the first edit that is still in it. */
function manifestRow(text, step, earlier) {
  const after = sha256(Buffer.from(step.text));
  if (!earlier) return { before: text, after, edits: step.edits };
  const isUntouched = sha256(Buffer.from(text)) === earlier.after;
  const before = isUntouched ? earlier.before : revertManifest(text, earlier, MANIFEST).text;
  return { before, after, edits: mergedEdits(earlier.edits, step.edits) };
}

/** The record after this run; nothing that an earlier one needs gets lost. It holds `package.json`: who may read that may read it. */
function recordChange(checkout, record, rows, manifest, mode) {
  const earlier = (record?.modules ?? []).filter(({ file }) => !rows.some((row) => row.file === file));
  const text = recordText({ modules: [...earlier, ...rows], manifest: manifest ?? record?.manifest ?? null });
  return {
    file: checkout.path(RECORD),
    before: record?.content ?? null,
    after: Buffer.from(text),
    mode,
  };
}

function requireAgentwise(checkout, modules, manifest) {
  if (modules.every(({ state }) => state === 'absent')) {
    const other = modules.map((module) => module.other).find(Boolean);
    const example = other ? `${other} is there, and only a .ts is replaced` : `${MODULES[0].file}, …`;
    throw new AgentwiseError(
      'E_NOT_AGENTWISE',
      `${visible(checkout.root)} has none of the seven modules (${example}): name the directory of an Agentwise checkout`,
    );
  }
  if (manifest === null) throw new AgentwiseError('E_NOT_AGENTWISE', `${visible(checkout.root)} has no ${MANIFEST}`);
}

/** The order is that of undoing: first what is needed for it, `package.json` last. */
const inOrder = (changes, checkout) => {
  const rank = ({ file }) => [isOriginal(file), file === checkout.path(RECORD)].indexOf(true);
  const place = (change) => (rank(change) === -1 ? 2 : rank(change));
  return [...changes].sort((a, b) => place(a) - place(b));
};

/**
 * @param {string} directory
 * @param {{ spec: string, isGiven: boolean, isForced: boolean }} options `spec` is what to depend on
 * @returns {{ checkout: Checkout, record: object | null, modules: object[], callers: object, scripts: object[], dependency: object,
 *   manifest: { before: string, after: string }, changes: object[] }} `changes` as `applyChanges` takes them
 * @throws `E_NOT_AGENTWISE`, `E_EXISTS`, `E_INVALID_ARGUMENT`, `E_IO`: nothing can be done then
 */
function planMigration(directory, { spec, isGiven, isForced }) {
  const checkout = new Checkout(directory);
  const record = readRecord(checkout);
  const { imports, isPartial } = importedNames(
    checkout.root,
    MODULES.map(({ file }) => file),
  );
  const modules = MODULES.map((module) => moduleIn(checkout, module, imports));
  const manifest = checkout.read(MANIFEST);
  requireAgentwise(checkout, modules, manifest);
  const text = textOf(manifest);
  const hasExample = checkout.has(EXAMPLE.file);
  const step = editManifest(text, { file: MANIFEST, spec, isGiven, isForced, hasExample });
  const replaced = modules
    .filter(({ state }) => state === 'replaced')
    .map((module) => replaceModule(checkout, module, record, isForced));
  const changes = replaced.flatMap((module) => module.changes);
  // Also where nothing is set: installing writes into it, and undoing has to know what was there.
  const row = step.edits.length > 0 || !record?.manifest ? manifestRow(text, step, record?.manifest) : null;
  if (step.edits.length > 0) {
    const after = Buffer.from(step.text);
    changes.push({ file: manifest.file, before: manifest.content, after, mode: manifest.mode });
  }
  const rows = replaced.map((module) => module.row);
  if (changes.length > 0) changes.push(recordChange(checkout, record, rows, row, manifest.mode));
  return {
    checkout,
    record,
    modules,
    callers: { imports, isPartial },
    scripts: step.scripts,
    dependency: step.dependency,
    manifest: { before: text, after: step.text },
    changes: inOrder(changes, checkout),
  };
}

module.exports = { planMigration, MANIFEST };
