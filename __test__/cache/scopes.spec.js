const { failureOf } = require('../support.js');
const { useCaches, allOf, toDisk, until } = require('./support.js');

const { open, path } = useCaches();

const secret = { agentId: 'one' };

describe('a scope', () => {
  test("an agent's own comes before the shared one, in memory and on disk", async () => {
    const cache = open();
    await cache.set('key', 'shared');
    await cache.set('key', 'of one', 0, secret);
    for (let round = 0; round < 2; round++) {
      expect(await cache.get('key')).toBe('shared');
      expect(await cache.get('key', secret)).toBe('of one');
      expect(await cache.get('key', { agentId: 'two' })).toBe('shared');
      expect(await cache.getMany(['key', 'none'], secret)).toEqual(['of one', null]);
      expect(await cache.getOrCompute('key', () => 'computed', secret)).toBe('of one');
      expect(await cache.getOrCompute('key', () => 'computed', { agentId: 'two' })).toBe('shared');
      await toDisk(cache);
    }
  });

  test("the shared one is seen again when an agent's own is deleted", async () => {
    const cache = open();
    await cache.set('key', 'shared');
    await cache.set('key', 'of one', 0, secret);
    expect(await cache.delete('key', secret)).toBe(true);
    expect(await cache.get('key', secret)).toBe('shared');
    expect(await cache.delete('key', secret)).toBe(false);
    expect(await cache.get('key')).toBe('shared');
  });

  test("deleting the shared one leaves an agent's own", async () => {
    const cache = open();
    await cache.set('key', 'shared');
    await cache.set('key', 'of one', 0, secret);
    expect(await cache.delete('key')).toBe(true);
    expect([await cache.get('key'), await cache.get('key', secret)]).toEqual([null, 'of one']);
  });

  const OTHERS = [
    undefined,
    {},
    { agentId: 'two' },
    { agentId: 'One' },
    { agentId: '' },
    { agentId: 'one', model: 'm' },
  ];

  test.each(OTHERS.map((other) => [other]))('%p never sees what agent one has', async (other) => {
    const cache = open();
    await cache.set('key', 'secret', 0, { ...secret, tags: ['tag'] });
    for (let round = 0; round < 2; round++) {
      expect(await cache.get('key', other)).toBeNull();
      expect(await cache.has('key', other)).toBe(false);
      expect(await cache.getMany(['key'], other)).toEqual([null]);
      expect(await allOf(cache.keys(other))).toEqual([]);
      expect(await cache.delete('key', other)).toBe(false);
      expect(await cache.get('key', secret)).toBe('secret');
      await toDisk(cache);
    }
    expect(await cache.warmCache([{ key: 'key' }])).toEqual({ total: 1, found: 0 });
    expect(await cache.getOrCompute('key', ({ stale }) => `computed ${stale}`, other)).toBe('computed undefined');
    expect(await cache.get('key', secret)).toBe('secret');
  });

  test.each(OTHERS.map((other) => [other]))('%p never sees it after a dump and a load', async (other) => {
    const cache = open();
    await cache.set('key', 'secret', 0, secret);
    await cache.dump(path('dump'));
    const second = open({ cacheDir: path('second') });
    expect(await second.load(path('dump'))).toEqual({ entries: 1, skipped: 0 });
    expect(await second.get('key', other)).toBeNull();
    expect(await allOf(second.keys(other))).toEqual([]);
    expect(await second.get('key', secret)).toBe('secret');
  });

  test('a stale value of another agent never stands in', async () => {
    const cache = open();
    await cache.set('key', 'secret', 0.001, { ...secret, staleSeconds: 60 });
    await until(async () => !(await cache.has('key', secret)));
    const options = { agentId: 'two', staleWhileRevalidateSeconds: 60, staleIfErrorSeconds: 60 };
    const fail = () => {
      throw new Error('no');
    };
    await expect(cache.getOrCompute('key', fail, options)).rejects.toThrow('no');
    expect(await cache.getOrCompute('key', fail, { ...options, agentId: 'one' })).toBe('secret');
  });

  test('two agents that ask at once compute for themselves', async () => {
    const cache = open();
    const of = (agentId) => cache.getOrCompute('key', async () => `of ${agentId}`, { agentId });
    expect(await Promise.all([of('one'), of('two'), of('one')])).toEqual(['of one', 'of two', 'of one']);
  });

  test.each(['model', 'systemPrompt'])('%s is a part of the key', async (name) => {
    const cache = open();
    await cache.set('key', 'none');
    await cache.set('key', 'a', 0, { [name]: 'a' });
    await cache.set('key', 'b', 0, { [name]: 'b' });
    await cache.set('key', 'empty', 0, { [name]: '' });
    for (let round = 0; round < 2; round++) {
      expect(await cache.get('key')).toBe('none');
      expect(await cache.get('key', { [name]: 'a' })).toBe('a');
      expect(await cache.get('key', { [name]: 'b' })).toBe('b');
      expect(await cache.get('key', { [name]: '' })).toBe('empty');
      expect(await cache.get('key', { [name]: 'c' })).toBeNull();
      expect(await cache.get('key', { agentId: 'any', [name]: 'a' })).toBe('a');
      await toDisk(cache);
    }
  });

  test('no two scopes are taken for each other, whatever their names', async () => {
    const cache = open();
    const names = [undefined, '', 'a', 'a\u0000b', '\ud800', '\ud801', '\u0001"\\ud800"', '__proto__'];
    const scopes = [];
    for (const agentId of names)
      for (const model of names) for (const systemPrompt of names) scopes.push({ agentId, model, systemPrompt });
    await cache.setMany(scopes.map((scope, value) => ({ key: 'key', value, ...scope })));
    for (const [at, scope] of scopes.entries()) expect(await cache.get('key', scope)).toBe(at);
  });

  const METHODS = [
    ['get', (cache, options) => cache.get('key', options)],
    ['has', (cache, options) => cache.has('key', options)],
    ['set', (cache, options) => cache.set('key', 1, 0, options)],
    ['delete', (cache, options) => cache.delete('key', options)],
    ['getMany', (cache, options) => cache.getMany(['key'], options)],
    ['setMany', (cache, options) => cache.setMany([{ key: 'key', value: 1, ...options }])],
    ['getOrCompute', (cache, options) => cache.getOrCompute('key', () => 1, options)],
    ['keys', (cache, options) => allOf(cache.keys(options))],
  ];

  test.each(METHODS)('of %s that is no string is refused', async (_, act) => {
    const cache = open();
    for (const name of ['agentId', 'model', 'systemPrompt']) {
      for (const value of [5, {}, true]) {
        const error = await failureOf(act(cache, { [name]: value }));
        expect([error.code, error.message.includes(name)]).toEqual(['E_INVALID_ARGUMENT', true]);
      }
    }
    expect(await cache.has('key')).toBe(false);
  });

  test.each(
    METHODS.filter(([name]) => name !== 'setMany'),
  )('of %s in options that are no object is refused', async (_, act) => {
    for (const options of ['agent', 5, ['agent'], true])
      expect((await failureOf(act(open(), options))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('a namespace', () => {
  test('has keys of its own, in every method', async () => {
    const cache = open();
    const [a, b] = [cache.namespace('a'), cache.namespace('b')];
    await cache.set('key', 'root', 0, { tags: ['tag'] });
    await a.set('key', 'in a', 0, { tags: ['tag'] });
    for (let round = 0; round < 2; round++) {
      expect([await cache.get('key'), await a.get('key'), await b.get('key')]).toEqual(['root', 'in a', null]);
      expect([await a.has('key'), await b.has('key')]).toEqual([true, false]);
      expect(await b.getMany(['key'])).toEqual([null]);
      expect([await allOf(cache.keys()), await allOf(a.keys()), await allOf(b.keys())]).toEqual([['key'], ['key'], []]);
      expect(await b.delete('key')).toBe(false);
      expect(await b.deleteByTag('tag')).toBe(0);
      await b.clear();
      await toDisk(cache);
    }
    expect(await b.getOrCompute('key', () => 'in b')).toBe('in b');
    expect(await a.deleteByTag('tag')).toBe(1);
    expect([await cache.get('key'), await a.get('key'), await b.get('key')]).toEqual(['root', null, 'in b']);
  });

  test('of the same name is the same', async () => {
    const cache = open();
    await cache.namespace('a').set('key', 1);
    expect(await cache.namespace('a').get('key')).toBe(1);
    expect(await cache.namespace('a').namespace('a').get('key')).toBeNull();
  });

  test('computes once for two handles of it', async () => {
    for (const persistToDisk of [true, false]) {
      const cache = open({ persistToDisk });
      let computed = 0;
      const compute = async () => {
        computed += 1;
        await null;
        return computed;
      };
      const of = () => cache.namespace('a').getOrCompute('key', compute);
      expect([persistToDisk, await Promise.all([of(), of()])]).toEqual([persistToDisk, [1, 1]]);
    }
  });

  test('clear empties it and what is below it only', async () => {
    const cache = open();
    const a = cache.namespace('a');
    const all = [
      cache,
      a,
      a.namespace('b'),
      a.namespace('b').namespace('c'),
      cache.namespace('ab'),
      cache.namespace('b'),
    ];
    for (let round = 0; round < 2; round++) {
      for (const [at, view] of all.entries()) await view.set('key', at);
      if (round === 1) await toDisk(cache);
      await a.clear();
      expect(await Promise.all(all.map((view) => view.get('key')))).toEqual([0, null, null, null, 4, 5]);
    }
    await cache.clear();
    expect(await Promise.all(all.map((view) => view.get('key')))).toEqual(all.map(() => null));
  });

  test('is not what a key or another name could be', async () => {
    const cache = open();
    const names = [
      'a',
      'a/b',
      'a:b',
      'a.b',
      'ab',
      '\u0001',
      '\ud800',
      '\ud801',
      '__proto__',
      ' ',
      '😀',
      'x'.repeat(10_000),
    ];
    for (const [at, name] of names.entries()) await cache.namespace(name).set('key', at);
    await toDisk(cache);
    for (const [at, name] of names.entries()) {
      expect(await cache.namespace(name).get('key')).toBe(at);
      for (const key of [`${name}key`, `${name}\u0000key`, `\u0000${name}\u0000key`])
        expect(await cache.get(key)).toBeNull();
    }
    expect(await allOf(cache.keys())).toEqual([]);
    expect(await cache.namespace('a').namespace('b').get('key')).toBeNull();
  });

  test.each([
    [''],
    ['\u0000'],
    ['a\u0000b'],
    [undefined],
    [null],
    [5],
    [{}],
    [['a']],
    [Symbol('a')],
  ])('%p is refused as a name', async (name) => {
    expect((await failureOf(async () => open().namespace(name))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('configured as root is apart from the others of the directory, in one process', async () => {
    const [none, a, b] = [open(), open({ namespace: 'a' }), open({ namespace: 'b' })];
    await none.set('key', 'none');
    await a.set('key', 'a');
    for (const cache of [none, a, b]) await toDisk(cache);
    expect([await none.get('key'), await a.get('key'), await b.get('key')]).toEqual(['none', 'a', null]);
    await a.clear();
    expect([await none.get('key'), await a.get('key')]).toEqual(['none', null]);
    expect(await none.namespace('a').get('key')).toBeNull();
  });

  test('dumps and loads what is below it, also below another one', async () => {
    const cache = open();
    const a = cache.namespace('a');
    await cache.set('key', 'root');
    await a.set('key', 'in a');
    await a.namespace('b').set('key', 'in a b');
    expect(await a.dump(path('dump'))).toMatchObject({ entries: 2 });
    const c = cache.namespace('c');
    expect(await c.load(path('dump'))).toEqual({ entries: 2, skipped: 0 });
    expect([await c.get('key'), await c.namespace('b').get('key')]).toEqual(['in a', 'in a b']);
    expect(await cache.get('key')).toBe('root');
  });
});
