/** Texts like sources that are the same in every run. */

import { random } from '../../bench/random.mjs';
import { WORDS } from '../../bench/texts.mjs';

const LINES = { least: 40, more: 160 };

/** What makes lines, and names for them. */
function writer(next) {
  const word = () => WORDS[Math.floor(next() * WORDS.length)];
  const name = () => `${word()}_${word()}`;
  const kinds = [
    () => `def ${name()}(${word()}, ${word()}=${Math.floor(next() * 100)}):`,
    () => `    ${name()} = ${name()}(${word()}.${word()}, "${word()} ${word()}")`,
    () => `    if ${word()}.${name()} is None or ${word()} > ${Math.floor(next() * 1000)}:`,
    () => `        raise ValueError(f"${word()} ${word()}: {${word()}}")`,
    () => `    return ${word()}.${name()}(${word()})`,
    () => `    # ${Array.from({ length: 8 }, word).join(' ')}`,
    () => '',
  ];
  return { word, name, line: () => kinds[Math.floor(next() * kinds.length)]() };
}

/** @returns {[path: string, text: string][]} of 40 to 200 lines each */
export function sourceFiles(number, seed) {
  const next = random(seed);
  const { word, name, line } = writer(next);
  return Array.from({ length: number }, (_, at) => {
    const length = LINES.least + Math.floor(next() * LINES.more);
    return [`src/${word()}/${name()}_${at}.py`, Array.from({ length }, line).join('\n')];
  });
}

/** A text of so many bytes. */
export function sourceText(bytes, seed) {
  const { line } = writer(random(seed));
  const lines = [];
  for (let size = 0; size < bytes; size += lines.at(-1).length + 1) lines.push(line());
  return lines.join('\n').slice(0, bytes);
}
