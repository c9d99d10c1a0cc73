/**
 * Writes __test__/fixtures/token-corpus.json: `node benches/tools/make-token-corpus.mjs`.
 *
 * Counts are those of the peers, never ours. Where the peers differ, nothing is written. That is why some characters are
 * in no text: gpt-tokenizer miscounts U+FEFF, and JavaScript's patterns take U+FEFF for white space and U+0085 for none,
 * and know no long s (U+017F) in contractions, while tiktoken's are otherwise.
 */

import { writeFileSync } from 'node:fs';
import { ENCODINGS, peers } from '../bench/peers.mjs';
import { TEXTS } from './corpus-texts.mjs';
import { countRepeated } from './repeated-letter.mjs';

const TARGET = new URL('../../__test__/fixtures/token-corpus.json', import.meta.url);
const MAX_BYTES = 4096;
const MEGABYTE = 1024 * 1024;

const problems = [];

/** The count of both peers; a difference is a problem. */
function countOf(encoding, name, text) {
  const counts = Object.entries(peers[encoding]).map(([peer, count]) => [peer, count(text)]);
  const [[, first]] = counts;
  if (counts.some(([, tokens]) => tokens !== first)) {
    problems.push(`${name}: the peers differ for ${encoding}: ${counts.map((pair) => pair.join(' ')).join(', ')}`);
  }
  return first;
}

function entryOf(name, text) {
  const size = Buffer.byteLength(text);
  if (size > MAX_BYTES) problems.push(`${name}: ${size} bytes, at most ${MAX_BYTES}`);
  if (!text.isWellFormed()) problems.push(`${name}: has a lone surrogate`);
  const entry = { name, text };
  for (const encoding of ENCODINGS) entry[encoding] = countOf(encoding, name, text);
  return entry;
}

/** The text is `text`, `repeat` times: a megabyte is not stored. */
function repeatedEntry(letter) {
  const entry = { name: `one letter, ${MEGABYTE} times`, text: letter, repeat: MEGABYTE };
  for (const encoding of ENCODINGS) {
    for (const times of [1, 2, 3, 7, 8, 100, 1023, 4096]) {
      const name = `${letter} × ${times}`;
      const expected = countOf(encoding, name, letter.repeat(times));
      const counted = countRepeated(encoding, letter, times);
      if (counted !== expected) problems.push(`${name}: ${encoding} ${counted} by passes, ${expected} by the peers`);
    }
    entry[encoding] = countRepeated(encoding, letter, MEGABYTE);
  }
  return entry;
}

const entries = Object.entries(TEXTS).map(([name, text]) => entryOf(name, text));
entries.push(repeatedEntry('a'));

if (problems.length > 0) {
  console.error(`nothing written:\n${problems.join('\n')}`);
  process.exit(1);
}
writeFileSync(TARGET, `${JSON.stringify(entries, null, 2)}\n`);
console.log(`${entries.length} texts written`);
