'use strict';

/** A terminal that is drawn anew again and again, on a screen of its own; what was there before comes back. */

const { clipped } = require('../text.js');

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** Of a terminal that does not say how large it is, or says 0. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

class Screen {
  #stdout;
  #stdin;
  #lines = [];
  #onKey;
  #onResize = () => this.#draw();

  /** `onEnd` is called for `q`, Ctrl-C and Ctrl-D, which are keys here. */
  constructor(onEnd, { stdin = process.stdin, stdout = process.stdout } = {}) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#onKey = (text) => {
      if (['q', 'Q', CTRL_C, CTRL_D].some((key) => text.includes(key))) onEnd();
    };
    stdout.write(ENTER);
    stdout.on('resize', this.#onResize);
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      stdin.setEncoding('utf8').on('data', this.#onKey).resume();
    }
  }

  show(lines) {
    this.#lines = lines;
    this.#draw();
  }

  close() {
    this.#stdout.off('resize', this.#onResize);
    if (this.#stdin.isTTY) {
      this.#stdin.off('data', this.#onKey).pause();
      this.#stdin.setRawMode(false);
    }
    this.#stdout.write(LEAVE);
  }

  /** As much as fits, without the empty lines if they are too many: a line more would scroll. Colours are of whole cells, so that lines with some are narrow enough. */
  #draw() {
    const columns = this.#stdout.columns || DEFAULT_COLUMNS;
    const rows = this.#stdout.rows || DEFAULT_ROWS;
    const isTight = this.#lines.length >= rows;
    const lines = isTight ? this.#lines.filter((line) => line !== '') : this.#lines;
    const fitting = lines.slice(0, rows - 1).map((line) => (line.includes('\u001b') ? line : clipped(line, columns)));
    this.#stdout.write(`${HOME}${fitting.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\r\n`).join('')}${CLEAR_BELOW}`);
  }
}

module.exports = { Screen };
