/** Sends contexts and makes them again of what was sent, as another process would. */

import { createHash } from 'node:crypto';
import { applyDelta, countTokensAsync, toMessage } from '../../../index.mjs';

/** JSON of a context with its top-level keys in order: where new keys come is not part of what is restored. */
export function jsonOf(context) {
  return JSON.stringify(Object.fromEntries(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
}

export const sha256Of = (text) => createHash('sha256').update(text).digest('hex');

/** References in a result. */
function referencesOf({ texts = {}, values = {} }) {
  return [texts, values].flatMap((parts) => Object.values(parts).flat()).filter((part) => typeof part !== 'string')
    .length;
}

/** The texts by which values can be referred to. */
export const textsOf = (context) =>
  Object.values(context).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));

/** The side that has what it was sent before. */
export class Receiver {
  #optimizer;
  #contexts = new Map();
  #texts = new Map();

  constructor(optimizer) {
    this.#optimizer = optimizer;
  }

  /** The context that a message is, after JSON. `withHave`: of its own texts first, not of the store. */
  async take(agent, message, { withHave = false, agentId } = {}) {
    const have = this.#texts.get(agent) ?? new Set();
    const plain = await this.#optimizer.resolveBlocks(message, withHave ? { have, agentId } : { agentId });
    const context = applyDelta(this.#contexts.get(agent), plain);
    this.#contexts.set(agent, context);
    if (withHave) {
      for (const text of textsOf(context)) have.add(text);
      this.#texts.set(agent, have);
    }
    return context;
  }
}

/**
 * Sends a context and restores it. Tokens are o200k_base.
 * @param {object} optimizer of the sender
 * @param {Receiver} receiver
 * @param {{ agent: string, context: object, options?: object }} call
 * @returns {Promise<{ message: string, transport: number, prompt: number, fetched: number, references: number,
 *   isExact: boolean }>} `transport`: tokens of the message with its hashes; `prompt`: of the result as a prompt shows it
 */
export async function sendAndRestore(optimizer, receiver, { agent, context, options }) {
  const expected = jsonOf(context);
  const result = await optimizer.optimizeContext(agent, context, options);
  const message = JSON.stringify(toMessage(result));
  const shown = JSON.stringify(result);
  const [transport, prompt] = await Promise.all([countTokensAsync(message), countTokensAsync(shown)]);
  const { fetchTokens: fetched = 0 } = result;
  return {
    message,
    transport,
    prompt,
    fetched,
    references: result.encoding === 'blocks' ? referencesOf(result) : 0,
    isExact: await isSame(receiver, agent, message, expected),
  };
}

async function isSame(receiver, agent, message, expected) {
  try {
    return jsonOf(await receiver.take(agent, JSON.parse(message))) === expected;
  } catch {
    return false;
  }
}

/** Bytes of texts that are kept in an optimizer's folder, or in its memory. */
export function bytesStored(optimizer) {
  const { store } = optimizer.getBlockStats();
  if (!store) return 0;
  const onDisk = store.l2.storedBytes + store.l3.storedBytes;
  return onDisk > 0 ? onDisk : Math.round(store.l1.sizeMB * 1e6);
}
