/**
 * LangChain: a cache of models that several processes share, that survives a restart and lets answers end. For any model of
 * LangChain; the ones here are its fake models, which give their answers one after the other.
 *
 *   node langchain.mjs
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseCache, deserializeStoredGeneration, serializeGeneration } from '@langchain/core/caches';
import { FakeListChatModel, FakeLLM } from '@langchain/core/utils/testing';
import AdvancedCacheManager from 'agentwise-optimization/cache';

class AgentwiseCache extends BaseCache {
  #entries;
  #ttlSeconds;

  /**
   * @param {AdvancedCacheManager} cache
   * @param {{ ttlSeconds?: number }} [options] how long an answer lives; default that of the cache
   */
  constructor(cache, { ttlSeconds } = {}) {
    super();
    this.#entries = cache.namespace('langchain');
    this.#ttlSeconds = ttlSeconds;
  }

  /** `llmKey` names the model with all its parameters; the encoder makes a hash of both. */
  async lookup(prompt, llmKey) {
    const stored = await this.#entries.get(this.keyEncoder(prompt, llmKey), { exact: true });
    return stored === null ? null : stored.map(deserializeStoredGeneration);
  }

  /** An answer that cannot be stored (too large) is not lost: the model's call goes on. */
  async update(prompt, llmKey, generations) {
    const stored = generations.map(serializeGeneration);
    const storing = this.#entries.set(this.keyEncoder(prompt, llmKey), stored, this.#ttlSeconds);
    await storing.catch(({ code }) => console.warn(code));
  }
}

const cacheDir = await mkdtemp(join(tmpdir(), 'langchain-example-'));
const manager = new AdvancedCacheManager({ cacheDir });
try {
  const cache = new AgentwiseCache(manager, { ttlSeconds: 600 });

  const chat = new FakeListChatModel({ responses: ['first', 'second', 'third'], cache });
  const say = async (text) => (await chat.invoke(text)).text;
  console.log('chat:', await say('Hello'), '/', await say('Hello'), '/', await say('Bye'));

  let calls = 0;
  class CountingLLM extends FakeLLM {
    async _call(prompt, options) {
      calls += 1;
      return super._call(prompt, options);
    }
  }
  const text = new CountingLLM({ response: 'a text', cache });
  console.log('text:', await text.invoke('Write'), '/', await text.invoke('Write'), '/ calls:', calls);

  const { totalHits, totalMisses } = manager.getStats().overall;
  console.log({ totalHits, totalMisses });
} finally {
  await manager.stop();
  await rm(cacheDir, { recursive: true, force: true });
}
