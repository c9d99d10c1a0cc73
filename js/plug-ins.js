'use strict';

/** Functions of the user that find similar queries, and judge them. What fails in them never fails a lookup. */

const { setImmediate } = require('node:timers');
const args = require('./arguments.js');
const { AgentwiseError, messageOf, call, callAsync } = require('./errors.js');

const TIMEOUT_SECONDS = 2;
const MAX_TIMEOUT_SECONDS = 600;
/** Least cosine between the vectors of queries of which one's value is served for the other. */
const EMBEDDING_THRESHOLD = 0.9;
/** How long stopping waits for vectors, ms. */
const STOP_MS = 2000;
/** Texts of one call of `embed`. */
const BATCH = 64;
/** Entries that wait for their vectors; those beyond are found by their words only. */
const MOST_WAITING = 10_000;
/** Vectors kept for what is stored right after a lookup failed. */
const MOST_KEPT = 1000;
/** Numbers of one vector: no model has as many. */
const MOST_NUMBERS = 65_536;
/** Calls of `verify` for one lookup. */
const MOST_VERIFIED = 3;
/** After so many failures in a row a function is left alone for so long, ms. */
const MOST_FAILURES = 3;
const PAUSE_MS = 30_000;

/** A function of the user: with a deadline, and left alone for a while when it fails all the time. */
class Guarded {
  #work;
  #timeoutMs;
  #check;
  #failed;
  #failures = 0;
  #pausedUntil = 0;
  #isStopped = false;
  /** Controllers of the calls under way. */
  #running = new Set();

  /**
   * @param {Function} work
   * @param {number} timeoutMs
   * @param {(result: any, given: any[]) => any} check gives the result, or throws what is wrong with it
   * @param {(message: string) => void} failed
   */
  constructor(work, timeoutMs, check, failed) {
    this.#work = work;
    this.#timeoutMs = timeoutMs;
    this.#check = check;
    this.#failed = failed;
  }

