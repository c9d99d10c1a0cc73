'use strict';

/**
 * The server of shared contexts: builds the parts, listens, closes. Contexts are in memory only; after a restart the
 * clients bring them back.
 */

const { randomUUID } = require('node:crypto');
const http = require('node:http');
const { AgentwiseError } = require('../errors.js');
const { serverSettings } = require('./settings.js');

/** Of all headers of a request; the token has up to 4096 of it. */
const MAX_HEADER_BYTES = 16 << 10;

/** How often requests that came in part only are looked at. */
const LOOK_MS = 1000;

function failure(error, { host, port }) {
  const reasons = {
    EADDRINUSE: 'the port is in use',
    EACCES: 'this user may not open the port',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the host is not known',
  };
  const reason = reasons[error.code] ?? error.code ?? 'unknown reason';
  const message = `the shared context cannot listen on ${host}:${port}: ${reason}`;
  return new AgentwiseError('E_SHARED_CONTEXT', message, { cause: error });
}

async function listen(server, { host, port }) {
  await new Promise((resolve, reject) => {
    server.once('error', (error) => reject(failure(error, { host, port })));
    server.listen({ host, port }, resolve);
  });
  server.removeAllListeners('error');
  // A connection that could not be taken is not the end of the server.
  server.on('error', () => {});
}

class SharedContextServer {
  #server;
  #stream;
  #settings;
  #closing;

  constructor(server, stream, settings) {
    this.#server = server;
    this.#stream = stream;
    this.#settings = settings;
    this.port = server.address().port;
    const { host } = settings;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** Takes no more requests, finishes those that came, ends the live connections. Idempotent. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    this.#stream.close();
    const deadline = setTimeout(() => {
      this.#stream.terminate();
      this.#server.closeAllConnections();
    }, this.#settings.closeTimeoutMs);
    await closed;
    clearTimeout(deadline);
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}

/**
 * Starts a server.
 * @throws {AgentwiseError} `E_INVALID_ARGUMENT`; `E_SHARED_CONTEXT` if it cannot listen
 */
async function startSharedContextServer(options) {
  const settings = serverSettings(options);
  // Loaded here, as the package is mostly used without a server.
  const { guard } = require('./guard.js');
  const { Metrics } = require('./metrics.js');
  const { Routes } = require('./routes.js');
  const { Store } = require('./store.js');
  const { Stream } = require('./stream.js');
  const instance = randomUUID();
  const metrics = new Metrics();
  const store = new Store(settings, instance);
  const parts = { store, metrics, settings, instance, guard: guard(settings) };
  const stream = new Stream(parts);
  const routes = new Routes({ ...parts, stream });
  const server = http.createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: Math.min(settings.headersTimeoutMs, settings.requestTimeoutMs),
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(LOOK_MS, settings.headersTimeoutMs),
  });
  server.maxConnections = settings.maxConnections;
  // An answer that nobody reads; live connections take this off.
  server.timeout = settings.idleTimeoutMs;
  const handle = (request, response) => void routes.handle(request, response);
  server.on('request', handle);
  server.on('checkContinue', handle);
  server.on('upgrade', (request, socket, head) => stream.upgrade(request, socket, head));
  await listen(server, settings);
  return new SharedContextServer(server, stream, settings);
}

module.exports = { startSharedContextServer };
