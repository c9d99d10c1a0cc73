/** How a token optimizer is made, set, asked of its parts, and closed. */

const fs = require('node:fs');
const path = require('node:path');
const { AdvancedCacheManager, AgentContextFilter, applyDelta, TokenOptimizer } = require('../../index.js');
const { ROOT, contextA, failureOf, runNode, seeded, useOwnDirectory } = require('../support.js');
const { linesOf, useOptimizers, wire } = require('./support.js');

const directory = useOwnDirectory();
const open = useOptimizers();
const text = linesOf(seeded(1), 60).join('');

/** A message with a reference, for agents of the optimizer. */
async function referring(optimizer) {
  await optimizer.optimizeContext('first', { text }, { encoding: 'blocks' });
  const message = wire(await optimizer.optimizeContext('second', { text }, { encoding: 'blocks' }));
  expect(message.texts.text).toEqual([[expect.any(Number)]]);
  return message;
}

describe('settings', () => {
  const DEFAULTS = {
    encoding: 'keys',
    acknowledgement: 'implicit',
    acknowledgementTimeoutMs: 300_000,
    prices: {},
    blockStoreMB: 200,
    blockMemoryMB: 64,
    blockIndexMB: 32,
    blockRetentionSeconds: 604_800,
  };

  test('have defaults', () => {
    for (const options of [undefined, {}, { projectId: undefined }, { environment: 'production' }]) {
      expect(open(options).getConfig()).toEqual(DEFAULTS);
    }
  });

  test('are changed all or none', async () => {
    const optimizer = open({ encoding: 'blocks', model: 'gpt-4o' });
    optimizer.updateConfig({ blockStoreMB: 5 });
    expect(optimizer.getConfig()).toEqual({ ...DEFAULTS, encoding: 'blocks', model: 'gpt-4o', blockStoreMB: 5 });
    const bad = { encoding: 'lines', blockStoreMB: -1, blockMemoryMB: 7, unknown: 1 };
    const error = await failureOf(() => optimizer.updateConfig(bad));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
    expect(error.problems.map(({ path }) => path).sort()).toEqual(['blockStoreMB', 'encoding', 'unknown']);
    expect(optimizer.getConfig()).toMatchObject({ encoding: 'blocks', blockStoreMB: 5, blockMemoryMB: 64 });
    expect((await failureOf(() => optimizer.updateConfig(5))).code).toBe('E_INVALID_ARGUMENT');
  });

  test.each([
    [{ encoding: 'lines' }, 'encoding'],
    [{ acknowledgement: true }, 'acknowledgement'],
    [{ acknowledgementTimeoutMs: 0 }, 'acknowledgementTimeoutMs'],
    [{ acknowledgementTimeoutMs: 1.5 }, 'acknowledgementTimeoutMs'],
    [{ acknowledgementTimeoutMs: '5' }, 'acknowledgementTimeoutMs'],
    [{ model: '' }, 'model'],
    [{ prices: [] }, 'prices'],
    [{ blockStoreMB: 0 }, 'blockStoreMB'],
    [{ blockMemoryMB: Number.NaN }, 'blockMemoryMB'],
    [{ blockIndexMB: Number.POSITIVE_INFINITY }, 'blockIndexMB'],
    [{ blockRetentionSeconds: 0.5 }, 'blockRetentionSeconds'],
    [{ blockRetentionSeconds: 1n }, 'blockRetentionSeconds'],
    [{ environment: 'mars' }, 'environment'],
    [{ maxTokens: 5 }, 'maxTokens'],
  ])('%p is refused', async (options, path) => {
    const error = await failureOf(() => open(options));
    expect([error.code, error.problems.map((problem) => problem.path)]).toEqual(['E_CONFIG_INVALID', [path]]);
  });
});

