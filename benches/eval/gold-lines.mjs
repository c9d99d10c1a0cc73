/**
 * The lines of an issue's files that its right fix is about: what the functions that it edits span. The sources are those
 * of a release, which may not have such a function yet or any more; then the lines that the patch changes are looked for,
 * before the change or, as the release may have the fix, after it. If none are there, the whole file is needed.
 */

import { definitions, definitionsOf } from './python-functions.mjs';

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** One side of a hunk: its lines, the number of the first, and where in them changes begin and end. */
class Side {
  lines = [];
  #first = Number.POSITIVE_INFINITY;
  #end = 0;

  constructor(line, length = '1') {
    this.line = Number(line) - 1;
    this.missing = Number(length);
  }

  add(line) {
    this.lines.push(line);
    this.missing--;
  }

  change(lines) {
    this.#first = Math.min(this.#first, this.lines.length);
    for (const line of lines) this.add(line);
    this.#end = this.lines.length;
  }

  /** Where the side stands in a file, `[first, last]`, with as much of its context as is there. */
  placeIn(lines) {
    for (let context = Math.max(this.#first, this.lines.length - this.#end); context >= 0; context--) {
      const start = Math.max(0, this.#first - context);
      const part = this.lines.slice(start, this.#end + context);
      if (part.every(isBlank)) continue;
      const at = placeOf(part, lines, this.line + start);
      if (at !== undefined) return [at, at + part.length - 1];
    }
    return undefined;
  }
}

/** The hunks of a patch by path, each as `{ before, after }`. */
export function hunksOf(patch) {
  const hunks = new Map();
  let path;
  let hunk;
  for (const row of patch.split('\n')) {
    const isInHunk = hunk && (hunk.before.missing > 0 || hunk.after.missing > 0);
    const found = isInHunk ? null : HUNK.exec(row);
    if (found) {
      hunk = { before: new Side(found[1], found[2]), after: new Side(found[3], found[4]) };
      hunks.get(path)?.push(hunk);
    } else if (isInHunk) addRow(hunk, row);
    else if (row.startsWith('--- a/')) {
      path = row.slice('--- a/'.length);
      hunks.set(path, []);
    } else if (row.startsWith('--- ')) path = undefined;
  }
  return hunks;
}

function addRow({ before, after }, row) {
  const line = row.slice(1);
  if (row.startsWith('-') || row.startsWith('+')) {
    before.change(row.startsWith('-') ? [line] : []);
    after.change(row.startsWith('+') ? [line] : []);
  } else if (!row.startsWith('\\')) {
    before.add(line);
    after.add(line);
  }
}

const bare = (line) => line.trimEnd();
const isBlank = (line) => line.trim() === '';

/** Where `part` begins in `lines`, of several places the nearest to `near`. */
function placeOf(part, lines, near) {
  let best;
  for (let at = 0; at + part.length <= lines.length; at++) {
    if (!part.every((line, index) => bare(line) === lines[at + index])) continue;
    if (best === undefined || Math.abs(at - near) < Math.abs(best - near)) best = at;
  }
  return best;
}

const overlap = ({ first, last }, [start, end]) => first <= end && start <= last;

/**
 * What must be kept of an issue's files, by path: `{ text, spans: [lines], by }`, where `by` says how the lines were found:
 * 'function', 'patch' or 'file'. Blank lines are left out.
 *
 * @param {(path: string) => string} textOf
 */
export function goldLines(issue, textOf) {
  const hunks = hunksOf(issue.patch);
  return issue.ground_truth_files.map((path) => {
    const text = textOf(path);
    const lines = text.split('\n').map(bare);
    const known = definitions(text);
    const places = (hunks.get(path) ?? [])
      .map(({ before, after }) => before.placeIn(lines) ?? after.placeIn(lines))
      .filter(Boolean);
    const names = issue.edit_functions.filter((name) => name.startsWith(`${path}:`));
    const ranges = new Map();
    const ways = new Set();
    const need = (range, by) => {
      ranges.set(String(range), range);
      ways.add(by);
    };
    for (const name of names) {
      const found = definitionsOf(known, name.slice(path.length + 1));
      const touched = found.filter((definition) => places.some((place) => overlap(definition, place)));
      for (const { first, last } of touched.length > 0 ? touched : found) need([first, last], 'function');
      if (found.length === 0) for (const place of places) need(place, 'patch');
    }
    if (ranges.size === 0) need([0, lines.length - 1], 'file');
    const spans = [...ranges.values()].map(([first, last]) =>
      lines.slice(first, last + 1).filter((line) => line !== ''),
    );
    return { path, text, spans, by: [...ways].sort().join(' and ') };
  });
}

/** Whether each of `spans` stands in a text that is kept: its lines in order with nothing but blank lines between them. */
export function holdsLines(text, spans) {
  const lines = text
    .split('\n')
    .map(bare)
    .filter((line) => line !== '');
  return spans.every((span) => placeOf(span, lines, 0) !== undefined);
}
