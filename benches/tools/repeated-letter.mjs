/**
 * Token counts of one letter repeated very often, which both peers would take minutes for.
 *
 * Merges all pairs of the lowest rank from left to right, then those of the next: the same as merging one by one, because
 * a merge never makes a pair of a lower rank. That is checked on the way, and for shorter texts the result against both peers.
 */

import cl100k from 'gpt-tokenizer/bpeRanks/cl100k_base';
import o200k from 'gpt-tokenizer/bpeRanks/o200k_base';

const TABLES = { o200k_base: o200k, cl100k_base: cl100k };

/** Ranks of the tokens that are only `letter`, by their length. */
function ranksByLength(table, letter) {
  const ranks = new Map();
  table.forEach((token, rank) => {
    if (typeof token === 'string' && token === letter.repeat(token.length)) ranks.set(token.length, rank);
  });
  return ranks;
}

export function countRepeated(encoding, letter, times) {
  const ranks = ranksByLength(TABLES[encoding], letter);
  const rankOf = (lengths, at) => ranks.get(lengths[at] + lengths[at + 1]) ?? Number.POSITIVE_INFINITY;
  let lengths = new Array(times).fill(1);
  for (let previous = -1; ; ) {
    let lowest = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 1 < lengths.length; at++) lowest = Math.min(lowest, rankOf(lengths, at));
    if (lowest === Number.POSITIVE_INFINITY) return lengths.length;
    if (lowest <= previous) throw new Error(`${encoding}: a merge made a pair of a lower rank`);
    previous = lowest;
    const merged = [];
    for (let at = 0; at < lengths.length; at++) {
      if (at + 1 < lengths.length && rankOf(lengths, at) === lowest) merged.push(lengths[at] + lengths[++at]);
      else merged.push(lengths[at]);
    }
    lengths = merged;
  }
}
