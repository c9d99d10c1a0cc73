/**
 * What the cache in memory is compared with, each as it comes: `{ name, get(key), set(key, value), close() }`. A peer
 * that cannot be loaded is left out and named in `missing`.
 */

import { createHash } from 'node:crypto';

const TTL_MS = 3600e3;

/** The replaced way: the key hashed with SHA-256, the value kept by reference, its size taken from its JSON. */
async function replaced({ entries }) {
  const { LRUCache } = await import('lru-cache');
  const kept = new LRUCache({ max: entries });
  const hash = (key) => createHash('sha256').update(key).digest('hex');
  return {
    get: async (key) => kept.get(hash(key))?.value ?? null,
    set: async (key, value) => {
      kept.set(hash(key), { value, size: JSON.stringify(value).length });
    },
  };
}

async function keyv() {
  const { default: Keyv } = await import('keyv');
  const cache = new Keyv();
  return { get: (key) => cache.get(key), set: (key, value) => cache.set(key, value) };
}

async function cacheable() {
  const { Cacheable } = await import('cacheable');
  const cache = new Cacheable();
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  };
}

async function bentocache({ entries }) {
  const { BentoCache, bentostore } = await import('bentocache');
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const stores = { memory: bentostore().useL1Layer(memoryDriver({ maxItems: entries })) };
  // Its default of 30 s would end within the measurement.
  const cache = new BentoCache({ default: 'memory', ttl: TTL_MS, stores });
  return {
    get: (key) => cache.get({ key }),
    set: (key, value) => cache.set({ key, value }),
    close: () => cache.disconnectAll(),
  };
}

const MAKERS = { 'replaced way': replaced, keyv, cacheable, BentoCache: bentocache };

/** @param {{ entries: number }} room each is made to hold at least so many entries */
export async function memoryPeers(room) {
  const peers = [];
  const missing = [];
  for (const [name, make] of Object.entries(MAKERS)) {
    try {
      peers.push({ name, close: async () => {}, ...(await make(room)) });
    } catch (error) {
      missing.push(`${name} is not compared: ${error.message.split('\n', 1)[0]}`);
    }
  }
  return { peers, missing };
}
