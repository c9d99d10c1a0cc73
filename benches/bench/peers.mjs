/** The tokenizers that ours is compared with, all as `text => count`. Special tokens are plain text, as in ours. */

import * as gptCl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as gptO200k from 'gpt-tokenizer/encoding/o200k_base';
import { Tiktoken } from 'js-tiktoken/lite';
import cl100kRanks from 'js-tiktoken/ranks/cl100k_base';
import o200kRanks from 'js-tiktoken/ranks/o200k_base';
import { countTokens } from '../../index.mjs';

const PLAIN = { disallowedSpecial: new Set() };

function gptTokenizer({ countTokens, encode }) {
  return {
    'gpt-tokenizer countTokens': (text) => countTokens(text, PLAIN),
    'gpt-tokenizer encode': (text) => encode(text, PLAIN).length,
  };
}

function jsTiktoken(ranks) {
  const encoder = new Tiktoken(ranks);
  return { 'js-tiktoken': (text) => encoder.encode(text, [], []).length };
}

export const ENCODINGS = ['o200k_base', 'cl100k_base'];

/** By encoding, by name. */
export const peers = {
  o200k_base: { ...gptTokenizer(gptO200k), ...jsTiktoken(o200kRanks) },
  cl100k_base: { ...gptTokenizer(gptCl100k), ...jsTiktoken(cl100kRanks) },
};

export const ours = Object.fromEntries(
  ENCODINGS.map((encoding) => [encoding, (text) => countTokens(text, { encoding })]),
);

/**
 * tiktoken's present pattern of cl100k_base. js-tiktoken has the one before, which splits white space at the end of a
 * text after its last line end. The possessive quantifiers, which JavaScript lacks, only save time.
 */
const NEWEST_CL100K =
  "'(?:[sdmtSDMT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";

/** js-tiktoken's algorithm with that pattern. */
export const newestCl100k = jsTiktoken({ ...cl100kRanks, pat_str: NEWEST_CL100K })['js-tiktoken'];
