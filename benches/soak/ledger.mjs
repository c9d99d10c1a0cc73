/** What the soak did, and what did not hold. Violations are counted all, and the first of each kind is kept in words. */

const KEPT = 5;

export class Ledger {
  #counts = new Map();
  #violations = new Map();

  /** One more of `what`. */
  count(what, by = 1) {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** `fact` does not hold; `details` says where it was seen. */
  violated(fact, details = '') {
    const seen = this.#violations.get(fact) ?? { count: 0, examples: [] };
    seen.count++;
    if (seen.examples.length < KEPT) seen.examples.push(details);
    this.#violations.set(fact, seen);
    if (seen.count === 1) process.stderr.write(`\nVIOLATED: ${fact}${details && `: ${details}`}\n`);
  }

  /** Counts as a look at `fact`. */
  check(fact, holds, details) {
    this.count(`checked: ${fact}`);
    if (!holds) this.violated(fact, typeof details === 'function' ? details() : details);
    return holds;
  }

  counts() {
    return Object.fromEntries([...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  violations() {
    return Object.fromEntries(this.#violations);
  }
}
