/** Looking into a cache without using it: `entries`, `peek`, `verify`, `compact`. */

const fs = require('node:fs');
const { useCaches, allOf, toDisk, toArchive, heardBy, until, untilQuick } = require('./support.js');

const { open, path } = useCaches();

const keysOf = async (iterator) => (await allOf(iterator)).map(({ key }) => key).sort();

/** Bytes of the newest database with its log. */
function fileBytes() {
  const generation = fs
    .readdirSync(path('cache'))
    .filter((name) => name.startsWith('v1-'))
    .sort()
    .at(-1);
  return ['cache.db', 'cache.db-wal'].reduce((sum, name) => {
    const file = fs.statSync(path('cache', generation, name), { throwIfNoEntry: false });
    return sum + (file?.size ?? 0);
  }, 0);
}

test('entries say where they are and what is known of them, and hold no value', async () => {
  const cache = open();
  const before = Date.now();
  await cache.set('question', { answer: 'secret of the value' }, 60, {
    tags: ['a', 'b'],
    agentId: 'coder',
    model: 'm',
  });
  const [entry, ...others] = await allOf(cache.entries());
  expect(others).toEqual([]);
  expect(entry).toEqual({
    key: 'question',
    namespace: [''],
    agentId: 'coder',
    model: 'm',
    layer: 'L1',
    layers: ['L1', 'L2'],
    size: JSON.stringify({ answer: 'secret of the value' }).length,
    storedSize: expect.any(Number),
    compressed: false,
    createdAt: expect.any(Date),
    lastAccessed: expect.any(Date),
    expiresAt: expect.any(Date),
    hitCount: 0,
    tags: ['a', 'b'],
    stale: false,
    cursor: expect.any(String),
  });
  expect(entry.storedSize).toBeGreaterThan(entry.size);
  // The time of entries goes on by another clock, which may be a fraction of a millisecond behind.
  expect(entry.createdAt.getTime()).toBeGreaterThanOrEqual(before - 1);
  expect(entry.expiresAt - entry.createdAt).toBe(60_000);
});

test('layers are told apart, and each lists what the statistics count', async () => {
  const cache = open();
  for (let number = 0; number < 30; number++) await cache.set(`key ${number}`, `${'word '.repeat(500)}${number}`);
  await toArchive(cache);
  await cache.set('new', 'value');
  await cache.flush();
  await cache.get('key 3');
  const stats = cache.getStats();
  for (const layer of ['L1', 'L2', 'L3']) {
    const found = await allOf(cache.entries({ layer }));
    expect([layer, found.length]).toEqual([layer, stats[layer.toLowerCase()].entries]);
    for (const { layers } of found) expect(layers).toContain(layer);
  }
  const archived = (await allOf(cache.entries({ prefix: 'key 4' })))[0];
  expect(archived).toMatchObject({ layer: 'L3', layers: ['L3'], compressed: true });
  expect(archived.storedSize).toBeLessThan(archived.size);
});

test('prefix, tag, agent, limit and after choose', async () => {
  const cache = open();
  for (const [key, options] of [
    ['a1', { tags: ['red'] }],
    ['a2', { tags: ['red', 'blue'], agentId: 'one' }],
    ['a3', { agentId: 'two' }],
    ['b1', { tags: ['blue'] }],
  ]) {
    await cache.set(key, 1, 0, options);
  }
  expect(await keysOf(cache.entries({ prefix: 'a' }))).toEqual(['a1', 'a2', 'a3']);
  expect(await keysOf(cache.entries({ tag: 'blue' }))).toEqual(['a2', 'b1']);
  expect(await keysOf(cache.entries({ agentId: 'one' }))).toEqual(['a2']);
  expect(await keysOf(cache.entries({ prefix: 'a', tag: 'red', agentId: 'one' }))).toEqual(['a2']);
  const all = await allOf(cache.entries());
  expect(await allOf(cache.entries({ limit: 0 }))).toEqual([]);
  for (let at = 0; at < all.length; at++) {
    expect(await allOf(cache.entries({ limit: at + 1 }))).toHaveLength(at + 1);
    const rest = await allOf(cache.entries({ after: all[at].cursor }));
    expect(rest.map(({ key }) => key)).toEqual(all.slice(at + 1).map(({ key }) => key));
  }
});

