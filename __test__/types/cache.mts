/** The cache: from the package and from its subpath, with typed options, results and events. */

import type { EventEmitter } from 'node:events';
import { AdvancedCacheManager, type CacheConfig, type CacheEntry, type CacheStats } from 'agentwise-optimization';
import Default, {
  type AgentwiseError,
  type CacheEntryInfo,
  type CacheNamespace,
  type ComputeContext,
  type AdvancedCacheManager as FromEntry,
  type GetOrComputeOptions,
} from 'agentwise-optimization/cache';
import { check, type Same } from './check.mjs';

check<Same<typeof Default, typeof AdvancedCacheManager>>();
check<Same<typeof FromEntry, typeof AdvancedCacheManager>>();

interface Answer {
  text: string;
}

export async function single(cache: CacheNamespace): Promise<void> {
  const untyped = await cache.get('key');
  check<Same<typeof untyped, any>>();
  const typed = await cache.get<Answer>('key', { agentId: 'agent', model: 'model', systemPrompt: 'prompt' });
  check<Same<typeof typed, Answer | null>>();
  await cache.set('key', { any: [null] });
  await cache.set('key', 1, 60, {
    tags: ['tag'],
    durable: true,
    sliding: true,
    jitter: 0.1,
    staleSeconds: 5,
    agentId: 'a',
  });
  check<Same<Awaited<ReturnType<typeof cache.has>>, boolean>>();
  check<Same<Awaited<ReturnType<typeof cache.delete>>, boolean>>();
  const count: number = await cache.deleteByTag('tag');
  check<Same<typeof count, number>>();
  await cache.deleteByTag(['one', 'two']);
  await cache.clear();
  await cache.clear('L2');
  await cache.flush();
  const below: CacheNamespace = cache.namespace('a').namespace('b');
  await below.get('key');

  // @ts-expect-error a string
  await cache.get(5);
  // @ts-expect-error seconds are a number
  await cache.set('key', 1, '60');
  // @ts-expect-error a list
  await cache.set('key', 1, 60, { tags: 'tag' });
  // @ts-expect-error there is no such option
  await cache.set('key', 1, 60, { ttl: 5 });
  // @ts-expect-error there is no such layer
  await cache.clear('L4');
  // @ts-expect-error a namespace is not stopped by itself
  await cache.stop();
}

export async function many(cache: AdvancedCacheManager, signal: AbortSignal): Promise<void> {
  const found = await cache.getMany<Answer>(['a', 'b'], { agentId: 'agent', signal });
  check<Same<typeof found, (Answer | null)[]>>();
  await cache.setMany([{ key: 'a', value: 1, ttlSeconds: 5, tags: ['tag'], agentId: 'agent' }], {
    durable: true,
    signal,
  });
  for await (const key of cache.keys({ prefix: 'a', agentId: 'agent', signal })) check<Same<typeof key, string>>();
  const warmed = await cache.warmCache([{ key: 'a', priority: 1 }, { key: 'b' }], { signal });
  check<Same<typeof warmed, { total: number; found: number }>>();
  const onProgress = (entries: number) => [entries];
  const dumped = await cache.dump('file.zst', { signal, onProgress });
  check<Same<typeof dumped, { entries: number; bytes: number }>>();
  const loaded = await cache.load(new URL('file:///file'), {});
  check<Same<typeof loaded, { entries: number; skipped: number }>>();

  // @ts-expect-error a value is needed
  await cache.setMany([{ key: 'a' }]);
  // @ts-expect-error durable is for all of them
  await cache.setMany([{ key: 'a', value: 1, durable: true }]);
  // @ts-expect-error keys in a list
  await cache.getMany('a');
}

export async function computed(cache: CacheNamespace): Promise<void> {
  const options: GetOrComputeOptions = {
    ttlSeconds: 60,
    staleWhileRevalidateSeconds: 60,
    staleIfErrorSeconds: 600,
    negativeTtlSeconds: 5,
    forceRefresh: false,
    leaseSeconds: 5,
    durable: false,
    sliding: false,
    jitter: 0,
    tags: [],
    signal: new AbortController().signal,
  };
  const later = await cache.getOrCompute(
    'key',
    async ({ key, signal, stale }) => {
      check<Same<[typeof key, typeof signal, typeof stale], [string, AbortSignal, any]>>();
      return { text: key };
    },
    options,
  );
  check<Same<typeof later, Answer>>();
  const now = await cache.getOrCompute('key', (context: ComputeContext) => context.key.length);
  check<Same<typeof now, number>>();
  // @ts-expect-error a function
  await cache.getOrCompute('key', 5);
  // @ts-expect-error there is no such option
  await cache.getOrCompute('key', () => 1, { ttl: 5 });
}

