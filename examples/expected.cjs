'use strict';

/** Compares what an example printed with a file of lines that it should print. Part of `run.mjs`, no example. */

const ANYTHING = '…';

/** Whether a line fits a wanted one, in which `…` stands for any text. */
function lineFits(wanted, line) {
  const parts = wanted.split(ANYTHING).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(line);
}

/**
 * What is wrong with an output, or `null`. A wanted line that is only `…` stands for any number of lines; the last line's end
 * does not count.
 *
 * @param {string} wanted
 * @param {string} output
 */
function difference(wanted, output) {
  const [want, have] = [wanted, output].map((text) => text.trimEnd().split('\n'));
  let farthest = { at: -1, line: 0 };
  const fits = (at, line) => {
    if (line > farthest.line || (line === farthest.line && at > farthest.at)) farthest = { at, line };
    if (at === want.length) return line === have.length;
    if (want[at] === ANYTHING) return fits(at + 1, line) || (line < have.length && fits(at, line + 1));
    return line < have.length && lineFits(want[at], have[line]) && fits(at + 1, line + 1);
  };
  if (fits(0, 0)) return null;
  const { at, line } = farthest;
  return `line ${line + 1} is ${shown(have[line])} instead of ${shown(want[at])}`;
}

const shown = (line) => (line === undefined ? 'the end' : JSON.stringify(line));

module.exports = { difference, lineFits };