test('namespaces below are listed with their names, other roots only when asked for', async () => {
  const [cache, other] = [open(), open({ namespace: 'project' })];
  await cache.set('root', 1);
  await cache.namespace('tools').namespace('search/x').set('below', 2);
  await other.set('foreign', 3);
  await other.flush();
  const names = async (iterator) =>
    (await allOf(iterator)).map(({ namespace, key }) => [...namespace, key].join(' > ')).sort();
  expect(await names(cache.entries())).toEqual([' > root', ' > tools > search/x > below']);
  expect(await names(cache.namespace('tools').entries())).toEqual([' > tools > search/x > below']);
  expect(await names(other.entries())).toEqual(['project > foreign']);
  expect(await names(other.entries({ allNamespaces: true }))).toEqual([
    ' > root',
    ' > tools > search/x > below',
    'project > foreign',
  ]);
});

test('keys and names of any content come as they were given', async () => {
  const cache = open();
  const odd = ['', '\u0000', 'line\nbreak', '\u001b[31m', '\ud800', '\u0001"', '😀', '__proto__'];
  for (const key of odd) await cache.set(key, key, 0, { tags: [`t${key}`], agentId: `a${key}` });
  for (const way of ['memory', 'disk']) {
    const found = await allOf(cache.entries());
    expect([way, found.map(({ key }) => key).sort()]).toEqual([way, [...odd].sort()]);
    for (const { key, tags, agentId } of found) expect([tags, agentId]).toEqual([[`t${key}`], `a${key}`]);
    for (const key of odd) {
      expect(await keysOf(cache.entries({ tag: `t${key}`, agentId: `a${key}` }))).toEqual([key]);
      expect(await cache.peek(key, { agentId: `a${key}` })).toMatchObject({ key, value: key });
    }
    await toDisk(cache);
  }
});

test('looking is neither a lookup nor a use, and brings nothing into memory', async () => {
  const cache = open();
  await cache.set('key', { a: [1] });
  await toDisk(cache);
  const heard = heardBy(cache, 'cacheHit', 'cacheMiss');
  const before = cache.getStats();
  expect(await cache.peek('key')).toMatchObject({ key: 'key', value: { a: [1] }, layer: 'L2', hitCount: 0 });
  expect(await cache.peek('none')).toBeNull();
  await allOf(cache.entries());
  await cache.verify();
  expect(cache.getStats()).toMatchObject({ l1: before.l1, overall: before.overall });
  expect(heard).toEqual([]);
  await cache.get('key');
  expect(await cache.peek('key')).toMatchObject({ layer: 'L1', layers: ['L1', 'L2'], hitCount: 1 });
});

test('peek sees what a reader sees: its own before the shared one, stale ones too', async () => {
  const cache = open();
  await cache.set('key', 'shared');
  await cache.set('key', 'own', 0, { agentId: 'one' });
  await cache.set('key', 'of a model', 0, { model: 'm', systemPrompt: 's' });
  expect(await cache.peek('key')).toMatchObject({ value: 'shared' });
  expect(await cache.peek('key', { agentId: 'one' })).toMatchObject({ value: 'own', agentId: 'one' });
  expect(await cache.peek('key', { agentId: 'two' })).toMatchObject({ value: 'shared' });
  expect(await cache.peek('key', { model: 'm' })).toBeNull();
  const found = await cache.peek('key', { model: 'm', systemPrompt: 's' });
  expect(found).toMatchObject({
    value: 'of a model',
    model: 'm',
    promptSha256: expect.stringMatching(/^[\da-f]{64}$/),
  });
  await cache.set('old', 1, 0.001, { staleSeconds: 60 });
  while ((await cache.get('old')) !== null);
  expect(await cache.peek('old')).toMatchObject({ value: 1, stale: true });
});

