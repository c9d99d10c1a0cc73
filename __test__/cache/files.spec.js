const fs = require('node:fs');
const { pathToFileURL } = require('node:url');
const { zstdDecompressSync } = require('node:zlib');
const { failureOf } = require('../support.js');
const { useCaches, allOf, toDisk, toArchive, sleep, untilQuick } = require('./support.js');

const { open, path } = useCaches();

const VALUES = [
  null,
  '',
  's',
  '{"a":1}',
  '\u0001',
  '\ud800',
  'line\nbreak\r\u2028',
  { a: [1, { b: null }] },
  [],
  0,
  'é😀'.repeat(1000),
];

/** A cache with all kinds of entries, and another empty one. */
async function filled(config) {
  const cache = open(config);
  await cache.setMany(VALUES.map((value, at) => ({ key: `key ${at}`, value })));
  await cache.set('\ud800', 'ill-formed', 0, { tags: ['tag', '\ud801'] });
  await cache.set('own', 'of one', 500, { agentId: 'one', model: 'm', systemPrompt: 'prompt', tags: ['tag'] });
  await cache.namespace('below').set('key', 'below');
  return cache;
}
const ENTRIES = VALUES.length + 3;
const empty = () => open({ cacheDir: path('other') });

async function expectFilled(cache) {
  expect(await cache.getMany(VALUES.map((_, at) => `key ${at}`))).toEqual(VALUES);
  expect(await cache.get('\ud800')).toBe('ill-formed');
  expect(await cache.get('own', { agentId: 'one', model: 'm', systemPrompt: 'prompt' })).toBe('of one');
  expect(await cache.get('own', { agentId: 'one', model: 'm' })).toBeNull();
  expect(await cache.namespace('below').get('key')).toBe('below');
  expect(await allOf(cache.keys())).toHaveLength(VALUES.length + 1);
  expect(await cache.deleteByTag('\ud801')).toBe(1);
  expect(await cache.deleteByTag('tag')).toBe(1);
}

describe.each(['dump.jsonl', 'dump.zst', 'DUMP.ZST', 'no ending é'])('a dump named %s', (name) => {
  test.each([
    ['in memory only', { persistToDisk: false }, async () => {}],
    ['that wait to be written', {}, async () => {}],
    ['on disk', {}, toDisk],
    [
      'in the archive',
      { compressionThreshold: 0 },
      async (cache) => {
        await toArchive(cache);
        // The archive takes what is over the threshold, which nothing is.
        await cache.set('key 1', '');
      },
    ],
  ])('brings entries %s to another cache', async (_, config, move) => {
    const cache = await filled(config);
    await move(cache);
    const dumped = await cache.dump(path(name));
    expect(dumped).toEqual({ entries: ENTRIES, bytes: fs.statSync(path(name)).size });
    const other = empty();
    expect(await other.load(path(name))).toEqual({ entries: ENTRIES, skipped: 0 });
    await expectFilled(other);
  });

  test('is readable by the user only, and is the only file left', async () => {
    const cache = await filled();
    fs.mkdirSync(path('files'));
    await cache.dump(path('files', name));
    expect(fs.statSync(path('files', name)).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path('files'))).toEqual([name]);
  });

  const DAMAGES = [
    ['truncated', (bytes) => bytes.subarray(0, -5)],
    ['cut in half', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['without its last line', (bytes) => bytes.subarray(0, bytes.lastIndexOf('\n', bytes.length - 2) + 1)],
    ['with a changed byte', (bytes) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1)],
    ['with a line more', (bytes) => Buffer.concat([bytes, Buffer.from('{"key":"more","value":1}\n')])],
    ['twice', (bytes) => Buffer.concat([bytes, bytes])],
    ['other JSON', () => Buffer.from('{"some":"thing"}\n')],
    ['other text', () => Buffer.from('text')],
    ['empty', () => Buffer.alloc(0)],
    ['NULs', (bytes) => Buffer.alloc(bytes.length)],
  ];

  test.each(DAMAGES)('that is %s is refused, and nothing of it is stored', async (_, damage) => {
    const cache = await filled();
    await cache.dump(path(name));
    const bytes = fs.readFileSync(path(name));
    const damaged = damage(bytes);
    if (damaged.length > 0 && damaged.equals?.(bytes)) throw new Error('not damaged');
    fs.writeFileSync(path(name), damaged);
    const other = empty();
    await other.set('before', 1);
    const error = await failureOf(other.load(path(name)));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CACHE_FILE_INVALID']);
    expect(error.message).toContain(path(name));
    expect(await allOf(other.keys())).toEqual(['before']);
    expect(await allOf(other.namespace('below').keys())).toEqual([]);
  });

  test('of an empty cache is sound', async () => {
    expect(await open().dump(path(name))).toMatchObject({ entries: 0 });
    expect(await empty().load(path(name))).toEqual({ entries: 0, skipped: 0 });
  });
});

