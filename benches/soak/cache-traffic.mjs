/**
 * Traffic of a cache that knows what may come back: each value says whose it is, which version and until when. What
 * was looked up is counted here, to be compared with what the cache says.
 */

import { text } from './contexts.mjs';
import { question } from './questions.mjs';

const TAGS = ['red', 'green', 'blue', 'grey'];
/** A life is looked at when it must be over: clocks and turns of the event loop take their time. */
const LATE_MS = 250;

/** How a system and a cache manager say the same. */
export const ofSystem = (system) => ({
  set: (key, value, ttl, options) => system.cacheResponse(key, value, ttl, options),
  get: (key, agentId) => system.getCachedResponse(key, agentId),
  stats: () => system.getStatus().components.cacheManager,
});
export const ofManager = (cache) => ({
  set: (key, value, ttl, options) => cache.set(key, value, ttl, options),
  get: (key, agentId) => cache.get(key, { agentId }),
  stats: () => cache.getStats(),
  cache,
});

export class CacheTraffic {
  #name;
  #store;
  #die;
  #ledger;
  #agents;
  #isLasting;
  /** By owner and key: the version that was stored last, the least that may come back, who is storing now. */
  #known = new Map();
  #versions = 0;
  lookups = 0;
  hits = 0;
  inFlight = 0;
  /** `getOrCompute` looks too, and may or may not count. */
  computed = 0;

  /** @param options `isLasting`: no life ends during the soak */
  constructor(name, store, { die, ledger, agents, isLasting = false }) {
    this.#name = name;
    this.#store = store;
    this.#die = die;
    this.#ledger = ledger;
    this.#agents = agents;
    this.#isLasting = isLasting;
  }

  async turn() {
    this.inFlight++;
    try {
      const way = this.#die.random();
      if (way < 0.55) await this.#look();
      else if (way < 0.9) await this.#put();
      else if (this.#store.cache === undefined) await this.#look();
      else if (way < 0.93) await this.#compute();
      else if (way < 0.96) await this.#remove();
      else if (way < 0.97) await this.#removeTag();
      else await this.#lookAtMany();
    } finally {
      this.inFlight--;
    }
  }

  #record(owner, key) {
    const name = `${owner ?? ''}\0${key}`;
    let known = this.#known.get(name);
    if (!known) {
      known = { stored: 0, least: 0, isBusy: false, tag: null };
      this.#known.set(name, known);
    }
    return known;
  }

