'use strict';

const args = require('./arguments.js');
const { call, callAsync } = require('./errors.js');
const { CacheView } = require('./cache-view.js');
const { revive, eventData } = require('./revive.js');
const { NativeEmitter } = require('./native-emitter.js');
const { emit } = require('./emit.js');
const exit = require('./exit.js');
const native = require('./binding.js');

/** How often expired entries are removed and budgets looked at, ms; then `maintenance` is emitted. */
const MAINTENANCE_MS = 300_000;

/** Set by the class below, which alone can see it. */
let viewOf;

class AdvancedCacheManager extends NativeEmitter {
  static {
    viewOf = (cache) => cache.#view;
  }

  #native;
  #view;
  #isReference = false;
  #isHeard = false;
  #stopping = null;
  #timer;
  /** What `getStats()` says after `stop()`. */
  #lastStats = null;

  constructor(config = {}) {
    super();
    // The native side keeps this function for as long as it lives: it must not keep the cache.
    const self = new WeakRef(this);
    const wake = () => self.deref()?.#emitWaiting();
    this.#native = call(native.openCache, args.configurationJson(config), process.cwd(), wake);
    this.#isReference = this.#config().valueMode === 'reference';
    this.#view = new CacheView(this.#native, {
      isStopped: () => this.#stopping !== null,
      isReference: () => this.#isReference,
      emitWaiting: () => {
        if (this.#isHeard) this.#emitWaiting();
      },
    });
    this.#timer = setInterval(() => self.deref()?.#maintain(), MAINTENANCE_MS);
    this.#timer.unref();
    exit.watch();
    if (this.#config().warmOnStart > 0) callAsync(this.#native.warmMostUsed).catch(() => {});
  }

  async get(key, options) {
    return this.#view.get(key, options);
  }

  async set(key, value, ttlSeconds, options) {
    return this.#view.set(key, value, ttlSeconds, options);
  }

  getStats() {
    return JSON.parse(call(this.#native.stats) ?? 'null') ?? this.#lastStats;
  }

  getHealthScore() {
    return call(this.#native.healthScore);
  }

  async updateConfig(partial) {
    const change = JSON.parse(await callAsync(this.#native.updateConfig, args.configurationJson(partial)));
    this.#isReference = change.newConfig.valueMode === 'reference';
    emit(this, 'configUpdated', change);
  }

  async stop() {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  async #stop() {
    clearInterval(this.#timer);
    this.#lastStats = this.getStats();
    try {
      await callAsync(this.#native.stop);
      this.#emitWaiting();
    } finally {
      this.#native.close();
      emit(this, 'stopped');
    }
  }

  async #maintain() {
    await callAsync(this.#native.maintain);
    if (this.#stopping === null) emit(this, 'maintenance', { timestamp: new Date(), stats: this.getStats() });
  }

  #config() {
    return JSON.parse(call(this.#native.config));
  }

  #emitWaiting() {
    const json = this.#native.drainEvents();
    if (!json) return;
    for (const [name, data] of JSON.parse(json, revive)) emit(this, name, eventData(data));
  }

  _listenersChanged() {
    const names = this.eventNames().filter((name) => typeof name === 'string');
    this.#isHeard = names.length > 0;
    this.#native?.listen(names);
  }
}

/** What a namespace does as well, and what needs no speed. */
for (const name of [
  'has',
  'delete',
  'deleteByTag',
  'getMany',
  'setMany',
  'getOrCompute',
  'keys',
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

module.exports = { AdvancedCacheManager };
