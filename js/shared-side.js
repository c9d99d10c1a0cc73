'use strict';

/**
 * What the token optimizer has of the context that all agents of a project share: a client of the caller's, or ours.
 *
 * A client that fails or does not answer costs an agent nothing but its help: the answer is made without it.
 */

const { AgentwiseError } = require('./errors.js');
const deltas = require('./deltas.js');
const { within } = require('./jobs.js');

/** How long a client may take for one context, ms: ours gives up before. */
const DEADLINE_MS = 10_000;

/** How long one that took longer is not asked again, ms. */
const PAUSE_MS = 30_000;

const LATE = new AgentwiseError('E_SHARED_CONTEXT', 'the client of the shared context does not answer');

/** Agents whose keys are remembered. */
const MAX_AGENTS = 10_000;

const METHODS = ['getContext', 'setContext', 'updateContext', 'createDiff'];

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

class SharedSide {
  #client;
  isEnabled = true;
  /** Until when a client that did not answer is left alone. */
  #notBefore = 0;
  /** By agent, the keys that it gave to the shared context: nobody takes away what others gave. */
  #given = new Map();

  constructor(client) {
    this.setClient(client);
  }

  setClient(client) {
    if (client === undefined || client === null) {
      this.#client = null;
      return;
    }
    const missing = METHODS.filter((name) => typeof client[name] !== 'function');
    if (missing.length > 0) {
      throw new AgentwiseError('E_INVALID_ARGUMENT', `sharedContextClient must have ${missing.join(', ')}`);
    }
    this.#client = client;
    this.#given.clear();
  }

  get isActive() {
    return this.isEnabled && this.#client !== null;
  }

  /**
   * The result that refers to the shared context, and its tokens; `undefined` where there is none yet, where it is away, and
   * where it saves nothing.
   * @param {Set<string> | undefined} changed keys that the agent changed since its last context; `undefined`: it had none
   * @param {(value: unknown) => Promise<number>} count tokens of a value's JSON
   */
  async result(agentId, context, delta, changed, count) {
    if (!this.isActive || !isObject(context) || performance.now() < this.#notBefore) return undefined;
    try {
      return await within(this.#exchange(agentId, context, delta, changed, count), DEADLINE_MS, LATE);
    } catch (error) {
      // Whatever it is, the client tells it by its own events; the agent gets its context all the same.
      if (error === LATE) this.#notBefore = performance.now() + PAUSE_MS;
      return undefined;
    }
  }

  async #exchange(agentId, context, { originalTokens, hash, type }, changed, count) {
    const client = this.#client;
    const base = await client.getContext({ useCache: true });
    if (!isObject(base)) {
      await client.setContext(context);
      this.#remember(agentId, context);
      return undefined;
    }
    const diff = await client.createDiff(base, context);
    // What a receiver would make of it has to be the context, whatever the client says.
    if (!isObject(diff) || (await deltas.hashContextAsync(deltas.withDiff(base, diff))) !== hash) return undefined;
    const result = { type: 'shared_incremental', diff, sharedReference: true, tokensSaved: 0 };
    // The figure is part of what it is a figure of: its own digits are counted with it.
    let tokens = await count(result);
    result.tokensSaved = originalTokens - tokens;
    tokens = await count(result);
    result.tokensSaved = originalTokens - tokens;
    await this.#give(client, agentId, context, diff, changed);
    // Nothing is shorter than that nothing has changed.
    const isUnchanged = type === 'incremental' && changed?.size === 0;
    if (result.tokensSaved <= 0 || isUnchanged) return undefined;
    const baseHash = await deltas.hashContextAsync(base);
    for (const [name, value] of Object.entries({ hash, baseHash })) {
      Object.defineProperty(result, name, { value, writable: true, configurable: true, enumerable: false });
    }
    return {
      result: deltas.note(result, { type: 'shared_incremental', hash, baseHash, tokensSaved: result.tokensSaved }),
      tokens,
    };
  }

  /**
   * Tells the others what the agent itself changed since its last context, and takes back what it gave and no longer has: what
   * others changed meanwhile stays.
   */
  async #give(client, agentId, context, diff, changed) {
    const own = this.#given.get(agentId);
    const mine = (object) =>
      Object.fromEntries(Object.entries(object ?? {}).filter(([key]) => changed?.has(key) ?? true));
    const [added, modified] = [mine(diff.added), mine(diff.modified)];
    const gone = (diff.removed ?? []).filter((key) => own?.has(key));
    this.#remember(agentId, context);
    if (Object.keys(added).length + Object.keys(modified).length + gone.length === 0) return;
    await client.updateContext({ added, modified, removed: gone, unchanged: [] });
  }

  #remember(agentId, context) {
    this.#given.delete(agentId);
    this.#given.set(agentId, new Set(Object.keys(context)));
    if (this.#given.size > MAX_AGENTS) this.#given.delete(this.#given.keys().next().value);
  }

  forget(agentId) {
    this.#given.delete(agentId);
  }

  stats({ agents, operations }) {
    let clientStats = null;
    let connected = false;
    try {
      clientStats = this.#client?.getStats?.() ?? null;
      connected = this.#client?.isConnected?.() === true;
    } catch {
      // A client of the caller's that cannot say has no stats.
    }
    return { enabled: this.isActive, connected, clientStats, localCacheSize: agents, totalMetrics: operations };
  }
}

module.exports = { SharedSide };
