'use strict';

/**
 * Asks a server over HTTP within limits of time and bytes. No socket and no timer of it keeps the process alive: whoever
 * waits for an answer sees to that.
 */

const { promisify } = require('node:util');
const zlib = require('node:zlib');
const { isObject } = require('./entries.js');
const { Away, backoffMs, pause, Refused, retryAfterMs } = require('./failures.js');
const { isLoopback } = require('./settings.js');

/** By which a server says that it is one of ours, with the id of its run. */
const MARK = 'agentwise-shared-context';

const DECODERS = {
  gzip: promisify(zlib.gunzip),
  br: promisify(zlib.brotliDecompress),
  deflate: promisify(zlib.inflate),
};

/** How long after its last socket closed a request that is still not settled counts as lost. */
const LOST_MS = 20;

/** Longest part of a server's own words in a message. */
const MAX_QUOTE = 200;

class Http {
  #settings;
  #agent;
  #headers;
  #closed = new AbortController();
  #onRetry;
  /** Fails the request that is under way. */
  #onLost;
  receivedBytes = 0;
  sentBytes = 0;

  /** @param {object} settings of the client; `onRetry` is called before each repetition */
  constructor(settings, onRetry) {
    this.#settings = settings;
    this.#onRetry = onRetry;
    this.#headers = {
      accept: 'application/json',
      // On one machine compressing takes longer than sending.
      'accept-encoding': isLoopback(settings.url.hostname) ? 'identity' : 'br, gzip, deflate',
      ...(settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` }),
    };
  }

  /** Made when it is needed: loading it takes tens of ms, and many programs never ask. */
  #connections() {
    if (this.#agent) return this.#agent;
    const { Agent, buildConnector } = require('undici');
    const { connectTimeoutMs, maxBytes, requestTimeoutMs } = this.#settings;
    const connect = buildConnector({ timeout: connectTimeoutMs });
    const sockets = new Set();
    // Those of an agent that was given up say nothing of the requests after it.
    const onNone = () => this.#agent === agent && this.#onLost?.();
    const agent = new Agent({
      connect(options, done) {
        const socket = connect(options, done);
        socket.unref();
        // undici takes hold of a socket whenever it uses it.
        socket.ref = () => socket;
        sockets.add(socket);
        socket.once('close', () => {
          sockets.delete(socket);
          setTimeout(() => sockets.size === 0 && onNone(), LOST_MS).unref();
        });
        return socket;
      },
      connections: 4,
      pipelining: 1,
      maxResponseSize: maxBytes,
      headersTimeout: requestTimeoutMs,
      bodyTimeout: requestTimeoutMs,
    });
    this.#agent = agent;
    return agent;
  }

  /**
   * @param {{ method: string, path: string, body?: string, headers?: object, isRepeatable: boolean, attempts?: number,
   * expected?: number[] }} request `path` after the URL's own; `expected`: statuses that are no failure besides 200 to 299
   * @returns {Promise<{ status: number, body: object, instance: string | undefined }>}
   * @throws {Away | Refused}
   */
  async ask(request) {
    const attempts = request.isRepeatable ? (request.attempts ?? this.#settings.retries + 1) : 1;
    const deadline = performance.now() + 2 * this.#settings.requestTimeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(request);
      } catch (error) {
        if (!(error instanceof Away) || !error.canRetry || attempt >= attempts) throw error;
        const delay = Math.max(backoffMs(attempt - 1, this.#settings), error.retryAfterMs ?? 0);
        if (delay > this.#settings.maxRetryDelayMs || performance.now() + delay > deadline) throw error;
        await pause(delay, this.#closed.signal);
        this.#onRetry();
      }
    }
  }

  async #once({ method, path, body, headers, expected = [] }) {
    const { requestTimeoutMs, url } = this.#settings;
    const abort = new AbortController();
    const stop = () => abort.abort();
    // undici's own timeouts look at pauses; this one is for the whole, also for a byte now and then.
    const timer = setTimeout(stop, requestTimeoutMs);
    timer.unref();
    const closed = this.#closed.signal;
    closed.addEventListener('abort', stop, { once: true });
    try {
      if (closed.aborted) stop();
      const request = {
        origin: url.origin,
        path: `${url.pathname === '/' ? '' : url.pathname}${path}`,
        method,
        body,
        headers: {
          ...this.#headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        signal: abort.signal,
      };
      this.sentBytes += body === undefined ? 0 : Buffer.byteLength(body);
      return await this.#unlessStuck(this.#exchange(request, expected), abort.signal);
    } catch (error) {
      throw this.#failure(error, abort.signal);
    } finally {
      clearTimeout(timer);
      closed.removeEventListener('abort', stop);
    }
  }

  async #exchange(request, expected) {
    const response = await this.#connections().request(request);
    // From here on undici tells of a connection that is lost, and one that is closed may have said all.
    this.#onLost = undefined;
    return this.#answer(response, expected);
  }

  /**
   * undici neither fails nor calls off a request whose connection was closed before the request went out: it is given up
   * here, with all connections, which would never serve another one.
   */
  async #unlessStuck(work, signal) {
    let fail;
    const stuck = new Promise((_, reject) => {
      fail = reject;
    });
    const onAbort = () => fail(new Error('called off'));
    this.#onLost = () => fail(new Error('lost'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let isSettled = false;
    try {
      const done = () => {
        isSettled = true;
      };
      work.then(done, done);
      return await Promise.race([work, stuck]);
    } finally {
      this.#onLost = undefined;
      if (!isSettled) {
        this.#agent?.destroy().catch(() => {});
        this.#agent = undefined;
      }
    }
  }

  async #answer({ statusCode: status, headers, body }, expected) {
    const data = await this.#data(headers, body);
    if (status >= 300 && status < 400 && !expected.includes(status)) {
      throw new Away('redirect', `the server answers with a redirect (${status}), which is not followed`, {
        canRetry: false,
      });
    }
    const isGood = (status >= 200 && status < 300) || expected.includes(status);
    // What is in the way of a server answers in its own words.
    if (!isGood) throw this.#refusal(status, headers, data);
    const value = parse(data);
    if (!isObject(value) && status < 300)
      throw new Away('answer', 'the server answered with something that is no JSON object');
    return { status, body: isObject(value) ? value : {}, instance: instanceIn(headers) };
  }

  async #data(headers, body) {
    const { maxBytes } = this.#settings;
    const tooLarge = () =>
      new Away('tooLarge', `the server's answer has more than ${maxBytes} bytes`, { canRetry: false });
    if (Number(headers['content-length']) > maxBytes) {
      body.on('error', () => {}).destroy();
      throw tooLarge();
    }
    const chunks = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      this.receivedBytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
    const data = Buffer.concat(chunks);
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding === 'identity' || data.length === 0) return data;
    if (!Object.hasOwn(DECODERS, encoding))
      throw new Away('answer', 'the server used a Content-Encoding that was not asked for');
    try {
      return await DECODERS[encoding](data, { maxOutputLength: maxBytes });
    } catch (error) {
      if (error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
      throw new Away('answer', `the server's answer is not ${encoding}, as it says`);
    }
  }

  #refusal(status, headers, data) {
    const value = parse(data);
    const words = typeof value?.error === 'string' ? `: ${value.error.slice(0, MAX_QUOTE)}` : '';
    const message = this.#withoutToken(`the server answers with status ${status}${words}`);
    const isTemporary = (status >= 500 && status !== 507) || status === 429 || status === 408;
    if (!isTemporary) return new Refused(status, message);
    return new Away('server', message, { retryAfterMs: retryAfterMs(headers['retry-after']) });
  }

