'use strict';

/** Text for a terminal: what it shows of foreign text, how wide that is, and figures for people. */

/** Control, format and separator characters, lone surrogates, and what turns the direction of writing. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const NAMED = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Foreign text as it can be shown: on one line, and without what a terminal would obey.
 * `visible('a\n\u001b[2J')` is `a\\n\\u001b[2J`.
 */
function visible(text) {
  return String(text).replace(UNSEEN, (character) => {
    if (NAMED[character]) return NAMED[character];
    const code = character.codePointAt(0);
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
const COLOURS = /\u001b\[[\d;]*m/g;
const NARROW = /^[\u0020-\u007e]*$/;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** Scripts whose characters take two columns (the wide ones of Unicode's East Asian Width), and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Columns that `text` takes in a terminal. */
function columns(text) {
  const plain = text.replace(COLOURS, '');
  if (NARROW.test(plain)) return plain.length;
  let width = 0;
  for (const character of plain) if (!NO_WIDTH.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** `text` cut to `width` columns, with an ellipsis where something is missing. Without colours in it. */
function clipped(text, width) {
  if (columns(text) <= width) return text;
  let [result, used] = ['', 0];
  for (const character of text) {
    used += columns(character);
    if (used > width - 1) break;
    result += character;
  }
  return `${result}…`;
}

/** `12.3 MB`; units of 1024, as the rest of the package has them. */
function bytes(count) {
  if (typeof count !== 'number' || !Number.isFinite(count)) return 'unknown';
  let [value, unit] = [count, 0];
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toFixed(1))} ${units[unit]}`;
}

/** `3 days 4 h`, `4 min 5 s`, `12 s`: two units at most. */
function duration(seconds) {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return 'unknown';
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const parts = [
    [days, days === 1 ? 'day' : 'days'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** A path as a shell takes it, to be copied from a remedy. */
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `1 entry`, `2 entries`. */
const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

module.exports = { visible, columns, clipped, bytes, duration, counted, shellWord };
