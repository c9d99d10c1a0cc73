'use strict';

/** Bodies of requests and answers over HTTP: read within limits, sent as small as the asker takes it. */

const { promisify } = require('node:util');
const zlib = require('node:zlib');
const Negotiator = require('negotiator');
const { Refusal } = require('./store.js');

/** Room in a body for what stands around a context. */
const ENVELOPE_BYTES = 64 << 10;

/** Smaller answers are not compressed: they fit into one packet. */
const MIN_COMPRESSED = 1024;

const COMPRESSORS = {
  // Level 4: a third smaller than gzip at the same speed; the default of 11 takes seconds for a large context.
  br: (data) => promisify(zlib.brotliCompress)(data, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  gzip: promisify(zlib.gzip),
  deflate: promisify(zlib.deflate),
};

/** Reads bodies. All that are being received together have a limit. */
class BodyReader {
  #maxBytes;
  #maxPending;
  #pending = 0;

  constructor({ maxContextBytes, maxPendingBytes }) {
    this.#maxBytes = maxContextBytes + ENVELOPE_BYTES;
    // One body of the largest size must always fit.
    this.#maxPending = Math.max(maxPendingBytes, this.#maxBytes);
  }

  get pendingBytes() {
    return this.#pending;
  }

  /** Refuses a request by its headers, before anything of its body is read. */
  check(request) {
    if (Number(request.headers['content-length']) > this.#maxBytes) throw this.#tooLarge();
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      throw new Refusal(415, 'ENCODING', 'bodies have to be sent as they are, without Content-Encoding');
    }
  }

  /** @returns the JSON value of the body */
  async json(request) {
    this.check(request);
    const text = await this.#text(request);
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      // The engine's own message quotes the body.
      throw new Refusal(400, 'JSON', 'the body is not JSON');
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw new Refusal(400, 'BODY', 'the body must be a JSON object');
    }
    return value;
  }

  async #text(request) {
    const chunks = [];
    let bytes = 0;
    try {
      // What is refused half-way is still answered: the connection stays.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        bytes += chunk.length;
        this.#pending += chunk.length;
        if (bytes > this.#maxBytes) throw this.#tooLarge();
        if (this.#pending > this.#maxPending) {
          throw new Refusal(503, 'BUSY', 'too much is being received at the same time', { retryAfter: 1 });
        }
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(400, 'ABORTED', 'the body did not arrive');
    } finally {
      this.#pending -= bytes;
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #tooLarge() {
    return new Refusal(413, 'TOO_LARGE', `the body has more than ${this.#maxBytes} bytes`, {
      maxContextBytes: this.#maxBytes - ENVELOPE_BYTES,
    });
  }
}

/** Sends `text`, compressed as the `Accept-Encoding` header asks. */
async function send(request, response, status, text, headers = {}) {
  let data = Buffer.from(text);
  const all = { 'Content-Type': 'application/json; charset=utf-8', Vary: 'Accept-Encoding', ...headers };
  const accepted = request.headers['accept-encoding'];
  const encoding =
    accepted === undefined || data.length < MIN_COMPRESSED
      ? 'identity'
      : new Negotiator(request).encoding(['br', 'gzip', 'deflate', 'identity'], { preferred: ['br', 'gzip'] });
  if (Object.hasOwn(COMPRESSORS, encoding ?? 'identity')) {
    data = await COMPRESSORS[encoding](data);
    all['Content-Encoding'] = encoding;
  }
  if (response.destroyed) return;
  if (status === 304) {
    response.writeHead(status, headers).end();
    return;
  }
  response.writeHead(status, { ...all, 'Content-Length': data.length });
  response.end(request.method === 'HEAD' ? undefined : data);
}

module.exports = { BodyReader, send };
