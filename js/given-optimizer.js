'use strict';

/**
 * A token optimizer that the caller made for a system: it gets the system's parts, and has the last word about what is sent.
 *
 * A failure of it costs an agent nothing but its help: what the system would send by itself is sent.
 */

const args = require('./arguments.js');
const { AgentwiseError, call, callAsync, messageOf } = require('./errors.js');
const { read, release, inOrder } = require('./document.js');
const { filterResult } = require('./result.js');
const { cancellable, unlessAborted, within } = require('./jobs.js');
const reports = require('./token-reports.js');

/** How long it may take for one context, ms: its agent waits meanwhile. */
const DEADLINE_MS = 30_000;

const LATE = new AgentwiseError('E_TIMEOUT', `the token optimizer gave nothing within ${DEADLINE_MS / 1000} s`);

class GivenOptimizer {
  #optimizer;
  #native;
  #failed;
  /** Names of the setters that gave it a part. */
  #given = [];
  /** Contexts that the system has filtered: they are not filtered again. */
  #filtered = new WeakSet();

  /**
   * @param optimizer the caller's; `undefined` and `null` are none
   * @param {{ native: object, cache: object, memory: object, failed: (agentId: string, message: string) => void }} parts of the system
   * @returns {GivenOptimizer | null}
   */
  static of(optimizer, parts) {
    if (optimizer === undefined || optimizer === null) return null;
    if (typeof optimizer.optimizeContext !== 'function') {
      throw new AgentwiseError('E_INVALID_ARGUMENT', 'tokenOptimizer must have optimizeContext');
    }
    return new GivenOptimizer(optimizer, parts);
  }

  constructor(optimizer, { native, cache, memory, failed }) {
    this.#optimizer = optimizer;
    this.#native = native;
    this.#failed = failed;
    try {
      if (native.hasMemory()) this.#give('setMemoryManager', memory);
      if (native.hasCache()) this.#give('setCacheManager', this.#cachePart(cache));
      if (native.hasFilter()) this.#give('setContextFilter', this.#filterPart());
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #give(setter, part) {
    if (typeof this.#optimizer[setter] !== 'function') return;
    this.#given.push(setter);
    this.#optimizer[setter](part);
  }

  /** Takes back the parts, which end: the optimizer is the caller's and may go on. What fails is its own business. */
  release() {
    for (const setter of this.#given.splice(0)) {
      (async () => this.#optimizer[setter](null))().catch(() => {});
    }
  }

  /**
   * What it makes of a filtered context; `undefined` when it fails or is late. Books the message. Rejects with the reason of
   * the first of `signals` that fires.
   */
  async result(agentId, context, about, { maxTokens, model, signals }) {
    if (context === null || typeof context !== 'object') return undefined;
    this.#filtered.add(context);
    let result;
    try {
      const work = (async () => this.#optimizer.optimizeContext(agentId, context))();
      result = await within(unlessAborted(work, ...signals), DEADLINE_MS, LATE);
    } catch (error) {
      for (const signal of signals) signal?.throwIfAborted();
      this.#failed(agentId, messageOf(error));
    }
    const saved = Number.isFinite(result?.tokensSaved) ? result.tokensSaved : 0;
    const sent = result === undefined ? undefined : Math.max(0, about.filteredTokens - saved);
    reports.book(this.#native.book, agentId, { operation: 'optimizeAgentContext', model, maxTokens }, about, sent);
    return result;
  }

  #cachePart(cache) {
    const native = this.#native;
    return {
      get: (key, options) => cache.get(key, options),
      set: (...given) => cache.set(...given),
      getStats: () => JSON.parse(call(native.cache.stats)),
      getHealthScore: () => call(native.cache.healthScore),
    };
  }

  #filterPart() {
    const native = this.#native;
    const filtered = this.#filtered;
    return {
      async filterContext(agentId, context, currentMemoryUsage = 0, systemLoad = 0, options = undefined) {
        if (filtered.has(context)) return { agentId, original: context, filtered: context, reductionRatio: 0 };
        const { asked, signal } = args.filterOptions(options);
        const { source, result } = read(context, (columns) =>
          cancellable(native, [signal], (job) =>
            call(native.filter, agentId, currentMemoryUsage, systemLoad, job, ...asked, ...inOrder(columns)),
          ),
        );
        try {
          return filterResult(source, await callAsync(() => result), { agentId, original: context });
        } finally {
          release(source);
        }
      },
      getFilterStats: () => JSON.parse(call(native.filterStats)),
    };
  }
}

module.exports = { GivenOptimizer };
