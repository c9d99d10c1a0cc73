'use strict';

const args = require('./arguments.js');
const { messageOf, call, callAsync } = require('./errors.js');
const { CacheView, MAINTENANCE_MS, refuseIfStopped } = require('./cache-view.js');
const inspect = require('./cache-inspect.js');
const { NativeEmitter, emitWaiting, heardNames, heed, isWatched, keepAll, weakly } = require('./native-emitter.js');
const { PlugIns } = require('./plug-ins.js');
const { emit } = require('./emit.js');
const { settledWithin } = require('./jobs.js');
const exit = require('./exit.js');
const native = require('./binding.js');

/** How long `stop()` waits for a change of the configuration that is under way, ms: as long as the core, which closes after it. */
const SETTLE_MS = 10_000;

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
  /** Until memory and disk are as the last change of the configuration asks for. */
  #settling = Promise.resolve();
  #timer;
  #unwatch;
  /** What `getStats()` says after `stop()`. */
  #lastStats = null;

  static #wake(cache) {
    heed(cache);
    cache._emitWaiting();
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
      emitWaiting: () => this._emitWaiting(),
      failed: (error) => this.#failed(error),
    };
    this.#view = new CacheView(this.#native, this.#state);
    plugIns?.begin(this.#native);
    keepAll(this);
    this.#timer = setInterval(weakly(this, AdvancedCacheManager.#maintain), MAINTENANCE_MS);
    this.#timer.unref();
    this.#unwatch = exit.watch();
    if (this.#config().warmOnStart > 0) callAsync(this.#native.warmMostUsed).catch(() => {});
  }

  get(key, options) {
    heed(this);
    return this.#view.get(key, options);
  }

  set(key, value, ttlSeconds, options) {
    heed(this);
    return this.#view.set(key, value, ttlSeconds, options);
  }

  getStats() {
    return JSON.parse(call(this.#native.stats) ?? 'null') ?? this.#lastStats;
  }

  getHealthScore() {
    return call(this.#native.healthScore);
  }

  // Not an `async` function: what is wrong is thrown, and what is right holds, when it returns.
  updateConfig(partial) {
    const json = args.configurationJson(partial);
    refuseIfStopped(this.#state);
    const change = JSON.parse(call(this.#native.configure, json));
    this.#state.isReference = change.newConfig.valueMode === 'reference';
    // One after the other: who waits for the one before would hold up the thread pool.
    const settled = this.#settling.then(() => callAsync(this.#native.settle));
    // Also keeps a failure that nobody waits for from ending the process.
    this.#settling = settled.catch(() => {});
    emit(this, 'configUpdated', change);
    return settled;
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
      // What was stored since the change is where the change sends it.
      await settledWithin([this.#settling], SETTLE_MS);
      await callAsync(this.#native.stop);
      this._emitWaiting();
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

  _emitWaiting() {
    emitWaiting(this, this.#native);
  }

  _listenersChanged() {
    this.#state.isHeard = this.eventNames().length > 0 || isWatched(this);
    this.#native?.listen(heardNames(this));
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
    heed(this);
    return viewOf(this)[name](...given);
  };
}

module.exports = {
  AdvancedCacheManager,
  adviceOf: (cache) => adviceOf(cache),
  configOf: (cache) => configOf(cache),
  coreOf: (cache) => coreOf(cache),
};
