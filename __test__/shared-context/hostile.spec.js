'use strict';

/** Servers that are broken, foreign or hostile: the client goes on with its copy, in bounded time and memory. */

const { createHash } = require('node:crypto');
const zlib = require('node:zlib');
const { failureOf } = require('../support.js');
const { HANG_MS, until, useSharedContext } = require('./support.js');

const { connect, foreign, hostile } = useSharedContext();

const NEVER = { liveUpdates: false };
const MB = 1 << 20;

/** Answers any request with these bytes. */
const says = (text) => (socket) => socket.once('data', () => socket.end(text));
const http = (body, head = '') => `HTTP/1.1 200 OK\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const ours = 'Agentwise-Shared-Context: run\r\n';

/** Sends zeros as long as the other side takes them; counts them. */
function flood(socket, head, counts = { bytes: 0 }) {
  socket.once('data', () => {
    socket.write(head);
    const block = Buffer.alloc(64 << 10, 'x');
    const more = () => {
      while (!socket.destroyed && counts.bytes < 1024 * MB) {
        counts.bytes += block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
}

function trickle(socket, head) {
  socket.once('data', () => {
    socket.write(head);
    const timer = setInterval(() => socket.write(' '), 5);
    socket.on('close', () => clearInterval(timer));
  });
}

const good = { version: 5, context: { a: 1 }, hash: 'x' };

describe('over HTTP', () => {
  test.each([
    ['closes at once', (socket) => socket.destroy(), 'unreachable'],
    ['closes after the request', (socket) => socket.once('data', () => socket.destroy()), 'unreachable'],
    ['never answers', () => {}, 'timeout'],
    ['sends half of the headers', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le'), 'timeout'],
    ['trickles headers', (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nX: '), 'timeout'],
    ['trickles a body', (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\n\r\n{'), 'timeout'],
    ['sends half of a body', says('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'), 'unreachable'],
    ['does not speak HTTP', says('SSH-2.0-OpenSSH_9\r\n'), 'answer'],
    ['sends garbage', says(http('{"version":')), 'answer'],
    ['sends an array', says(http('[]')), 'answer'],
    ['sends null', says(http('null')), 'answer'],
    ['sends a page', says(http('<html>')), 'answer'],
    ['sends no context', says(http('{"version":1}')), 'answer'],
    ['sends a list as context', says(http('{"version":1,"context":[]}')), 'answer'],
    ['sends a version as text', says(http('{"version":"1","context":{}}')), 'answer'],
    ['sends NaN as version', says(http('{"version":NaN,"context":{}}')), 'answer'],
    ['sends null as version', says(http('{"version":null,"context":{}}')), 'answer'],
    ['sends an infinite version', says(http('{"version":1e999,"context":{}}')), 'answer'],
    ['sends a negative version', says(http('{"version":-1,"context":{}}')), 'answer'],
    [
      'sends a context that is too deep',
      says(http(`{"version":1,"context":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`)),
      'answer',
    ],
    ['is ours and sends a wrong hash', says(http('{"version":1,"context":{},"hash":"x"}', ours)), 'answer'],
    ['fails', says('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'), 'server'],
    ['redirects', says('HTTP/1.1 302 F\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n'), 'redirect'],
    ['announces a gigabyte', says('HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n'), 'tooLarge'],
    ['sends headers without end', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nX: '), 'answer'],
    ['labels plain JSON as compressed', says(http(JSON.stringify(good), 'Content-Encoding: deflate\r\n')), 'answer'],
    ['compresses twice', says(http('{}', 'Content-Encoding: gzip, gzip\r\n')), 'answer'],
  ])('a server that %s', async (_, talk, reason) => {
    const server = await hostile(talk);
    const client = connect(server, { ...NEVER, retries: 0, requestTimeoutMs: reason === 'timeout' ? 100 : HANG_MS });
    expect(await client.getContext()).toBeNull();
    expect(client.getStats()).toMatchObject({
      connected: false,
      errors: 1,
      lastError: { code: 'E_SHARED_CONTEXT', reason },
    });
    expect(await client.setContext({ mine: 1 })).toBeNull();
    expect(await client.getContext()).toEqual({ mine: 1 });
    expect(client.warnings()).toEqual([reason]);
    expect(client.getStats().currentVersion).toBe(0);
  });

  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n'],
    ['without one', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['compressed', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n'],
  ])('a gigabyte %s is not read', async (_, head) => {
    const counts = { bytes: 0 };
    const server = await hostile((socket) => flood(socket, head, counts));
    const client = connect(server, { ...NEVER, maxBytes: MB });
    const before = process.memoryUsage().rss;
    expect(await client.getContext()).toBeNull();
    expect(client.getStats().lastError.reason).toBe('tooLarge');
    expect(counts.bytes).toBeLessThan(32 * MB);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MB);
  });

  test.each([
    ['gzip', zlib.gzipSync],
    ['br', zlib.brotliCompressSync],
    ['deflate', zlib.deflateSync],
  ])('a %s bomb is not unfolded', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(64 * MB, 32));
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${bomb.length}\r\n\r\n`;
    const server = await hostile((socket) =>
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head), bomb]))),
    );
    const client = connect(server, { ...NEVER, maxBytes: MB });
    const before = process.memoryUsage().rss;
    expect(await client.getContext()).toBeNull();
    expect(client.getStats().lastError.reason).toBe('tooLarge');
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MB);
  });

  test('compressed answers are read', async () => {
    const body = zlib.gzipSync(JSON.stringify(good));
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
    const server = await hostile((socket) =>
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(head), body]))),
    );
    expect(await connect(server, NEVER).getContext()).toEqual({ a: 1 });
  });

  test('what was good stays when the server goes bad', async () => {
    let bad = false;
    const server = await foreign(() => (bad ? { text: '{"version":9,"context":"?"}' } : { json: good }));
    const client = connect(server, NEVER);
    expect(await client.getContext()).toEqual({ a: 1 });
    bad = true;
    expect(await client.getContext({ useCache: false })).toEqual({ a: 1 });
    expect(client.getStats()).toMatchObject({ currentVersion: 5, connected: false });
    bad = false;
    await until(async () => (await client.getContext()) && client.isConnected());
    // The copy is new before the connection is told.
    const names = ['update', 'connected', 'disconnected', 'warning', 'connected'];
    expect(client.heard.map(([name]) => name)).toEqual(names);
  });

  test('is asked again after failures, not before Retry-After', async () => {
    const times = [];
    const server = await foreign(() => {
      times.push(performance.now());
      if (times.length === 1) return { status: 503, headers: { 'Retry-After': '1' }, json: {} };
      return times.length === 2 ? { status: 500, json: {} } : { json: good };
    });
    const client = connect(server, { ...NEVER, retries: 2, maxRetryDelayMs: 2000 });
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(times).toHaveLength(3);
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(990);
    expect(client.getStats()).toMatchObject({ retries: 2, errors: 0, connected: true });
  });

  test('that asks for a long pause gets no request, and callers do not wait', async () => {
    const server = await foreign(() => ({ status: 503, headers: { 'Retry-After': '3600' }, json: {} }));
    const client = connect(server, { ...NEVER, retries: 5 });
    for (let at = 0; at < 5; at++) expect(await client.getContext()).toBeNull();
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    [400, 'E_SHARED_CONTEXT'],
    [401, 'E_SHARED_CONTEXT'],
    [403, 'E_SHARED_CONTEXT'],
    [413, 'E_SHARED_CONTEXT'],
  ])('that refuses with %d is an error for the caller', async (status, code) => {
    const server = await foreign(({ method, headers }) =>
      method === 'GET' ? { status: 404, json: {} } : { status, json: { error: `no: ${headers.authorization}` } },
    );
    const client = connect(server, { ...NEVER, token: 'a-secret' });
    const error = await failureOf(client.setContext({ a: 1 }));
    expect([error.name, error.code]).toEqual(['AgentwiseError', code]);
    expect(error.message).toContain(String(status));
    for (const text of [error.message, JSON.stringify(client.getStats()), JSON.stringify(client.heard)]) {
      expect(text).not.toContain('a-secret');
    }
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
    // A wrong token says nothing against the change.
    expect(client.getStats().pending).toBe(status === 401 || status === 403);
  });
});

