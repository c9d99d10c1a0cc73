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
