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
  const row = written.find((one) => checkout.realName(one.file) === file);
  const found = row && checkout.has(row.file) ? checkout.read(row.file) : null;
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
 * @param {{ isForced: boolean }} options
 * @returns {{ refusal: AgentwiseError | null, risk: string | null, warning: string | null }} `refusal` where git has changes that
 * are not committed or will not say, and it is not forced; `risk` what is the matter then, forced or not; `warning` where there is
 * no git, or where it has nothing of what is replaced
 */
function guardOf(plan, { isForced }) {
  const { checkout } = plan;
  const names = new Map(replacedBy(plan).map((name) => [checkout.realName(name), name]));
  const { state, files, message, ...rest } = changesIn(checkout.root, [...names.keys()]);
  const ignored = (rest.ignored ?? []).map((name) => names.get(name));
  const first = ignored.slice(0, SHOWN).join(', ');
  const warning =
    ignored.length === 0 ? null : `git ignores ${first}${more(ignored)}: only the .orig files keep the originals`;
  const allowed = (told) => ({ refusal: null, risk: null, warning: told });
  const refused = (risk, advice = '') => ({
    refusal: isForced ? null : new AgentwiseError('E_GIT_DIRTY', `${risk}${advice}; --force goes on all the same`),
    risk,
    warning,
  });
  if (state === 'unknown') return refused(`git does not say whether everything is committed: ${visible(message)}`);
  if (state === 'missing') return allowed('git is not installed: only the .orig files keep the originals');
  if (state === 'none') return allowed('no git repository: only the .orig files keep the originals');
  const foreign = files.filter((file) => !isOwn(plan, file));
  if (foreign.length === 0) return allowed(warning);
  const some = foreign.slice(0, SHOWN).map(visible).join(', ');
  return refused(
    `${counted(foreign.length, 'file')} with changes that are not committed (${some}${more(foreign)})`,
    ': commit or stash them',
  );
}

module.exports = { guardOf };
