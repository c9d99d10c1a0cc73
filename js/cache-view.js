'use strict';

/** One namespace of a cache: finding, storing, removing. `AdvancedCacheManager` has one for its root. */

const args = require('./arguments.js');
const { AgentwiseError, call, callAsync, decode } = require('./errors.js');
const { References } = require('./references.js');
const { SingleFlight } = require('./single-flight.js');
const { followed } = require('./jobs.js');

/** Keys that are dealt with before other work gets its turn. */
const AT_ONCE = 500;

/** No agent, model or system prompt. */
const NO_SCOPE = [undefined, undefined, undefined];

/** What the core says of a value: JSON, or a plain string behind an `s`. */
function decoded(text) {
  return text.charCodeAt(0) === 115 ? text.slice(1) : JSON.parse(text);
}

/** A value as the core takes it: `[text, isText]`. */
function textOf(name, value) {
  return typeof value === 'string' && value.isWellFormed() ? [value, true] : [args.jsonOf(name, value), false];
}

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
  #references;
  #flights;
  /** What waits until there is room in the queue. */
  #room = null;
  /** `{ running, next }` of flushes: whoever comes while one runs shares the next. */
  #flush = { running: null, next: null };

  /**
   * @param {object} native functions of the core for this namespace
   * @param {object} state what all namespaces of a cache share: `isStopped`, `isReference`, `isHeard` (whether events may
   * wait), `emitWaiting()`, and `failed(error)`, what a read gives that failed inside
   * @param {{ key: string, value: string }} names of the arguments, for messages
   */
  constructor(native, state, names = { key: 'key', value: 'value' }) {
    this.#native = native;
    this.#get = native.get;
    this.#put = native.put;
    this.#state = state;
    this.#names = names;
    this.#references = new References(native);
    this.#flights = new SingleFlight(native, {
      store: (key, value, options) => this.#store(key, value, options, scopeOf(options)),
      decoded,
      isStopped: () => state.isStopped,
    });
  }

  async get(key, options) {
    const state = this.#state;
    if (state.isReference && (options === undefined || options === null)) {
      const kept = this.#references.find(key);
      if (kept !== undefined) return kept.value;
    }
    const name = exactName(this.#names.key, key);
    if (state.isStopped) return null;
    try {
      if (options === undefined || options === null) {
        const text = this.#get.call(undefined, name) ?? this.#native.getScoped(name, undefined, undefined, undefined);
        if (typeof text === 'string') return this.#value(key, name, text);
        return this.#found(key, name, text === undefined ? undefined : await this.#native.find(name, ...NO_SCOPE));
      }
      const scope = scopeOf(args.options('options', options));
      let text = this.#native.getScoped(name, ...scope);
      if (text === null) text = await this.#native.find(name, ...scope);
      if (state.isHeard) state.emitWaiting();
      return text === undefined ? null : decoded(text);
    } catch (error) {
      return state.failed(decode(error));
    }
  }

  #found(key, name, text) {
    if (text !== undefined) return this.#value(key, name, text);
    if (this.#state.isHeard) this.#state.emitWaiting();
    return null;
  }

  #value(key, name, text) {
    const state = this.#state;
    const value = decoded(text);
    if (state.isHeard) state.emitWaiting();
    if (state.isReference && typeof value === 'object' && value !== null) {
      this.#references.keep(key, value, this.#native.place(name, ...NO_SCOPE));
    }
    return value;
  }

  async has(key, options) {
    const name = args.exactText(args.string(this.#names.key, key));
    const scope = scopeOf(args.options('options', options));
    if (this.#state.isStopped) return false;
    return call(this.#native.has, name, ...scope) ?? callAsync(this.#native.isThere, name, ...scope);
  }

  async set(key, value, ttlSeconds, options) {
    const state = this.#state;
    if ((options === undefined || options === null) && !state.isStopped) {
      const name = exactName(this.#names.key, key);
      const ttlMs = ttlSeconds === undefined ? undefined : args.ttlMs('ttlSeconds', ttlSeconds);
      const isText = typeof value === 'string' && value.isWellFormed();
      const text = isText ? value : args.jsonOf(this.#names.value, value);
      const isCrowded = this.#put.call(undefined, name, text, isText, ttlMs);
      if (isCrowded !== null) {
        if (isCrowded) this.#waitForRoom();
        if (state.isHeard) state.emitWaiting();
        if (this.#room) await this.#room;
        return;
      }
    }
    args.string(this.#names.key, key);
    const given = args.options('options', options);
    const scope = scopeOf(given);
    const terms = { ...given, ttlSeconds };
    this.#refuseIfStopped();
    this.#store(key, value, terms, scope);
    this.#emitWaiting();
    if (this.#room) await this.#room;
    if (args.optionalBoolean('options.durable', given.durable)) await this.flush();
  }

  /** Stores; what comes next may have to wait for room. Returns the value as the core gives it back. */
  #store(key, value, options, scope) {
    const [text, isText] = textOf(this.#names.value, value);
    const isCrowded = call(
      this.#native.set,
      args.exactText(key),
      text,
      isText,
      args.ttlMs('ttlSeconds', options.ttlSeconds),
      args.milliseconds('options.staleSeconds', options.staleSeconds),
      options.sliding === undefined ? undefined : args.optionalBoolean('options.sliding', options.sliding),
      args.optionalFraction('options.jitter', options.jitter),
      args.optionalTexts('options.tags', options.tags),
      ...scope,
    );
    if (isCrowded) this.#waitForRoom();
    return isText ? `s${text}` : text;
  }

  #waitForRoom() {
    this.#room ??= callAsync(this.#native.waitForRoom).then(() => {
      this.#room = null;
    });
  }

  async delete(key, options) {
    const name = args.exactText(args.string(this.#names.key, key));
    const scope = scopeOf(args.options('options', options));
    this.#refuseIfStopped();
    return callAsync(this.#native.delete, name, ...scope);
  }

  async deleteByTag(tags) {
    const list = args.optionalTexts('tags', typeof tags === 'string' ? [tags] : tags);
    if (list === undefined)
      throw new AgentwiseError('E_INVALID_ARGUMENT', 'tags must be a string or an array of strings');
    this.#refuseIfStopped();
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
    args.array('entries', entries);
    const { signal, durable } = args.options('options', options);
    this.#refuseIfStopped();
    // All of it is looked at before any of it is stored.
    for (const [index, entry] of entries.entries()) {
      args.string(`entries[${index}].key`, args.options(`entries[${index}]`, entry).key);
      textOf(`entries[${index}].value`, entry.value);
    }
    for (let start = 0; start < entries.length; start += AT_ONCE) {
      args.signal('options.signal', signal)?.throwIfAborted();
      this.#refuseIfStopped();
      for (const entry of entries.slice(start, start + AT_ONCE)) {
        this.#store(entry.key, entry.value, entry, scopeOf(entry));
      }
      await (this.#room ?? breathe());
    }
    this.#emitWaiting();
    if (args.optionalBoolean('options.durable', durable)) await this.flush();
  }

  async getOrCompute(key, compute, options) {
    args.string('key', key);
    args.func('compute', compute);
    const given = args.options('options', options);
    const scope = scopeOf(given);
    const text = await this.#flights.run(args.exactText(key), key, compute, given, scope);
    this.#emitWaiting();
    if (this.#room) await this.#room;
    if (given.durable) await this.flush();
    return text;
  }

  async *keys(options) {
    const { prefix = '', signal, ...given } = args.options('options', options);
    args.string('options.prefix', prefix);
    args.signal('options.signal', signal);
    const scope = scopeOf(given);
    let cursor;
    do {
      signal?.throwIfAborted();
      if (this.#state.isStopped) return;
      const page = JSON.parse(await callAsync(this.#native.keys, args.exactText(prefix), cursor, ...scope));
      for (const key of page.keys) yield args.originalText(key);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async clear(layer) {
    args.optionalOneOf('layer', layer, ['L1', 'L2', 'L3']);
    this.#refuseIfStopped();
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
    this.#refuseIfStopped();
    list.sort((a, b) => b.priority - a.priority);
    const keys = list.map(({ key }) => args.exactText(key));
    const warmed = await followed(this.#native, { signal }, (job) => this.#native.warm(keys, job));
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
    this.#refuseIfStopped();
    return followed(this.#native, { signal, onProgress }, (job) => this.#native[work](path, job));
  }

  async flush() {
    this.#refuseIfStopped();
    const state = this.#flush;
    if (!state.running) {
      state.running = this.#flushNow();
      return state.running;
    }
    // What runs may have begun before the caller's last entry was stored.
    state.next ??= state.running
      .catch(() => {})
      .then(() => {
        state.running = this.#flushNow();
        state.next = null;
        return state.running;
      });
    return state.next;
  }

  #flushNow() {
    const running = callAsync(this.#native.flush)
      .then(() => {})
      .finally(() => {
        if (this.#flush.running === running) this.#flush.running = null;
      });
    return running;
  }

  namespace(name) {
    args.string('name', name);
    if (name === '' || name.includes('\0')) {
      throw new AgentwiseError(
        'E_INVALID_ARGUMENT',
        'name must be a string with at least one character and without NUL',
      );
    }
    return new CacheView(call(this.#native.namespace, args.exactText(name)), this.#state);
  }

  #emitWaiting() {
    if (this.#state.isHeard) this.#state.emitWaiting();
  }

  #refuseIfStopped() {
    if (this.#state.isStopped) {
      throw new AgentwiseError('E_SHUT_DOWN', 'the cache was stopped; create a new one');
    }
  }
}

/** A key as the core takes it; the common case without a further call. */
function exactName(name, key) {
  if (typeof key === 'string' && key.isWellFormed() && key.charCodeAt(0) !== 1) return key;
  return args.exactText(args.string(name, key));
}

/** `[agentId, model, systemPrompt]` as the core takes them. */
function scopeOf({ agentId, model, systemPrompt }) {
  return [
    args.exactText(args.optionalString('options.agentId', agentId)),
    args.exactText(args.optionalString('options.model', model)),
    args.exactText(args.optionalString('options.systemPrompt', systemPrompt)),
  ];
}

module.exports = { CacheView, decoded };
