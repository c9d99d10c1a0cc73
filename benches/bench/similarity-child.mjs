/** Prints the bytes that a cache with the questions on standard input adds to the process: with similarity if asked. */

import { readFileSync } from 'node:fs';
import { AdvancedCacheManager } from '../../index.mjs';

const stored = readFileSync(0, 'utf8').split('\n');
const config = { persistToDisk: false, l1MaxSize: stored.length };
const cache = new AdvancedCacheManager({ ...config, enableSimilarityDetection: process.argv[2] === 'with' });
globalThis.gc?.();
const before = process.memoryUsage.rss();
for (const question of stored) await cache.set(question, 'answer');
await cache.lookup('is all of it taken up', { explain: true });
globalThis.gc?.();
console.log(process.memoryUsage.rss() - before);
await cache.stop();
