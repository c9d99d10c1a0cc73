'use strict';

/** What the specs of the shared context share: servers, clients, raw requests and sockets that are closed after each test. */

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { WebSocket } = require('ws');
const { SharedContextClient, startSharedContextServer } = require('../../index.js');

/** Only catches hangs. */
const HANG_MS = 20_000;

/**
 * Quick enough for tests that wait for a reconnection. Server and client are in one process: a request takes as long as that
 * stands still, and only tests of time limits have one that is shorter.
 */
const QUICK = {
  retryDelayMs: 5,
  maxRetryDelayMs: 20,
  retries: 1,
  requestTimeoutMs: HANG_MS,
  connectTimeoutMs: HANG_MS,
};

/**
 * Where a server is started again on its port: an address of this process, where no other one asks for a free port in between.
 * Other systems than Linux have only the first one of the loopback.
 */
const OWN_HOST =
  process.platform === 'linux' ? `127.0.${1 + ((process.pid >> 8) % 250)}.${1 + (process.pid % 250)}` : '127.0.0.1';

/** Waits until `is()` holds, looking after each of the emitter's events and every few ms. */
async function until(is, what = String(is)) {
  const end = performance.now() + HANG_MS;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function useSharedContext() {
  const opened = [];
  afterEach(async () => {
    // Clients first: servers wait for them.
    for (const close of opened.splice(0).reverse()) await close();
  });
  const own = (close) => opened.push(close);

  async function serve(options = {}) {
    const server = await startSharedContextServer({ port: 0, closeTimeoutMs: 100, ...options });
    own(() => server.close());
    return server;
  }

  /** A client that notes its events as `[name, data]`. */
  function connect(server, options = {}) {
    const client = new SharedContextClient({ projectId: 'project', url: server.url, ...QUICK, ...options });
    client.heard = [];
    for (const name of ['connected', 'disconnected', 'update', 'deleted', 'warning']) {
      client.on(name, (data) => client.heard.push([name, data]));
    }
    client.warnings = () => client.heard.filter(([name]) => name === 'warning').map(([, { reason }]) => reason);
    own(() => client.disconnect());
    return client;
  }

  /** A client that hears of changes by itself. */
  async function live(server, options = {}) {
    const client = connect(server, options);
    await until(() => client.getStats().wsConnected && client.isConnected(), 'a live connection');
    return client;
  }

  /** A TCP server that does what `talk(socket)` does, whatever it is asked. */
  async function hostile(talk) {
    const sockets = new Set();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      talk(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    own(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address();
    return { url: `http://127.0.0.1:${port}`, port, sockets };
  }

  /** An HTTP server of another make: `answer(request, body)` gives `{ status, headers, json | text }`. */
  async function foreign(answer, onUpgrade) {
    const requests = [];
    const server = http.createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      requests.push({ method: request.method, url: request.url, headers: request.headers, text });
      const found = await answer(requests.at(-1));
      if (found === undefined) return;
      const { status = 200, headers = {}, json, text: plain } = found;
      response.writeHead(status, headers).end(plain ?? JSON.stringify(json));
    });
    server.on('upgrade', (request, socket, head) => {
      if (onUpgrade) onUpgrade(request, socket, head);
      else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    own(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { url: `http://127.0.0.1:${server.address().port}`, requests };
  }

  /** A WebSocket of the `ws` package that collects its messages. */
  async function socket(server, query, options = {}) {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/context/stream?${query}`, options);
    const messages = [];
    ws.on('message', (data) => messages.push(JSON.parse(data)));
    own(() => ws.terminate());
    await once(ws, 'open');
    return Object.assign(ws, { messages });
  }

  return { own, serve, connect, live, hostile, foreign, socket };
}

/** One request by `node:http`: exactly the headers that are given, besides Host. */
function ask(server, method, path, { body, headers = {} } = {}) {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, async (response) => {
      const chunks = [];
      try {
        for await (const chunk of response) chunks.push(chunk);
      } catch (error) {
        reject(error);
        return;
      }
      const data = Buffer.concat(chunks);
      const isJson = !response.headers['content-encoding'] && response.headers['content-type']?.includes('json');
      const json = isJson && data.length > 0 ? JSON.parse(data) : undefined;
      resolve({ status: response.statusCode, headers: response.headers, data, json });
    });
    request.on('error', reject);
    request.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
}

module.exports = { HANG_MS, OWN_HOST, QUICK, ask, until, useSharedContext };
