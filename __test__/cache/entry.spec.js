const { EventEmitter } = require('node:events');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const root = require('../../index.js');
const entry = require('../../entry/cache.js');
const { ROOT, runNode } = require('../support.js');
const { useCaches } = require('./support.js');

const { open } = useCaches();
const BASE = JSON.stringify(pathToFileURL(path.join(ROOT, 'index.mjs')).href);

test('require gives the class from the root and from ./cache, by name and as default', () => {
  expect(entry.AdvancedCacheManager).toBe(root.AdvancedCacheManager);
  expect(entry.default).toBe(root.AdvancedCacheManager);
  expect(entry.__esModule).toBe(true);
});

test('the package gives the same class by its own name, from require and import', async () => {
  const found = await runNode(
    `import { createRequire } from 'node:module';
     import { AdvancedCacheManager as fromRoot } from 'agentwise-optimization';
     import standard, { AdvancedCacheManager as fromEntry } from 'agentwise-optimization/cache';
     import * as all from 'agentwise-optimization/cache';
     const require = createRequire(${BASE});
     const cjs = require('agentwise-optimization/cache');
     const same = [fromEntry, standard, cjs.AdvancedCacheManager, cjs.default, require('agentwise-optimization').AdvancedCacheManager];
     console.log(JSON.stringify({ same: same.map((one) => one === fromRoot), names: Object.keys(all).sort(), cjs: Object.keys(cjs).sort() }));`,
    { module: true },
  );
  expect(found).toEqual({
    same: Array(5).fill(true),
    names: ['AdvancedCacheManager', 'AgentwiseError', 'default'],
    cjs: ['AdvancedCacheManager', 'AgentwiseError', 'default'],
  });
});

test('a manager is a real EventEmitter', () => {
  const cache = open();
  const heard = [];
  const listener = (value) => heard.push(value);
  expect(cache).toBeInstanceOf(EventEmitter);
  expect(cache).toBeInstanceOf(root.AdvancedCacheManager);
  expect(cache.on('mine', listener)).toBe(cache);
  expect(cache.once('mine', listener)).toBe(cache);
  expect(cache.listenerCount('mine')).toBe(2);
  expect(cache.emit('mine', 1)).toBe(true);
  expect(cache.emit('mine', 2)).toBe(true);
  expect(cache.off('mine', listener)).toBe(cache);
  expect(cache.emit('mine', 3)).toBe(false);
  expect(heard).toEqual([1, 1, 2]);
});
