'use strict';

/** What `doctor` found: rows of an area, each with a state and, unless it is ok, what to do. */

const STATES = ['ok', 'warning', 'problem'];

class Findings {
  #rows = [];
  #area;

  /** The rows that follow belong to `area`. */
  in(area) {
    this.#area = area;
    return this;
  }

  ok(check, value) {
    this.#rows.push({ area: this.#area, check, state: 'ok', value });
  }

  /** Works, but not as well or as safely as it could. */
  warning(check, value, remedy) {
    this.#rows.push({ area: this.#area, check, state: 'warning', value, remedy });
  }

  /** Does not work, or will not. */
  problem(check, value, remedy) {
    this.#rows.push({ area: this.#area, check, state: 'problem', value, remedy });
  }

  /** A row whose state a condition decides. */
  either(isGood, check, value, remedy) {
    if (isGood) this.ok(check, value);
    else this.warning(check, value, remedy);
  }

  get rows() {
    return this.#rows;
  }

  /** The worst state; `'ok'` where there is nothing. */
  get worst() {
    return STATES[Math.max(0, ...this.#rows.map(({ state }) => STATES.indexOf(state)))];
  }
}

module.exports = { Findings, STATES };
