'use strict';

/** What a server takes, and from whom. */

const { once } = require('node:events');
const net = require('node:net');
const { WebSocket } = require('ws');
const { failureOf } = require('../support.js');
const { ask, until, useSharedContext } = require('./support.js');

const { serve, connect, live, own, socket } = useSharedContext();

const PATH = '/context/project';
const NEVER = { liveUpdates: false };

/** What a server says to these bytes, until it closes. */
async function raw(server, text) {
  const connection = net.connect(server.port, '127.0.0.1');
  own(() => connection.destroy());
  let answer = '';
  connection.on('data', (data) => {
    answer += data;
  });
  connection.on('error', () => {});
  connection.write(text);
  // Not by `once`, which fails with a reset that comes after the answer.
  await new Promise((resolve) => connection.on('close', resolve));
  return answer;
}

async function metric(server, name) {
  const { data } = await ask(server, 'GET', '/metrics');
  return Number(new RegExp(`^agentwise_shared_context_${name} (\\d+)$`, 'm').exec(data)?.[1]);
}

/** The status with which a live connection is refused. */
async function refusal(server, path, options) {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, options);
  ws.on('error', () => {});
  const [, response] = await once(ws, 'unexpected-response');
  ws.terminate();
  return response.statusCode;
}

describe('sizes', () => {
  test('a context over the limit is refused with 413 and nothing is changed', async () => {
    const server = await serve({ maxContextBytes: 1000 });
    const put = (context) => ask(server, 'PUT', PATH, { body: { context } });
    expect((await put({ a: 'x'.repeat(1000 - 8) })).json.size).toBe(1000);
    const { status, json } = await put({ a: 'x'.repeat(1000 - 7) });
    expect([status, json.code, json.maxContextBytes]).toEqual([413, 'TOO_LARGE', 1000]);
    const diff = await ask(server, 'POST', `${PATH}/diff`, { body: { diff: { added: { b: 1 } } } });
    expect(diff.status).toBe(413);
    expect(Object.keys((await ask(server, 'GET', PATH)).json.context)).toEqual(['a']);
  });

  test('a body that is announced as too large is refused before it comes', async () => {
    const server = await serve({ maxContextBytes: 1000 });
    const head = `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
    expect(await raw(server, `${head}Content-Length: 1000000000\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw(server, `${head}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 413 /,
    );
  });

  test('a body without a length is refused when it is too large, and not read on', async () => {
    const server = await serve({ maxContextBytes: 1000 });
    const head = `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    expect(await raw(server, head + chunk + chunk)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('the client tells its caller, and keeps what it had', async () => {
    const server = await serve({ maxContextBytes: 1000 });
    const client = connect(server, NEVER);
    await client.setContext({ a: 1 });
    const error = await failureOf(client.updateContext({ added: { b: 'x'.repeat(2000) } }));
    expect([error.code, error.message.includes('413')]).toEqual(['E_SHARED_CONTEXT', true]);
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(await client.setContext({ a: 2 })).toMatchObject({ projectId: 'project' });
    const small = connect(server, { ...NEVER, maxContextBytes: 100 });
    expect((await failureOf(small.setContext({ a: 'x'.repeat(200) }))).code).toBe('E_SHARED_CONTEXT');
    expect(small.getStats().pending).toBe(false);
  });

  test('there are so many projects and bytes, and no more', async () => {
    const server = await serve({ maxProjects: 2, maxTotalBytes: 2000 });
    const put = (id, text) => ask(server, 'PUT', `/context/${id}`, { body: { context: { a: text } } });
    expect((await put('a', 'x'.repeat(900))).status).toBe(200);
    expect((await put('b', 'x'.repeat(1200))).json.code).toBe('FULL');
    expect((await put('b', 'x')).status).toBe(200);
    expect((await put('c', 'x')).status).toBe(507);
    // Versions give way to contexts.
    for (let at = 0; at < 50; at++) expect((await put('b', `${at}`)).status).toBe(200);
    expect(await metric(server, 'stored_bytes')).toBeLessThanOrEqual(2000);
    await ask(server, 'DELETE', '/context/a');
    expect((await put('c', 'x')).status).toBe(200);
  });

  test('bodies that come at the same time share a limit', async () => {
    const server = await serve({ maxContextBytes: 100_000, maxPendingBytes: 200_000 });
    const head = `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 150000\r\n\r\n`;
    const first = net.connect(server.port, '127.0.0.1');
    own(() => first.destroy());
    first.write(head + 'x'.repeat(120_000));
    await until(async () => (await metric(server, 'pending_bytes')) >= 120_000);
    expect(await raw(server, head + 'x'.repeat(120_000))).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n/);
  });

  test('long headers are refused', async () => {
    const server = await serve();
    expect(await raw(server, `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });
});

describe('time', () => {
  test('half a request is not waited for', async () => {
    const server = await serve({ headersTimeoutMs: 50, requestTimeoutMs: 50 });
    expect(await raw(server, 'GET /health HTTP/1.1\r\nHost')).toMatch(/^HTTP\/1\.1 408 /);
    const head = `PUT ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{`;
    expect(await raw(server, head)).toMatch(/^(HTTP\/1\.1 4|$)/);
  });

  test('garbage is no request', async () => {
    const server = await serve();
    expect(await raw(server, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('a token', () => {
  const token = 'a-secret';
  const bearer = { Authorization: `Bearer ${token}` };

  test('is needed for all but health', async () => {
    const server = await serve({ token });
    const statuses = async (headers) => {
      const all = [
        ['GET', PATH],
        ['PUT', PATH],
        ['POST', `${PATH}/diff`],
        ['DELETE', PATH],
        ['GET', '/metrics'],
      ];
      return Promise.all(all.map(async ([method, path]) => (await ask(server, method, path, { headers })).status));
    };
    for (const headers of [
      {},
      { Authorization: 'Bearer other' },
      { Authorization: token },
      { Authorization: `Bearer ${token} x` },
    ]) {
      expect(await statuses(headers)).toEqual([401, 401, 401, 401, 401]);
    }
    expect(await statuses(bearer)).toEqual([404, 400, 400, 404, 200]);
    expect((await ask(server, 'GET', '/health')).status).toBe(200);
    const { headers } = await ask(server, 'GET', PATH);
    expect(headers['www-authenticate']).toBe('Bearer');
    const query = '/context/stream?projectId=project';
    expect(await refusal(server, query)).toBe(401);
    await socket(server, 'projectId=project', { headers: bearer });
  });

  test('is what a client has', async () => {
    const server = await serve({ token });
    const client = await live(server, { token });
    await client.setContext({ a: 1 });
    expect(await client.getContext()).toEqual({ a: 1 });
    const wrong = connect(server, { token: 'wrong-secret' });
    const error = await failureOf(wrong.setContext({ a: 2 }));
    expect(error.code).toBe('E_SHARED_CONTEXT');
    expect((await failureOf(wrong.getContext())).code).toBe('E_SHARED_CONTEXT');
    await until(() => wrong.warnings().length > 0);
    for (const text of [error.stack, JSON.stringify(wrong.getStats()), JSON.stringify(wrong.heard)]) {
      expect(text).not.toContain('wrong-secret');
    }
  });

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', ''])('is needed on the host %j', async (host) => {
    expect((await failureOf(serve({ host }))).code).toBe('E_INVALID_ARGUMENT');
  });
});

describe('web pages', () => {
  test.each([
    ['evil.example', 403],
    ['evil.example:80', 403],
    ['127.0.0.1.evil.example', 403],
    ['[::1]:1', 200],
    ['localhost', 200],
    ['127.0.0.2:3003', 200],
    ['box:3003', 200],
  ])('the Host header %j is answered with %d', async (host, expected) => {
    const server = await serve({ allowedHosts: ['Box'] });
    expect((await ask(server, 'GET', '/health', { headers: { Host: host } })).status).toBe(expected);
  });

  test.each([
    ['http://evil.example', 403],
    ['null', 403],
    ['http://localhost:1', 403],
    ['http://pages.example', 200],
  ])('the origin %j is answered with %d', async (origin, expected) => {
    const server = await serve({ allowedOrigins: ['http://pages.example'] });
    expect((await ask(server, 'GET', '/health', { headers: { Origin: origin } })).status).toBe(expected);
    const path = '/context/stream?projectId=project';
    if (expected === 403) expect(await refusal(server, path, { origin })).toBe(403);
    else await socket(server, 'projectId=project', { origin });
  });
});

describe('live connections', () => {
  test.each([
    ['/context/stream', 400],
    ['/context/stream?projectId=', 400],
    ['/context/stream?projectId=..', 400],
    ['/elsewhere?projectId=project', 404],
  ])('%s is refused with %d', async (path, expected) => {
    expect(await refusal(await serve(), path)).toBe(expected);
  });

  test('there are so many, and no more', async () => {
    const server = await serve({ maxSubscribers: 1 });
    const first = await socket(server, 'projectId=project');
    expect(await refusal(server, '/context/stream?projectId=project')).toBe(503);
    expect(await metric(server, 'refused_subscribers_total')).toBe(1);
    first.terminate();
    await until(async () => (await metric(server, 'subscribers')) === 0);
    await socket(server, 'projectId=project');
  });

  test('one that does not read is disconnected, and the others hear on', async () => {
    const server = await serve({ maxBacklogBytes: 100_000 });
    const slow = await socket(server, 'projectId=project');
    const quick = await live(server);
    const closed = once(slow, 'close');
    slow.pause();
    for (let at = 0; (await metric(server, 'slow_subscribers_total')) === 0; at++) {
      expect(at).toBeLessThan(200);
      await ask(server, 'PUT', PATH, { body: { context: { at, text: 'x'.repeat(500_000) } } });
    }
    const { json } = await ask(server, 'PUT', PATH, { body: { context: { last: true } } });
    await until(() => quick.getStats().currentVersion === json.version);
    // It reads what was on its way, and then why there is no more.
    slow.resume();
    const [code] = await closed;
    expect([1013, 1006]).toContain(code);
    await until(async () => (await metric(server, 'subscribers')) === 1);
    expect(slow.messages.length).toBeGreaterThan(0);
  });

  test('one that is gone without a word is found by its silence', async () => {
    const server = await serve({ pingIntervalMs: 20 });
    const ws = await socket(server, 'projectId=project', { autoPong: false });
    await once(ws, 'close');
    expect(await metric(server, 'dead_subscribers_total')).toBe(1);
  });

  test('a message that is too large ends its connection', async () => {
    const server = await serve();
    const ws = await socket(server, 'projectId=project');
    ws.send('x'.repeat(100_000));
    expect((await once(ws, 'close'))[0]).toBe(1009);
  });

  test('end with the server, with a code', async () => {
    const server = await serve();
    const ws = await socket(server, 'projectId=project');
    const closed = once(ws, 'close');
    await Promise.all([server.close(), server.close()]);
    expect((await closed)[0]).toBe(1001);
  });
});

test('a port in use is an error with the reason', async () => {
  const server = await serve();
  const error = await failureOf(serve({ port: server.port }));
  expect([error.code, error.message]).toEqual(['E_SHARED_CONTEXT', expect.stringContaining('the port is in use')]);
});

test.each([
  [{ port: -1 }],
  [{ port: 65_536 }],
  [{ port: '3003' }],
  [{ maxContextBytes: 0 }],
  [{ maxHistory: Number.NaN }],
  [{ token: 'with space' }],
  [{ compress: true }],
  [{ allowedOrigins: 'x' }],
])('startSharedContextServer(%j) is refused', async (options) => {
  expect((await failureOf(serve(options))).code).toBe('E_INVALID_ARGUMENT');
});
