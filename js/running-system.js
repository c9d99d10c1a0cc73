'use strict';

/**
 * A system at work: the native handle, what its parts have on the JavaScript side, and the calls under way. The classes that
 * people use have one while they run; it emits their events.
 */

const args = require('./arguments.js');
const { AgentwiseError, messageOf, call, callAsync } = require('./errors.js');
const { read, release, copyColumns, inOrder } = require('./document.js');
const { filterResult, optimizedResult, addLazy } = require('./result.js');
const { CacheView } = require('./cache-view.js');
const { emitWaiting, heardNames, weakly } = require('./native-emitter.js');
const { emit } = require('./emit.js');
const { emitDerived, withSources } = require('./derived-events.js');
const { cancellable, settledWithin, unlessAborted } = require('./jobs.js');
const { collectGarbage } = require('./garbage.js');
const { MemoryView, heap } = require('./memory-view.js');
const { MonitorView } = require('./monitor-view.js');
const { GivenOptimizer } = require('./given-optimizer.js');
const { hold } = require('./system-parts.js');
const { SystemConfiguration } = require('./system-configuration.js');
const { SystemReports } = require('./system-reports.js');
const { SystemTokens } = require('./system-tokens.js');
const { revive } = require('./revive.js');

class RunningSystem {
  #owner;
  #native;
  #plugIns;
  #given;
  #cache;
  #isMonitored = false;
  /** The last call of each agent that has one under way. */
  #turns = new Map();

