const { useOwnDirectory, useSystems, failureOf } = require('./support.js');

useOwnDirectory();
const { open } = useSystems();

let system;
beforeEach(async () => {
  system = await open();
});

describe('the scope of a cached response', () => {
  test('what has no agent is shared with every agent', async () => {
    await system.cacheResponse('query', 'shared');
    for (const agent of [undefined, 'one', 'two', '__proto__'])
      expect(await system.getCachedResponse('query', agent)).toBe('shared');
  });

  test('what has an agent is its own', async () => {
    await system.cacheResponse('query', 'of one', 0, { agentId: 'one' });
    expect(await system.getCachedResponse('query', 'one')).toBe('of one');
    for (const agent of [undefined, 'two', 'One', 'one ', 'on'])
      expect(await system.getCachedResponse('query', agent)).toBeNull();
  });

  test("an agent's own comes before the shared one", async () => {
    await system.cacheResponse('query', 'shared');
    await system.cacheResponse('query', 'of one', 0, { agentId: 'one' });
    expect(await system.getCachedResponse('query', 'one')).toBe('of one');
    expect(await system.getCachedResponse('query', 'two')).toBe('shared');
    expect(await system.getCachedResponse('query')).toBe('shared');
  });

  test.each(['model', 'systemPrompt'])('another %s never sees it', async (name) => {
    await system.cacheResponse('query', 'value', 0, { [name]: 'one' });
    expect(await system.getCachedResponse('query', undefined, { [name]: 'one' })).toBe('value');
    expect(await system.getCachedResponse('query', 'agent', { [name]: 'one' })).toBe('value');
    for (const options of [undefined, {}, { [name]: 'two' }, { [name]: 'One' }]) {
      expect(await system.getCachedResponse('query', undefined, options)).toBeNull();
    }
  });

  test('no two scopes are taken for each other, whatever their names', async () => {
    const names = [
      undefined,
      'a',
      'b',
      'a:b',
      'a\u0000b',
      '\u0000',
      '\ud800',
      '\ud801',
      '\u0001"\\ud800"',
      '|',
      '__proto__',
    ];
    const scopes = [];
    for (const model of names) for (const systemPrompt of names) scopes.push({ model, systemPrompt });
    for (const [at, scope] of scopes.entries()) await system.cacheResponse('query', at, 0, scope);
    for (const [at, scope] of scopes.entries())
      expect(await system.getCachedResponse('query', undefined, scope)).toBe(at);
  });

  test('no two agents are taken for each other, and no query for a scope', async () => {
    const names = ['a', 'ab', 'b', 'a\u0000', '\ud800', '\ud801', '\ufffd', '\u0001', '\u0001"\\u0001"', '__proto__'];
    const pairs = names.flatMap((agentId) => names.map((query) => [agentId, query]));
    for (const [at, [agentId, query]] of pairs.entries()) await system.cacheResponse(query, at, 0, { agentId });
    for (const [at, [agentId, query]] of pairs.entries())
      expect(await system.getCachedResponse(query, agentId)).toBe(at);
    for (const query of names) expect(await system.getCachedResponse(query)).toBeNull();
  });

  test.each(['agentId', 'model', 'systemPrompt'])('%s that is no string is refused', async (name) => {
    const error = await failureOf(system.cacheResponse('query', 1, 0, { [name]: 5 }));
    expect(error.code).toBe('E_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
    const read =
      name === 'agentId' ? system.getCachedResponse('query', 5) : system.getCachedResponse('query', 'a', { [name]: 5 });
    expect((await failureOf(read)).code).toBe('E_INVALID_ARGUMENT');
  });

  test('options that are no object are refused', async () => {
    expect((await failureOf(system.cacheResponse('query', 1, 0, 'agent'))).code).toBe('E_INVALID_ARGUMENT');
    expect((await failureOf(system.getCachedResponse('query', 'agent', 'model'))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('tags are taken', async () => {
    await system.cacheResponse('query', 1, 0, { tags: ['a'] });
    expect(await system.getCachedResponse('query')).toBe(1);
    expect((await failureOf(system.cacheResponse('query', 2, 0, { tags: [5] }))).code).toBe('E_INVALID_ARGUMENT');
  });
});
