'use strict';

/** Whether git has what is about to be replaced, so that nothing gets lost. */

const { AgentwiseError } = require('../../errors.js');
const { counted, visible } = require('../text.js');
const { isSameText } = require('./checkout.js');
const { changesIn } = require('./git.js');
const { isOriginal } = require('./modules.js');
const { MANIFEST } = require('./plan.js');
const { RECORD } = require('./record.js');
const { isWaiting } = require('./waiting.js');

/** Most names of files that a message has. */
const SHOWN = 3;

/** What an earlier run made or wrote, and nobody touched since, is no change of the user's. */
function isOwn({ checkout, record }, file) {
  if (file === RECORD || isOriginal(file) || isWaiting(file)) return true;
  const written = [...(record?.modules ?? []), ...(record?.manifest ? [{ file: MANIFEST, ...record.manifest }] : [])];
  const row = written.find((one) => one.file === file);
  const found = row && checkout.has(file) ? checkout.read(file) : null;
  return found !== null && isSameText(found.content, row.after);
}

const more = (names) => (names.length > SHOWN ? ', …' : '');

/** Files of the user's that a plan replaces. */
const replacedBy = ({ modules, manifest }) => [
  ...modules.filter(({ state }) => state === 'replaced').map(({ file }) => file),
  ...(manifest.before === manifest.after ? [] : [MANIFEST]),
];

/**
 * @param {object} plan of `planMigration`
 * @returns {{ refusal: AgentwiseError | null, warning: string | null }} `refusal` where git has changes that are not
 * committed or will not say; `warning` where there is no git, or where it has nothing of what is replaced
 */
function guardOf(plan) {
  const { state, files, ignored = [], message } = changesIn(plan.checkout.root, replacedBy(plan));
  const first = ignored.slice(0, SHOWN).join(', ');
  const warning =
    ignored.length === 0 ? null : `git ignores ${first}${more(ignored)}: only the .orig files keep the originals`;
  const refused = (text) => ({
    refusal: new AgentwiseError('E_GIT_DIRTY', `${text}; --force goes on all the same`),
    warning,
  });
  if (state === 'unknown') return refused(`git does not say whether everything is committed: ${visible(message)}`);
  if (state === 'missing')
    return { refusal: null, warning: 'git is not installed: only the .orig files keep the originals' };
  if (state === 'none') return { refusal: null, warning: 'no git repository: only the .orig files keep the originals' };
  const foreign = files.filter((file) => !isOwn(plan, file));
  if (foreign.length === 0) return { refusal: null, warning };
  const names = foreign.slice(0, SHOWN).map(visible).join(', ');
  return refused(
    `${counted(foreign.length, 'file')} with changes that are not committed (${names}${more(foreign)}): commit or stash them`,
  );
}

module.exports = { guardOf };