  /**
   * @param {import('node:events').EventEmitter} owner whose events these are
   * @param {object} native what `openSystem` gave
   * @param plugIns functions of the user for the cache, or `null`
   * @param tokenOptimizer of the caller's, or `undefined`
   */
  constructor(owner, native, plugIns, tokenOptimizer) {
    this.#owner = owner;
    this.#native = native;
    this.#plugIns = plugIns;
    const emitWaitingEvents = () => this.emitWaiting();
    const warn = (message) => emit(owner, 'warning', { path: 'sharedContext', message });
    this.#cache = new CacheView(
      native.cache,
      {
        isStopped: false,
        isReference: false,
        isHeard: true,
        flights: new Map(),
        refreshing: new Set(),
        plugIns,
        emitWaiting: emitWaitingEvents,
        failed: (error) => {
          throw error;
        },
      },
      { key: 'query', value: 'response' },
    );
    plugIns?.begin(native.cache);
    this.configuration = new SystemConfiguration(native, weakly(this, RunningSystem.#reconfigured));
    this.tokens = new SystemTokens(native, warn);
    this.reports = new SystemReports(native);
    this.memory = new MemoryView(native.memory, emitWaitingEvents);
    this.monitor = new MonitorView(native.monitor, emitWaitingEvents);
    this.#given = GivenOptimizer.of(tokenOptimizer, {
      native,
      cache: this.#cache,
      memory: this.memory,
      failed: (agentId, error) => emit(owner, 'optimizationError', { agentId, error }),
    });
    this.#setMonitored(native.hasMonitor());
  }

  static #reconfigured(running) {
    running.configurationChanged();
  }

  /** Work that begins with the system and that nobody waits for. */
  begin() {
    // As many entries as `cache.warmOnStart` says.
    callAsync(this.#native.cache.warmMostUsed).catch(() => {});
    // Files of agents, which every filtering looks at again.
    callAsync(this.#native.refreshAgents).catch(() => {});
    this.listen();
    for (const warning of this.warnings()) emit(this.#owner, 'warning', warning);
  }

  /** The core begins to look after memory and health. */
  watch() {
    this.memory.turn();
    this.#native.watch();
    this.configuration.watch();
  }

  /** The core has something to say. */
  wake() {
    this.emitWaiting(); // First: the core may wake again from here on.
    this.memory.turn();
    this.monitor.turn();
    this.emitWaiting();
  }

  /** Emits what the native side has queued. Called by every method, so that events come before its promise resolves. */
  emitWaiting() {
    emitWaiting(this.#owner, this.#native, (name, data) =>
      emitDerived(this.#owner, name, data, () => this.status().statistics),
    );
  }

  listen() {
    this.#native?.listen(withSources(heardNames(this.#owner)));
  }

  get native() {
    return this.#native;
  }

  get isMonitored() {
    return this.#isMonitored;
  }

  get hasMemory() {
    return this.#native.hasMemory();
  }

  #setMonitored(isMonitored) {
    if (isMonitored && !this.#isMonitored) this.monitor.renewed();
    this.#isMonitored = isMonitored;
    hold(this.#owner, isMonitored);
  }

  async optimizeAgentContext(agentId, context, options) {
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
    // What others make of it belongs to the turn: a shutdown waits for it.
    const turn = callAsync(begin).then(async (output) => ({
      output,
      others: await this.#othersResult(agentId, source, output, request),
    }));
    const ended = Promise.allSettled([before, turn]);
    ended.then(() => {
      if (this.#turns.get(agentId) === ended) this.#turns.delete(agentId);
    });
    this.#turns.set(agentId, ended);
    try {
      const { output, others } = await turn;
      if (output.filter && this.#owner.listenerCount('contextFiltered') > 0) {
        emit(this.#owner, 'contextFiltered', filterResult(source, output.filter, { agentId, original: context }));
      }
      return others ? others.result : optimizedResult(source, output, request.includeDebugInfo, readMs);
    } finally {
      release(source);
      this.emitWaiting();
    }
  }

  #work(agentId, { asked, sending, signal }, columns) {
    // Gone when the deadline of a shutdown passed while this call waited for its turn.
    if (!this.#native) throw new AgentwiseError('E_SHUT_DOWN', 'the system was shut down; create a new one');
    const { optimize } = this.#native;
    const later = this.tokens.isBookedLater || this.#given !== null;
    const id = args.exactText(agentId);
    return cancellable(this.#native, signal, (job) =>
      call(optimize, id, job, ...asked, ...sending, later, ...inOrder(columns)),
    );
  }

  /**
   * What the caller's token optimizer makes of the filtered context, or a result that refers to the context that all agents
   * share, where there is one and it saves something.
   */
  async #othersResult(agentId, source, { filter, delta }, { asked, sending }) {
    const about = filter ? JSON.parse(delta) : undefined;
    if (!about?.isUnbooked) return undefined;
    const kept = filterResult(source, filter);
    const whose = { maxTokens: asked[1], model: sending[1], keys: source.keys };
    const result = this.#given
      ? await this.#given.result(agentId, kept.filtered, about, whose)
      : await this.tokens.sharedResult(agentId, kept.filtered, about, whose);
    if (result === undefined) return undefined;
    const isObject = result !== null && typeof result === 'object' && result !== kept.filtered;
    if (isObject && !Object.hasOwn(result, 'dropped')) addLazy(result, 'dropped', () => kept.dropped, false);
    return { result };
  }

  resolveReference(reference) {
    return JSON.parse(call(this.#native.resolve, args.string('reference', reference)));
  }

  async cacheResponse(query, response, ttlSeconds, options) {
    await this.#inCache(() => this.#cache.set(query, response, ttlSeconds, options));
  }

  async getCachedResponse(query, agentId, options) {
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
      emit(this.#owner, 'warning', { path: 'cache', message: messageOf(error) });
      return null;
    }
  }

  /** Loads as many of the most used entries into memory as `cache.warmOnStart` says. */
  async warmUp() {
    const loaded = await callAsync(this.#native.cache.warmMostUsed);
    await callAsync(this.#native.refreshAgents);
    this.emitWaiting();
    return loaded;
  }

  warnings() {
    return JSON.parse(this.#native.warnings());
  }

  status() {
    return {
      ...JSON.parse(call(this.#native.status, ...heap()), revive),
      sharedContext: this.tokens.stats(),
      warnings: this.warnings(),
    };
  }

  health() {
    return JSON.parse(call(this.#native.health, ...heap()), revive);
  }

  async writeReport(options) {
    const path = await this.reports.generateReport(options);
    this.emitWaiting();
    return path;
  }

  /** Parts may be on or off now that were not before. */
  configurationChanged() {
    this.#setMonitored(this.#native?.hasMonitor() === true);
    if (this.#native && !this.hasMemory) this.memory.released();
    this.emitWaiting();
  }

  async maintain() {
    const expiredEntries = await callAsync(this.#native.maintain);
    if (!this.hasMemory) return { expiredEntries, garbageCollected: collectGarbage() };
    return { expiredEntries, ...(await this.memory.performMaintenance()) };
  }

  /**
   * Ends everything in order: accepted work, plug-ins, the shared context, then the native parts. What is not done by the
   * deadline goes on by itself.
   *
   * @param {number} deadlineMs for all of it
   * @param {{ withReport?: boolean }} [options] whether the final report is written, if the configuration wants one
   * @returns {Promise<string[]>} names of what was not done
   */
  async stop(deadlineMs, { withReport = true } = {}) {
    const started = performance.now();
    const left = () => Math.max(0, deadlineMs - (performance.now() - started));
    const stragglers = [];
    this.configuration.stop();
    try {
      const turns = [...this.#turns.keys()];
      if (!(await settledWithin([...this.#turns.values()], left()))) {
        stragglers.push(...turns.filter((id) => this.#turns.has(id)).map((id) => `optimizeAgentContext of ${id}`));
      }
      const steps = { plugins: () => this.#plugIns?.stop(), sharedContext: () => this.tokens.disconnect() };
      for (const [name, step] of Object.entries(steps)) {
        // What fails is over as well.
        if (!(await settledWithin([attempt(step).catch(() => {})], left()))) stragglers.push(name);
      }
      this.monitor.flush();
      const { late } = JSON.parse(await callAsync(this.#native.shutDown, ...heap(), Math.ceil(left()), withReport));
      stragglers.push(...late);
      this.memory.stopped();
      this.monitor.stopped();
      this.emitWaiting();
    } finally {
      this.#release();
    }
    return stragglers;
  }

  /** Lets go of the native side. */
  #release() {
    this.#setMonitored(false);
    this.#native.close();
    this.#native = null;
  }
}

/** A promise also of what throws at once. */
async function attempt(work) {
  await work();
}

module.exports = { RunningSystem };
