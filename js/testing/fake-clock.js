'use strict';

/** A clock that stands still until a test moves it, and all that falls due by it. */

// Kept here: what a test framework puts in its place stands still as well.
const { setImmediate: nextTurn } = require('node:timers');
const args = require('../arguments.js');
const { AgentwiseError } = require('../errors.js');

/** Where a clock begins unless told otherwise: the same in every run. */
const START_MS = Date.UTC(2026, 0, 1);

/** The latest time that a `Date` can have. */
const LAST_MS = 8.64e15;

/** Stops at one moment, at most. */
const MOST_STOPS = 10_000;

/** Systems at work have their JavaScript side looked after this often, ms. */
const TURN_MS = 10_000;

/** Unix ms of what a caller gave. */
function instant(name, value) {
  const isDate = Object.prototype.toString.call(value) === '[object Date]';
  const ms = isDate || typeof value === 'string' ? new Date(value).getTime() : value;
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= LAST_MS)) {
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      `${name} must be a Date, Unix ms, or a text that Date reads, not before 1970`,
    );
  }
  return Math.floor(ms);
}

/** Set by the class below, which alone can see it: how systems take part in it. */
let join;

class FakeClock {
  static {
    join = (clock, open, turn) => clock.#join(open, turn);
  }

  /** Monotonic ms. */
  #elapsed = 0;
  /** Unix ms at the monotonic zero. */
  #origin;
  /** Systems on this clock, in the order in which they came. */
  #systems = new Set();
  /** `{ at, work }`, in the order in which they were set. */
  #timers = new Set();
  #moving = Promise.resolve();

  constructor(start = START_MS) {
    this.#origin = instant('start', start);
  }

  now() {
    return this.#origin + this.#elapsed;
  }

  set(date) {
    this.#origin = instant('date', date) - this.#elapsed;
    for (const { handle } of this.#systems) handle.setWall(this.now());
  }

  async advance(ms) {
    const by = Math.round(args.number('ms', ms));
    if (this.now() + by > LAST_MS) {
      throw new AgentwiseError('E_INVALID_ARGUMENT', 'ms must not lead beyond the last Date there is');
    }
    // One after the other: what was asked for first happens first.
    const moving = this.#moving.then(() => this.#advance(this.#elapsed + by));
    this.#moving = moving.catch(() => {});
    return moving;
  }

  async #advance(end) {
    let stops = 0;
    let moment = -1;
    for (;;) {
      // What was begun before, and by listeners, has its turn.
      await new Promise((resolve) => {
        nextTurn(resolve);
      });
      stops = moment === this.#elapsed ? stops + 1 : 0;
      moment = this.#elapsed;
      if (stops > MOST_STOPS) {
        throw new AgentwiseError('E_INTERNAL', 'something falls due again and again at one moment; please report this');
      }
      const timer = this.#nextTimer();
      const limit = Math.min(end, timer?.at ?? end);
      const [first, others] = this.#nextSystem();
      if (first !== undefined && first.dueMs() <= limit) {
        this.#move(first.advance(Math.min(limit, others)));
        first.turn();
      } else if (timer !== undefined && timer.at <= limit) {
        this.#move(timer.at);
        this.#timers.delete(timer);
        timer.work();
      } else {
        this.#move(end);
        return;
      }
    }
  }

  /** Moves the clock and the systems on it; in none of them something falls due until then. */
  #move(elapsed) {
    this.#elapsed = Math.max(this.#elapsed, elapsed);
    for (const { handle } of this.#systems) handle.advance(this.#elapsed);
  }

  /** The system in which something falls due first, and when it does in the others. */
  #nextSystem() {
    let first;
    let [least, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const system of this.#systems) {
      const due = system.dueMs();
      if (due < least) [first, least, second] = [system, due, least];
      else second = Math.min(second, due);
    }
    return [first, second];
  }

  #nextTimer() {
    let next;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }

  /**
   * `open` is given the monotonic ms and gives the native handle of a system; `turn` lets its JavaScript side do what it is wanted
   * for.
   */
  #join(open, turn) {
    const handle = open(this.#elapsed);
    let turned = this.#elapsed;
    const system = {
      handle,
      dueMs: () => Math.max(this.#elapsed, Math.min(handle.dueMs(), turned + TURN_MS)),
      advance: (until) => handle.advance(until),
      turn: () => {
        turned = this.#elapsed;
        turn();
      },
    };
    this.#systems.add(system);
    return {
      handle,
      leave: () => this.#systems.delete(system),
      elapsed: () => this.#elapsed,
      setTimeout: (work, ms) => {
        const timer = { at: this.#elapsed + Math.max(0, Math.ceil(ms)), work };
        this.#timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => this.#timers.delete(timer),
    };
  }
}

module.exports = { FakeClock, join };
