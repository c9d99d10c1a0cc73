/**
 * What processes said that they wrote and saw, and whether it fits together.
 *
 * A write is over when it was flushed. Of two writes of a key the first is *before* the second if it was over when the
 * second began, or if one process did both in this order. Whoever reads must not see a write that is before another one
 * which was over when the reading began; nor nothing, when any was.
 */
class History {
  /** By key: `{ writer, counter, start, end }`; `end` is Infinity until it was flushed. */
  #writes = new Map();
  #unflushed = new Map();
  #reads = [];
  flushes = 0;
  failures = [];

  /** A line that a writer printed. */
  take(writer, line) {
    if (line.set !== undefined) {
      const write = { writer, counter: line.counter, start: line.at, end: Number.POSITIVE_INFINITY };
      this.#of(line.set).push(write);
      this.#unflushedOf(writer).push(write);
    } else if (line.flushed !== undefined) {
      const all = this.#unflushedOf(writer);
      for (const write of all.splice(0, all.filter(({ counter }) => counter <= line.flushed).length)) {
        write.end = line.at;
      }
      this.flushes++;
    } else if (line.read !== undefined) {
      this.read(`writer ${writer}`, line.read, line.at, line.seen);
    } else {
      this.failures.push(`${writer}: ${line.failed}`);
    }
  }

  /** That `reader`, from time `at` on, saw this of a key. */
  read(reader, key, at, seen) {
    this.#reads.push({ reader, key, at, seen });
  }

  get reads() {
    return this.#reads.length;
  }

  /** One sentence for each reading that must not have been. */
  problems() {
    return this.#reads.flatMap((read) => {
      const problem = this.#problem(read);
      return problem ? [`${read.reader} at ${read.at}, ${read.key}: ${problem}`] : [];
    });
  }

  #problem({ key, at, seen }) {
    if (seen === 'wrong') return 'a value that nobody wrote';
    const writes = this.#of(key);
    const over = writes.filter((write) => write.end < at);
    if (seen === null) return over.length > 0 && `nothing, and ${show(over.at(-1))} was flushed`;
    const [writer, counter] = seen;
    const found = writes.find((write) => write.writer === writer && write.counter === counter);
    if (!found) return `${writer}'s ${counter}, which was never written`;
    const later = over.find((write) => write.start > found.end || (write.writer === writer && write.counter > counter));
    return later && `${show(found)}, and ${show(later)} came after it and was flushed`;
  }

  #of(key) {
    if (!this.#writes.has(key)) this.#writes.set(key, []);
    return this.#writes.get(key);
  }

  #unflushedOf(writer) {
    if (!this.#unflushed.has(writer)) this.#unflushed.set(writer, []);
    return this.#unflushed.get(writer);
  }
}

const show = ({ writer, counter, start, end }) => `${writer}'s ${counter} (${start} to ${end})`;

module.exports = { History };
