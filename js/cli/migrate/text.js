'use strict';

/** How a migration is told: in a few lines, or, before it is done, by what would change. */

const { counted, shellWord } = require('../text.js');
const { originalOf } = require('./modules.js');

const STATES = { replaced: 'green', restored: 'green', set: 'green', foreign: 'yellow', edited: 'yellow' };

const WORDS = { set: 'set', kept: 'kept', foreign: 'left', absent: 'absent', already: 'already' };

const indented = (text) => text.replace(/^/gm, '  ');

/** What happened to modules, scripts and the dependency, a row each. */
function rowsOf({ modules, scripts = [], dependency, configuration = [] }) {
  const rows = modules.map(({ file, state, entry }) => [
    state,
    file,
    { replaced: `→ ${entry}`, restored: 'as it was' }[state] ?? '',
  ]);
  for (const { name, state, after } of scripts) rows.push([state, `scripts ${name}`, after ?? '']);
  if (dependency) rows.push([dependency.state, `${dependency.section} ${dependency.name}`, dependency.after]);
  for (const { file, problems, unchecked } of configuration) {
    const sum = problems.length === 0 ? 'no problems' : `problems: ${problems.length}`;
    rows.push(['kept', file, unchecked === undefined ? sum : 'not checked']);
  }
  return rows;
}

function tableText(result, { paint, table, visible }) {
  const rows = rowsOf(result).map(([state, what, rest]) => {
    const word = WORDS[state] ?? state;
    return [STATES[state] ? paint(word, STATES[state]) : word, visible(what), visible(rest)];
  });
  return rows.length === 0 ? [] : [indented(table(rows))];
}

/** Lines of `a` that `b` has not, and the other way round: where both begin and end alike, only what is between. */
function changedLines(a, b) {
  const [before, after] = [a.split(/\r?\n/), b.split(/\r?\n/)];
  let [start, end] = [0, 0];
  while (start < before.length && before[start] === after[start]) start++;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { at: start, gone: before.slice(start, before.length - end), come: after.slice(start, after.length - end) };
}

/** `--- a/…`, `+++ b/…` and what changes; of long texts that go only how long they are. */
function diffText(name, before, after, { paint, visible }) {
  const { at, gone, come } = changedLines(before, after);
  // An empty line is in most files: it says nothing of what stays.
  const shared = new Set(gone.filter((line) => line !== '' && come.includes(line)));
  const lines = [`--- a/${name}`, `+++ b/${name}`, `@@ line ${at + 1} @@`];
  const isLong = shared.size === 0 && gone.length > 20;
  if (isLong) lines.push(paint(`- (${gone.length} lines, which stand in ${originalOf(name)})`, 'red'));
  else for (const line of gone) if (!shared.has(line)) lines.push(paint(`-${visible(line)}`, 'red'));
  for (const line of come) if (!shared.has(line)) lines.push(paint(`+${visible(line)}`, 'green'));
  return lines.join('\n');
}

const TITLES = {
  migrate: { done: 'migrated', planned: 'would migrate', unchanged: 'nothing to do in' },
  undo: {
    done: 'undone in',
    partly: 'undone, but for package.json, in',
    planned: 'would undo in',
    unchanged: 'nothing to undo in',
  },
};

/**
 * @param {object} result what the command gives with `--json`
 * @param {Array<{ name: string, before: string, after: string }>} diffs of a run that changes nothing
 */
function textOf(result, diffs, output) {
  const title = `${TITLES[result.action][result.state]} ${output.visible(shellWord(result.directory))}`;
  const lines = [output.paint(title, 'bold'), ...tableText(result, output)];
  const kept = result.modules.filter(({ state }) => state === 'replaced').length;
  if (kept > 0) lines.push(`  ${counted(kept, 'original')} beside, as ${originalOf('<module>.ts')}`);
  for (const { name, before, after } of diffs) lines.push('', diffText(name, before, after, output));
  if (result.next.length > 0) lines.push('', 'Next:', ...result.next.map((line) => `  ${line}`));
  if (result.note) lines.push('', result.note);
  return lines.join('\n');
}

module.exports = { textOf };