describe('a foreign server', () => {
  test('may hash as it likes, is not asked for since, and never for compress=true', async () => {
    const server = await foreign(() => ({ json: { ...good, hash: 'abc' } }));
    const client = connect(server, NEVER);
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(server.requests.map(({ url }) => url)).toEqual(['/context/project', '/context/project']);
  });

  test('may count from the beginning again, which is told', async () => {
    let version = 5;
    const server = await foreign(() => ({ json: { ...good, version, context: { version } } }));
    const client = connect(server, NEVER);
    await client.getContext();
    version = 2;
    expect(await client.getContext()).toEqual({ version: 2 });
    expect(client.warnings()).toEqual(['answer']);
  });

  test('of ours may not', async () => {
    const hash = (context) => createHash('sha256').update(JSON.stringify(context)).digest('hex');
    let version = 5;
    const server = await foreign(() => {
      const context = { version };
      return { headers: { 'Agentwise-Shared-Context': 'run' }, json: { version, context, hash: hash(context) } };
    });
    const client = connect(server, NEVER);
    expect(await client.getContext()).toEqual({ version: 5 });
    version = 4;
    expect(await client.getContext({ useCache: false })).toEqual({ version: 5 });
    expect(client.getStats().lastError.reason).toBe('answer');
  });

  test('gets whole contexts by PUT and diffs by POST, which is not sent twice', async () => {
    let context = { b: 1 };
    let version = 1;
    const server = await foreign(({ method, url, text }) => {
      if (method === 'GET') return { json: { version, context } };
      if (url.endsWith('/diff')) return { status: 500, json: {} };
      context = JSON.parse(text).context;
      return { json: { version: ++version } };
    });
    const client = connect(server, { ...NEVER, retries: 3, agentId: 'me' });
    await client.setContext({ a: 1 });
    expect(context).toEqual({ b: 1, a: 1 });
    expect(await client.updateContext({ added: { c: 1 } })).toBeNull();
    const posts = server.requests.filter(({ method }) => method === 'POST');
    expect(posts).toHaveLength(1);
    expect(JSON.parse(posts[0].text)).toEqual({ agentId: 'me', diff: { added: { c: 1 }, modified: {}, removed: [] } });
    expect(await client.getContext()).toEqual({ b: 1, a: 1, c: 1 });
  });
});

