'use strict';

const args = require('./arguments.js');
const { messageOf, call, callAsync } = require('./errors.js');
const { CacheView, refuseIfStopped } = require('./cache-view.js');
const inspect = require('./cache-inspect.js');
const { NativeEmitter, emitWaiting, heardNames, weakly } = require('./native-emitter.js');
const { PlugIns } = require('./plug-ins.js');
const { emit } = require('./emit.js');
const exit = require('./exit.js');
const native = require('./binding.js');

/** How often expired entries are removed and budgets looked at, ms; then `maintenance` is emitted. */
const MAINTENANCE_MS = 300_000;

/** Set by the class below, which alone can see it. */
let viewOf;
/** Sizes that would have been worth it, by what was counted. */
let adviceOf;
/** The configuration of a cache of ours; `undefined` for anything else. */
let configOf;
/** The functions of the core for the root of a cache, and what its namespaces share. */
let coreOf;

class AdvancedCacheManager extends NativeEmitter {
  static {
    viewOf = (cache) => cache.#view;
    adviceOf = (cache) => JSON.parse(cache.#native.advice());
    coreOf = (cache) => ({ native: cache.#native, state: cache.#state });
    configOf = (cache) => (cache !== null && typeof cache === 'object' && #view in cache ? cache.#config() : undefined);
  }

  #native;
  #view;
  #state = { isHeard: false };
  #stopping = null;
  /** The last change of the configuration. */
  #updating = Promise.resolve();
  #timer;
  #unwatch;
  /** What `getStats()` says after `stop()`. */
  #lastStats = null;

  static #wake(cache) {
    cache.#emitWaiting();
  }

  static async #maintain(cache) {
    await callAsync(cache.#native.maintain);
    if (cache.#stopping === null) emit(cache, 'maintenance', { timestamp: new Date(), stats: cache.getStats() });
  }

  constructor(config = {}, plugins = {}) {
    super();
    const plugIns = PlugIns.of(plugins, (failure) => emit(this, 'pluginFailure', failure));
    const wake = weakly(this, AdvancedCacheManager.#wake);
    this.#native = call(native.openCache, args.configurationJson(config), process.cwd(), wake);
    this.#state = {
      isStopped: false,
      isReference: this.#config().valueMode === 'reference',
      isHeard: false,
      flights: new Map(),
      refreshing: new Set(),
      plugIns,
      emitWaiting: () => this.#emitWaiting(),
      failed: (error) => this.#failed(error),
    };
    this.#view = new CacheView(this.#native, this.#state);
    plugIns?.begin(this.#native);
    this.#timer = setInterval(weakly(this, AdvancedCacheManager.#maintain), MAINTENANCE_MS);
    this.#timer.unref();
    this.#unwatch = exit.watch();
    if (this.#config().warmOnStart > 0) callAsync(this.#native.warmMostUsed).catch(() => {});
  }

  get(key, options) {
    return this.#view.get(key, options);
  }

  set(key, value, ttlSeconds, options) {
    return this.#view.set(key, value, ttlSeconds, options);
  }

  getStats() {
    return JSON.parse(call(this.#native.stats) ?? 'null') ?? this.#lastStats;
  }

  getHealthScore() {
    return call(this.#native.healthScore);
  }

  // Not an `async` function: who calls it as if it gave nothing hears of a wrong setting at once.
  updateConfig(partial) {
    const json = args.configurationJson(partial);
    refuseIfStopped(this.#state);
    call(this.#native.checkConfig, json);
    // One after the other: each begins with what the one before it left.
    const turn = this.#updating.then(() => this.#update(json));
    // Also keeps a failure that nobody waits for from ending the process: the cache is stopped then.
    this.#updating = turn.catch(() => {});
    return turn;
  }

  async #update(json) {
    const change = JSON.parse(await callAsync(this.#native.updateConfig, json));
    this.#state.isReference = change.newConfig.valueMode === 'reference';
    emit(this, 'configUpdated', change);
  }

  verify(options) {
    return inspect.verify(this.#native, this.#state, options);
  }

  compact(options) {
    return inspect.compact(this.#native, this.#state, options);
  }

  async stop() {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  async #stop() {
    this.#state.isStopped = true;
    this.#state.isReference = false;
    clearInterval(this.#timer);
    this.#lastStats = this.getStats();
    try {
      await this.#state.plugIns?.stop();
      await callAsync(this.#native.stop);
      this.#emitWaiting();
    } finally {
      this.#native.close();
      this.#unwatch();
      emit(this, 'stopped');
    }
  }

  /** A read never fails for what happens inside; it is a miss, and whoever listens hears of it. */
  #failed(error) {
    if (error?.code === 'E_INVALID_ARGUMENT') throw error;
    emit(this, 'degraded', { reason: 'internal', message: messageOf(error) });
    return null;
  }

  #config() {
    return JSON.parse(call(this.#native.config));
  }

  #emitWaiting() {
    emitWaiting(this, this.#native);
  }

  _listenersChanged() {
    const names = heardNames(this);
    this.#state.isHeard = names.length > 0;
    this.#native?.listen(names);
  }
}

/** What a namespace does as well, and what needs no speed. */
for (const name of [
  'lookup',
  'has',
  'delete',
  'deleteByTag',
  'getMany',
  'setMany',
  'getOrCompute',
  'keys',
  'entries',
  'peek',
  'clear',
  'warmCache',
  'dump',
  'load',
  'flush',
  'namespace',
]) {
  AdvancedCacheManager.prototype[name] = function (...given) {
    return viewOf(this)[name](...given);
  };
}

module.exports = {
  AdvancedCacheManager,
  adviceOf: (cache) => adviceOf(cache),
  configOf: (cache) => configOf(cache),
  coreOf: (cache) => coreOf(cache),
};
