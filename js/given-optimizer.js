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
const { cancellable } = require('./jobs.js');
const reports = require('./token-reports.js');

class GivenOptimizer {
  #optimizer;
  #native;
  #failed;
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
    if (native.hasMemory()) optimizer.setMemoryManager?.(memory);
    if (native.hasCache()) optimizer.setCacheManager?.(this.#cachePart(cache));
    if (native.hasFilter()) optimizer.setContextFilter?.(this.#filterPart());
  }

  /** What it makes of a filtered context; `undefined` when it fails. Books the message. */
  async result(agentId, context, about, { maxTokens, model, keys: _ }) {
    if (context === null || typeof context !== 'object') return undefined;
    this.#filtered.add(context);
    let result;
    try {
      result = await this.#optimizer.optimizeContext(agentId, context);
    } catch (error) {
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
          cancellable(native, signal, (job) =>
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
