/**
 * What prompts cost with a provider's prompt cache: of each prompt the prefix that was sent before at the price of a cached
 * read, the rest at that of a cache write. What is generated is the same in every way and left out; caches are taken to
 * find every prefix to the token and to forget none.
 */

import { countTokensAsync } from '../../../index.mjs';

const MILLION = 1e6;

/** Characters with which two texts begin alike. */
export function commonPrefix(a, b) {
  const end = Math.min(a.length, b.length);
  let at = 0;
  // Whole steps first: texts are long and mostly the same.
  for (let step = 1 << 16; step >= 1; step >>= 2) {
    while (at + step <= end && a.slice(at, at + step) === b.slice(at, at + step)) at += step;
  }
  return at;
}

/** Prompt tokens, those of them in the cache, and USD. */
export class Bill {
  prompt = 0;
  cached = 0;
  #price;

  constructor(price) {
    this.#price = price;
  }

  add(prompt, cached) {
    this.prompt += prompt;
    this.cached += cached;
  }

  get usd() {
    if (!this.#price) return undefined;
    const { cachedRead, cacheWrite } = this.#price;
    return (this.cached * cachedRead + (this.prompt - this.cached) * cacheWrite) / MILLION;
  }
}

/** Prompts of one agent that are whole each time: what a prompt has in common with the one before is cached. */
export class WholePrompts {
  #last = '';

  constructor(bill) {
    this.bill = bill;
  }

  async add(text, tokens) {
    const length = commonPrefix(this.#last, text);
    this.#last = text;
    this.bill.add(tokens, await countTokensAsync(text.slice(0, length)));
  }
}

/** Prompts of one agent that are the conversation so far: what was sent stays, what is new comes behind it. */
export class GrowingConversation {
  #tokens = 0;

  constructor(bill) {
    this.bill = bill;
  }

  add(newTokens) {
    this.bill.add(this.#tokens + newTokens, this.#tokens);
    this.#tokens += newTokens;
  }
}