describe('over WebSocket', () => {
  const accept = (request) => {
    const key = /sec-websocket-key: (.+)\r\n/i.exec(request)[1];
    const answer = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n`;
  };
  const frame = (text) => {
    const data = Buffer.from(text);
    const head = data.length < 126 ? [0x81, data.length] : [0x81, 126, data.length >> 8, data.length & 255];
    return Buffer.concat([Buffer.from(head), data]);
  };

  /** A server that answers GET with `context` and does `talk` on each live connection. */
  async function server(talk, { json = good, head = '' } = {}) {
    let opened = 0;
    const made = await hostile((socket) => {
      socket.on('data', (data) => {
        const request = String(data);
        if (!/^GET .* HTTP/.test(request)) return;
        if (!/upgrade: websocket/i.test(request)) {
          socket.write(http(JSON.stringify(json), head));
          return;
        }
        opened++;
        socket.write(`${accept(request)}\r\n`);
        talk(socket, opened);
      });
    });
    return Object.assign(made, { opened: () => opened });
  }

  const QUICK_PINGS = { pingIntervalMs: 20, pongTimeoutMs: 20 };

  test.each([
    ['garbage', (socket) => socket.write(frame('{"type":')), 'answer'],
    ['null', (socket) => socket.write(frame('null')), 'answer'],
    [
      'a version as text',
      (socket) => socket.write(frame('{"type":"context_update","projectId":"project","version":"6"}')),
      'answer',
    ],
    [
      'a snapshot without a context',
      (socket) => socket.write(frame('{"type":"context_snapshot","projectId":"project","version":6}')),
      'answer',
    ],
    [
      'a context that is none',
      (socket) => socket.write(frame('{"type":"context_update","projectId":"project","version":6,"context":5}')),
      'answer',
    ],
    [
      'a frame of a gigabyte',
      (socket) => flood2(socket, Buffer.from([0x81, 127, 0, 0, 0, 0, 0x40, 0, 0, 0])),
      'tooLarge',
    ],
    ['a compressed frame', (socket) => socket.write(Buffer.from([0xc1, 5, 1, 2, 3, 4, 5])), 'answer'],
    ['a masked frame', (socket) => socket.write(Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])), 'answer'],
    ['text that is not UTF-8', (socket) => socket.write(Buffer.from([0x81, 2, 0xff, 0xff])), 'answer'],
    ['half a frame, and then nothing', (socket) => socket.write(Buffer.from([0x81, 100, 0x7b])), 'timeout'],
    ['nothing, not even pongs', () => {}, 'timeout'],
    ['a frame that trickles', (socket) => drip(socket), 'timeout'],
  ])('%s ends the connection and leaves the copy as it is', async (_, talk, reason) => {
    const made = await server(talk);
    const client = connect(made, { ...QUICK_PINGS, maxBytes: MB });
    await until(() => client.getStats().lastError?.reason === reason, reason);
    await until(() => made.opened() > 1, 'a new connection');
    await until(async () => (await client.getContext())?.a === 1);
    expect(client.getStats().currentVersion).toBe(5);
  });

  function flood2(socket, head) {
    socket.write(head);
    const block = Buffer.alloc(64 << 10, 32);
    const more = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', more);
    more();
  }

  function drip(socket) {
    socket.write(Buffer.from([0x81, 126, 0xff, 0xff]));
    const timer = setInterval(() => socket.write(' '), 2);
    socket.on('close', () => clearInterval(timer));
  }

  test('a gap is closed by asking for the whole', async () => {
    const json = { version: 5, context: { a: 1 } };
    const made = await server(
      (socket) => {
        Object.assign(json, { version: 9, context: { a: 9 } });
        socket.write(
          frame('{"type":"context_update","projectId":"project","version":8,"changes":{"modified":{"a":8}}}'),
        );
      },
      { json },
    );
    const client = connect(made);
    await until(() => client.getStats().currentVersion === 9);
    expect(await client.getContext()).toEqual({ a: 9 });
  });

  test('whole contexts, changes, pings and the names of other projects are understood', async () => {
    const heard = [];
    const made = await server((socket) => {
      socket.on('data', (data) => heard.push(data));
      for (const message of [
        { type: 'ping' },
        { type: 'context_update', projectId: 'other', version: 99, context: {} },
        { type: 'something', projectId: 'project' },
        { type: 'context_update', projectId: 'project', version: 6, context: { a: 2 }, hash: 'x' },
        { type: 'context_update', projectId: 'project', version: 7, changes: { added: { b: 1 } } },
      ]) {
        socket.write(frame(JSON.stringify(message)));
      }
    });
    const client = connect(made);
    await until(() => client.getStats().currentVersion === 7);
    expect(client.getStats().wsConnected).toBe(true);
    await until(() => heard.length > 0, 'a pong');
  });

  test('a server without live updates is used without', async () => {
    const made = await foreign(() => ({ json: good }));
    const client = connect(made);
    await until(() => client.warnings().length > 0);
    expect(await client.getContext()).toEqual({ a: 1 });
    expect(client.getStats()).toMatchObject({ connected: true, wsConnected: false });
    expect(client.getStats().reconnectAttempts).toBeGreaterThan(0);
    expect(client.warnings()[0]).toBe('stream');
  });

  test(`no test of this file takes ${HANG_MS} ms, nor does a handshake that never ends`, async () => {
    const made = await hostile(() => {});
    const client = connect(made, { connectTimeoutMs: 50, requestTimeoutMs: 50, retries: 0 });
    await until(() => client.getStats().reconnectAttempts > 1);
    expect(await client.getContext()).toBeNull();
  });
});