export async function managed(): Promise<void> {
  await using cache = new AdvancedCacheManager({ l1MaxSize: 5, evictionPolicy: 'adaptive', valueMode: 'reference' });
  const emitter: EventEmitter = new Default();
  const below: CacheNamespace = cache;
  void [emitter, below];
  const stats = cache.getStats();
  check<Same<typeof stats, CacheStats>>();
  check<Same<typeof stats.l1.size, number>>();
  check<Same<typeof stats.l3.compressionRatio, number>>();
  check<Same<typeof stats.overall.similarityDetections, number>>();
  check<Same<typeof stats.whatever, any>>();
  check<Same<ReturnType<typeof cache.getHealthScore>, number>>();
  await cache.updateConfig({ ttlSeconds: 5 });
  await cache.stop();

  cache.on('cacheHit', ({ layer, key, entry }) => {
    check<Same<[typeof layer, typeof key, typeof entry], ['L1' | 'L2' | 'L3', string, CacheEntry]>>();
    check<Same<[typeof entry.createdAt, typeof entry.lastAccessed, typeof entry.value], [Date, Date, any]>>();
  });
  cache.once('cacheMiss', ({ key }) => check<Same<typeof key, string>>());
  cache.on('cacheSet', ({ layer }) => check<Same<typeof layer, 'L1' | 'L2'>>());
  cache.on('l1Eviction', ({ entry }) => check<Same<typeof entry.hitCount, number>>());
  cache.on('maintenance', ({ timestamp, stats: now }) =>
    check<Same<[typeof timestamp, typeof now], [Date, CacheStats]>>(),
  );
  cache.on('cacheWarmed', ({ total, found }) => check<Same<[typeof total, typeof found], [number, number]>>());
  cache.on('cacheCleared', ({ layer }) => check<Same<typeof layer, string>>());
  cache.on('degraded', ({ reason, message }) => check<Same<[typeof reason, typeof message], [string, string]>>());
  cache.on('configUpdated', ({ oldConfig, newConfig }) =>
    check<Same<[typeof oldConfig, typeof newConfig], [CacheConfig, CacheConfig]>>(),
  );
  cache.on('stopped', () => {});
  cache.on('mine', (...any) => any);

  const failed = (error: AgentwiseError) => error.code === 'E_CACHE_ENTRY_TOO_LARGE';
  void failed;
  // @ts-expect-error a number
  new AdvancedCacheManager({ l1MaxSize: '5' });
  // @ts-expect-error there is no such setting
  new AdvancedCacheManager({ maxSize: 5 });
  // @ts-expect-error there is no such policy
  await cache.updateConfig({ evictionPolicy: 'fifo' });
}

export function plugins(): AdvancedCacheManager {
  const cache = new AdvancedCacheManager(
    {},
    {
      embed: async (texts, { signal }) => texts.map((text) => Float32Array.of(text.length, signal.aborted ? 0 : 1)),
      verify: async (query, candidate) => query.length === candidate.length,
      embeddingModel: 'model',
      embeddingThreshold: 0.85,
      timeoutSeconds: 5,
    },
  );
  cache.on('pluginFailure', ({ plugin, message }) => {
    check<Same<typeof plugin, 'embed' | 'verify'>>();
    check<Same<typeof message, string>>();
  });
  // @ts-expect-error vectors are Float32Array
  new AdvancedCacheManager({}, { embed: async (texts: string[]) => texts });
  return cache;
}

export async function looking(cache: AdvancedCacheManager, signal: AbortSignal): Promise<void> {
  for await (const entry of cache.namespace('a').entries({ prefix: 'p', layer: 'L2', tag: 't', limit: 1, signal })) {
    check<Same<typeof entry, CacheEntryInfo>>();
    check<Same<typeof entry.layer, 'L1' | 'L2' | 'L3'>>();
    const born: Date = entry.createdAt;
    await cache.peek(entry.key, { agentId: born.toISOString() });
  }
  const found = await cache.peek<Answer>('key');
  if (found) check<Same<typeof found.value, Answer>>();
  const { damaged, database } = await cache.verify({ dryRun: true, signal, onProgress: (count: number) => count });
  check<Same<typeof database.state, 'ok' | 'damaged' | 'unfinished' | 'none'>>();
  const unknown: (string | null)[] = damaged.map(({ key }) => key);
  const { before, after } = await cache.compact({ signal });
  check<Same<typeof before, number>>();
  // @ts-expect-error there is no such layer
  cache.entries({ layer: 'L4' });
  // @ts-expect-error not of a namespace
  await cache.namespace('a').compact();
  void [unknown, after];
}