describe('arguments of the constructor', () => {
  test.each([
    ['options that are text', [null, null, null, null, 'options']],
    ['options that are a list', [null, null, null, null, []]],
    ['a project that is none', [null, null, null, null, { projectId: 5 }]],
    ['a directory that is none', [null, null, null, null, { cacheDir: 5 }]],
    ['whether there is a disk as text', [null, null, null, null, { persistToDisk: 'no' }]],
    ['a client that is none', [{}]],
    ['a memory manager that is none', [null, 5]],
    ['a cache that is none', [null, null, 'cache']],
    ['a cache that gives nothing', [null, null, {}]],
    ['a filter that is none', [null, null, null, true]],
    ['a filter that does not filter', [null, null, null, {}]],
  ])('%s is refused', async (_, given) => {
    const error = await failureOf(() => new TokenOptimizer(...given));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
  });

  test.each([[[]], [[undefined]], [[null, null, null, null, null]]])('%p are none', async (given) => {
    const optimizer = new TokenOptimizer(...given);
    expect(await optimizer.optimizeContext('agent', contextA())).toEqual(contextA());
    await optimizer.close();
  });

  test('setters refuse the same, and nothing changes', async () => {
    const filter = { filterContext: async () => ({ filtered: 'filtered' }) };
    const optimizer = open({}, { filter });
    for (const [name, value] of [
      ['setMemoryManager', 5],
      ['setCacheManager', {}],
      ['setContextFilter', {}],
      ['setContextFilter', 'filter'],
    ]) {
      expect((await failureOf(() => optimizer[name](value))).code).toBe('E_INVALID_ARGUMENT');
    }
    expect(await optimizer.optimizeContext('agent', {})).toBe('filtered');
    optimizer.setContextFilter(null);
    expect(await optimizer.optimizeContext('agent', {})).toEqual({});
  });
});

describe('parts', () => {
  test('the memory manager hears of what agents hold, and says whom to throttle', async () => {
    const heard = [];
    const memory = { registerAgentMemory: (...given) => heard.push(given), shouldThrottleAgent: (id) => id === 'b' };
    const optimizer = open({}, { memory });
    expect([optimizer.shouldThrottleAgent('a'), optimizer.shouldThrottleAgent('b')]).toEqual([false, true]);
    await optimizer.optimizeContext('a', { é: 1 });
    await optimizer.optimizeContext('a', { é: 12 });
    expect(heard).toEqual([
      ['a', Buffer.byteLength('{"é":1}'), 0],
      ['a', Buffer.byteLength('{"é":12}'), 0],
    ]);
    optimizer.setMemoryManager(null);
    expect(optimizer.shouldThrottleAgent('b')).toBe(false);
  });

  test('the cache answers', async () => {
    const optimizer = open();
    expect(await optimizer.getCachedResponse('question', 'a')).toBe(null);
    const cache = new AdvancedCacheManager({ persistToDisk: false });
    optimizer.setCacheManager(cache);
    await cache.set('question', 'for all');
    await cache.set('secret', 'for one', 0, { agentId: 'a' });
    expect(await optimizer.getCachedResponse('question', 'b')).toBe('for all');
    expect(await optimizer.getCachedResponse('secret', 'a')).toBe('for one');
    expect(await optimizer.getCachedResponse('secret', 'b')).toBe(null);
    expect(await optimizer.getCachedResponse('secret')).toBe(null);
    expect((await failureOf(optimizer.getCachedResponse(5))).code).toBe('E_INVALID_ARGUMENT');
    await cache.stop();
  });

  test('our filter leaves out what the agent does not need', async () => {
    const filter = new AgentContextFilter();
    const optimizer = open({}, { filter });
    const context = {
      currentTask: 'Make the button of the login form responsive',
      'node_modules/react/index.js': text,
      'login.tsx': 'export const Login = () => <form />;',
    };
    const { filtered } = await filter.filterContext('frontend-specialist', context);
    expect(Object.keys(filtered)).not.toContain('node_modules/react/index.js');
    const result = await optimizer.optimizeContext('frontend-specialist', context);
    expect(result).toEqual(filtered);
    expect(result.tokensSaved).toBeGreaterThan(500);
  });

  test('clean-up makes agents new, and cleans the parts', async () => {
    let cleaned = 0;
    const part = { get: async () => null, performMaintenance: async () => cleaned++ };
    const optimizer = open({}, { memory: part, cache: part });
    await optimizer.optimizeContext('agent', { a: 1 });
    await optimizer.performProductionCleanup();
    expect(cleaned).toBe(2);
    expect((await optimizer.optimizeContext('agent', { a: 1 })).type).toBe('full');
  });
});

