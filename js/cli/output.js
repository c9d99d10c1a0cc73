'use strict';

/** What commands print with: colours, tables and progress, where there is a terminal to see them. */

const { clipped, columns, visible } = require('./text.js');

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Columns of a terminal that does not say how many it has, or says 0. */
const DEFAULT_WIDTH = 80;

/** Shortest time between two drawings of a progress line, ms. */
const REDRAW_MS = 100;

/** How wide the bar of a progress line is, columns. */
const BAR = 20;

const CLEAR_LINE = '\r\u001b[2K';

/**
 * Whether `stream` is to have colours: `--no-color`, then `FORCE_COLOR` (`0` and `false` say no), then `NO_COLOR` (see
 * no-color.org), then whether it is a terminal that knows colours.
 */
function wantsColour(stream, noColour, env = process.env) {
  if (noColour) return false;
  const { FORCE_COLOR: forced } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env.NO_COLOR) return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Rows of texts as lines with aligned columns; the last column is not padded. */
function tableOf(rows, { align = [] } = {}) {
  const widths = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, columns(String(cell)));
  }
  const line = (row) =>
    row
      .map((cell, at) => {
        const text = String(cell);
        const padding = ' '.repeat(widths[at] - columns(text));
        if (align[at] === 'right') return padding + text;
        return at === row.length - 1 ? text : text + padding;
      })
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

/** A line on `stream` that says how far long work is. Nothing where nobody sees it. */
function progressOn(stream, label, isShown) {
  if (!isShown) return { update() {}, end() {} };
  let drawn = 0;
  const draw = (text) => stream.write(`${CLEAR_LINE}${clipped(text, (stream.columns || DEFAULT_WIDTH) - 1)}`);
  draw(`${label} …`);
  return {
    update(done, total) {
      const now = performance.now();
      if (now - drawn < REDRAW_MS) return;
      drawn = now;
      if (!(total > 0)) {
        draw(`${label} ${done}`);
        return;
      }
      const part = Math.min(1, done / total);
      const full = Math.round(part * BAR);
      draw(`${label} ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(part * 100)} % (${done} of ${total})`);
    },
    end() {
      stream.write(CLEAR_LINE);
    },
  };
}

/**
 * @param {{ color?: boolean, quiet?: boolean }} options of the command line
 * @returns what a command prints with:
 * - `isTerminal`: whether standard output is one; `width` its columns
 * - `paint(text, style)`: in colour where there may be colours; `bold`, `dim`, `red`, `green`, `yellow` or `cyan`
 * - `table(rows, { align? })`: one text, with aligned columns; `align` may say `'right'` for a column
 * - `visible(text)`: foreign text, escaped; for everything that others wrote
 * - `progress(label)`: `{ update(done, total?), end() }`, drawn on standard error if that is a terminal
 * - `line(text)`: prints a line at once, for commands that go on
 */
function outputOf({ color, quiet }, { stdout = process.stdout, stderr = process.stderr } = {}) {
  const isColoured = wantsColour(stdout, color === false);
  return {
    isTerminal: stdout.isTTY === true,
    get width() {
      return stdout.columns || DEFAULT_WIDTH;
    },
    paint(text, style) {
      const [on, off] = STYLES[style];
      return isColoured ? `\u001b[${on}m${text}\u001b[${off}m` : `${text}`;
    },
    table: tableOf,
    visible,
    progress: (label) => progressOn(stderr, label, stderr.isTTY === true && !quiet && process.env.TERM !== 'dumb'),
    line: (text) => stdout.write(`${text}\n`),
  };
}

module.exports = { outputOf, tableOf, wantsColour };
