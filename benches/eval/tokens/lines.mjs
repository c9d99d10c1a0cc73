/**
 * A delta by lines, for comparison: what a receiver was sent before, line by line, is replaced by where it is in all lines
 * that this receiver has. Longest runs first found; made to be read back exactly.
 */

/** A run is `@first+lines`; a line of text that begins so has one more of it. */
const MARK = '@';
/** Places of a line that are tried, latest first. */
const MAX_PLACES = 64;

/** All lines of one receiver, in the order received. */
class Lines {
  all = [];
  #places = new Map();

  add(lines) {
    for (const line of lines) {
      const places = this.#places.get(line) ?? [];
      places.push(this.all.length);
      this.#places.set(line, places);
      this.all.push(line);
    }
  }

  /** The longest run that begins with `lines[at]`. */
  longest(lines, at) {
    let best = { first: 0, length: 0 };
    for (const first of (this.#places.get(lines[at]) ?? []).slice(-MAX_PLACES).reverse()) {
      let length = 1;
      while (at + length < lines.length && this.all[first + length] === lines[at + length]) length++;
      if (length > best.length) best = { first, length };
    }
    return best;
  }
}

function encode(text, known) {
  const lines = text.split('\n');
  const sent = [];
  for (let at = 0; at < lines.length; ) {
    const { first, length } = known.longest(lines, at);
    const mark = `${MARK}${first}+${length}`;
    const isShorter = length > 0 && lines.slice(at, at + length).join('\n').length > mark.length;
    if (isShorter) sent.push(mark);
    else sent.push(lines[at].startsWith(MARK) ? MARK + lines[at] : lines[at]);
    at += isShorter ? length : 1;
  }
  known.add(lines);
  return sent.join('\n');
}

function decode(sent, known) {
  const lines = sent.split('\n').flatMap((line) => {
    if (!line.startsWith(MARK)) return [line];
    if (line.startsWith(MARK + MARK)) return [line.slice(MARK.length)];
    const [first, length] = line.slice(MARK.length).split('+').map(Number);
    return known.all.slice(first, first + length);
  });
  known.add(lines);
  return lines.join('\n');
}

/** One end: all that it has of each receiver. */
export class LineDeltas {
  #known = new Map();

  #of(receiver) {
    const known = this.#known.get(receiver) ?? new Lines();
    this.#known.set(receiver, known);
    return known;
  }

  /** A context of texts as it is sent. */
  encode(receiver, context) {
    const known = this.#of(receiver);
    return Object.fromEntries(Object.entries(context).map(([key, text]) => [key, encode(text, known)]));
  }

  /** The context again. */
  decode(receiver, sent) {
    const known = this.#of(receiver);
    return Object.fromEntries(Object.entries(sent).map(([key, text]) => [key, decode(text, known)]));
  }
}
