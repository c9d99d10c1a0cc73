'use strict';

/** The client and the server of this package together. */

const { canonicalJson, deepFreeze, failureOf, sha256 } = require('../support.js');
const { OWN_HOST, ask, until, useSharedContext } = require('./support.js');

const { serve, connect, live } = useSharedContext();

const context = async (client) => client.getContext({ useCache: false });
const NEVER = { liveUpdates: false };

/** One that is to be started again, on the port that it had. */
const restartable = (options = {}) => serve({ host: OWN_HOST, ...options });

describe.each([
  ['with live updates', (server, options) => live(server, options)],
  ['without live updates', async (server, options) => connect(server, { ...NEVER, ...options })],
])('%s', (_, open) => {
  test('there is null where there is no context', async () => {
    const client = await open(await serve());
    expect(await client.getContext()).toBeNull();
    expect(client.isConnected()).toBe(true);
  });

  test('what one client sets another one gets', async () => {
    const server = await serve();
    const [one, two] = [await open(server), await open(server)];
    const value = { a: [1, { b: null }], __proto__: null, text: 'é\u2028😀' };
    const answer = await one.setContext(value);
    expect(answer).toMatchObject({ projectId: 'project', isNew: true, hash: sha256(canonicalJson(value)) });
    expect(await context(two)).toEqual({ ...value });
    expect(two.getStats().currentVersion).toBe(answer.version);
  });

  test('an empty context is a context', async () => {
    const server = await serve();
    const client = await open(server);
    expect(await client.setContext({})).toMatchObject({ isNew: true });
    expect((await ask(server, 'GET', '/context/project')).json.context).toEqual({});
    expect(await client.getContext()).toEqual({});
  });

  test('changes of others stay when a context is set', async () => {
    const server = await serve();
    const [one, two] = [await open(server), await open(server)];
    await one.setContext({ a: 1, b: 1, c: 1 });
    const mine = await two.getContext({ useCache: false });
    await one.updateContext({ modified: { a: 2 }, added: { d: 1 }, removed: ['b'] });
    delete mine.c;
    await two.setContext({ ...mine, e: 1 });
    expect(await context(one)).toEqual({ a: 2, d: 1, e: 1 });
    expect(await context(two)).toEqual({ a: 2, d: 1, e: 1 });
  });

  test('a client that knows nothing removes nothing', async () => {
    const server = await serve();
    const [one, two] = [await open(server), await open(server)];
    await one.setContext({ a: 1 });
    await two.setContext({ b: 1 });
    expect(await context(two)).toEqual({ a: 1, b: 1 });
  });

  test('two clients that update at the same time lose nothing', async () => {
    const server = await serve();
    const clients = [await open(server, { agentId: 'one' }), await open(server, { agentId: 'two' })];
    await clients[0].setContext({ start: true });
    const expected = { start: true };
    await Promise.all(
      clients.map(async (client, who) => {
        for (let at = 0; at < 200; at++) {
          const key = `${who}-${at}`;
          expected[key] = at;
          const answer = await client.updateContext({ added: { [key]: at } });
          expect(answer.version).toBeGreaterThan(0);
        }
      }),
    );
    for (const client of clients) expect(await context(client)).toEqual(expected);
    const { json } = await ask(server, 'GET', '/context/project');
    expect(json.context).toEqual(expected);
    for (const client of clients) expect(client.getStats()).toMatchObject({ errors: 0, currentVersion: json.version });
  });

  test('two clients that set whole contexts at the same time lose nothing', async () => {
    const server = await serve();
    const clients = [await open(server), await open(server)];
    const expected = {};
    await Promise.all(
      clients.map(async (client, who) => {
        for (let at = 0; at < 50; at++) {
          expected[`${who}-${at}`] = at;
          await client.setContext({ ...(await client.getContext()), [`${who}-${at}`]: at });
        }
      }),
    );
    for (const client of clients) expect(await context(client)).toEqual(expected);
  });

  test('what was written before is read, from the first call on', async () => {
    const server = await serve();
    const [one, two] = [await open(server), await open(server)];
    const text = 'x'.repeat(1_000_000);
    for (let at = 0; at < 5; at++) {
      await one.setContext({ at, text });
      expect((await two.getContext()).at).toBe(at);
    }
  });

  test('calls that nobody awaits are put together', async () => {
    const server = await serve();
    const client = await open(server);
    const calls = [];
    for (let at = 0; at < 100; at++) calls.push(client.updateContext({ added: { [`k${at}`]: at } }));
    await Promise.all(calls);
    expect(Object.keys(await context(client))).toHaveLength(100);
    const { data } = await ask(server, 'GET', '/metrics');
    expect(Number(/requests_total\{method="POST",status="200"\} (\d+)/.exec(data)?.[1] ?? 0)).toBeLessThan(5);
  });

  test('__proto__ is a key like any other', async () => {
    const server = await serve();
    const [one, two] = [await open(server), await open(server)];
    await one.setContext(JSON.parse('{"__proto__":{"x":1},"a":1}'));
    await one.updateContext(JSON.parse('{"added":{"__proto__":2,"constructor":3}}'));
    const found = await context(two);
    expect(Object.entries(found)).toEqual([
      ['__proto__', 2],
      ['a', 1],
      ['constructor', 3],
    ]);
    expect({}.x).toBeUndefined();
  });

  test('what is given and what is got are not the same objects', async () => {
    const server = await serve();
    const client = await open(server);
    const given = deepFreeze({ a: { b: [1] } });
    await client.setContext(given);
    const got = await client.getContext();
    got.a.b.push(2);
    expect(await client.getContext()).toEqual({ a: { b: [1] } });
  });

  test('a deleted context is null, and can be made again', async () => {
    const server = await serve();
    const client = await open(server);
    const { version } = await client.setContext({ a: 1 });
    await ask(server, 'DELETE', '/context/project');
    await until(async () => (await client.getContext()) === null);
    expect(client.heard.filter(([name]) => name === 'deleted')).toEqual([['deleted', { projectId: 'project' }]]);
    const answer = await client.updateContext({ added: { b: 1 } });
    expect(answer.version).toBeGreaterThan(version);
    expect(await context(client)).toEqual({ b: 1 });
  });

  test('a server that was restarted gets its context back, and changes go on', async () => {
    const server = await restartable();
    const client = await open(server, { agentId: 'one' });
    const { version } = await client.setContext({ a: 1 });
    await server.close();
    expect(await client.updateContext({ added: { b: 2 } })).toBeNull();
    expect(await client.updateContext({ modified: { a: 3 } })).toBeNull();
    expect(await client.getContext()).toEqual({ a: 3, b: 2 });
    expect(client.getStats()).toMatchObject({ connected: false, pending: true });
    const again = await restartable({ port: server.port });
    await until(() => !client.getStats().pending);
    const { json } = await ask(again, 'GET', '/context/project');
    expect(json.context).toEqual({ a: 3, b: 2 });
    expect(json.version).toBeGreaterThan(version);
    expect(client.isConnected()).toBe(true);
    expect(client.warnings()).toEqual(['unreachable']);
  });

  test('after disconnect() reading goes on, writing does not', async () => {
    const server = await serve();
    const client = await open(server);
    await client.setContext({ a: 1 });
    await Promise.all([client.disconnect(), client.disconnect()]);
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(client.isConnected()).toBe(false);
    for (const call of [() => client.setContext({}), () => client.updateContext({})]) {
      expect((await failureOf(call)).code).toBe('E_SHUT_DOWN');
    }
    expect(client.heard.at(-1)).toEqual(['disconnected', { projectId: 'project', reason: 'closed' }]);
  });
});

