'use strict';

const args = require('./arguments.js');
const { AgentwiseError, call, callAsync } = require('./errors.js');
const { read, release, copyColumns, inOrder, assemble, setOwn } = require('./document.js');
const { sentResult, addFacts } = require('./result.js');
const deltas = require('./deltas.js');
const { renderForPrompt } = require('./prompt.js');
const { countTokens, countTokensAsync, modelInfo } = require('./token-count.js');
const { SharedSide } = require('./shared-side.js');
const { trimmedContext } = require('./trimmed.js');
const { unlessAborted } = require('./jobs.js');
const components = require('./components.js');
const { placeOf } = require('./block-place.js');
const reports = require('./token-reports.js');
const exit = require('./exit.js');
const native = require('./binding.js');

const DEFAULT_MAX_TOKENS = 8000;
const ENCODINGS = ['keys', 'blocks'];

/** What is not a setting of the core. */
const OWN_OPTIONS = ['projectId', 'cacheDir', 'persistToDisk'];

class TokenOptimizer {
  #native;
  #options;
  #shared;
  #memory = null;
  #cache = null;
  #filter = null;
  /** The last call of each agent that has one under way. */
  #turns = new Map();
  #unwatch;

  constructor(sharedContextClient, memoryManager, cacheManager, contextFilter, options = {}) {
    this.#options = { ...args.options('options', options) };
    this.#shared = new SharedSide(sharedContextClient);
    this.#memory = components.memoryManager(memoryManager);
    this.#cache = components.cacheManager(cacheManager);
    this.#filter = components.contextFilter(contextFilter);
    this.#native = call(native.openTokens, this.#settings(), this.#place(), process.cwd());
    this.#unwatch = exit.watch();
  }

