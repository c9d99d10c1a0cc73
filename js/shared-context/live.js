'use strict';

/** Live updates of a client: one WebSocket that comes back by itself and never keeps the process alive. */

const net = require('node:net');
const tls = require('node:tls');
const { Away, backoffMs } = require('./failures.js');
const { isObject } = require('./entries.js');
const { instanceIn } = require('./http.js');

/** After something that is not the protocol: as if so many attempts had failed. */
const PENALTY = 5;

function unheld(socket) {
  socket.unref();
  return socket;
}

class Live {
  #settings;
  #listener;
  #ws;
  #timer;
  #pings;
  #isStopped = false;
  #failed = 0;
  isOpen = false;
  /** Id of the run of the server, if it is one of ours. */
  instance;
  receivedBytes = 0;

  /**
   * @param {object} settings of the client
   * @param {{ onOpen: () => void, onMessage: (message: object) => void, onDown: (away: Away, wasOpen: boolean) => void }}
   * listener
   */
  constructor(settings, listener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Attempts since the connection was last good. */
  get attempts() {
    return this.#failed;
  }

  start() {
    const { WebSocket } = require('ws');
    const { agentId, connectTimeoutMs, maxBytes, projectId, token, url } = this.#settings;
    const target = new URL(url);
    target.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    target.pathname = `${url.pathname === '/' ? '' : url.pathname}/context/stream`;
    // What was before is read over HTTP, and changes are enough: other servers do not know the last two and send all.
    target.search = String(new URLSearchParams({ projectId, agentId, snapshot: 'false', context: 'false' }));
    const ws = new WebSocket(target, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      handshakeTimeout: connectTimeoutMs,
      maxPayload: maxBytes,
      // Not offered, so that nothing small can unfold into something large.
      perMessageDeflate: false,
      followRedirects: false,
      createConnection: (options) =>
        unheld(
          url.protocol === 'https:' ? tls.connect({ ...options, servername: serverName(url) }) : net.connect(options),
        ),
    });
    this.#ws = ws;
    let away = new Away('stream', 'the live connection ended');
    ws.on('upgrade', (response) => {
      this.instance = instanceIn(response.headers);
    });
    ws.on('open', () => {
      this.isOpen = true;
      this.#watch(ws);
      this.#listener.onOpen();
    });
    ws.on('message', (data, isBinary) => {
      this.receivedBytes += data.length;
      const message = isBinary ? undefined : parse(data);
      if (message) this.#listener.onMessage(message);
      else this.fail(new Away('answer', 'the server sent a live message that is no JSON object'));
    });
    ws.on('error', (error) => {
      away = failure(error);
      // ws answers a frame that is too long by closing, and waits for the other side.
      ws.terminate();
    });
    ws.on('close', () => {
      if (this.#ws === ws) this.#down(away);
    });
  }

  /** Ends the connection because of what came over it; another one follows later. */
  fail(away) {
    this.#failed = Math.max(this.#failed, PENALTY);
    const ws = this.#ws;
    if (!ws) return;
    this.#down(away);
    ws.terminate();
  }

  /** What came over the connection was good. */
  settled() {
    if (this.isOpen) this.#failed = 0;
  }

  send(message) {
    if (this.isOpen) this.#ws.send(JSON.stringify(message));
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    const ws = this.#ws;
    this.#ws = undefined;
    this.isOpen = false;
    // Not closed politely: that keeps a timer of ws, and the server cannot do anything with the reason.
    ws?.terminate();
  }

  /** A peer that is gone without a word is found by its silence, also one that sends half a message for ever. */
  #watch(ws) {
    const { pingIntervalMs, pongTimeoutMs } = this.#settings;
    let deadline;
    clearInterval(this.#pings);
    this.#pings = setInterval(() => {
      if (deadline) return;
      ws.ping();
      deadline = setTimeout(() => {
        if (this.#ws !== ws) return;
        this.#down(new Away('timeout', `the server did not answer a ping within ${pongTimeoutMs} ms`));
        ws.terminate();
      }, pongTimeoutMs);
      deadline.unref();
    }, pingIntervalMs);
    this.#pings.unref();
    ws.on('pong', () => {
      clearTimeout(deadline);
      deadline = undefined;
    });
    ws.on('close', () => clearTimeout(deadline));
  }

  #down(away) {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#ws = undefined;
    clearInterval(this.#pings);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => this.start(), backoffMs(this.#failed++, this.#settings));
    this.#timer.unref();
    this.#listener.onDown(away, wasOpen);
  }
}

/** The name that a certificate has to have; addresses have none. */
function serverName({ hostname }) {
  return net.isIP(hostname.replace(/^\[|\]$/g, '')) ? '' : hostname;
}

function parse(data) {
  try {
    const value = JSON.parse(data.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What ws says went wrong, without its words. */
function failure(error) {
  const code = typeof error.code === 'string' ? error.code : '';
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
    return new Away('tooLarge', 'the server sent a live message that is too large');
  if (code.startsWith('WS_ERR')) return new Away('answer', `the server does not speak WebSocket (${code})`);
  if (code !== '') return new Away('unreachable', `the server cannot be reached (${code})`);
  return new Away('stream', 'the server gives no live updates');
}

module.exports = { Live };
