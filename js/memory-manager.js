'use strict';

const args = require('./arguments.js');
const { call } = require('./errors.js');
const { MemoryView } = require('./memory-view.js');
const { NativeEmitter, emitWaiting, heardNames, heed, keepAll, weakly } = require('./native-emitter.js');
const { emit } = require('./emit.js');
const native = require('./binding.js');

/** Set by the class below, which alone can see it. */
let viewOf;

class MemoryManager extends NativeEmitter {
  static {
    viewOf = (manager) => manager.#view;
  }

  #native;
  #view;
  #isStopped = false;

  static #wake(manager) {
    heed(manager);
    // First what was told: the core may wake again from here on, also for what this turn brings about.
    manager._emitWaiting();
    manager.#view.turn();
    manager._emitWaiting();
  }

  constructor(config = {}) {
    super();
    const wake = weakly(this, MemoryManager.#wake);
    this.#native = call(native.openMemory, args.configurationJson(config), wake);
    this.#view = new MemoryView(this.#native, () => this._emitWaiting());
    keepAll(this);
    // Whoever listens in the turn in which it was made misses nothing.
    process.nextTick(weakly(this, MemoryManager.#begin));
  }

  static #begin(manager) {
    if (manager.#isStopped) return;
    manager.#view.turn();
    manager.#native.watch();
  }

  shouldThrottleAgent(agentId) {
    return this.#view.shouldThrottleAgent(agentId);
  }

  getRecommendedContextSize(agentId, requestedSize) {
    return this.#view.getRecommendedContextSize(agentId, requestedSize);
  }

  updateConfig(partial) {
    heed(this);
    const change = JSON.parse(call(this.#native.updateConfig, args.configurationJson(partial)));
    emit(this, 'configUpdated', change);
    this._emitWaiting();
  }

  stop() {
    if (this.#isStopped) return;
    this.#isStopped = true;
    heed(this);
    this.#native.stop();
    this._emitWaiting();
    this.#native.close();
    this.#view.stopped();
    emit(this, 'stopped');
  }

  async [Symbol.asyncDispose]() {
    this.stop();
  }

  _emitWaiting() {
    emitWaiting(this, this.#native);
  }

  _listenersChanged() {
    this.#native?.listen(heardNames(this));
  }
}

/** What a system offers as well, and what needs no speed. */
for (const name of [
  'registerAgentMemory',
  'forgetAgent',
  'throttleReason',
  'unthrottleAgent',
  'whenUnthrottled',
  'updateContextAccess',
  'holdContext',
  'releaseContext',
  'contextsToDrop',
  'getMemoryStats',
  'getMemoryHistory',
  'getHealth',
  'getHealthScore',
  'performMaintenance',
  'exportMemoryReport',
]) {
  MemoryManager.prototype[name] = function (...given) {
    heed(this);
    return viewOf(this)[name](...given);
  };
}

module.exports = { MemoryManager };
