/**
 * Contexts as an agent that works on a repository builds them: each step is the answer of a tool, parsed, with the text
 * of some files and what is defined in them. Everything lies in V8's heap. Only one-byte characters, so that the length
 * of a text is its bytes.
 */

import { createHash } from 'node:crypto';
import { random } from './random.mjs';
import { WORDS } from './texts.mjs';

const KINDS = ['function', 'class', 'constant', 'method'];
const FILE_BYTES = 40_000;
/** Share of a part that is text; the rest are objects. */
const TEXT_SHARE = 0.8;
/** Bytes of a symbol in V8's heap: the object with four fields, its place in the array, its name of its own. */
const SYMBOL_BYTES = 96;
const VARIANTS = 8;

const pick = (next, list) => list[Math.floor(next() * list.length)];

function codeLine(next) {
  const [a, b, c] = [pick(next, WORDS), pick(next, WORDS), pick(next, WORDS)];
  return `${'  '.repeat(Math.floor(next() * 4))}const ${a}_${b} = ${c}(${a}, ${Math.floor(next() * 9999)});`;
}

function fileText(next, bytes) {
  const lines = [];
  for (let size = 0; size < bytes; size += lines.at(-1).length + 1) lines.push(codeLine(next));
  return lines.join('\n').slice(0, bytes);
}

function answer(next, bytes) {
  const files = [];
  for (let left = Math.round(bytes * TEXT_SHARE); left > 0; left -= FILE_BYTES) {
    const path = `src/${pick(next, WORDS)}/${pick(next, WORDS)}-${files.length}.js`;
    files.push({ path, text: fileText(next, Math.min(FILE_BYTES, left)) });
  }
  const symbols = Array.from({ length: Math.round((bytes * (1 - TEXT_SHARE)) / SYMBOL_BYTES) }, (_, index) => ({
    name: `${pick(next, WORDS)}_${pick(next, WORDS)}_${index}`,
    kind: pick(next, KINDS),
    line: 1 + Math.floor(next() * 900),
    file: Math.floor(next() * files.length),
  }));
  return { tool: 'read_files', files, symbols };
}

/** What an agent's work comes to on one part. Reads all of it. */
export function digest({ files, symbols }) {
  const hash = createHash('sha1');
  for (const { path, text } of files) hash.update(path).update(text);
  let sum = 0;
  for (const { name, kind, line, file } of symbols) sum = (sum * 31 + name.length + kind.length + line + file) | 0;
  return hash.update(String(sum)).digest('hex');
}

/**
 * Answers of `bytes` each once they are parsed. `read(step)` gives one as a new value; `matches(step, part)` says
 * whether a part is still what that step read. What arrives is kept as bytes outside of V8's heap.
 */
export function toolAnswers(bytes) {
  const next = random(11);
  const made = Array.from({ length: VARIANTS }, () => answer(next, bytes));
  const received = made.map((one) => Buffer.from(JSON.stringify(one), 'latin1'));
  const expected = made.map(digest);
  return {
    read: (step) => JSON.parse(received[step % VARIANTS].toString('latin1')),
    matches: (step, part) => digest(part) === expected[step % VARIANTS],
  };
}

/** What an agent takes a part to hold: characters of its texts, and its objects by their number. */
export function heldBytes({ files, symbols }) {
  let bytes = symbols.length * SYMBOL_BYTES;
  for (const { path, text } of files) bytes += path.length + text.length;
  return bytes;
}
