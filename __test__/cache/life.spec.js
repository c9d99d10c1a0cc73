const fs = require('node:fs');
const { AdvancedCacheManager, ProductionOptimizationSystem } = require('../../index.js');
const { failureOf, KEEP_ALL } = require('../support.js');
const { unlessStoodStill } = require('../stand-still.js');
const { useCaches, allOf, runCache, toDisk } = require('./support.js');

const { open, path } = useCaches();

const mode = (...names) => fs.statSync(path(...names)).mode & 0o777;

describe('after stop()', () => {
  test('reading finds nothing, and what changes is refused', async () => {
    const cache = open();
    const view = cache.namespace('a');
    await cache.set('key', 1);
    await cache.stop();
    for (const stopped of [cache, view, cache.namespace('a')]) {
      expect(await stopped.get('key')).toBeNull();
      expect(await stopped.get('key', {})).toBeNull();
      expect(await stopped.has('key')).toBe(false);
      expect(await stopped.getMany(['key', 'b'])).toEqual([null, null]);
      expect(await allOf(stopped.keys())).toEqual([]);
      expect(await stopped.getOrCompute('key', () => 2)).toBe(2);
      const refused = [
        () => stopped.set('key', 1),
        () => stopped.setMany([{ key: 'key', value: 1 }]),
        () => stopped.delete('key'),
        () => stopped.deleteByTag('tag'),
        () => stopped.clear(),
        () => stopped.warmCache([{ key: 'key' }]),
        () => stopped.dump(path('dump')),
        () => stopped.load(path('dump')),
        () => stopped.flush(),
      ];
      for (const act of refused) expect((await failureOf(act())).code).toBe('E_SHUT_DOWN');
    }
    expect(fs.existsSync(path('dump'))).toBe(false);
  });

  test('the last figures stay', async () => {
    const cache = open();
    await cache.set('key', 1);
    await cache.get('key');
    await cache.stop();
    expect(cache.getStats().overall).toMatchObject({ totalHits: 1, totalMisses: 0 });
    expect(cache.getStats().l1.entries).toBe(1);
  });

  test('arguments are still checked', async () => {
    const cache = open();
    await cache.stop();
    for (const act of [() => cache.get(5), () => cache.set(5, 1), () => cache.has(5)])
      expect((await failureOf(act())).code).toBe('E_INVALID_ARGUMENT');
  });

  test('twice, and at once, and by await using, is the same', async () => {
    const cache = open();
    await cache.set('key', 1);
    await Promise.all([cache.stop(), cache.stop(), cache[Symbol.asyncDispose]()]);
    await cache.stop();
    expect(await open().get('key')).toBe(1);
  });

  test('while others work on it fails no lookup', async () => {
    const cache = open();
    for (let at = 0; at < 200; at++) await cache.set(`key ${at}`, at);
    await toDisk(cache);
    const lookups = Array.from({ length: 200 }, (_, at) => cache.get(`key ${at}`));
    const stopped = cache.stop();
    for (const [at, value] of (await Promise.all(lookups)).entries()) expect([at, null]).toContain(value);
    await stopped;
  });

  test('a computation that runs gives its value', async () => {
    const cache = open();
    let finish;
    const computed = cache.getOrCompute('key', () => new Promise((resolve) => (finish = resolve)));
    while (!finish) await new Promise((resolve) => setImmediate(resolve));
    await cache.stop();
    finish('value');
    expect(await computed).toBe('value');
  });

  test('a cache that another manager has open goes on', async () => {
    const [one, two] = [open(), open()];
    await one.set('key', 1);
    await one.stop();
    expect(await two.get('key')).toBe(1);
    await two.set('other', 2);
    await two.stop();
    expect(await open().getMany(['key', 'other'])).toEqual([1, 2]);
  });
});

describe('a restart', () => {
  test('finds everything that was stored before stop()', async () => {
    const cache = open({ l1MaxSize: 100 });
    const entries = Array.from({ length: 3000 }, (_, at) => ({ key: `key ${at}`, value: { at } }));
    await cache.setMany(entries);
    await cache.stop();
    const found = await open().getMany(entries.map(({ key }) => key));
    expect(found).toEqual(entries.map(({ value }) => value));
  });

  test('finds what was removed no more', async () => {
    const cache = open();
    await cache.set('deleted', 1);
    await cache.set('tagged', 1, 0, { tags: ['tag'] });
    await cache.set('kept', 1);
    await cache.flush();
    await cache.delete('deleted');
    await cache.deleteByTag('tag');
    await cache.stop();
    const again = open();
    expect(await again.getMany(['deleted', 'tagged', 'kept'])).toEqual([null, null, 1]);
    await again.clear();
    await again.stop();
    expect(await open().get('kept')).toBeNull();
  });

  test('finds tags, lives and owners as they were', async () => {
    const cache = open();
    await cache.set('short', 1, 0.05);
    await cache.set('own', 1, 0, { agentId: 'one', tags: ['tag'] });
    await cache.stop();
    const again = open();
    expect([await again.get('own'), await again.get('own', { agentId: 'one' })]).toEqual([null, 1]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await again.get('short')).toBeNull();
    expect(await again.deleteByTag('tag')).toBe(1);
  });
});