describe('where texts are', () => {
  const isThere = (name) => fs.existsSync(directory.path(name));

  test('by themselves in memory', async () => {
    const optimizer = open();
    const message = await referring(optimizer);
    expect(applyDelta(undefined, await optimizer.resolveBlocks(message))).toEqual({ text });
    expect(optimizer.getBlockStats()).toMatchObject({ texts: 1, store: { disk: { state: 'off' } } });
    expect(optimizer.getBlockStats().indexBytes).toBeGreaterThan(0);
    await optimizer.close();
    expect(fs.readdirSync(directory.path())).toEqual([]);
  });

  test('nowhere before the first', async () => {
    const optimizer = open({ cacheDir: directory.path('own') });
    await optimizer.optimizeContext('agent', contextA());
    expect(isThere('own')).toBe(false);
    await referring(optimizer);
    expect(isThere('own/blocks')).toBe(true);
  });

  test('beside the answers of the cache, of its namespace', async () => {
    const cache = new AdvancedCacheManager({ cacheDir: directory.path('answers'), namespace: 'shop' });
    const message = await referring(open({}, { cache }));
    expect(isThere('answers/blocks')).toBe(true);
    const same = open({ cacheDir: directory.path('answers'), projectId: 'shop' });
    expect(applyDelta(undefined, await same.resolveBlocks(message))).toEqual({ text });
    const other = open({ projectId: 'other' }, { cache });
    expect((await failureOf(other.resolveBlocks(message))).code).toBe('E_REFERENCE_UNKNOWN');
    await cache.stop();
  });

  test('in memory where the cache is, or where that is asked for', async () => {
    const cache = new AdvancedCacheManager({ persistToDisk: false });
    await referring(open({}, { cache }));
    await referring(open({ cacheDir: directory.path('own'), persistToDisk: false }));
    expect(fs.readdirSync(directory.path())).toEqual([]);
    await cache.stop();
  });

  test('elsewhere when that is changed: what is elsewhere is not known', async () => {
    const optimizer = open({ cacheDir: directory.path('one') });
    const message = await referring(optimizer);
    optimizer.updateConfig({ cacheDir: directory.path('two') });
    expect((await failureOf(optimizer.resolveBlocks(message))).code).toBe('E_REFERENCE_UNKNOWN');
    optimizer.updateConfig({ cacheDir: directory.path('one') });
    expect(applyDelta(undefined, await optimizer.resolveBlocks(message))).toEqual({ text });
  });

  test('relative to the working directory', async () => {
    await referring(open({ cacheDir: 'relative' }));
    expect(isThere('relative/blocks')).toBe(true);
  });
});

describe('close', () => {
  test('waits for calls under way, and may come again', async () => {
    const optimizer = open();
    const calls = Array.from({ length: 20 }, (_, at) => optimizer.optimizeContext('agent', { at }));
    let done = 0;
    for (const call of calls) call.then(() => done++);
    await optimizer.close();
    expect(done).toBe(20);
    await Promise.all([optimizer.close(), optimizer.close()]);
  });

  test('is what disposing does, and leaves no listener', async () => {
    const counts = await runNode(`
      const { TokenOptimizer } = require(${JSON.stringify(path.join(ROOT, 'index.js'))});
      const counts = [];
      const count = () => counts.push(process.listenerCount('exit'));
      (async () => {
        count();
        const optimizers = Array.from({ length: 20 }, () => new TokenOptimizer());
        count();
        for (const optimizer of optimizers) await optimizer[Symbol.asyncDispose]();
        count();
        console.log(JSON.stringify(counts));
      })();`);
    expect(counts).toEqual([counts[0], counts[0] + 1, counts[0]]);
  });

  test('ends nothing for good: a later call opens the texts again', async () => {
    const optimizer = open({ cacheDir: directory.path('own') });
    const message = await referring(optimizer);
    await optimizer.close();
    expect(applyDelta(undefined, await optimizer.resolveBlocks(message))).toEqual({ text });
    const result = await optimizer.optimizeContext('second', { text: `${text}!` }, { encoding: 'blocks' });
    expect(applyDelta({ text }, await optimizer.resolveBlocks(result))).toEqual({ text: `${text}!` });
  });
});
