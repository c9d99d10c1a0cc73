'use strict';

/** What a system has of the token optimizer besides the deltas of `optimizeAgentContext`. */

const args = require('./arguments.js');
const { call, messageOf } = require('./errors.js');
const { read, release, inOrder } = require('./document.js');
const deltas = require('./deltas.js');
const reports = require('./token-reports.js');
const { SharedSide } = require('./shared-side.js');

class SystemTokens {
  #native;
  #client;
  #shared;

  /**
   * @param {object} native of a system
   * @param {(message: string) => void} warn
   */
  constructor(native, warn) {
    this.#native = native;
    this.#client = openClient(JSON.parse(call(native.sharedContext)), warn);
    this.#shared = new SharedSide(this.#client);
  }

  /** Whether it is known only afterwards what a message is. */
  get isBookedLater() {
    return this.#shared.isActive;
  }

  /** The result that refers to the shared context, if there is one. Books the message. */
  async sharedResult(agentId, context, delta, { model, maxTokens, mode, keys }) {
    if (!delta.isUnbooked) return undefined;
    const changed = deltas.changedKeys({ key: (at) => keys[at] }, delta);
    const found = await this.#shared.result(agentId, context, delta, changed, (value) => this.#count(value));
    // Others are told what changed all the same; what was asked for is sent.
    const shared = mode === undefined || mode === 'auto' ? found : undefined;
    reports.book(
      this.#native.book,
      agentId,
      { operation: 'optimizeAgentContext', model, maxTokens },
      delta,
      shared?.tokens,
    );
    return shared?.result;
  }

  async #count(value) {
    const { source, result } = read(value, (columns) => call(this.#native.countContext, ...inOrder(columns)));
    release(source);
    return result;
  }

  stats() {
    return this.#client?.getStats();
  }

  async disconnect() {
    await this.#client?.disconnect();
  }

  acknowledge(agentId, hash) {
    return call(this.#native.acknowledge, args.exactText(args.string('agentId', agentId)), args.string('hash', hash));
  }

  resetAgent(agentId) {
    this.#shared.forget(args.string('agentId', agentId));
    return call(this.#native.resetAgent, args.exactText(agentId));
  }

  resolveBlocks(result, options) {
    return deltas.resolveBlocks(this.#native, result, options);
  }

  trackUsage(agentId, tokens, operation, options) {
    reports.trackUsage(this.#native.trackUsage, agentId, tokens, operation, options);
  }

  getOptimizationReport() {
    return reports.optimization(JSON.parse(call(this.#native.tokenReport)));
  }
}

/** A client that cannot be made is a warning: the system works without. */
function openClient({ isEnabled, projectId, url }, warn) {
  if (!isEnabled) return undefined;
  const { SharedContextClient } = require('./shared-context/client.js');
  try {
    const token = process.env.SHARED_CONTEXT_TOKEN || undefined;
    const client = new SharedContextClient({ projectId: projectId ?? 'default', url, token });
    client.on('warning', ({ message }) => warn(message));
    return client;
  } catch (error) {
    warn(messageOf(error));
    return undefined;
  }
}

module.exports = { SystemTokens };
