'use strict';

/** How asking a server can fail, and when it is asked again. */

const { AgentwiseError } = require('../errors.js');

/**
 * The server cannot be used for now: the client goes on with its own copy.
 *
 * `reason`: `unreachable`, `timeout`, `server` (it says so itself), `answer` (not what the protocol says), `tooLarge`,
 * `redirect`, `stream` (live updates only), `closed` (by the caller)
 */
class Away extends Error {
  constructor(reason, message, { retryAfterMs, canRetry = true } = {}) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    /** Whether it may be otherwise in a moment. */
    this.canRetry = canRetry;
  }
}

/** The server does not do what it was asked for, and asking again would change nothing. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.reason = 'refused';
    this.status = status;
  }

  /** Whether the token is what is wrong, not what was sent. */
  get isAboutAccess() {
    return this.status === 401 || this.status === 403;
  }

  toError() {
    return new AgentwiseError('E_SHARED_CONTEXT', this.message);
  }
}

/** Doubles with each attempt; the jitter keeps many clients from coming back at the same moment. */
function backoffMs(attempt, { retryDelayMs, maxRetryDelayMs }) {
  const whole = Math.min(maxRetryDelayMs, retryDelayMs * 2 ** Math.min(attempt, 30));
  return whole * (0.5 + Math.random() / 2);
}

/** Longest time for which a server may ask to be left alone. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** ms that a `Retry-After` header asks for, in seconds or as a date; undefined if it says nothing. */
function retryAfterMs(header, now = Date.now()) {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}

/** Resolves after `ms`, or rejects when the signal fires. Does not keep the process alive. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(new Away('closed', 'the client was disconnected', { canRetry: false }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    timer.unref();
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

module.exports = { Away, Refused, backoffMs, retryAfterMs, pause };
