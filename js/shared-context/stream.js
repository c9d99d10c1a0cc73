'use strict';

/** Live updates of a server: its WebSocket connections, and what each of them is sent. */

const { STATUS_CODES } = require('node:http');
const { debuglog } = require('node:util');
const { WebSocketServer } = require('ws');
const { contextText, Refusal } = require('./store.js');
const { nameProblem } = require('./settings.js');

const debug = debuglog('agentwise');

const PATH = '/context/stream';

/** Largest message of a subscriber: they only say a version. */
const MAX_MESSAGE_BYTES = 64 << 10;

/** Close codes, see docs/shared-context.md. */
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

/** How long a slow subscriber has to read the reason why it is disconnected. */
const SLOW_CLOSE_MS = 1000;

class Stream {
  #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    // What comes in is small; what goes out goes to many, and would be compressed for each of them.
    perMessageDeflate: false,
    clientTracking: false,
  });
  /** Project ids to their subscribers. */
  #subscribers = new Map();
  #count = 0;
  #store;
  #guard;
  #metrics;
  #settings;
  #instance;
  #pings;

  /** @param {{ store, guard: Function, metrics, settings: object, instance: string }} parts */
  constructor({ store, guard, metrics, settings, instance }) {
    this.#store = store;
    this.#guard = guard;
    this.#metrics = metrics;
    this.#settings = settings;
    this.#instance = instance;
    this.#server.on('headers', (headers) => headers.push(`Agentwise-Shared-Context: ${instance}`));
    this.#pings = setInterval(() => this.#ping(), settings.pingIntervalMs);
    this.#pings.unref();
  }

  get size() {
    return this.#count;
  }

  subscribersOf(projectId) {
    return this.#subscribers.get(projectId)?.size ?? 0;
  }

  /** Takes over a connection that asks for live updates, or refuses it. */
  upgrade(request, socket, head) {
    // Until it is a WebSocket, nobody else looks at its errors.
    const onError = () => socket.destroy();
    socket.on('error', onError);
    try {
      const subscriber = this.#subscription(request);
      socket.removeListener('error', onError);
      this.#server.handleUpgrade(request, socket, head, (ws) => this.#open(ws, subscriber));
    } catch (error) {
      this.#metrics.add('refused_subscribers_total');
      this.#refuse(socket, error instanceof Refusal ? error : new Refusal(500, 'INTERNAL', 'the server failed'));
    }
  }

  #subscription(request) {
    const [path, query = ''] = request.url.split('?', 2);
    this.#guard(request);
    if (path !== PATH) throw new Refusal(404, 'NOT_FOUND', 'there are no live updates under this path');
    if (this.#count >= this.#settings.maxSubscribers) {
      throw new Refusal(503, 'FULL', 'there are as many subscribers as there may be');
    }
    const params = new URLSearchParams(query);
    const projectId = params.get('projectId');
    const problem = nameProblem(projectId);
    if (problem) throw new Refusal(400, 'PROJECT', `projectId must be ${problem}`);
    return {
      projectId,
      // Who reads over HTTP what was before needs no snapshot, and who keeps a copy no whole context with each change.
      wantsSnapshot: params.get('snapshot') !== 'false',
      wantsContext: params.get('context') !== 'false',
    };
  }

  #refuse(socket, { status, code, message }) {
    const body = JSON.stringify({ error: message, code });
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Connection: close',
        'Content-Type: application/json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        `Agentwise-Shared-Context: ${this.#instance}`,
        ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
        '',
        body,
      ].join('\r\n'),
    );
  }

  #open(ws, { projectId, wantsSnapshot, wantsContext }) {
    const subscriber = { ws, wantsContext, isAlive: true, isSlow: false };
    const others = this.#subscribers.get(projectId) ?? new Set();
    this.#subscribers.set(projectId, others.add(subscriber));
    this.#count++;
    ws.on('error', () => {});
    ws.on('pong', () => {
      subscriber.isAlive = true;
    });
    ws.on('message', (data, isBinary) => {
      subscriber.isAlive = true;
      if (!isBinary) this.#heard(subscriber, projectId, data);
    });
    ws.on('close', () => {
      this.#count--;
      others.delete(subscriber);
      if (others.size === 0 && this.#subscribers.get(projectId) === others) this.#subscribers.delete(projectId);
    });
    if (wantsSnapshot) this.#snapshot(subscriber, projectId);
  }

  #heard(subscriber, projectId, data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === 'ping') this.#send(subscriber, Buffer.from('{"type":"pong"}'));
    if (message?.type === 'subscribe_to_changes') this.#catchUp(subscriber, projectId, message.fromVersion);
  }

  /** Sends what was changed since a version, or all if that is not known. */
  #catchUp(subscriber, projectId, fromVersion) {
    const project = this.#store.find(projectId);
    if (!project) return;
    const changes = Number.isSafeInteger(fromVersion) ? this.#store.since(project, fromVersion) : null;
    if (!changes) {
      this.#snapshot(subscriber, projectId);
      return;
    }
    for (const change of changes) {
      // An older version's whole context is not kept.
      const context = subscriber.wantsContext && change.version === project.version ? contextText(project) : undefined;
      this.#send(subscriber, updateData(projectId, change, context));
    }
  }

  #snapshot(subscriber, projectId) {
    const project = this.#store.find(projectId);
    if (!project) return;
    this.#send(subscriber, snapshotData(project));
  }

  /** A context that was not there before. */
  created(project) {
    const all = this.#subscribers.get(project.id);
    if (!all) return;
    const data = snapshotData(project);
    for (const subscriber of all) this.#send(subscriber, data);
  }

  /** @returns {number} how many were told */
  changed(project, change) {
    const all = this.#subscribers.get(project.id);
    if (!all) return 0;
    // One buffer for all: what waits for many is in memory once.
    let whole;
    let short;
    let told = 0;
    for (const subscriber of all) {
      let data;
      if (subscriber.wantsContext) data = whole ??= updateData(project.id, change, contextText(project));
      else data = short ??= updateData(project.id, change);
      if (this.#send(subscriber, data)) told++;
    }
    return told;
  }

  deleted(projectId) {
    const data = Buffer.from(JSON.stringify({ type: 'context_deleted', projectId }));
    for (const subscriber of this.#subscribers.get(projectId) ?? []) this.#send(subscriber, data);
  }

  #send(subscriber, data) {
    const { ws } = subscriber;
    if (ws.readyState !== ws.OPEN || subscriber.isSlow) return false;
    const waiting = ws.bufferedAmount;
    // One message is always let through: a context may be larger than what may wait.
    if (waiting > 0 && waiting + data.length > this.#settings.maxBacklogBytes) {
      this.#disconnectSlow(subscriber);
      return false;
    }
    this.#metrics.add('messages_total');
    ws.send(data, { binary: false });
    return true;
  }

  #disconnectSlow(subscriber) {
    subscriber.isSlow = true;
    this.#metrics.add('slow_subscribers_total');
    debug('shared context: a subscriber does not read and is disconnected');
    subscriber.ws.close(TRY_AGAIN_LATER, 'too slow');
    setTimeout(() => subscriber.ws.terminate(), SLOW_CLOSE_MS).unref();
  }

  #ping() {
    for (const all of this.#subscribers.values()) {
      for (const subscriber of all) {
        if (!subscriber.isAlive) {
          this.#metrics.add('dead_subscribers_total');
          subscriber.ws.terminate();
          continue;
        }
        subscriber.isAlive = false;
        if (!subscriber.isSlow) subscriber.ws.ping();
      }
    }
  }

  /** Says goodbye to all; those that do not answer are cut off by `terminate()`. */
  close() {
    clearInterval(this.#pings);
    for (const all of this.#subscribers.values()) for (const { ws } of all) ws.close(GOING_AWAY, 'the server stops');
  }

  terminate() {
    for (const all of this.#subscribers.values()) for (const { ws } of all) ws.terminate();
  }
}

function snapshotData({ id, version, timestamp, hash, entries }) {
  const head = JSON.stringify({ type: 'context_snapshot', projectId: id, version, timestamp, hash }).slice(1, -1);
  return Buffer.from(`{${head},"context":${contextText({ entries })}}`);
}

function updateData(projectId, { version, timestamp, hash, agentId, text }, context) {
  const head = JSON.stringify({ type: 'context_update', projectId, version, timestamp, hash, agentId }).slice(1, -1);
  return Buffer.from(`{${head},"changes":${text}${context === undefined ? '' : `,"context":${context}`}}`);
}

module.exports = { Stream };
