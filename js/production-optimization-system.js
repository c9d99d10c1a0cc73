'use strict';

const args = require('./arguments.js');
const { AgentwiseError, messageOf, call, callAsync } = require('./errors.js');
const { read, release, copyColumns, inOrder } = require('./document.js');
const { filterResult, optimizedResult, addLazy } = require('./result.js');
const { CacheView } = require('./cache-view.js');
const { revive } = require('./revive.js');
const exit = require('./exit.js');
const { NativeEmitter, emitWaiting, heardNames, weakly } = require('./native-emitter.js');
const { countTokensAsync } = require('./token-count.js');
const signals = require('./signals.js');
const { PlugIns } = require('./plug-ins.js');
const { emit } = require('./emit.js');
const { tellLateListeners } = require('./late-listeners.js');
const { cancellable, settledWithin, unlessAborted } = require('./jobs.js');
const { collectGarbage } = require('./garbage.js');
const { MemoryView, heap } = require('./memory-view.js');
const { MonitorView } = require('./monitor-view.js');
const { addParts, hold } = require('./system-parts.js');
const { SystemReports } = require('./system-reports.js');
const { SystemTokens } = require('./system-tokens.js');
const { MONITOR_VARIABLES, SYSTEM_VARIABLES } = require('./variables.js');
const native = require('./binding.js');

/** How long `shutdown()` waits for work that was accepted. The largest context allowed takes a few seconds. */
const SHUTDOWN_DEADLINE_MS = 10_000;

/** Set by the class below, which alone can see it. */
let isRunning;
let tokensOf;
let memoryOf;
let monitorOf;