describe('the directory', () => {
  test('is made when the first entry is stored, for the user only, and is no part of backups or commits', async () => {
    const cache = open();
    await cache.get('key');
    await cache.has('key');
    expect(fs.existsSync(path('cache'))).toBe(false);
    await cache.set('key', 1);
    await cache.flush();
    expect(mode('cache')).toBe(0o700);
    expect(fs.readFileSync(path('cache', '.gitignore'), 'utf8')).toContain('*');
    expect(fs.readFileSync(path('cache', 'CACHEDIR.TAG'), 'utf8')).toMatch(
      /^Signature: 8a477f597d28d172789f06886806bc55/,
    );
    const files = fs.readdirSync(path('cache'), { recursive: true, withFileTypes: true });
    for (const file of files) {
      const name = `${file.parentPath ?? file.path}/${file.name}`;
      expect([name, fs.statSync(name).mode & 0o777]).toEqual([name, file.isDirectory() ? 0o700 : 0o600]);
    }
  });

  test('is .cache under the working directory by default, whatever that is later', async () => {
    const cache = new AdvancedCacheManager();
    fs.mkdirSync(path('elsewhere'));
    process.chdir(path('elsewhere'));
    await cache.set('key', 1);
    await cache.stop();
    process.chdir(path());
    expect(fs.existsSync(path('.cache', 'CACHEDIR.TAG'))).toBe(true);
    expect(fs.readdirSync(path('elsewhere'))).toEqual([]);
  });

  test('is not touched without persistToDisk', async () => {
    const cache = open({ persistToDisk: false });
    await cache.set('key', 'x'.repeat(10_000), 0, { durable: true });
    await cache.setMany([{ key: 'b', value: 1 }], { durable: true });
    await cache.flush();
    await cache.getOrCompute('c', () => 1);
    await cache.stop();
    expect(fs.readdirSync(path())).toEqual([]);
  });

  test('of a system is CACHE_DIR; a manager by itself has its cacheDir only', async () => {
    process.env.CACHE_DIR = path('from-environment');
    const system = await ProductionOptimizationSystem.create({ ...KEEP_ALL, cache: { cacheDir: path('configured') } });
    await system.cacheResponse('query', 1, 0, { durable: true });
    await system.shutdown();
    expect([fs.existsSync(path('from-environment')), fs.existsSync(path('configured'))]).toEqual([true, false]);
    const cache = open({ cacheDir: path('own') });
    await cache.set('key', 1);
    await cache.stop();
    expect(fs.existsSync(path('own', 'CACHEDIR.TAG'))).toBe(true);
  });
});

describe('a process', () => {
  const cacheIn = 'const cache = new AdvancedCacheManager({ cacheDir: directory + "/cache" });';

  test.each([
    ['forgets its manager', false, `${cacheIn} cache.set('key', 'value');`],
    ['forgets one that it used', false, `${cacheIn} cache.set('key', 'value').then(() => cache.get('key'));`],
    ['ends by process.exit() right after set', false, `${cacheIn} cache.set('key', 'value'); process.exit();`],
    ['awaits and ends by process.exit()', false, `${cacheIn} cache.set('key', 'value').then(() => process.exit());`],
    ['listens', false, `${cacheIn} cache.on('cacheSet', () => {}); cache.set('key', 'value');`],
    [
      'has a worker that sets',
      false,
      `const { Worker } = require('node:worker_threads');
      if (directory) new Worker(${JSON.stringify(`const { AdvancedCacheManager } = require(${JSON.stringify(require.resolve('../../index.js'))});
      new AdvancedCacheManager({ cacheDir: process.cwd() + '/cache' }).set('key', 'value');`)}, { eval: true });`,
    ],
    [
      'stored durably and was killed',
      true,
      `${cacheIn} cache.set('key', 'value', 0, { durable: true }).then(() => process.kill(process.pid, 'SIGKILL'));`,
    ],
    [
      'flushed and was killed',
      true,
      `${cacheIn} cache.set('key', 'value'); cache.flush().then(() => process.kill(process.pid, 'SIGKILL'));`,
    ],
  ])('that %s ends, and the next one finds the value', async (...row) => {
    const [, isWrittenBefore, source] = row;
    const attempt = async (number) => {
      const directory = path(`attempt-${number}`);
      fs.mkdirSync(directory);
      const { stderr } = await runCache(source, directory);
      expect(stderr).toBe('');
      return open({ cacheDir: `${directory}/cache` }).get('key');
    };
    const found = await (isWrittenBefore ? attempt(1) : unlessStoodStill(attempt, (value) => value === 'value'));
    expect(found).toBe('value');
  });

  test('that does nothing with a manager ends', async () => {
    expect(await runCache(`${cacheIn} cache.get('key');`, path())).toMatchObject({ code: 0, stderr: '' });
    expect(fs.existsSync(path('cache'))).toBe(false);
  });

  test('sees what another stored and removed meanwhile', async () => {
    const cache = open();
    await cache.set('key', 'old', 0, { durable: true });
    await cache.set('removed', 1, 0, { durable: true });
    const { stdout } = await runCache(
      `${cacheIn} (async () => {
        console.log(await cache.get('key'));
        await cache.set('key', 'new', 0, { durable: true });
        await cache.delete('removed');
        await cache.stop();
      })();`,
      path(),
    );
    expect(stdout).toBe('old\n');
    expect([await cache.get('key'), await cache.get('removed')]).toEqual(['new', null]);
  });
});
