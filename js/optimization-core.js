'use strict';

/** What `ProductionOptimizationSystem` and `OptimizationOrchestrator` have in common: a beginning, calls, an end. */

// Not the global one, in whose place test runners put their own.
const { setImmediate } = require('node:timers');
const args = require('./arguments.js');
const { AgentwiseError, call } = require('./errors.js');
const { NativeEmitter, heed, keepAll, weakly } = require('./native-emitter.js');
const { countTokensAsync } = require('./token-count.js');
const { settledWithin } = require('./jobs.js');
const { PlugIns } = require('./plug-ins.js');
const { emit } = require('./emit.js');
const { tellLateListeners } = require('./late-listeners.js');
const { RunningSystem } = require('./running-system.js');
const { PROCESS } = require('./surroundings.js');
const { addParts } = require('./system-parts.js');

/** Turns in which whoever awaits the start, or a function that awaits it, goes on; a few of them lie between. */
const TURNS_TO_LISTEN = 32;

/** How long `shutdown()` waits in all unless told otherwise. The largest context allowed takes a few seconds. */
const SHUTDOWN_DEADLINE_MS = 10_000;

/** Longest deadline, ms: what a timer can wait. */
const MAX_DEADLINE_MS = 2 ** 31 - 1;

/** Set by the class below, which alone can see it: what runs, else `null`, or an error. */
let runningOf;
let requireRunning;
/** Waits for a start that calls wait for. */
let started;

class OptimizationCore extends NativeEmitter {
  static {
    runningOf = (core) => {
      heed(core);
      return core.#state === 'running' ? core.#running : null;
    };
    requireRunning = (core) => {
      heed(core);
      if (core.#state !== 'running') throw core._refusal();
      return core.#running;
    };
    started = async (core) => {
      if (core.#state === 'new') await core._starting();
    };
  }

  #config;
  #plugIns;
  #tokenOptimizer;
  #running = null;
  /** `'new'`, `'running'` or `'stopped'`. */
  #state = 'new';
  #stopping = null;
  /** The last start; it never rejects. `null` while there was none. */
  #beginning = null;
  #unwatch = () => {};

  constructor(config, plugins = {}, tokenOptimizer = undefined) {
    super();
    this.#config = config;
    this.#tokenOptimizer = tokenOptimizer;
    this.#plugIns = PlugIns.of(plugins, ({ plugin, message }) =>
      emit(this, 'warning', { path: `plugins.${plugin}`, message }),
    );
  }

  static #wake(core) {
    core.#running?.wake();
  }

  static #watch(core) {
    if (core.#state === 'running') core.#running.watch();
  }

  get _state() {
    return this.#state;
  }

  /** What the system takes of the process. */
  get _around() {
    return PROCESS;
  }