  #settings(options = this.#options) {
    const settings = Object.fromEntries(Object.entries(options).filter(([name]) => !OWN_OPTIONS.includes(name)));
    return args.configurationJson(settings);
  }

  #place(options = this.#options, cache = this.#cache) {
    return JSON.stringify(placeOf(options, cache));
  }

  setSharedContextClient(client) {
    this.#shared.setClient(client);
  }

  setSharedContextEnabled(enabled) {
    if (typeof enabled !== 'boolean') throw new AgentwiseError('E_INVALID_ARGUMENT', 'enabled must be a boolean');
    this.#shared.isEnabled = enabled;
  }

  setMemoryManager(memoryManager) {
    this.#memory = components.memoryManager(memoryManager);
  }

  setCacheManager(cacheManager) {
    const cache = components.cacheManager(cacheManager);
    call(this.#native.configure, '{}', this.#place(this.#options, cache), process.cwd());
    this.#cache = cache;
  }

  setContextFilter(contextFilter) {
    this.#filter = components.contextFilter(contextFilter);
  }

  updateConfig(partial) {
    const given = { ...args.options('partial', partial) };
    const options = { ...this.#options, ...given };
    call(this.#native.configure, this.#settings(given), this.#place(options), process.cwd());
    this.#options = options;
  }

  getConfig() {
    return JSON.parse(this.#native.config());
  }

  async optimizeContext(agentId, context, options) {
    args.string('agentId', agentId);
    const given = args.options('options', options);
    const request = {
      encoding: args.optionalOneOf('options.encoding', given.encoding, ENCODINGS),
      model: args.optionalString('options.model', given.model),
      operation: args.optionalString('options.operation', given.operation),
      signal: args.signal('options.signal', given.signal),
    };
    request.signal?.throwIfAborted();
    // A delta says what changed since the agent's last result: calls for one agent run one after the other. Without a
    // filter the context is read now all the same, so that the caller may change it afterwards.
    const before = this.#turns.get(agentId);
    const work = this.#filter
      ? this.#filtered(agentId, context, request, before)
      : this.#direct(agentId, context, request, before);
    const ended = Promise.allSettled([before, work]);
    this.#turns.set(agentId, ended);
    ended.then(() => {
      if (this.#turns.get(agentId) === ended) this.#turns.delete(agentId);
    });
    return work;
  }

  /** Reads and sends at once, or when the agent's turn comes. */
  async #direct(agentId, context, request, before) {
    const { source, result: begin } = read(context, (columns) => {
      if (!before) {
        const pending = this.#send(agentId, request, columns);
        return () => pending;
      }
      const own = copyColumns(columns);
      return () => unlessAborted(before, request.signal).then(() => this.#send(agentId, request, own));
    });
    try {
      return await this.#result(agentId, request, source, JSON.parse(await callAsync(begin)));
    } finally {
      release(source);
    }
  }

  async #filtered(agentId, context, request, before) {
    // Both look at the context now: the caller may change it afterwards.
    const looking = Promise.all([
      this.#count(context),
      this.#filter.filterContext(agentId, context, 0, 0, { signal: request.signal }),
    ]);
    looking.catch(() => {});
    if (before) await unlessAborted(before, request.signal);
    const [originalTokens, { filtered }] = await looking;
    request.signal?.throwIfAborted();
    const { source, result: pending } = read(filtered, (columns) =>
      this.#send(agentId, { ...request, originalTokens }, columns),
    );
    try {
      return await this.#result(agentId, request, source, JSON.parse(await callAsync(() => pending)));
    } finally {
      release(source);
    }
  }

  #send(agentId, { encoding, model, operation, originalTokens }, columns) {
    const id = args.exactText(agentId);
    // With a shared context it is not known yet what is sent.
    const later = this.#shared.isActive;
    return call(this.#native.optimize, id, encoding, model, operation, originalTokens, later, ...inOrder(columns));
  }

  /** What is sent, after the shared context has had its say. */
  async #result(agentId, request, source, delta) {
    const whole = () => assemble(source).filtered;
    this.#register(agentId, delta.bytes);
    if (delta.isUnbooked) {
      const changed = deltas.changedKeys(deltas.entriesOf(source), delta);
      const shared = await this.#shared.result(agentId, whole(), delta, changed, (value) => this.#count(value));
      reports.book(this.#native.book, agentId, request, delta, shared?.tokens);
      if (shared) return shared.result;
    }
    const result = sentResult(deltas.entriesOf(source), delta, whole);
    // A root of a class of its own is the caller's object: nothing is added to it. Nothing can be added to a scalar.
    if (delta.type === 'full' && (source.isOpaque || result === null || typeof result !== 'object')) return result;
    return addFacts(result, delta);
  }

  #register(agentId, bytes) {
    try {
      this.#memory?.registerAgentMemory?.(agentId, bytes, 0);
    } catch {
      // The agent's next delta is against this result: it must not be lost for a figure.
    }
  }

  async #count(value) {
    const { source, result } = read(value, (columns) => call(this.#native.countContext, ...inOrder(columns)));
    release(source);
    return callAsync(() => result);
  }

  async computeContextDiff(oldContext, newContext) {
    if (oldContext === undefined || oldContext === null) return newContext;
    return deltas.contextDiff(oldContext, newContext);
  }

  async trimContext(context, maxTokens = DEFAULT_MAX_TOKENS) {
    args.number('maxTokens', maxTokens, 1);
    const { source, result: pending } = read(context, (columns) =>
      call(this.#native.trim, Math.floor(maxTokens), ...inOrder(columns)),
    );
    try {
      const trimmed = JSON.parse(await callAsync(() => pending));
      return trimmedContext(assemble(source).filtered, trimmed);
    } finally {
      release(source);
    }
  }

  async scheduleAgents(agents, tasks) {
    const { batches } = await this.#schedule(args.names('agents', agents), args.array('tasks', tasks ?? []));
    return batches;
  }

  async #schedule(names, tasks) {
    return JSON.parse(await callAsync(this.#native.schedule, names, args.jsonOf('tasks', tasks)));
  }

  async optimizeAgentConfiguration(agents, context) {
    const names = args.names('agents', agents);
    const tasks = Array.isArray(context?.tasks) ? context.tasks : [];
    const { batches, cycles, unknown } = await this.#schedule(names, tasks);
    const results = {};
    const contexts = {};
    for (const name of names) {
      setOwn(contexts, name, this.#filter ? (await this.#filter.filterContext(name, context)).filtered : context);
      setOwn(results, name, await this.optimizeContext(name, context));
    }
    const shared = await this.#common(names, contexts);
    return reports.configuration({
      names,
      batches,
      results,
      factsOf: deltas.factsOf,
      shared,
      cycles,
      unknown,
      originalTokens: names.length * (await this.#count(context)),
      sharedContextEnabled: this.#shared.isActive,
    });
  }

  async compressSharedContext(agents) {
    return this.#common(args.names('agents', agents), {});
  }

  async #common(names, contexts) {
    const common = JSON.parse(await callAsync(this.#native.common, names.map(args.exactText)));
    return reports.sharedContext(common, contexts);
  }

  async getCachedResponse(query, agentId) {
    args.string('query', query);
    if (!this.#cache) return null;
    const scope = args.optionalString('agentId', agentId);
    const value = await this.#cache.get(query, scope === undefined ? undefined : { agentId: scope });
    return value === undefined ? null : value;
  }

  countTokens(value, options) {
    return this.#calibrated(countTokens(value, options), options);
  }

  async countTokensAsync(value, options) {
    return this.#calibrated(await countTokensAsync(value, options), options);
  }

  /** Counts of models whose tokenizer is not ours are corrected by what was reported of them. */
  #calibrated(count, options) {
    const { model, encoding } = options ?? {};
    if (typeof model !== 'string' || typeof encoding === 'string') return count;
    return call(this.#native.calibrated, model, count);
  }

  predictPromptTokens(agentId, tokens, model) {
    args.string('model', model);
    return call(
      this.#native.predict,
      model,
      args.exactText(args.string('agentId', agentId)),
      args.number('tokens', tokens),
    );
  }

  getCalibration(model) {
    return JSON.parse(call(this.#native.calibration, args.string('model', model))) ?? undefined;
  }

  getModel(model) {
    return modelInfo(model);
  }

  trackUsage(agentId, tokens, operation, options) {
    reports.trackUsage(this.#native.trackUsage, agentId, tokens, operation, options);
  }

  getOptimizationReport() {
    return reports.optimization(JSON.parse(call(this.#native.tokenReport)));
  }

  getEnhancedOptimizationReport() {
    return reports.enhanced(this.getOptimizationReport(), this.#components(), this.#shared.isActive);
  }

  getSharedContextStats() {
    const { totals } = JSON.parse(call(this.#native.tokenStats));
    return this.#shared.stats(totals);
  }

  getBlockStats() {
    const { blocks, store } = JSON.parse(call(this.#native.tokenStats));
    return { texts: blocks?.texts ?? 0, indexBytes: blocks?.indexBytes ?? 0, store };
  }

  shouldThrottleAgent(agentId) {
    return this.#memory?.shouldThrottleAgent?.(args.string('agentId', agentId)) === true;
  }

  async performProductionCleanup() {
    await callAsync(this.#native.maintain);
    await this.#memory?.performMaintenance?.();
    await this.#cache?.performMaintenance?.();
  }

  getProductionHealthStatus() {
    return reports.health(this.#components());
  }

  #components() {
    return { memoryManager: this.#memory, cacheManager: this.#cache, contextFilter: this.#filter };
  }

  applyDelta(base, delta) {
    return deltas.applyDelta(base, delta);
  }

  applyDeltaAsync(base, delta) {
    return deltas.applyDeltaAsync(base, delta);
  }

  resolveBlocks(result, options) {
    return deltas.resolveBlocks(this.#native, result, options);
  }

  toMessage(result) {
    return deltas.toMessage(result);
  }

  renderForPrompt(result) {
    return renderForPrompt(result);
  }

  acknowledge(agentId, hash) {
    return call(this.#native.acknowledge, args.exactText(args.string('agentId', agentId)), args.string('hash', hash));
  }

  resetAgent(agentId) {
    this.#shared.forget(agentId);
    return call(this.#native.resetAgent, args.exactText(args.string('agentId', agentId)));
  }

  async close() {
    await Promise.allSettled([...this.#turns.values()]);
    await callAsync(this.#native.close);
    this.#unwatch();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

module.exports = { TokenOptimizer };
