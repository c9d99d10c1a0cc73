'use strict';

/**
 * A client's copy of a context, in layers: what the server is known to have, what it took but did not show yet, what is on
 * its way, what waits. Knows nothing of the network; every step is synchronous.
 */

const { randomUUID } = require('node:crypto');
const { bytesOf, changesBetween, hashOf, withChanges } = require('./entries.js');

const NOTHING = new Map();

class Replica {
  /** What the server has at `version`, or null if there is no context. */
  #base = null;
  #accepted = null;
  #sending = null;
  #waiting = new Map();
  /** Whether what waits came by `setContext`, and whether a context has to be there even if it is empty. */
  #isWhole = false;
  #isWanted = false;
  /** What the caller last saw: what it leaves out of that, it means to remove. */
  #seen = null;
  version = 0;
  hash;
  timestamp;
  /** Id of the run of the server that `version` is of. */
  instance;

  get hasBase() {
    return this.#base !== null;
  }

  get hasUnsent() {
    return this.#sending !== null || this.#waiting.size > 0 || (this.#isWanted && this.#base === null);
  }

  /** What the server has or took. */
  get confirmed() {
    const base = this.#base ?? NOTHING;
    return this.#accepted ? withChanges(base, this.#accepted.changes) : base;
  }

  /** The context as this client sees it, or null. */
  view() {
    if (this.#base === null && !this.hasUnsent && !this.#accepted) return null;
    let entries = this.confirmed;
    if (this.#sending) entries = withChanges(entries, this.#sending.changes);
    return this.#waiting.size > 0 ? withChanges(entries, this.#waiting) : entries;
  }

  /** Bytes of the context and of what is not sent. */
  get bytes() {
    const entries = this.view();
    return entries ? bytesOf(entries) : 0;
  }

  /** The view, and from now on what the caller knows. */
  show() {
    const entries = this.view();
    if (entries) this.#seen = entries;
    return entries;
  }

  /** Changes that make `entries` of what the caller last saw. */
  changesTo(entries) {
    return changesBetween(this.#seen ?? NOTHING, entries);
  }

  /** Bytes that the context would have with `changes`. */
  bytesWith(changes) {
    return bytesOf(withChanges(this.view() ?? NOTHING, changes));
  }

  /** Takes over what the caller changed. `seen`: the whole context as the caller gave it. */
  record(changes, seen) {
    for (const [key, entry] of changes) this.#waiting.set(key, entry);
    if (seen) {
      this.#seen = seen;
      this.#isWhole = true;
    } else if (this.#seen) {
      this.#seen = withChanges(this.#seen, changes);
    }
    this.#isWanted = true;
  }

  /** What to send next: the same again until it is settled or dropped, so that the server can tell a repetition. */
  take() {
    if (this.#sending) return this.#sending;
    this.#sending = { changes: this.#waiting, isWhole: this.#isWhole, requestId: randomUUID() };
    this.#waiting = new Map();
    this.#isWhole = false;
    this.#isWanted = false;
    return this.#sending;
  }

  /** What was sent can never be taken; the caller is told. */
  drop() {
    this.#sending = null;
    this.#seen = null;
  }

  /**
   * The server took `batch`, which made `version`.
   * @returns {boolean} whether this copy has that version now; else the changes in between have to be asked for
   */
  settle(batch, version, hash) {
    this.#sending = null;
    if (version <= this.version) return true;
    if (version === this.version + 1) {
      this.#advance(withChanges(this.#base ?? NOTHING, batch.changes), version, hash);
      return true;
    }
    this.#accepted = { changes: withChanges(this.#accepted?.changes ?? NOTHING, NOTHING), version };
    for (const [key, entry] of batch.changes) this.#accepted.changes.set(key, entry);
    return false;
  }

  /** One change after another. @returns {boolean} false if it is not the next one */
  apply(changes, version, hash, timestamp) {
    if (this.#base === null || version !== this.version + 1) return false;
    this.#advance(withChanges(this.#base, changes), version, hash, timestamp);
    return true;
  }

  /** A whole context from the server. */
  adopt(entries, { version, hash, timestamp, instance }) {
    if (instance !== this.instance) this.#accepted = null;
    this.instance = instance;
    this.#advance(entries, version, hash, timestamp);
  }

  #advance(entries, version, hash, timestamp) {
    this.#base = entries;
    this.version = version;
    this.hash = hash;
    this.timestamp = timestamp;
    if (this.#accepted && version >= this.#accepted.version) this.#accepted = null;
  }

  /**
   * The copy as of `version`, to bring back to a server that lost it. What that server took later is not in it: it waits
   * again, unless it was changed since.
   */
  offer() {
    for (const [key, entry] of this.#accepted?.changes ?? NOTHING) {
      if (!this.#sending?.changes.has(key) && !this.#waiting.has(key)) this.#waiting.set(key, entry);
    }
    this.#accepted = null;
    return this.#base;
  }

  /** There is no context any more. What was not sent stays. */
  forget() {
    this.#base = null;
    this.#accepted = null;
    this.#seen = null;
    this.version = 0;
    this.hash = undefined;
    this.instance = undefined;
  }

  /** A server of which nothing is known lost the context: what it had is sent again, under what waits anyway. */
  resend() {
    const lost = this.confirmed;
    const over = withChanges(this.#sending?.changes ?? NOTHING, NOTHING);
    for (const [key, entry] of this.#waiting) over.set(key, entry);
    this.forget();
    this.#sending = null;
    this.#waiting = new Map(lost);
    for (const [key, entry] of over) this.#waiting.set(key, entry);
    this.#isWanted = true;
  }

  /** Whether `hash` is that of this copy. */
  matches(hash) {
    return hash === hashOf(this.#base ?? NOTHING);
  }
}

module.exports = { Replica };