test('without a disk, what memory has is listed', async () => {
  const cache = open({ persistToDisk: false });
  for (let number = 0; number < 1200; number++) await cache.set(`key ${number}`, number);
  const found = await allOf(cache.entries());
  expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
  expect(found).toHaveLength(cache.getStats().l1.entries);
  expect(found[0]).toMatchObject({ layer: 'L1', layers: ['L1'], storedSize: 0 });
  expect(await cache.verify()).toMatchObject({ checked: 0, database: { state: 'none' } });
  expect(await cache.compact()).toEqual({ before: 0, after: 0, expired: 0 });
});

test.each([
  ['prefix', { prefix: 1 }],
  ['layer', { layer: 'L4' }],
  ['tag', { tag: 1 }],
  ['agentId', { agentId: {} }],
  ['limit', { limit: -1 }],
  ['limit', { limit: '1' }],
  ['after', { after: 'nonsense' }],
  ['after', { after: 'd0.zz' }],
  ['after', { after: '😀.' }],
  ['allNamespaces', { allNamespaces: 1 }],
  ['signal', { signal: {} }],
])('entries refuses a wrong %s', async (name, options) => {
  const refused = expect.objectContaining({ code: 'E_INVALID_ARGUMENT', message: expect.stringContaining(name) });
  await expect(allOf(open().entries(options))).rejects.toEqual(refused);
});

test('a signal ends a list, a check and a compaction', async () => {
  const cache = open();
  for (let number = 0; number < 50; number++) await cache.set(`key ${number}`, number);
  const ending = new AbortController();
  const walk = cache.entries({ signal: ending.signal });
  await walk.next();
  const reason = new Error('enough');
  ending.abort(reason);
  await expect(walk.next()).rejects.toBe(reason);
  await expect(cache.verify({ signal: ending.signal })).rejects.toBe(reason);
  await expect(cache.compact({ signal: ending.signal })).rejects.toBe(reason);
  await expect(cache.verify({ dryRun: 1 })).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  await expect(cache.compact({ onProgress: 1 })).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
});

test('a stopped cache shows nothing and checks nothing', async () => {
  const cache = open();
  await cache.set('key', 1);
  await cache.stop();
  expect(await allOf(cache.entries())).toEqual([]);
  expect(await cache.peek('key')).toBeNull();
  await expect(cache.verify()).rejects.toMatchObject({ code: 'E_SHUT_DOWN' });
  await expect(cache.compact()).rejects.toMatchObject({ code: 'E_SHUT_DOWN' });
});

test('verify reads all that is there, of all namespaces', async () => {
  const cache = open();
  const other = open({ namespace: 'other' });
  for (let number = 0; number < 300; number++)
    await (number % 2 ? cache : other).set(`key ${number}`, `value ${number}`);
  await Promise.all([cache.flush(), other.flush()]);
  const report = await cache.verify();
  const sums = { layer: 'L2', entries: 300, storedBytes: report.bytes, rawBytes: expect.any(Number) };
  expect(report).toEqual({
    checked: 300,
    bytes: expect.any(Number),
    damaged: [],
    damagedCount: 0,
    removed: 0,
    totals: {
      ok: true,
      kept: [sums, { layer: 'L3', entries: 0, storedBytes: 0, rawBytes: 0 }],
      counted: [sums, { layer: 'L3', entries: 0, storedBytes: 0, rawBytes: 0 }],
      orphans: 0,
      repaired: false,
    },
    database: { state: 'ok', problems: [], replaced: false },
  });
});

test('compact gives room of expired entries back', async () => {
  const cache = open();
  await untilQuick(async (seconds, isWithin) => {
    for (let number = 0; number < 200; number++)
      await cache.set(`key ${number}`, `${number} `.repeat(5000), number % 4 ? seconds : 600);
    await toDisk(cache);
    return isWithin();
  });
  await until(async () => (await cache.peek('key 199')) === null);
  const report = await cache.compact();
  expect(report.expired).toBe(150);
  expect(report.after).toBeLessThan(report.before / 2);
  expect(fileBytes()).toBe(report.after);
  expect(await keysOf(cache.entries())).toHaveLength(50);
});
