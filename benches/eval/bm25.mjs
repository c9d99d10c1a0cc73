/** BM25 over whole files: what a plain search engine ranks first. In memory, for one corpus at a time. */

const K1 = 1.2;
const B = 0.75;
/** How often a word of a path, or of a name that a file defines, counts in the ranking that knows of them. */
const FIELD_WEIGHT = 5;

const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;
const SHORTEST = 3;
const DEFINED = /^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(\w+)/gm;

/** English words that say nothing of what a text is about. */
const STOP_WORDS = new Set(
  `about after again all also and any are because been before being below between both but can cannot could did does doing
  don down during each else few for from further get had has have having her here hers him his how into its itself just let
  like may more most must nor not now off once one only other our out over own same she should some such than that the
  their them then there these they this those through too under until use used uses using very was were what when where
  which while who whom why will with would you your`.split(/\s+/),
);

/** The content words of a text in lower case; of `getHTTPResponse_code2` these are http, response and code. */
export function words(text) {
  const found = (text.match(WORD) ?? []).map((word) => word.toLowerCase());
  return found.filter((word) => word.length >= SHORTEST && !STOP_WORDS.has(word));
}

class Index {
  /** By word, numbers of documents and how often each has it, in turn. */
  #postings = new Map();
  #lengths = [];
  #total = 0;

  /** @param {Map<string, number>} counts how often the next document has each word */
  add(counts) {
    const number = this.#lengths.length;
    let length = 0;
    for (const [word, times] of counts) {
      length += times;
      const posting = this.#postings.get(word);
      if (posting) posting.push(number, times);
      else this.#postings.set(word, [number, times]);
    }
    this.#lengths.push(length);
    this.#total += length;
  }

  /** Numbers of all documents, best first; of equal ones the first added. A word counts as often as the query has it. */
  rank(query) {
    const documents = this.#lengths.length;
    const average = this.#total / documents;
    const scores = new Float64Array(documents);
    for (const word of query) {
      const posting = this.#postings.get(word) ?? [];
      const holders = posting.length / 2;
      const rarity = Math.log(1 + (documents - holders + 0.5) / (holders + 0.5));
      for (let at = 0; at < posting.length; at += 2) {
        const times = posting[at + 1];
        const long = 1 - B + (B * this.#lengths[posting[at]]) / average;
        scores[posting[at]] += (rarity * times * (K1 + 1)) / (times + K1 * long);
      }
    }
    return Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  }
}

function count(counts, found, weight) {
  for (const word of found) counts.set(word, (counts.get(word) ?? 0) + weight);
}

/** Ranks the files of a corpus for a query: `plain` by their words only, `named` also by paths and defined names. */
export class Ranking {
  #plain = new Index();
  #named = new Index();

  constructor(corpus) {
    for (const { path, text } of corpus) {
      const counts = new Map();
      count(counts, words(text), 1);
      this.#plain.add(counts);
      count(counts, words(path), FIELD_WEIGHT);
      for (const [, name] of text.matchAll(DEFINED)) count(counts, words(name), FIELD_WEIGHT);
      this.#named.add(counts);
    }
  }

  rank(text) {
    const query = words(text);
    return { plain: this.#plain.rank(query), named: this.#named.rank(query) };
  }
}