describe('live updates', () => {
  test('are told to others, in order, and make no requests', async () => {
    const server = await serve();
    const [one, two] = [await live(server, { agentId: 'one' }), await live(server)];
    await one.setContext({ a: 1 });
    await until(() => two.getStats().currentVersion > 0);
    const { bytesSent } = two.getStats();
    for (let at = 2; at < 10; at++) await one.updateContext({ modified: { a: at } });
    await until(() => two.heard.filter(([name]) => name === 'update').length === 9);
    const updates = two.heard.filter(([name]) => name === 'update').map(([, data]) => data);
    expect(updates[0].changes).toEqual({ added: { a: 1 }, modified: {}, removed: [] });
    expect(updates.slice(1).map(({ changes }) => changes.modified.a)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(updates[1]).toMatchObject({ agentId: 'one', projectId: 'project', timestamp: expect.any(Date) });
    const before = (await ask(server, 'GET', '/metrics')).data.toString();
    expect(await two.getContext({ useCache: true })).toEqual({ a: 9 });
    const gets = (text) => /requests_total\{method="GET",status="200"\} (\d+)/.exec(text)?.[1];
    const after = (await ask(server, 'GET', '/metrics')).data.toString();
    expect(Number(gets(after)) - Number(gets(before) ?? 0)).toBeLessThanOrEqual(1);
    expect(two.getStats().bytesSent).toBe(bytesSent);
    // What a client did itself is no news to it.
    expect(one.heard.filter(([name]) => name === 'update')).toEqual([]);
  });

  test('that were missed while the socket was down are caught up', async () => {
    const server = await restartable({ pingIntervalMs: 1_000_000 });
    const client = await live(server);
    await client.setContext({ a: 1 });
    await server.close();
    await until(() => !client.getStats().wsConnected);
    const again = await restartable({ port: server.port });
    const other = connect(again, { ...NEVER });
    await other.updateContext({ added: { b: 1 } });
    await until(async () => (await client.getContext()).b === 1);
    expect(await client.getContext()).toEqual({ a: 1, b: 1 });
    expect(client.heard.map(([name]) => name).slice(0, 2)).toEqual(['connected', 'disconnected']);
  });

  test('a writer without them is told what it overwrote', async () => {
    const server = await serve();
    const [one, two] = [connect(server, { ...NEVER, agentId: 'one' }), connect(server, { ...NEVER, agentId: 'two' })];
    await one.setContext({ a: 1, b: 1 });
    await two.getContext();
    await one.updateContext({ modified: { a: 2 }, removed: ['b'] });
    const answer = await two.updateContext({ modified: { a: 3, c: 1 }, added: { b: 2 } });
    expect(answer.overwritten.sort()).toEqual(['a', 'b']);
    expect(await context(one)).toEqual({ a: 3, b: 2, c: 1 });
  });

  test('a client without them asks for changes only', async () => {
    const server = await serve();
    const [one, two] = [connect(server, NEVER), connect(server, NEVER)];
    await one.setContext({ large: 'x'.repeat(200_000) });
    await two.getContext();
    const before = two.getStats().bytesReceived;
    await one.updateContext({ added: { a: 1 } });
    expect((await two.getContext()).a).toBe(1);
    expect(two.getStats().bytesReceived - before).toBeLessThan(1000);
  });

  test('what the history does not know any more is read as a whole', async () => {
    const server = await serve({ maxHistory: 2 });
    const [one, two] = [connect(server, NEVER), connect(server, NEVER)];
    await one.setContext({ a: 0 });
    await two.getContext();
    for (let at = 1; at < 6; at++) await one.updateContext({ modified: { a: at } });
    expect(await two.getContext()).toEqual({ a: 5 });
    expect(two.heard.at(-1)).toEqual(['update', expect.objectContaining({ changes: expect.any(Object) })]);
  });
});

describe('a server that was restarted', () => {
  test('of copies that a restarted server is offered the newest counts', async () => {
    const server = await restartable();
    const old = connect(server, { agentId: 'old', ...NEVER });
    const fresh = connect(server, { agentId: 'new', ...NEVER });
    await old.setContext({ a: 1, b: 1, c: 1 });
    await fresh.getContext();
    await fresh.updateContext({ modified: { a: 2, b: 2 }, removed: ['c'] });
    await server.close();
    await restartable({ port: server.port });
    await until(async () => (await old.updateContext({ modified: { b: 3 } })) !== null);
    await until(async () => (await context(fresh))?.a === 2);
    // b was changed after the first copy came back.
    expect(await context(fresh)).toEqual({ a: 2, b: 3 });
    expect(await context(old)).toEqual({ a: 2, b: 3 });
  });

  test.each([
    [true],
    [false],
  ])('again and again while two clients write loses nothing (live updates: %p)', async (liveUpdates) => {
    let server = await restartable({ closeTimeoutMs: 20 });
    const clients = [connect(server, { agentId: 'one' }), connect(server, { agentId: 'two', liveUpdates })];
    const expected = {};
    let isOver = false;
    const writing = clients.map(async (client, who) => {
      for (let at = 0; !isOver; at++) {
        expected[`${who}-${at}`] = at;
        await client.updateContext({ added: { [`${who}-${at}`]: at } });
        // While the server is away nothing else lets the others have their turn.
        await new Promise(setImmediate);
      }
    });
    for (let round = 0; round < 5; round++) {
      const written = Object.keys(expected).length;
      await until(() => Object.keys(expected).length > written + 50);
      await server.close();
      server = await restartable({ port: server.port, closeTimeoutMs: 20 });
      await until(() => clients.every((client) => client.isConnected()));
    }
    isOver = true;
    await Promise.all(writing);
    await until(() => clients.every((client) => !client.getStats().pending));
    // Each brings back what the others lack.
    for (const client of [...clients, ...clients]) await context(client);
    for (const client of clients) expect(await context(client)).toEqual(expected);
  });

  test('what was deleted in the meantime does not come back', async () => {
    const server = await restartable();
    const client = connect(server, NEVER);
    await client.setContext({ a: 1 });
    await server.close();
    const again = await restartable({ port: server.port });
    await ask(again, 'PUT', '/context/project', { body: { context: { b: 1 } } });
    await ask(again, 'DELETE', '/context/project');
    await until(async () => (await client.getContext()) === null);
    expect(client.heard.some(([name]) => name === 'deleted')).toBe(true);
    await ask(again, 'PUT', '/context/project', { body: { context: { b: 2 } } });
    expect(await client.getContext()).toEqual({ b: 2 });
  });
});

describe('arguments', () => {
  const server = { url: 'http://127.0.0.1:9' };
  test.each([
    ['no project', { projectId: undefined }],
    ['an empty project', { projectId: '' }],
    ['a project that is a folder', { projectId: '..' }],
    ['a control character', { projectId: 'a\nb' }],
    ['a lone surrogate', { projectId: '\ud800' }],
    ['a long agent', { agentId: 'x'.repeat(257) }],
    ['no URL', { url: 'localhost' }],
    ['another protocol', { url: 'ftp://localhost' }],
    ['a password in the URL', { url: 'http://a:b@localhost' }],
    ['a query in the URL', { url: 'http://localhost?token=x' }],
    ['a token with a newline', { token: 'a\r\nX: y' }],
    ['a token in clear over the network', { url: 'http://example.org', token: 'secret' }],
    ['retries that are text', { retries: '2' }],
    ['a timeout of 0', { requestTimeoutMs: 0 }],
    ['a fraction', { retries: 1.5 }],
    ['NaN', { maxBytes: Number.NaN }],
    ['an unknown option', { timeout: 5 }],
    ['liveUpdates that is text', { liveUpdates: 'yes' }],
  ])('refuses %s', async (_, options) => {
    const error = await failureOf(() => connect(server, options));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_INVALID_ARGUMENT']);
    expect(error.message).not.toContain('secret');
  });

  test('a token may go to another machine over https, or if that is said', () => {
    connect(server, { ...NEVER, url: 'https://example.org', token: 'secret' });
    connect(server, { ...NEVER, url: 'http://example.org', token: 'secret', allowInsecure: true });
    connect(server, { ...NEVER, url: 'http://[::1]:3003/base/', token: 'secret' });
  });

  test.each([[null], [undefined], [[]], ['text'], [5], [() => {}]])('setContext(%p) is refused', async (value) => {
    const client = connect(server, NEVER);
    expect((await failureOf(client.setContext(value))).code).toBe('E_INVALID_ARGUMENT');
    expect(await client.getContext()).toBeNull();
  });

  test('what JSON cannot hold is refused', async () => {
    const client = connect(server, NEVER);
    const cycle = {};
    cycle.self = cycle;
    let deep = {};
    for (let at = 0; at < 2000; at++) deep = { deep };
    for (const value of [cycle, { a: 1n }, deep]) {
      expect((await failureOf(client.setContext(value))).code).toBe('E_INVALID_ARGUMENT');
      expect((await failureOf(client.updateContext({ added: value }))).code).toBe('E_INVALID_ARGUMENT');
    }
    for (const diff of [null, [], { added: [] }, { removed: 'a' }, { removed: [1] }]) {
      expect((await failureOf(client.updateContext(diff))).code).toBe('E_INVALID_ARGUMENT');
    }
  });

  test('createDiff() says by top-level key what makes one of the other', () => {
    const client = connect(server, NEVER);
    expect(client.createDiff({ a: 1, b: { x: 1, y: 2 }, c: 1 }, { b: { y: 2, x: 1 }, c: 2, d: 1 })).toEqual({
      added: { d: 1 },
      modified: { c: 2 },
      removed: ['a'],
      unchanged: ['b'],
    });
    expect(client.createDiff(null, { a: 1 })).toEqual({ added: { a: 1 }, modified: {}, removed: [], unchanged: [] });
  });
});
