'use strict';

const args = require('./arguments.js');
const components = require('./components.js');
const { call, callAsync } = require('./errors.js');
const exit = require('./exit.js');
const { MonitorView } = require('./monitor-view.js');
const { attempt } = require('./monitored-parts.js');
const { MONITOR_VARIABLES } = require('./variables.js');
const { NativeEmitter, emitWaiting, heardNames, heed, keepAll, weakly } = require('./native-emitter.js');
const { emit } = require('./emit.js');
const native = require('./binding.js');

/** Set by the class below, which alone can see it. */
let viewOf;

/** Those that watch. What nobody holds has listeners, channels and a port all the same: it goes on until it is stopped. */
const watching = new Set();

/** Where the cache has its files, for the monitor to have its own beside them; `null` when it has none. */
function directoryOf(cacheManager) {
  const stats = attempt(() => cacheManager.getStats());
  const disk = attempt(() => {
    const { state, path } = stats.disk;
    return state === 'off' ? { path: null } : { path: typeof path === 'string' ? path : undefined };
  });
  return disk?.path;
}

class ProductionMonitor extends NativeEmitter {
  static {
    viewOf = (monitor) => monitor.#view;
  }

  #native;
  #view;
  #stopping;
  #unwatch = () => {};

  static #wake(monitor) {
    heed(monitor);
    // First what was told: the core may wake again from here on, also for what this turn brings about.
    monitor._emitWaiting();
    monitor.#view.turn();
    monitor._emitWaiting();
  }

  constructor(config = {}, memoryManager, cacheManager, contextFilter) {
    super();
    const parts = {
      memoryManager: components.memoryManager(memoryManager),
      cacheManager: components.component('cacheManager', cacheManager),
      contextFilter: components.component('contextFilter', contextFilter),
    };
    const variables = {};
    for (const name of [...MONITOR_VARIABLES, 'CACHE_DIR']) if (process.env[name]) variables[name] = process.env[name];
    const wake = weakly(this, ProductionMonitor.#wake);
    const directory = directoryOf(parts.cacheManager);
    const options = JSON.stringify({ cwd: process.cwd(), directory, hasDisk: directory !== null });
    this.#native = call(native.openMonitor, args.configurationJson(config), options, variables, wake);
    this.#view = new MonitorView(this.#native, () => this._emitWaiting(), parts);
    keepAll(this);
    // Whoever listens in the turn in which it was made misses nothing.
    process.nextTick(weakly(this, ProductionMonitor.#begin));
  }

  static #begin(monitor) {
    if (monitor.#stopping) return;
    for (const warning of JSON.parse(monitor.#native.warnings())) emit(monitor, 'warning', warning);
    monitor.#native.start();
    watching.add(monitor);
    monitor.#unwatch = exit.watch();
  }

  updateConfig(partial) {
    heed(this);
    const change = JSON.parse(call(this.#native.updateConfig, args.configurationJson(partial)));
    emit(this, 'configUpdated', change);
    this._emitWaiting();
  }

  async stop() {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  async #stop() {
    heed(this);
    this.#view.flush();
    await callAsync(this.#native.stop);
    watching.delete(this);
    this.#unwatch();
    this._emitWaiting();
    this.#view.stopped();
    this.#native.close();
    emit(this, 'stopped');
  }

  _emitWaiting() {
    emitWaiting(this, this.#native);
  }

  _listenersChanged() {
    this.#native?.listen(heardNames(this));
  }
}

/** What a system offers as well. */
for (const name of Object.getOwnPropertyNames(MonitorView.prototype)) {
  if (['constructor', 'turn', 'flush', 'renewed', 'stopped'].includes(name)) continue;
  ProductionMonitor.prototype[name] = function (...given) {
    heed(this);
    return viewOf(this)[name](...given);
  };
}

module.exports = { ProductionMonitor };