describe('dump', () => {
  test('is JSON lines with the times, tags and owner of each entry', async () => {
    const cache = open();
    await cache.set('key', { a: 1 }, 100, {
      agentId: 'one',
      systemPrompt: 'the prompt',
      tags: ['tag'],
      sliding: true,
      staleSeconds: 5,
    });
    await cache.dump(path('dump'));
    const text = fs.readFileSync(path('dump'), 'utf8');
    const [header, entry, trailer, rest] = text.split('\n').map((line) => (line === '' ? '' : JSON.parse(line)));
    expect(header).toMatchObject({ format: 'agentwise-cache', version: 1 });
    expect(entry).toMatchObject({
      key: 'key',
      value: { a: 1 },
      agentId: 'one',
      tags: ['tag'],
      ttlMs: 100_000,
      sliding: true,
      staleMs: 5000,
    });
    expect(entry.expiresAt - entry.createdAt).toBe(100_000);
    expect(trailer).toMatchObject({ entries: 1 });
    expect(rest).toBe('');
    expect(text).not.toContain('the prompt');
  });

  test('ending in .zst is zstd', async () => {
    const cache = await filled();
    await cache.dump(path('dump.zst'));
    const bytes = fs.readFileSync(path('dump.zst'));
    expect(bytes.readUInt32LE(0)).toBe(0xfd2fb528);
    if (zstdDecompressSync) expect(zstdDecompressSync(bytes).toString()).toContain('agentwise-cache');
    expect(bytes.length).toBeLessThan((await cache.dump(path('dump'))).bytes);
  });

  test('leaves out what is expired, and what expires until it is loaded is skipped', async () => {
    const cache = open();
    await untilQuick(async (seconds, isWithin) => {
      await cache.set('expired', 1, 0.01, { staleSeconds: 60 });
      await cache.set('short', 1, seconds);
      await cache.set('long', 1);
      await sleep(15);
      const dumped = await cache.dump(path('dump'));
      if (!isWithin()) return false;
      expect(dumped).toMatchObject({ entries: 2 });
      await sleep(seconds * 1000);
      return true;
    });
    const other = empty();
    expect(await other.load(path('dump'))).toEqual({ entries: 1, skipped: 1 });
    expect(await allOf(other.keys())).toEqual(['long']);
  });

  test('loaded does not make lives longer', async () => {
    const cache = open();
    const other = empty();
    await untilQuick(async (seconds, isWithin) => {
      await cache.set('key', 1, seconds);
      await cache.dump(path('dump'));
      await other.load(path('dump'));
      const found = await other.get('key');
      if (!isWithin()) return false;
      expect(found).toBe(1);
      await sleep(seconds * 1000 + 10);
      return true;
    });
    expect(await other.get('key')).toBeNull();
  });

  test('loaded replaces what is there, and skips what is too large', async () => {
    const cache = open();
    await cache.set('key', 'new');
    await cache.set('large', 'x'.repeat(5000));
    await cache.dump(path('dump'));
    const other = open({ cacheDir: path('other'), maxEntrySizeMB: 0.001 });
    await other.set('key', 'old');
    expect(await other.load(path('dump'))).toEqual({ entries: 1, skipped: 1 });
    expect([await other.get('key'), await other.get('large')]).toEqual(['new', null]);
  });

  test('takes a URL and a path relative to the working directory', async () => {
    const cache = await filled();
    await cache.dump('relative');
    expect(await empty().load(pathToFileURL(path('relative')))).toMatchObject({ entries: ENTRIES });
  });

  test('replaces a file when it is complete, whatever its mode was', async () => {
    fs.writeFileSync(path('dump'), 'old', { mode: 0o644 });
    const open_ = fs.openSync(path('dump'), 'r');
    const cache = await filled();
    await cache.dump(path('dump'));
    // Whoever has the old file open still reads the old one.
    expect(fs.readFileSync(open_, 'utf8')).toBe('old');
    fs.closeSync(open_);
    expect(fs.statSync(path('dump')).mode & 0o777).toBe(0o600);
    expect(await empty().load(path('dump'))).toMatchObject({ entries: ENTRIES });
  });

  test('of a symbolic link leaves no half of a file at its target', async () => {
    fs.writeFileSync(path('target'), 'old');
    fs.symlinkSync(path('target'), path('link'));
    const cache = await filled();
    await cache.dump(path('link'));
    expect(await empty().load(path('link'))).toMatchObject({ entries: ENTRIES });
    const isLink = fs.lstatSync(path('link')).isSymbolicLink();
    if (!isLink) expect(fs.readFileSync(path('target'), 'utf8')).toBe('old');
  });

  test.each([
    ['dump', 'a directory that is not there', (name) => name('none', 'dump')],
    ['dump', 'a directory', (name) => name()],
    ['load', 'a file that is not there', (name) => name('none')],
    ['load', 'a directory', (name) => name()],
  ])('%s of %s is E_IO', async (work, _, of) => {
    const error = await failureOf(open()[work](of(path)));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_IO']);
    expect(error.message).toContain(of(path));
  });

  test.each([
    [undefined],
    [null],
    [''],
    ['a\u0000b'],
    [5],
    [{}],
    [new URL('http://localhost/')],
  ])('%p is refused as a file', async (file) => {
    const cache = open();
    for (const work of ['dump', 'load']) {
      const error = await failureOf(cache[work](file));
      expect([file, work, error.code]).toEqual([
        file,
        work,
        expect.stringMatching(/^E_INVALID_ARGUMENT|ERR_INVALID_URL_SCHEME$/),
      ]);
    }
  });

  test.each([[{ signal: {} }], [{ onProgress: 5 }], ['options']])('options %p are refused', async (options) => {
    const cache = open();
    for (const work of ['dump', 'load'])
      expect((await failureOf(cache[work](path('dump'), options))).code).toBe('E_INVALID_ARGUMENT');
    expect(fs.existsSync(path('dump'))).toBe(false);
  });

  test('and load end with the reason of an abort, before and meanwhile', async () => {
    const cache = open({ l1MaxSize: 100_000 });
    await cache.setMany(Array.from({ length: 60_000 }, (_, at) => ({ key: `key ${at}`, value: { at } })));
    await cache.flush();
    const reason = new Error('enough');
    await expect(cache.dump(path('dump'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const dumping = failureOf(cache.dump(path('dump'), { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 2);
    expect(await dumping).toBe(reason);
    expect(fs.readdirSync(path()).filter((name) => name !== 'cache')).toEqual([]);

    const counts = [];
    expect(await cache.dump(path('dump'), { onProgress: (entries) => counts.push(entries) })).toMatchObject({
      entries: 60_000,
    });
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.every((entries) => Number.isInteger(entries) && entries > 0 && entries <= 60_000)).toBe(true);
    const other = empty();
    await expect(other.load(path('dump'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const loading = new AbortController();
    const load = failureOf(other.load(path('dump'), { signal: loading.signal }));
    setTimeout(() => loading.abort(reason), 2);
    expect(await load).toBe(reason);
  });

  test('load tells its progress', async () => {
    const cache = open({ l1MaxSize: 100_000 });
    await cache.setMany(Array.from({ length: 60_000 }, (_, at) => ({ key: `key ${at}`, value: 'x'.repeat(200) })));
    await cache.dump(path('dump.zst'));
    const counts = [];
    await empty().load(path('dump.zst'), { onProgress: (entries) => counts.push(entries) });
    expect(counts.length).toBeGreaterThan(0);
    expect(counts.every((entries) => entries > 0 && entries <= 60_000)).toBe(true);
  });
});