class ProductionOptimizationSystem extends NativeEmitter {
  static {
    isRunning = (system) => system.#state === 'running';
    tokensOf = (system) => {
      system.#requireRunning();
      return system.#tokens;
    };
    memoryOf = (system) => (system.#state === 'running' ? system.#memory : null);
    monitorOf = (system) => (system.#state === 'running' && system.#isMonitored ? system.#monitor : null);
  }

  /** The one of this process: `{ system, started }`. */
  static #instance = null;

  #config;
  #plugIns;
  #native = null;
  #cache = null;
  #tokens = null;
  #reports = null;
  #memory = null;
  #monitor = null;
  #isMonitored = false;
  /** `'new'`, `'running'` or `'stopped'`. */
  #state = 'new';
  #starting = null;
  #stopping = null;
  /** The last call of each agent that has one under way. */
  #turns = new Map();
  #unwatch = () => {};

  constructor(config, plugins = {}) {
    super();
    this.#config = config;
    this.#plugIns = PlugIns.of(plugins, ({ plugin, message }) =>
      emit(this, 'warning', { path: `plugins.${plugin}`, message }),
    );
  }

  static async create(config, plugins) {
    const system = new ProductionOptimizationSystem(config, plugins);
    await system.initialize();
    return system;
  }

  static async getInstance(config, plugins) {
    const current = ProductionOptimizationSystem.#instance;
    if (current) return current.started;
    if (config === undefined || config === null) {
      throw new AgentwiseError(
        'E_CONFIG_REQUIRED',
        'configuration required: the first getInstance() call needs a config',
      );
    }
    const system = new ProductionOptimizationSystem(config, plugins);
    const instance = { system, started: system.initialize().then(() => system) };
    ProductionOptimizationSystem.#instance = instance;
    instance.started.catch(() => ProductionOptimizationSystem.#forgetInstance(system));
    return instance.started;
  }

  static #wake(system) {
    system.#emitWaiting(); // First: the core may wake again from here on.
    system.#memory?.turn();
    system.#monitor?.turn();
    system.#emitWaiting();
  }

  static #forgetInstance(system) {
    if (ProductionOptimizationSystem.#instance?.system === system) ProductionOptimizationSystem.#instance = null;
  }

  async initialize() {
    if (this.#state === 'stopped') throw this.#refusal();
    if (this.#starting) {
      await this.#starting;
      emit(this, 'warning', { path: 'initialize', message: 'the system is already initialized' });
      return;
    }
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      this.#starting = null;
      throw error;
    }
  }

  async #start() {
    const variables = {};
    for (const name of [...SYSTEM_VARIABLES, ...MONITOR_VARIABLES])
      if (process.env[name]) variables[name] = process.env[name];
    const wake = weakly(this, ProductionOptimizationSystem.#wake);
    const json = args.configurationJson(this.#config);
    const opened = call(native.openSystem, json, process.cwd(), variables, wake);
    // The token table is unpacked on the thread pool, once a process.
    await countTokensAsync('');
    if (this.#state === 'stopped') {
      opened.close();
      throw this.#refusal();
    }
    this.#native = opened;
    const state = {
      isStopped: false,
      isReference: false,
      isHeard: true,
      flights: new Map(),
      refreshing: new Set(),
      plugIns: this.#plugIns,
      emitWaiting: () => this.#emitWaiting(),
      failed: (error) => {
        throw error;
      },
    };
    this.#cache = new CacheView(opened.cache, state, { key: 'query', value: 'response' });
    this.#plugIns?.begin(opened.cache);
    this.#tokens = new SystemTokens(opened, (message) => emit(this, 'warning', { path: 'sharedContext', message }));
    this.#reports = new SystemReports(opened);
    this.#memory = new MemoryView(opened.memory, () => this.#emitWaiting());
    this.#monitor = new MonitorView(opened.monitor, () => this.#emitWaiting());
    this.#setMonitored(opened.hasMonitor());
    this.#state = 'running';
    // As many entries as `cache.warmOnStart` says; nobody waits for them.
    callAsync(opened.cache.warmMostUsed).catch(() => {});
    // Files of agents, which every filtering looks at again.
    callAsync(opened.refreshAgents).catch(() => {});
    const endings = [signals.watch(this), exit.watch()];
    this.#unwatch = () => {
      for (const end of endings) end();
    };
    this._listenersChanged();
    for (const warning of JSON.parse(opened.warnings())) emit(this, 'warning', warning);
    emit(this, 'initialized');
    // Whoever listens in the turn in which the system is ready misses nothing.
    setImmediate(weakly(this, ProductionOptimizationSystem.#watch)).unref();
  }

  static #watch(system) {
    if (system.#state !== 'running') return;
    system.#memory.turn();
    system.#native.watch();
  }

  #setMonitored(isMonitored) {
    if (isMonitored && !this.#isMonitored) this.#monitor.renewed();
    this.#isMonitored = isMonitored;
    hold(this, isMonitored);
  }

  async optimizeAgentContext(agentId, context, options) {
    this.#requireRunning();
    args.string('agentId', agentId);
    const given = args.options('options', options);
    const request = {
      ...args.filterOptions(options),
      includeDebugInfo: args.optionalBoolean('options.includeDebugInfo', given.includeDebugInfo),
      sending: [
        args.optionalOneOf('options.encoding', given.encoding, ['keys', 'blocks']),
        args.optionalString('options.model', given.model),
      ],
    };
    request.signal?.throwIfAborted();
    // A delta says what changed since the agent's last result: calls for one agent run one after the other. The context
    // is read now all the same, so that the caller may change it afterwards.
    const before = this.#turns.get(agentId);
    const started = performance.now();
    const { source, result: begin } = read(context, (columns) => {
      const own = before ? copyColumns(columns) : columns;
      const work = () => this.#work(agentId, request, own);
      // Who waits for a turn can leave at once; what was begun is ended by the core.
      if (before) return () => unlessAborted(before, request.signal).then(work);
      const pending = work();
      return () => pending;
    });
    const readMs = Math.round((performance.now() - started) * 100) / 100;
    // What the shared context makes of it belongs to the turn: a shutdown waits for it.
    const turn = callAsync(begin).then(async (output) => ({
      output,
      shared: await this.#sharedResult(agentId, source, output, request),
    }));
    const ended = Promise.allSettled([before, turn]);
    ended.then(() => {
      if (this.#turns.get(agentId) === ended) this.#turns.delete(agentId);
    });
    this.#turns.set(agentId, ended);
    try {
      const { output, shared } = await turn;
      if (output.filter && this.listenerCount('contextFiltered') > 0) {
        emit(this, 'contextFiltered', filterResult(source, output.filter, { agentId, original: context }));
      }
      return shared ?? optimizedResult(source, output, request.includeDebugInfo, readMs);
    } finally {
      release(source);
      this.#emitWaiting();
    }
  }

  #work(agentId, { asked, sending, signal }, columns) {
    // Gone when the deadline of a shutdown passed while this call waited for its turn.
    if (!this.#native) throw this.#refusal();
    const { optimize } = this.#native;
    const later = this.#tokens.isBookedLater;
    const id = args.exactText(agentId);
    return cancellable(this.#native, signal, (job) =>
      call(optimize, id, job, ...asked, ...sending, later, ...inOrder(columns)),
    );
  }

  /** A result that refers to the context that all agents share, where there is one and it saves something. */
  async #sharedResult(agentId, source, { filter, delta }, { asked, sending }) {
    const about = filter ? JSON.parse(delta) : undefined;
    if (!about?.isUnbooked) return undefined;
    const kept = filterResult(source, filter);
    const whose = { maxTokens: asked[1], model: sending[1], keys: source.keys };
    const result = await this.#tokens.sharedResult(agentId, kept.filtered, about, whose);
    if (result && !Object.hasOwn(result, 'dropped')) addLazy(result, 'dropped', () => kept.dropped, false);
    return result;
  }

  async resolveReference(reference) {
    this.#requireRunning();
    return JSON.parse(call(this.#native.resolve, args.string('reference', reference)));
  }

  async cacheResponse(query, response, ttlSeconds, options) {
    if (this.#state !== 'running') return;
    const cache = this.#cache;
    await this.#inCache(() => cache.set(query, response, ttlSeconds, options));
  }

  async getCachedResponse(query, agentId, options) {
    if (this.#state !== 'running') return null;
    const whose =
      agentId === undefined || agentId === null ? options : { ...args.options('options', options), agentId };
    return this.#inCache(() => this.#cache.get(query, whose));
  }

  /** A failure inside the cache is a warning and a miss: callers must never fail for what only saves them time. */
  async #inCache(work) {
    try {
      return await work();
    } catch (error) {
      if (error?.code === 'E_INVALID_ARGUMENT') throw error;
      emit(this, 'warning', { path: 'cache', message: messageOf(error) });
      return null;
    }
  }

  get memoryManager() {
    return this.#state === 'running' && this.#native.hasMemory() ? this.#memory : null;
  }

  get productionMonitor() {
    return monitorOf(this);
  }

  shouldThrottleAgent(agentId) {
    return this.#state === 'running' && this.#memory.shouldThrottleAgent(agentId);
  }

  getRecommendedContextSize(agentId, requestedSize) {
    if (this.#state !== 'running') return requestedSize;
    return this.#memory.getRecommendedContextSize(agentId, requestedSize);
  }

  getStatus() {
    if (this.#state !== 'running') return { initialized: false, error: this.#refusal().message };
    return {
      ...JSON.parse(call(this.#native.status, ...heap()), revive),
      sharedContext: this.#tokens.stats(),
      warnings: JSON.parse(this.#native.warnings()),
    };
  }

  getHealthStatus() {
    if (this.#state !== 'running') return { overall: 'down', score: 0, message: this.#refusal().message };
    return JSON.parse(call(this.#native.health, ...heap()), revive);
  }

  isProductionReady() {
    return this.#state === 'running' && call(this.#native.isProductionReady);
  }

  getOptimizationStats() {
    this.#requireRunning();
    return this.#reports.getOptimizationStats();
  }

  getOptimizationRecommendations() {
    this.#requireRunning();
    return this.#reports.getOptimizationRecommendations();
  }

  async generateSystemReport(options) {
    this.#requireRunning();
    const path = await this.#reports.generateReport(options);
    this.#emitWaiting();
    return path;
  }

  async generateOptimizationReport(options) {
    return this.generateSystemReport(options);
  }

  async updateConfiguration(partial) {
    this.#requireRunning();
    await callAsync(this.#native.updateConfiguration, args.configurationJson(partial));
    this.#setMonitored(this.#native?.hasMonitor() === true);
    if (!this.memoryManager) this.#memory.released();
    this.#emitWaiting();
  }

  async performMaintenance() {
    this.#requireRunning();
    const expiredEntries = await callAsync(this.#native.maintain);
    if (!this.memoryManager) return { expiredEntries, garbageCollected: collectGarbage() };
    return { expiredEntries, ...(await this.#memory.performMaintenance()) };
  }

  async startMonitoringDashboard() {
    return { started: false, reason: 'the dashboard is not available in this version' };
  }

  async shutdown() {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async [Symbol.asyncDispose]() {
    await this.shutdown();
  }

  async #stop() {
    const wasRunning = this.#state === 'running';
    this.#state = 'stopped';
    ProductionOptimizationSystem.#forgetInstance(this);
    if (!wasRunning) return;
    try {
      // Work that was accepted is finished first.
      if (!(await settledWithin([...this.#turns.values(), this.#plugIns?.stop()], SHUTDOWN_DEADLINE_MS))) {
        emit(this, 'warning', { path: 'shutdown', message: `${this.#turns.size} calls were still under way` });
      }
      await this.#tokens.disconnect();
      this.#monitor.flush();
      await callAsync(this.#native.shutDown, ...heap());
      this.#memory.stopped();
      this.#monitor.stopped();
      this.#emitWaiting();
    } finally {
      this.#setMonitored(false);
      this.#native.close();
      this.#native = null;
      // Last: until here a signal must not end the process.
      this.#unwatch();
      emit(this, 'shutdown');
    }
  }

  #requireRunning() {
    if (this.#state !== 'running') throw this.#refusal();
  }

  #refusal() {
    return this.#state === 'stopped'
      ? new AgentwiseError('E_SHUT_DOWN', 'the system was shut down; create a new one')
      : new AgentwiseError('E_NOT_INITIALIZED', 'the system is not initialized; await initialize() or use create()');
  }

  /** Emits what the native side has queued. Called by every method, so that events come before its promise resolves. */
  #emitWaiting() {
    emitWaiting(this, this.#native);
  }

  _listenersChanged() {
    this.#native?.listen(heardNames(this));
  }
}

tellLateListeners(ProductionOptimizationSystem, 'initialized', (system) => isRunning(system));

addParts(ProductionOptimizationSystem, { tokensOf, memoryOf, monitorOf });

module.exports = { ProductionOptimizationSystem };
