'use strict';

/** Work that many ask for at once: one does it for all. Whoever comes while it runs shares the next run, which begins later. */
class Shared {
  #work;
  #running = null;
  #next = null;

  /** @param {() => Promise<void>} work */
  constructor(work) {
    this.#work = work;
  }

  /** Resolves, or rejects, with a run that begins after this call. */
  run() {
    if (!this.#running) return this.#begin();
    // What runs may have begun before what the caller did last.
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#begin();
      });
    return this.#next;
  }

  #begin() {
    const running = this.#work().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}

module.exports = { Shared };