  /** What the function gives; `undefined` when it fails or is left alone. */
  async call(...given) {
    if (this.#isStopped || performance.now() < this.#pausedUntil) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const ended = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const timer = setTimeout(() => {
      controller.abort(new Error(`gave nothing within ${this.#timeoutMs / 1000} s`));
    }, this.#timeoutMs);
    this.#running.add(controller);
    try {
      const result = await Promise.race([(async () => this.#work(...given, { signal }))(), ended]);
      return this.#check(result, given);
    } catch (error) {
      if (!this.#isStopped) this.failed(messageOf(error));
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }

  /** Notes that what it gave was of use. */
  succeeded() {
    this.#failures = 0;
  }

  /** Notes that what it gave was of none. */
  failed(message) {
    this.#failures += 1;
    if (this.#failures >= MOST_FAILURES) {
      this.#failures = 0;
      this.#pausedUntil = performance.now() + PAUSE_MS;
    }
    this.#failed(message);
  }

  /** Ends the calls under way; there are no more. */
  stop() {
    this.#isStopped = true;
    for (const controller of this.#running) controller.abort(new Error('the cache was stopped'));
  }
}

/** One vector as the core takes it: a copy, because whoever made it may use its memory again. */
function vectorOf(vector) {
  const isView = ArrayBuffer.isView(vector) && !(vector instanceof DataView);
  if (!isView && !Array.isArray(vector)) throw new TypeError('must resolve to vectors: a Float32Array for each text');
  if (vector.length > MOST_NUMBERS) throw new TypeError(`must give vectors of at most ${MOST_NUMBERS} numbers`);
  const copy = Float32Array.from(vector);
  if (!copy.every(Number.isFinite)) throw new TypeError('must give vectors of finite numbers');
  return copy;
}

function vectorsOf(result, [texts]) {
  if (!Array.isArray(result) || result.length !== texts.length)
    throw new TypeError(`must resolve to an array of ${texts.length} vectors, one for each text`);
  return Array.from(texts, (_, at) => vectorOf(result[at]));
}

function booleanOf(result) {
  if (typeof result !== 'boolean') throw new TypeError('must resolve to a boolean');
  return result;
}

/** Whether the core has a key as it is: no text for a model otherwise. */
function isPlain(name) {
  return args.originalText(name) === name;
}

/** The settings of `plugins`, checked. */
function checked(plugins) {
  const given = args.options('plugins', plugins);
  for (const name of ['embed', 'verify']) if (given[name] !== undefined) args.func(`plugins.${name}`, given[name]);
  const model = args.optionalString('plugins.embeddingModel', given.embeddingModel) ?? 'default';
  if (model === '' || model.includes('\0'))
    throw new AgentwiseError('E_INVALID_ARGUMENT', 'plugins.embeddingModel must not be empty or contain NUL');
  const seconds = args.optionalNumber('plugins.timeoutSeconds', given.timeoutSeconds, 0.001) ?? TIMEOUT_SECONDS;
  if (seconds > MAX_TIMEOUT_SECONDS)
    throw new AgentwiseError('E_INVALID_ARGUMENT', `plugins.timeoutSeconds must be at most ${MAX_TIMEOUT_SECONDS}`);
  return {
    embed: given.embed,
    verify: given.verify,
    model: args.exactText(model),
    least: args.optionalFraction('plugins.embeddingThreshold', given.embeddingThreshold) ?? EMBEDDING_THRESHOLD,
    timeoutMs: seconds * 1000,
  };
}

/** The plug-ins of one cache; its namespaces share them. */
class PlugIns {
  #embed;
  #verify;
  #model;
  #least;
  /** Vectors of texts, or promises of them, the newest last. */
  #vectors = new Map();
  /** `{ texts, done }` of lookups that wait for the end of this turn. */
  #asked = null;
  /** `{ native, name, scope }` of entries without a vector. */
  #queue = [];
  /** Set while entries are dealt with. */
  #isWorking = false;
  /** Entries that were queued, and that are dealt with; who waits for how many. */
  #queued = 0;
  #done = 0;
  #waiting = [];
  #timeoutMs;

  /**
   * @param {{ plugIn: string, message: string }} failed is told of what failed
   * @returns {PlugIns | null}
   */
  static of(plugins, failed) {
    const given = checked(plugins);
    return given.embed || given.verify ? new PlugIns(given, failed) : null;
  }

  constructor({ embed, verify, model, least, timeoutMs }, failed) {
    const guarded = (name, work, check) =>
      work && new Guarded(work, timeoutMs, check, (message) => failed({ plugin: name, message: `${name} ${message}` }));
    this.#embed = guarded('embed', embed, vectorsOf);
    this.#verify = guarded('verify', verify, booleanOf);
    this.#model = model;
    this.#least = least;
    this.#timeoutMs = timeoutMs;
  }

  /** To be called once for a cache. */
  begin(native) {
    if (this.#embed) call(native.useVectors, this.#model);
  }

  /** What a lookup finds: `{ tier, text?, json?, … }`. Counts as one lookup. */
  async find(native, name, scope, threshold, explains) {
    const exact = JSON.parse((await callAsync(native.lookup, name, ...scope, -1, false, false)) ?? 'null');
    const look = { native, name, scope, refused: [], left: MOST_VERIFIED };
    let found = exact?.tier === 'miss' ? null : exact;
    if (!(threshold < 0)) {
      if (found === null || explains) {
        const words = await callAsync(native.candidates, name, ...scope, threshold, explains);
        found = await this.#serveOne(look, JSON.parse(words), found);
      }
      if (found === null) found = await this.#serveNear(look, threshold);
    }
    if (found === null) call(native.missed, name, ...scope, threshold);
    const candidates = look.refused.sort((a, b) => b.similarity - a.similarity);
    return { ...(found ?? { tier: 'miss' }), ...(explains && { candidates }) };
  }

  async #serveNear(look, threshold) {
    const { native, name, scope } = look;
    if (!this.#embed || !isPlain(name) || !native.isOpen(name)) return null;
    const vector = await this.#vectorOf(name);
    if (vector === undefined) return null;
    const least = Math.max(this.#least, threshold ?? 0);
    look.least = least;
    let near;
    try {
      near = JSON.parse(await callAsync(native.near, name, ...scope, this.#model, vector, least));
      this.#embed.succeeded();
    } catch (error) {
      this.#embed.failed(messageOf(error));
      return null;
    }
    // What words alone were not enough for.
    const keys = new Set(near.map(({ key }) => args.originalText(key)));
    look.refused = look.refused.filter(({ key }) => !keys.has(key));
    return this.#serveOne(look, near, null);
  }

  /** The first of the candidates that may be served, unless something was `found`; notes why others may not. */
  async #serveOne(look, candidates, found) {
    const { native, name, scope, refused } = look;
    let served = found;
    for (const { key, isOwn, similarity, tier, reason } of candidates) {
      const isOpen = reason === undefined || this.#mayOverrule(look, { reason, tier, similarity });
      let why = reason;
      if (isOpen) why = served ? 'notBest' : await this.#objection(look, key, tier);
      if (why === null) {
        const text = await callAsync(native.serve, name, ...scope, key, isOwn, similarity, tier);
        served = JSON.parse(text ?? 'null');
        if (served) continue;
        why = 'absent';
      }
      refused.push({ key: args.originalText(key), similarity, reason: why });
    }
    return served;
  }

  /** Whether another word may mean the same: vectors that are very near say so, or `verify` will. */
  #mayOverrule({ least }, { reason, tier, similarity }) {
    return (
      reason === 'modifier' && tier === 'semantic' && (this.#verify !== undefined || similarity >= (1 + least) / 2)
    );
  }

  /** What `verify` has against serving the value of a candidate. */
  async #objection(look, key, tier) {
    if (!this.#verify || tier === 'normalized') return null;
    if (look.left === 0) return 'unverified';
    look.left -= 1;
    const isSame = await this.#verify.call(args.originalText(look.name), args.originalText(key));
    if (isSame === undefined) return tier === 'similar' ? null : 'unverified';
    this.#verify.succeeded();
    return isSame ? null : 'verify';
  }

  /** The vector of a text that is looked for; texts of one turn share a call. */
  async #vectorOf(text) {
    const kept = this.#vectors.get(text);
    if (kept !== undefined) return kept;
    if (this.#asked === null || this.#asked.texts.length >= BATCH) {
      const asked = { texts: [], done: null };
      asked.done = new Promise((resolve) => {
        setImmediate(() => {
          if (this.#asked === asked) this.#asked = null;
          resolve(this.#embed.call(asked.texts));
        });
      });
      this.#asked = asked;
    }
    const { texts, done } = this.#asked;
    const at = texts.push(text) - 1;
    const vector = done.then((vectors) => vectors?.[at]);
    this.#keep(text, vector);
    // What failed is asked for again.
    if ((await vector) === undefined && this.#vectors.get(text) === vector) this.#vectors.delete(text);
    return vector;
  }

  #keep(text, vector) {
    this.#vectors.set(text, vector);
    if (this.#vectors.size > MOST_KEPT) this.#vectors.delete(this.#vectors.keys().next().value);
  }

  /** Notes that something was stored. */
  stored(native, name, scope) {
    if (!this.#embed || !isPlain(name) || this.#queue.length >= MOST_WAITING) return;
    if (!native.needsVector(name, ...scope, this.#model)) return;
    this.#queue.push({ native, name, scope });
    this.#queued += 1;
    if (!this.#isWorking) this.#work();
  }

  /** Resolves when what was stored before has its vectors or will have none, at the latest after the time of one call. */
  async settled(mostMs = this.#timeoutMs) {
    if (this.#done >= this.#queued) return;
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, Math.min(mostMs, this.#timeoutMs));
    });
    const settled = new Promise((resolve) => {
      this.#waiting.push({ count: this.#queued, resolve });
    });
    await Promise.race([settled, late]);
    clearTimeout(timer);
  }

  /** Waits a little as `settled()` does and ends what is under way. */
  async stop() {
    await this.settled(STOP_MS);
    this.#queue.length = 0;
    this.#embed?.stop();
    this.#verify?.stop();
  }

  /** Never rejects: what fails is told by then. */
  async #work() {
    this.#isWorking = true;
    do {
      // What is stored in this turn shares a call, and others have theirs.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const batch = this.#queue.splice(0, BATCH);
      const texts = [...new Set(batch.map(({ name }) => name))].filter((name) => !this.#vectors.has(name));
      const vectors = texts.length > 0 ? await this.#embed.call(texts) : [];
      const made = new Map(texts.map((text, at) => [text, vectors?.[at]]));
      await Promise.all(batch.map((item) => this.#keepVector(item, made)));
      this.#done += batch.length;
      this.#waiting = this.#waiting.filter(({ count, resolve }) => {
        if (count > this.#done) return true;
        resolve();
        return false;
      });
    } while (this.#queue.length > 0);
    // What was given up by `stop()`.
    this.#done = this.#queued;
    this.#isWorking = false;
  }

  async #keepVector({ native, name, scope }, made) {
    const vector = made.get(name) ?? (await this.#vectors.get(name));
    if (vector === undefined) return;
    try {
      await callAsync(native.keepVector, name, ...scope, this.#model, vector);
      this.#embed.succeeded();
    } catch (error) {
      this.#embed.failed(messageOf(error));
    }
  }
}

module.exports = { PlugIns };
