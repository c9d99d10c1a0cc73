/** Counting tokens, against the two tokenizers that are most used in JavaScript. */

import { readFileSync } from 'node:fs';
import { count, megabytes, milliseconds, optional, times, withSpread } from './format.mjs';
import { compare, fastest, ratio, spread, target } from './harness.mjs';
import { mixedLanguages, proseJson, shortStrings, sourceCode } from './texts.mjs';

export const name = 'token-counting';
export const title = 'countTokens against gpt-tokenizer and js-tiktoken, one thread, all warm';

const ms = withSpread(milliseconds);

export const tables = {
  speed: {
    title: 'time to count',
    columns: [
      { key: 'text', title: 'text' },
      { key: 'encoding', title: 'encoding' },
      { key: 'bytes', title: 'UTF-8', format: megabytes },
      { key: 'tokens', title: 'tokens', format: count },
      { key: 'oursMs', title: 'ours', format: ms },
      { key: 'gptTokenizerMs', title: 'gpt-tokenizer', format: ms },
      { key: 'jsTiktokenMs', title: 'js-tiktoken', format: ms },
      { key: 'fasterPeer', title: 'faster peer' },
      { key: 'timesFaster', title: 'ours is faster', format: withSpread(times) },
    ],
  },
  letter: {
    title: "one letter repeated ('a'), o200k_base; peers run once for each size, as they remember",
    columns: [
      { key: 'bytes', title: 'letters', format: count },
      { key: 'oursMs', title: 'ours', format: ms },
      { key: 'oursMsPerMb', title: 'ours per MB', format: optional(milliseconds) },
      { key: 'gptTokenizerMs', title: 'gpt-tokenizer', format: optional(milliseconds) },
      { key: 'jsTiktokenMs', title: 'js-tiktoken', format: optional(milliseconds) },
    ],
  },
  corpus: {
    title: 'counts of the texts in __test__/fixtures/token-corpus.json, live',
    columns: [
      { key: 'encoding', title: 'encoding' },
      { key: 'peer', title: 'peer' },
      { key: 'equal', title: 'equal' },
      { key: 'texts', title: 'texts' },
      { key: 'different', title: 'different', format: (names) => names.join(', ') || '–' },
    ],
  },
};

const KB = 1024;
const LETTER_SIZES = [64 * KB, 256 * KB, 1024 * KB];
const PEER_LIMIT_MS = 3000;

const INPUTS = [
  ['source code', 'o200k_base', () => [sourceCode(1e6)]],
  ['source code', 'cl100k_base', () => [sourceCode(1e6)]],
  ['English prose in JSON', 'o200k_base', () => [proseJson(500e3)]],
  ['mixed languages', 'o200k_base', () => [mixedLanguages(250e3)]],
  ['100 strings of 200', 'o200k_base', () => shortStrings(100, 200)],
];

async function speedRow([text, encoding, make], { peers, ours }) {
  const texts = make();
  const total = (countOne) => () => {
    let sum = 0;
    for (const one of texts) sum += countOne(one);
    return sum;
  };
  const counters = { ours: ours[encoding], ...peers[encoding] };
  const cases = Object.entries(counters).map(([label, countOne]) => ({ name: label, run: total(countOne) }));
  const results = await compare(cases, { rounds: 9, warmMs: 300 });
  const names = Object.keys(peers[encoding]);
  const gptTokenizer = fastest(
    results,
    names.filter((label) => label.startsWith('gpt-tokenizer')),
  );
  const fasterPeer = fastest(results, names);
  return {
    text,
    encoding,
    bytes: texts.reduce((sum, one) => sum + Buffer.byteLength(one), 0),
    tokens: total(ours[encoding])(),
    oursMs: spread(results.ours.wall),
    gptTokenizerMs: spread(results[gptTokenizer].wall),
    jsTiktokenMs: spread(results['js-tiktoken'].wall),
    fasterPeer,
    timesFaster: ratio(results[fasterPeer].wall, results.ours.wall),
  };
}

/** One run for each size, doubling, as long as the next may be expected to take less than the limit. */
function letterTimesOfPeer(countOne) {
  const measured = new Map();
  let last = 0;
  let growth = 4;
  let size = KB;
  while (size <= LETTER_SIZES.at(-1) && last * growth < PEER_LIMIT_MS) {
    const text = 'a'.repeat(size);
    const before = performance.now();
    countOne(text);
    const time = performance.now() - before;
    if (last > 10) growth = Math.max(4, time / last);
    measured.set(size, time);
    last = time;
    size *= 2;
  }
  return { measured, last: size / 2, stopped: size <= LETTER_SIZES.at(-1), expected: last * growth };
}

async function letters({ peers, ours }) {
  const cases = LETTER_SIZES.map((size) => {
    const text = 'a'.repeat(size);
    return { name: size, run: () => ours.o200k_base(text) };
  });
  const measured = await compare(cases, { rounds: 9 });
  const gptTokenizer = letterTimesOfPeer(peers.o200k_base['gpt-tokenizer countTokens']);
  const jsTiktoken = letterTimesOfPeer(peers.o200k_base['js-tiktoken']);
  const sizes = new Set([...LETTER_SIZES, gptTokenizer.last, jsTiktoken.last]);
  const rows = [...sizes]
    .sort((a, b) => a - b)
    .map((size) => ({
      bytes: size,
      oursMs: measured[size] && spread(measured[size].wall),
      oursMsPerMb: measured[size] && spread(measured[size].wall).median / (size / KB / KB),
      gptTokenizerMs: gptTokenizer.measured.get(size),
      jsTiktokenMs: jsTiktoken.measured.get(size),
    }));
  const notes = Object.entries({ 'gpt-tokenizer': gptTokenizer, 'js-tiktoken': jsTiktoken })
    .filter(([, peer]) => peer.stopped)
    .map(
      ([label, peer]) =>
        `one letter: ${label} stopped after ${count(peer.last)} letters; twice as many may take ${milliseconds(peer.expected)}`,
    );
  const growth = ratio(measured[LETTER_SIZES[2]].wall, measured[LETTER_SIZES[1]].wall).median;
  return { rows, notes, growth };
}

function corpusRows({ peers, ours, ENCODINGS }) {
  const path = new URL('../../__test__/fixtures/token-corpus.json', import.meta.url);
  // Neither peer gets to the end of the repeated letters.
  const corpus = JSON.parse(readFileSync(path, 'utf8')).filter((entry) => !entry.repeat);
  return ENCODINGS.flatMap((encoding) =>
    Object.entries(peers[encoding])
      .filter(([peer]) => peer !== 'gpt-tokenizer encode')
      .map(([peer, countOne]) => {
        const different = corpus
          .filter(({ text }) => countOne(text) !== ours[encoding](text))
          .map((entry) => entry.name);
        return {
          encoding,
          peer: peer.split(' ')[0],
          equal: corpus.length - different.length,
          texts: corpus.length,
          different,
        };
      }),
  );
}

export async function run() {
  const counters = await import('./peers.mjs');
  const results = { speed: [], letter: [], corpus: [] };
  const targets = [];
  for (const input of INPUTS) {
    const row = await speedRow(input, counters);
    results.speed.push(row);
    targets.push(target(`faster peer ÷ ours, ${row.text}, ${row.encoding}`, row.timesFaster.median, '>=', 1.5));
  }
  const { rows, notes, growth } = await letters(counters);
  results.letter = rows;
  // Only now: the peers remember the pieces of the corpus.
  results.corpus = corpusRows(counters);
  targets.push(target('one letter, time of 1 MB ÷ time of 256 KB', growth, '<=', 5));
  return { results, targets, notes };
}