  /** A server may send back what it got. */
  #withoutToken(text) {
    const { token } = this.#settings;
    return token === undefined ? text : text.replaceAll(token, '***');
  }

  /** What undici throws, without its words: they may hold parts of what was received. */
  #failure(error, signal) {
    if (error instanceof Away || error instanceof Refused) return error;
    if (this.#closed.signal.aborted) return new Away('closed', 'the client was disconnected', { canRetry: false });
    const code = typeof error?.code === 'string' ? error.code : 'no reason given';
    if (signal.aborted || /_TIMEOUT$|^ETIMEDOUT$/.test(code)) {
      return new Away('timeout', `the server did not answer within ${this.#settings.requestTimeoutMs} ms`);
    }
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      return new Away('tooLarge', `the server's answer has more than ${this.#settings.maxBytes} bytes`, {
        canRetry: false,
      });
    }
    if (/^HPE_|^UND_ERR_(HEADERS|RES)/.test(code))
      return new Away('answer', `the server does not speak HTTP (${code})`);
    return new Away('unreachable', `the server cannot be reached (${code})`);
  }

  close() {
    this.#closed.abort();
    return this.#agent?.destroy().catch(() => {});
  }
}

function parse(data) {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The id of the run of a server of ours; undefined for others. */
function instanceIn(headers) {
  const value = headers[MARK];
  return typeof value === 'string' && value.length > 0 && value.length <= 128 ? value : undefined;
}

module.exports = { Http, instanceIn };