  #owner() {
    return this.#die.chance(0.3) ? this.#die.pick(this.#agents) : undefined;
  }

  async #put() {
    const { chance, pick, below } = this.#die;
    const [key, id] = question(this.#die);
    const owner = this.#owner();
    const known = this.#record(owner, key);
    if (known.isBusy) return;
    known.isBusy = true;
    const version = ++this.#versions;
    const some = chance(0.2) ? 0.2 + below(20) / 10 : chance(0.3) ? 60 : undefined;
    const ttl = this.#isLasting ? undefined : some;
    const tag = chance(0.5) ? pick(TAGS) : null;
    const value = { id, key, owner: owner ?? null, version, body: text(this.#die, below(chance(0.05) ? 400 : 20)) };
    value.ends = ttl === undefined ? null : Date.now() + ttl * 1000;
    try {
      await this.#store.set(key, value, ttl, { agentId: owner, tags: tag ? [tag] : undefined });
      // The life begins within the call.
      if (ttl !== undefined) value.ends = Date.now() + ttl * 1000;
      Object.assign(known, { stored: version, least: version, tag, ends: value.ends });
      this.#ledger.count('cache: stored');
    } finally {
      known.isBusy = false;
    }
  }

  /** What a lookup gave, compared with what was known before it began. */
  #judge(value, { key, id, agentId, before, began }) {
    const check = (fact, holds) =>
      this.#ledger.check(`cache: ${fact}`, holds, () =>
        JSON.stringify({ cache: this.#name, key, agentId, before, value: { ...value, body: undefined } }),
      );
    check('an answer is one to the question', value.id === id);
    check("nobody gets another agent's answer", value.owner === null || value.owner === agentId);
    if (value.key !== key) return;
    const least = before.get(value.owner) ?? 0;
    check('no answer is older than the last one stored', value.version >= least);
    const known = this.#record(value.owner ?? undefined, key);
    if (known.stored === value.version && known.ends)
      check('no answer outlives its time', began < known.ends + LATE_MS);
  }

  /** The least version that may come back, by owner. */
  #leastOf(key, agentId) {
    const of = (owner) => this.#known.get(`${owner ?? ''}\0${key}`)?.least ?? 0;
    return new Map([
      [null, of(null)],
      [agentId, of(agentId)],
    ]);
  }

  async #look() {
    const [key, id] = question(this.#die);
    const agentId = this.#owner();
    const asked = { key, id, agentId, before: this.#leastOf(key, agentId), began: Date.now() };
    this.lookups++;
    const value = await this.#store.get(key, agentId);
    if (value === null) return;
    this.hits++;
    this.#judge(value, asked);
  }

  async #lookAtMany() {
    const asked = Array.from({ length: 1 + this.#die.below(20) }, () => question(this.#die));
    const before = asked.map(([key]) => this.#leastOf(key));
    const began = Date.now();
    this.lookups += asked.length;
    const values = await this.#store.cache.getMany(asked.map(([key]) => key));
    for (const [at, value] of values.entries()) {
      if (value === null) continue;
      this.hits++;
      const [key, id] = asked[at];
      this.#judge(value, { key, id, before: before[at], began });
    }
  }

  async #compute() {
    const [key, id] = question(this.#die);
    const known = this.#record(undefined, key);
    if (known.isBusy) return;
    known.isBusy = true;
    const before = this.#leastOf(key);
    const began = Date.now();
    const version = ++this.#versions;
    this.computed++;
    try {
      const fails = this.#die.chance(0.1);
      const signal = this.#die.chance(0.1) ? AbortSignal.timeout(1) : undefined;
      const compute = async () => {
        await new Promise((resolve) => setTimeout(resolve, this.#die.below(5)));
        if (fails) throw new Error('soak: nothing could be computed');
        return { id, key, owner: null, version, ends: null, body: 'computed' };
      };
      const value = await this.#store.cache.getOrCompute(key, compute, {
        ttlSeconds: this.#isLasting ? undefined : 30,
        signal,
      });
      if (value.version === version) Object.assign(known, { stored: version, least: version, ends: null, tag: null });
      else this.#judge(value, { key, id, before, began });
      this.#ledger.count('cache: computed');
    } catch (error) {
      if (error?.name !== 'TimeoutError' && !error?.message.startsWith('soak:')) throw error;
      // Who left does not know whether the value is stored.
      this.#ledger.count('cache: not computed');
    } finally {
      known.isBusy = false;
    }
  }

  async #remove() {
    const [key] = question(this.#die);
    const known = this.#record(undefined, key);
    if (known.isBusy) return;
    known.isBusy = true;
    try {
      await this.#store.cache.delete(key);
      known.least = known.stored + 1;
      this.#ledger.count('cache: deleted');
    } finally {
      known.isBusy = false;
    }
  }

  async #removeTag() {
    const tag = this.#die.pick(TAGS);
    const meant = [...this.#known.values()].filter((known) => known.tag === tag && !known.isBusy);
    const versions = meant.map(({ stored }) => stored);
    try {
      await this.#store.cache.deleteByTag(tag);
    } catch (error) {
      if (error?.code !== 'E_CACHE_DISK') throw error;
      this.#ledger.count('cache: tags not deleted for want of a disk');
      return;
    }
    this.#ledger.count('cache: tags deleted');
    for (const [at, known] of meant.entries()) {
      if (known.stored === versions[at]) known.least = Math.max(known.least, versions[at] + 1);
    }
  }

  /** Compares the cache's own figures with what was counted here. Exact while nothing is under way. */
  checkStats() {
    if (this.inFlight > 0) return false;
    const stats = this.#store.stats();
    const { totalHits, totalMisses } = stats.overall;
    const counted = totalHits + totalMisses;
    const say = () =>
      JSON.stringify({
        cache: this.#name,
        totalHits,
        totalMisses,
        lookups: this.lookups,
        hits: this.hits,
        computed: this.computed,
      });
    this.#ledger.check(
      'cache: hits + misses are the lookups',
      counted >= this.lookups && counted <= this.lookups + this.computed,
      say,
    );
    this.#ledger.check(
      'cache: hits are the answers',
      totalHits >= this.hits && totalHits <= this.hits + this.computed,
      say,
    );
    const { l1, l2, l3 } = stats;
    this.#ledger.check(
      'cache: every layer keeps its size',
      l1.entries <= l1.maxSize && l1.sizeMB <= l1.maxSizeMB && l2.sizeMB <= l2.maxSizeMB && l3.sizeMB <= l3.maxSizeMB,
      () => JSON.stringify({ cache: this.#name, l1, l2, l3 }),
    );
    return true;
  }
}
