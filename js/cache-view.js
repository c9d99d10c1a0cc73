'use strict';

/** One namespace of a cache: finding, storing, removing. `AdvancedCacheManager` has one for its root. */

const { setImmediate } = require('node:timers');
const args = require('./arguments.js');
const { AgentwiseError, call, callAsync, decode } = require('./errors.js');
const { References } = require('./references.js');
const { Shared } = require('./shared.js');
const { SingleFlight } = require('./single-flight.js');
const { followed } = require('./jobs.js');
const inspect = require('./cache-inspect.js');
const {
  NO_SCOPE,
  thresholdOf,
  decoded,
  isPlainText,
  prepare,
  prefixes,
  exactName,
  refuseIfStopped,
  scopeOf,
} = require('./cache-arguments.js');

/** How often expired entries are removed and budgets looked at, ms; then `maintenance` is emitted. `src/engine/upkeep.rs` has the same. */
const MAINTENANCE_MS = 300_000;

/** Keys that are dealt with before other work gets its turn. */
const AT_ONCE = 500;

/** Characters of JSON after which other work gets its turn. */
const CHARS_AT_ONCE = 1 << 20;

/** Lets timers and I/O have their turn. */
function breathe() {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

class CacheView {
  #native;
  #get;
  #put;
  #state;
  #names;
  /** Names below the cache's root. */
  #path;
  #references;
  #flights;
  /** What waits until there is room in the queue. */
  #room = null;
  #flush;

  /**
   * @param {object} native functions of the core for this namespace
   * @param {object} state what all namespaces of a cache share: `isStopped`, `isReference`, `isHeard` (whether events may
   * wait), `emitWaiting()`, `failed(error)`, what a read gives that failed inside, `flights` and `refreshing` of
   * `SingleFlight`, and `plugIns` or `null`
   * @param {{ key: string, value: string }} names of the arguments, for messages
   */
  constructor(native, state, names = { key: 'key', value: 'value' }, path = []) {
    this.#path = path;
    this.#native = native;
    this.#get = native.get;
    this.#put = native.put;
    this.#state = state;
    this.#names = names;
    this.#references = new References(native);
    this.#flush = new Shared(() => callAsync(native.flush));
    this.#flights = new SingleFlight(native, {
      store: (key, value, options) => this.#store(key, value, options, scopeOf(options)),
      isStopped: () => state.isStopped,
      path,
      flights: state.flights,
      refreshing: state.refreshing,
    });
  }

  async get(key, options) {
    const state = this.#state;
    if (state.isReference && (options === undefined || options === null)) {
      const kept = this.#references.find(key);
      if (kept !== undefined) {
        this.#emitWaiting();
        return kept.value;
      }
    }
    const name = exactName(this.#names.key, key);
    if (state.isStopped) return null;
    try {
      if (options === undefined || options === null) {
        const place = state.isReference ? this.#native.place(name, ...NO_SCOPE) : null;
        const known = this.#get.call(undefined, name);
        if (typeof known !== 'string' && state.plugIns) return await this.#ask(name, NO_SCOPE, undefined);
        const text = known ?? this.#native.seek(name, ...NO_SCOPE, undefined);
        if (typeof text === 'string') return this.#value(key, name, text, place);
        return this.#found(
          key,
          name,
          text === undefined ? undefined : await this.#native.search(name, ...NO_SCOPE, undefined),
        );
      }
      const given = args.options('options', options);
      const [scope, threshold] = [scopeOf(given), thresholdOf(given)];
      if (state.plugIns) return await this.#ask(name, scope, threshold);
      let text = this.#native.seek(name, ...scope, threshold);
      if (text === null) text = await this.#native.search(name, ...scope, threshold);
      this.#emitWaiting();
      return text === undefined ? null : decoded(text);
    } catch (error) {
      return state.failed(decode(error));
    }
  }

  /** As `get`, where functions of the user decide. */
  async #ask(name, scope, threshold) {
    const { text, json } = await this.#state.plugIns.find(this.#native, name, scope, threshold, false);
    this.#emitWaiting();
    return text ?? (json === undefined ? null : JSON.parse(json));
  }

  #found(key, name, text) {
    // Not kept: the entry may be another one by now. The next lookup keeps it.
    if (text !== undefined) return this.#value(key, name, text, null);
    this.#emitWaiting();
    return null;
  }

  /** `before` is the place that the entry had before its text was asked for. */
  #value(key, name, text, before) {
    const value = decoded(text);
    if (before && typeof value === 'object' && value !== null) {
      const place = this.#native.place(name, ...NO_SCOPE);
      if (place && place[0] === before[0] && place[1] === before[1]) this.#references.keep(key, value, place);
    }
    this.#emitWaiting();
    return value;
  }

  async lookup(key, options) {
    const name = exactName(this.#names.key, key);
    const given = args.options('options', options);
    const [scope, threshold] = [scopeOf(given), thresholdOf(given)];
    const explains = args.optionalBoolean('options.explain', given.explain) ?? false;
    const miss = { found: false, value: null, tier: 'miss', ...(explains && { candidates: [] }) };
    const { isStopped, plugIns } = this.#state;
    if (isStopped) return miss;
    const found = plugIns
      ? await plugIns.find(this.#native, name, scope, threshold, explains)
      : JSON.parse((await callAsync(this.#native.lookup, name, ...scope, threshold, explains, true)) ?? 'null');
    this.#emitWaiting();
    if (found === null) return miss;
    const { text, json, ...how } = found;
    const value = text ?? (json === undefined ? null : JSON.parse(json));
    return { found: how.tier !== 'miss', value, ...how };
  }

  async has(key, options) {
    const name = exactName(this.#names.key, key);
    const scope = scopeOf(args.options('options', options));
    if (this.#state.isStopped) return false;
    return call(this.#native.has, name, ...scope) ?? callAsync(this.#native.isThere, name, ...scope);
  }

  async set(key, value, ttlSeconds, options) {
    const state = this.#state;
    if ((options === undefined || options === null) && !state.isStopped) {
      const name = exactName(this.#names.key, key);
      const ttlMs = ttlSeconds === undefined ? undefined : args.ttlMs('ttlSeconds', ttlSeconds);
      const isText = isPlainText(value);
      const text = isText ? value : args.jsonOf(this.#names.value, value);
      const isCrowded = this.#put.call(undefined, name, text, isText, ttlMs);
      // `null`: refused, and the long way says why.
      if (isCrowded !== null) {
        if (isCrowded) this.#waitForRoom();
        state.plugIns?.stored(this.#native, name, NO_SCOPE);
        this.#emitWaiting();
        if (this.#room) await this.#room;
        return;
      }
    }
    args.string(this.#names.key, key);
    const given = args.options('options', options);
    const scope = scopeOf(given);
    const isDurable = args.optionalBoolean('options.durable', given.durable);
    const terms = { ...given, ttlSeconds, ifStamp: undefined };
    refuseIfStopped(this.#state);
    this.#store(key, value, terms, scope);
    this.#emitWaiting();
    if (this.#room) await this.#room;
    if (isDurable) await this.#flush.run();
  }

  /** Stores; what comes next may have to wait for room. Returns the value as the core gives it back. */
  #store(key, value, options, scope) {
    return this.#storePrepared(prepare(key, this.#names.value, value, options, scope));
  }

  #storePrepared(prepared) {
    const isCrowded = call(this.#native.set, ...prepared);
    if (isCrowded) this.#waitForRoom();
    const [name, text, isText] = prepared;
    this.#state.plugIns?.stored(this.#native, name, prepared.slice(8, 11));
    return isText ? `s${text}` : text;
  }

  #waitForRoom() {
    this.#room ??= callAsync(this.#native.waitForRoom).then(() => {
      this.#room = null;
    });
  }

  async delete(key, options) {
    const name = exactName(this.#names.key, key);
    const scope = scopeOf(args.options('options', options));
    refuseIfStopped(this.#state);
    return callAsync(this.#native.delete, name, ...scope);
  }

  async deleteByTag(tags) {
    const list = args.optionalTexts('tags', typeof tags === 'string' ? [tags] : tags);
    if (list === undefined)
      throw new AgentwiseError('E_INVALID_ARGUMENT', 'tags must be a string or an array of strings');
    refuseIfStopped(this.#state);
    return callAsync(this.#native.deleteByTag, list);
  }

  async getMany(keys, options) {
    const names = args.array('keys', keys).map((key, index) => args.exactText(args.string(`keys[${index}]`, key)));
    const { signal, ...given } = args.options('options', options);
    const scope = scopeOf(given);
    const values = new Array(names.length).fill(null);
    for (let start = 0; start < names.length; start += AT_ONCE) {
      args.signal('options.signal', signal)?.throwIfAborted();
      if (this.#state.isStopped) return values;
      const asked = [];
      for (let index = start; index < Math.min(start + AT_ONCE, names.length); index++) {
        const text = call(this.#native.getScoped, names[index], ...scope);
        if (typeof text === 'string') values[index] = decoded(text);
        else if (text === null) asked.push(index);
      }
      if (asked.length > 0) {
        const wanted = asked.map((index) => names[index]);
        const found = await callAsync(this.#native.findMany, wanted, ...scope);
        for (const [at, text] of found.entries()) if (text !== undefined) values[asked[at]] = decoded(text);
      } else {
        await breathe();
      }
    }
    this.#emitWaiting();
    return values;
  }

  async setMany(entries, options) {
    const list = args.array('entries', entries).slice();
    const { signal, durable } = args.options('options', options);
    args.signal('options.signal', signal);
    const isDurable = args.optionalBoolean('options.durable', durable);
    refuseIfStopped(this.#state);
    // All of it is looked at before any of it is stored; what was looked at is what is stored.
    const turn = async () => {
      await (this.#room ?? breathe());
      signal?.throwIfAborted();
      refuseIfStopped(this.#state);
    };
    signal?.throwIfAborted();
    const prepared = [];
    let chars = 0;
    for (const [index, entry] of list.entries()) {
      const { key, value, ifStamp: _, ...terms } = args.options(`entries[${index}]`, entry);
      args.string(`entries[${index}].key`, key);
      const one = prepare(key, `entries[${index}].value`, value, terms, scopeOf(terms));
      call(this.#native.checkSize, Buffer.byteLength(one[0]) + Buffer.byteLength(one[1]));
      prepared.push(one);
      chars += one[1].length;
      if ((index + 1) % AT_ONCE === 0 || chars > CHARS_AT_ONCE) {
        chars = 0;
        await turn();
      }
    }
    for (const [index, one] of prepared.entries()) {
      this.#storePrepared(one);
      if ((index + 1) % AT_ONCE === 0) await turn();
    }
    if (this.#room) await this.#room;
    this.#emitWaiting();
    if (isDurable) await this.#flush.run();
  }

  async getOrCompute(key, compute, options) {
    args.string('key', key);
    args.func('compute', compute);
    const given = args.options('options', options);
    const scope = scopeOf(given);
    const text = await this.#flights.run(args.exactText(key), key, compute, given, scope);
    this.#emitWaiting();
    if (this.#room) await this.#room;
    if (given.durable) await this.#flush.run();
    return text;
  }

  async *keys(options) {
    const { prefix = '', signal, ...given } = args.options('options', options);
    args.string('options.prefix', prefix);
    args.signal('options.signal', signal);
    const scope = scopeOf(given);
    const seen = scope[0] === undefined ? undefined : new Set();
    let cursor;
    do {
      signal?.throwIfAborted();
      if (this.#state.isStopped) return;
      const page = JSON.parse(await callAsync(this.#native.keys, prefixes(prefix), cursor, ...scope));
      for (const name of page.keys) {
        // An agent's own and the shared one of the same key.
        if (seen?.has(name)) continue;
        seen?.add(name);
        signal?.throwIfAborted();
        yield args.originalText(name);
      }
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }

  entries(options) {
    return inspect.entries(this.#native, this.#state, options);
  }

  peek(key, options) {
    return inspect.peek(this.#native, this.#state, this.#names.key, key, options);
  }

  async clear(layer) {
    args.optionalOneOf('layer', layer, ['L1', 'L2', 'L3']);
    refuseIfStopped(this.#state);
    await callAsync(this.#native.clear, layer ?? undefined);
    this.#emitWaiting();
  }

  async warmCache(entries, options) {
    const list = args.array('entries', entries).map((entry, index) => {
      const { key, priority = 0 } = args.options(`entries[${index}]`, entry);
      args.string(`entries[${index}].key`, key);
      return { key, priority: args.finite(`entries[${index}].priority`, priority) };
    });
    const { signal } = args.options('options', options);
    refuseIfStopped(this.#state);
    list.sort((a, b) => b.priority - a.priority);
    const keys = list.map(({ key }) => args.exactText(key));
    const warmed = await followed(this.#native, { signal }, (job) => this.#native.warm(keys, job));
    signal?.throwIfAborted();
    this.#emitWaiting();
    return warmed;
  }

  async dump(file, options) {
    return this.#file('dump', file, options);
  }

  async load(file, options) {
    return this.#file('load', file, options);
  }

  async #file(work, file, options) {
    const path = args.path('file', file);
    const { signal, onProgress } = args.options('options', options);
    if (onProgress !== undefined) args.func('options.onProgress', onProgress);
    refuseIfStopped(this.#state);
    return followed(this.#native, { signal, onProgress }, (job) => this.#native[work](path, job));
  }

  async flush() {
    refuseIfStopped(this.#state);
    await this.#state.plugIns?.settled();
    await this.#flush.run();
  }

  namespace(name) {
    args.string('name', name);
    if (name === '' || name.includes('\0')) {
      throw new AgentwiseError(
        'E_INVALID_ARGUMENT',
        'name must be a string with at least one character and without NUL',
      );
    }
    const native = call(this.#native.namespace, args.exactText(name));
    return new CacheView(native, this.#state, this.#names, [...this.#path, name]);
  }

  #emitWaiting() {
    if (this.#state.isHeard) this.#state.emitWaiting();
  }
}

module.exports = { CacheView, MAINTENANCE_MS, refuseIfStopped };