  /** Builds the parts. A failure leaves nothing behind. */
  _open() {
    const wake = weakly(this, OptimizationCore.#wake);
    const json = args.configurationJson(this.#config);
    const around = this._around;
    const opened = call(around.open, json, wake);
    try {
      this.#running = new RunningSystem(this, opened, this.#plugIns, this.#tokenOptimizer, around);
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  /** What takes time: the token table is unpacked on the thread pool, once a process. */
  _begin() {
    const beginning = this.#begin();
    this.#beginning = beginning.catch(() => {});
    return beginning;
  }

  async #begin() {
    const running = this.#running;
    try {
      await countTokensAsync('');
      if (this.#state === 'stopped') throw this._refusal();
    } catch (error) {
      // A shutdown that came meanwhile ends it itself.
      if (this.#state !== 'stopped') {
        this.#running = null;
        await running.stop(SHUTDOWN_DEADLINE_MS, { withReport: false });
      }
      throw error;
    }
    this.#state = 'running';
    keepAll(this, TURNS_TO_LISTEN);
    running.begin(() => {
      if (this.#state === 'running') this._warmed();
    });
    const around = this._around;
    this.#unwatch = around.attend(this);
    emit(this, 'initialized');
    // Whoever listens in the turn in which the system is ready misses nothing.
    if (around.isDriven) running.watch();
    else setImmediate(weakly(this, OptimizationCore.#watch)).unref();
  }

  /** What is waited for by calls that need a system at work. */
  async _starting() {}

  async optimizeAgentContext(agentId, context, options) {
    // At once where it can be: the context is read before this returns.
    const running = runningOf(this) ?? (await this.#ready());
    return running.optimizeAgentContext(agentId, context, options);
  }

  async resolveReference(reference) {
    return (await this.#ready()).resolveReference(reference);
  }

  async cacheResponse(query, response, ttlSeconds, options) {
    await started(this);
    await runningOf(this)?.cacheResponse(query, response, ttlSeconds, options);
  }

  async getCachedResponse(query, agentId, options) {
    await started(this);
    return (await runningOf(this)?.getCachedResponse(query, agentId, options)) ?? null;
  }

  async #ready() {
    await started(this);
    return requireRunning(this);
  }

  get memoryManager() {
    const running = runningOf(this);
    return running?.hasMemory ? running.memory : null;
  }

  get productionMonitor() {
    const running = runningOf(this);
    // While it is being switched off, the core has none any more.
    return running?.isMonitored && running.native.hasMonitor() ? running.monitor : null;
  }

  shouldThrottleAgent(agentId) {
    return runningOf(this)?.memory.shouldThrottleAgent(agentId) ?? false;
  }

  getRecommendedContextSize(agentId, requestedSize) {
    const running = runningOf(this);
    return running ? running.memory.getRecommendedContextSize(agentId, requestedSize) : requestedSize;
  }

  getStatus() {
    return runningOf(this)?.status() ?? { initialized: false, error: this._refusal().message };
  }

  getHealthStatus() {
    return runningOf(this)?.health() ?? { overall: 'down', score: 0, message: this._refusal().message };
  }

  getOptimizationStats() {
    return requireRunning(this).reports.getOptimizationStats();
  }

  getOptimizationRecommendations() {
    return requireRunning(this).reports.getOptimizationRecommendations();
  }

  isProductionReady() {
    const running = runningOf(this);
    return running !== null && call(running.native.isProductionReady);
  }

  async updateConfiguration(partial, options) {
    // At once where it can be: the change is read before this returns.
    const running = runningOf(this) ?? (await this.#ready());
    await running.configuration.update(partial, options);
  }

  async reloadConfiguration() {
    return (await this.#ready()).configuration.reload();
  }

  explainConfig() {
    return requireRunning(this).configuration.explain();
  }

  async performMaintenance() {
    return (await this.#ready()).maintain();
  }

  async shutdown(options) {
    const given = args.options('options', options);
    const deadline = args.optionalNumber('options.timeoutMs', given.timeoutMs) ?? SHUTDOWN_DEADLINE_MS;
    this.#stopping ??= this.#stop(Math.min(deadline, MAX_DEADLINE_MS));
    await this.#stopping;
  }

  async [Symbol.asyncDispose]() {
    await this.shutdown();
  }

  async #stop(deadlineMs) {
    const began = performance.now();
    const withReport = this.#state === 'running';
    heed(this);
    this.#state = 'stopped';
    this._ending();
    const running = this.#running;
    let stragglers = [];
    try {
      stragglers = (await running?.stop(deadlineMs, { withReport })) ?? [];
      // A start that is under way rejects first.
      const left = Math.max(0, deadlineMs - (performance.now() - began));
      if (!(await settledWithin([this.#beginning], left))) stragglers.push('initialize');
      if (stragglers.length > 0) {
        const message = `not done within ${deadlineMs} ms: ${stragglers.join(', ')}`;
        emit(this, 'warning', { path: 'shutdown', message, stragglers });
      }
    } finally {
      this.#running = null;
      // Last: until here a signal must not end the process.
      this.#unwatch();
      if (running !== null) emit(this, 'shutdown', { stragglers });
    }
  }

  /** Called once when what is warmed at the start is. */
  _warmed() {}

  /** Called once when the end begins. */
  _ending() {}

  _refusal() {
    return this.#state === 'stopped'
      ? new AgentwiseError('E_SHUT_DOWN', 'the system was shut down; create a new one')
      : new AgentwiseError('E_NOT_INITIALIZED', 'the system is not initialized; await initialize() or use create()');
  }

  _listenersChanged() {
    this.#running?.listen();
  }

  _emitWaiting() {
    this.#running?.emitWaiting();
  }
}

tellLateListeners(OptimizationCore, 'initialized', (core) => runningOf(core) !== null);

addParts(OptimizationCore, { runningOf, requireRunning, started });

module.exports = { OptimizationCore, runningOf, requireRunning };
