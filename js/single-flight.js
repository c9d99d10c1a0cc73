'use strict';

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { decoded } = require('./cache-arguments.js');

/** How long a lease holds without being prolonged: as long as others wait for a holder that died. */
const LEASE_SECONDS = 5;
/** A lease is prolonged when this share of it is over. */
const RENEW_SHARE = 1 / 3;
/** How long a waiter sleeps between looks whether the value is there, ms: from the first to the last, doubling. */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 100;

function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** The options of `getOrCompute`, checked. */
function checked(options) {
  const seconds = (name) => args.milliseconds(`options.${name}`, options[name]) ?? 0;
  const revalidateMs = seconds('staleWhileRevalidateSeconds');
  const errorMs = seconds('staleIfErrorSeconds');
  args.ttlMs('options.ttlSeconds', options.ttlSeconds);
  args.ttlMs('options.negativeTtlSeconds', options.negativeTtlSeconds);
  args.optionalFraction('options.jitter', options.jitter);
  args.optionalTexts('options.tags', options.tags);
  args.optionalBoolean('options.durable', options.durable);
  args.optionalBoolean('options.sliding', options.sliding);
  return {
    revalidateMs,
    errorMs,
    staleSeconds: Math.max(revalidateMs, errorMs) / 1000 || undefined,
    isForced: args.optionalBoolean('options.forceRefresh', options.forceRefresh),
    leaseMs: (args.optionalNumber('options.leaseSeconds', options.leaseSeconds, 0.1) ?? LEASE_SECONDS) * 1000,
    signal: args.signal('options.signal', options.signal),
  };
}

/**
 * Lets one compute for all that ask for the same value: within this thread by a promise, between threads and processes by a
 * lease in the store. Nobody waits longer for a holder that died than its lease holds.
 */
class SingleFlight {
  #native;
  #cache;
  /** By identity: `{ text, waiters, controller }`, of all namespaces of a cache. */
  #flights;
  /** Identities of what is computed in the background. */
  #refreshing;

  constructor(native, cache) {
    this.#native = native;
    this.#cache = cache;
    this.#flights = cache.flights;
    this.#refreshing = cache.refreshing;
  }

  /** The value of a key, computed if there is none. Each caller gets a value of its own. */
  async run(name, key, compute, options, scope) {
    const terms = checked(options);
    terms.signal?.throwIfAborted();
    if (this.#cache.isStopped()) {
      const value = await compute({ key, signal: terms.signal ?? new AbortController().signal, stale: undefined });
      return value === undefined ? null : value;
    }
    if (!terms.isForced) {
      const text = call(this.#native.getScoped, name, ...scope);
      if (typeof text === 'string') return decoded(text);
    }
    const identity = JSON.stringify([this.#cache.path, name, terms.isForced, ...scope]);
    let flight = this.#flights.get(identity);
    if (!flight) {
      const controller = new AbortController();
      flight = { controller, waiters: 0 };
      flight.text = this.#fly({
        identity,
        name,
        key,
        compute,
        options,
        scope,
        terms,
        signal: controller.signal,
      }).finally(() => {
        if (this.#flights.get(identity) === flight) this.#flights.delete(identity);
      });
      this.#flights.set(identity, flight);
    }
    return decoded(await this.#wait(identity, flight, terms.signal));
  }

  /** Waits for a flight as long as the caller wants; the last one that leaves ends it. */
  async #wait(identity, flight, signal) {
    flight.waiters++;
    let leave;
    const left = new Promise((_, reject) => {
      leave = () => reject(signal.reason);
      signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      return await (signal ? Promise.race([flight.text, left]) : flight.text);
    } catch (error) {
      if (signal?.aborted && flight.waiters === 1) {
        if (this.#flights.get(identity) === flight) this.#flights.delete(identity);
        flight.text.catch(() => {});
        flight.controller.abort(signal.reason);
      }
      throw error;
    } finally {
      flight.waiters--;
      signal?.removeEventListener('abort', leave);
    }
  }

  async #fly(flight) {
    const { name, scope, terms, signal } = flight;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LAST_LOOK_MS)) {
      const stamp = call(this.#native.stamp, name, ...scope);
      const asked = await callAsync(this.#native.acquire, name, terms.leaseMs, terms.isForced, ...scope);
      const { turn, text, token, until, stale } = JSON.parse(asked);
      if (turn === 'found') return text;
      if (signal.aborted) {
        this.#release(flight, token);
        throw signal.reason;
      }
      const serveStale = stale && !terms.isForced && stale.forMs < terms.revalidateMs;
      if (turn !== 'theirs') {
        if (serveStale && this.#refreshing.has(flight.identity)) {
          this.#release(flight, token);
          return stale.text;
        }
        const computed = this.#compute(flight, token, stale);
        if (!serveStale) return computed;
        this.#refreshing.add(flight.identity);
        computed.catch(() => {}).finally(() => this.#refreshing.delete(flight.identity));
        return stale.text;
      }
      if (serveStale) return stale.text;
      // Somebody else computes it: until it is there, was given up, or its lease is over, whatever a clock says.
      const end = performance.now() + Math.min(terms.leaseMs, until - Date.now());
      do {
        await sleep(Math.max(1, Math.min(wait, end - performance.now())));
        signal.throwIfAborted();
      } while (performance.now() < end && call(this.#native.stamp, name, ...scope) === stamp);
    }
  }

  /** Computes and stores; the text of the value. */
  async #compute({ name, key, compute, options, scope, terms, signal }, token, stale) {
    const renewal =
      token === undefined
        ? undefined
        : setInterval(() => {
            callAsync(this.#native.renew, name, token, terms.leaseMs, ...scope).catch(() => {});
          }, terms.leaseMs * RENEW_SHARE);
    // What is stored or removed while it is computed is newer.
    const ifStamp = call(this.#native.stamp, name, ...scope);
    try {
      const usable = stale === undefined ? undefined : decoded(stale.text);
      const value = await compute({ key, signal, stale: usable });
      return this.#keep(key, value, { ...options, staleSeconds: terms.staleSeconds, ifStamp });
    } catch (error) {
      if (stale && stale.forMs < terms.errorMs && !signal.aborted) return stale.text;
      throw error;
    } finally {
      clearInterval(renewal);
      this.#release({ name, scope }, token);
    }
  }

  #release({ name, scope }, token) {
    if (token !== undefined) call(this.#native.release, name, token, ...scope);
  }

  /** Stores what was computed. Nothing, and `null` with a life of its own, is a negative entry. */
  #keep(key, value, options) {
    const isNegative = value === undefined || (value === null && options.negativeTtlSeconds !== undefined);
    if (isNegative && options.negativeTtlSeconds === undefined) return 'null';
    const stored = isNegative ? null : value;
    const terms = isNegative ? { ...options, ttlSeconds: options.negativeTtlSeconds } : options;
    try {
      return this.#cache.store(key, stored, terms);
    } catch (error) {
      // Whoever asked for a value gets it, also if it is too large to be kept.
      if (error?.code === 'E_CACHE_ENTRY_TOO_LARGE') return JSON.stringify(stored);
      throw error;
    }
  }
}

module.exports = { SingleFlight };
