import { EventEmitter } from 'node:events';
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import AdvancedCacheManager, {
  CacheConfig,
  CacheEntry,
  CacheStats,
  SimilarQuery,
} from './caching/AdvancedCacheManager.js';

const whole: CacheConfig = {
  l1MaxSize: 1000,
  l2MaxSizeMB: 500,
  l3MaxSizeMB: 1000,
  ttlSeconds: 3600,
  compressionThreshold: 1024,
  similarityThreshold: 0.8,
  enableCompression: true,
  enableSimilarityDetection: true,
  persistToDisk: false,
  cacheDir: '.cache',
  environment: 'production',
};

interface Answer {
  text: string;
  tokens: number;
}

export async function cache(): Promise<void> {
  const partial: Partial<CacheConfig> = { persistToDisk: false, l1MaxSize: 10 };
  for (const config of [undefined, partial, whole]) await new AdvancedCacheManager(config).stop();

  const manager = new AdvancedCacheManager({ ...whole, ...partial });
  const heard: string[] = [];
  manager.on('cacheHit', ({ layer, key, entry }: { layer: string; key: string; entry: CacheEntry }) => {
    heard.push(`${layer} ${key} ${entry.hitCount >= 0}`);
  });
  manager.on('cacheMiss', (event: { key: string }) => void event.key);
  manager.on('cacheSet', (event) => void [event.layer, event.key, event.entry.size, event.entry.value.anything]);
  manager.on(
    'l1Eviction',
    ({ key, entry }) =>
      void [key, entry.createdAt.getTime(), entry.lastAccessed, entry.ttl, entry.compressed, entry.similarity],
  );
  manager.on('similarityDetection', (data: any) => void data.original);
  manager.on(
    'similarityDetection',
    ({ original, similar, similarity, cacheKey }) => void [original, similar, similarity * 100, cacheKey],
  );
  manager.on(
    'maintenance',
    ({ timestamp, stats }: { timestamp: Date; stats: CacheStats }) => void [timestamp, stats.overall.hitRate],
  );
  manager.on('cacheWarmed', ({ total, found }) => void (total - found));
  manager.on('cacheCleared', ({ layer }: { layer: string }) => void layer);
  manager.on('configUpdated', () => undefined);
  manager.on('stopped', () => undefined);

  strictEqual(await manager.get('nothing'), null);
  await manager.set('key', { text: 'an answer', tokens: 3 });
  await manager.set('short', [1, 'two', null], 60);
  await manager.set('zero', 0, 0);
  const answer: Answer = await manager.get('key');
  deepStrictEqual(answer, { text: 'an answer', tokens: 3 });
  const { text } = await manager.get('key');
  strictEqual(text, 'an answer');
  await manager.warmCache([
    { key: 'key', priority: 10 },
    { key: 'gone', priority: 1 },
  ]);

  const stats: CacheStats = manager.getStats();
  const figures: number[] = [
    stats.l1.size,
    stats.l1.maxSize,
    stats.l1.hitRate,
    stats.l1.entries,
    stats.l2.sizeMB,
    stats.l2.maxSizeMB,
    stats.l2.hitRate,
    stats.l2.entries,
    stats.l3.sizeMB,
    stats.l3.maxSizeMB,
    stats.l3.hitRate,
    stats.l3.entries,
    stats.l3.compressionRatio,
    stats.overall.totalHits,
    stats.overall.totalMisses,
    stats.overall.hitRate,
    stats.overall.evictions,
    stats.overall.similarityDetections,
  ];
  ok(figures.every((figure) => Number.isFinite(figure)));
  strictEqual(stats.l1.maxSize, 10);
  const score: number = manager.getHealthScore();
  ok(score > 0);
  manager.updateConfig({ ttlSeconds: 60 });
  await manager.updateConfig({ l1MaxSize: 20 });
  await manager.clear('L1');
  for (const layer of ['L2', 'L3'] as const) await manager.clear(layer);
  await manager.clear();
  await manager.clear(undefined);
  ok(manager instanceof EventEmitter && heard.includes('L1 key true'));
  const similar: SimilarQuery[] = [{ query: 'another', similarity: 0.9 }];
  strictEqual(similar.length, 1);
  await manager.stop();
}
