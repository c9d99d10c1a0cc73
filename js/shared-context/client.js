'use strict';

const { randomUUID } = require('node:crypto');
const { EventEmitter } = require('node:events');
const { debuglog } = require('node:util');
const args = require('../arguments.js');
const { emit } = require('../emit.js');
const { AgentwiseError } = require('../errors.js');
const { hears } = require('../native-emitter.js');
const { Shared } = require('../shared.js');
const {
  bytesOf,
  changesBetween,
  changesOfDiff,
  diffText,
  entriesOf,
  isObject,
  NoDiff,
  textOf,
  TooDeep,
} = require('./entries.js');
const { Exchange } = require('./exchange.js');
const { Away, backoffMs, Refused } = require('./failures.js');
const { Http } = require('./http.js');
const { Live } = require('./live.js');
const { Replica } = require('./replica.js');
const { clientSettings } = require('./settings.js');

const debug = debuglog('agentwise');

/** Longest delay of a timer. */
const LONG_MS = 2 ** 31 - 1;

/** For so long, at most, a caller is answered from the copy at once because the server was away a moment ago. */
const GIVE_UP_MS = 1000;

function reading(name, read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NoDiff || error instanceof TooDeep)) throw error;
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} ${error.message}`, { cause: error });
  }
}

/** A caller's object as JSON would give it back. */
function plain(name, value) {
  const copy = JSON.parse(args.jsonOf(name, value));
  if (!isObject(copy)) throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be an object`);
  return copy;
}

const entriesFrom = (name, context) => reading(name, () => entriesOf(plain(name, context)));

/** See `SharedContextClient` in index.d.ts. */
class SharedContextClient extends EventEmitter {
  #settings;
  #http;
  #live;
  #exchange;
  #replica = new Replica();
  #work = new Shared(() => this.#run());
  #isConnected = false;
  /** Why the server was away when it was last asked; one warning for each change of it. */
  #away;
  #failures = 0;
  #awaySince = 0;
  #notBefore = 0;
  #probe;
  #callers = 0;
  #held;
  #closing;
  #counts = { retries: 0, errors: 0, lastError: null };

  constructor(options) {
    super();
    const settings = clientSettings(options);
    // Servers tell writers apart by it.
    settings.agentId ??= `client-${randomUUID()}`;
    this.#settings = settings;
    this.#http = new Http(settings, () => {
      this.#counts.retries++;
    });
    this.#exchange = new Exchange({
      http: this.#http,
      replica: this.#replica,
      settings,
      listener: {
        onUpdate: (before, change) => this.#tellUpdate(before, change),
        onDeleted: () => emit(this, 'deleted', { projectId: settings.projectId }),
        onBack: () => this.#warn('answer', 'the version of the server went back: it was restarted'),
      },
    });
    if (!settings.liveUpdates) return;
    this.#live = new Live(settings, {
      onOpen: () => {
        this.#notBefore = 0;
        this.#warnedLive = undefined;
        this.#exchange.miss('changes');
        this.#runBehind();
      },
      onMessage: (message) => this.#heard(message),
      onDown: (away, wasOpen) => this.#liveDown(away, wasOpen),
    });
    this.#live.start();
  }

  async getContext(options) {
    const { useCache } = args.options('options', options);
    const isCopyWanted = args.optionalBoolean('options.useCache', useCache);
    if (this.#closing) return this.#shown();
    if (isCopyWanted && this.#live?.isOpen && this.#isConnected && this.#exchange.isCurrent) return this.#shown();
    this.#exchange.miss(useCache === false ? 'all' : 'changes');
    await this.#ask();
    return this.#shown();
  }

  async setContext(context) {
    this.#refuseIfClosed();
    const entries = entriesFrom('context', context);
    return this.#change(this.#replica.changesTo(entries), entries);
  }

  async updateContext(diff) {
    this.#refuseIfClosed();
    const changes = reading('diff', () => changesOfDiff(plain('diff', diff)));
    return this.#change(changes);
  }

  createDiff(before, after) {
    const old = before === null || before === undefined ? new Map() : entriesFrom('oldContext', before);
    const now = entriesFrom('newContext', after);
    const changes = changesBetween(old, now);
    const unchanged = [...now.keys()].filter((key) => !changes.has(key));
    return { ...JSON.parse(diffText(old, changes)), unchanged };
  }

  getStats() {
    const { agentId, projectId } = this.#settings;
    const replica = this.#replica;
    return {
      projectId,
      agentId,
      currentVersion: replica.version,
      connected: this.#isConnected,
      cacheSize: replica.bytes,
      wsConnected: this.#live?.isOpen ?? false,
      reconnectAttempts: this.#live ? this.#live.attempts : this.#failures,
      pending: replica.hasUnsent,
      retries: this.#counts.retries,
      errors: this.#counts.errors,
      lastError: this.#counts.lastError && { ...this.#counts.lastError },
      bytesReceived: this.#http.receivedBytes + (this.#live?.receivedBytes ?? 0),
      bytesSent: this.#http.sentBytes,
    };
  }

  isConnected() {
    return this.#isConnected;
  }

  disconnect() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose]() {
    return this.disconnect();
  }

  #refuseIfClosed() {
    if (this.#closing) throw new AgentwiseError('E_SHUT_DOWN', 'the client of the shared context was disconnected');
  }

  async #change(changes, whole) {
    const { maxContextBytes } = this.#settings;
    const bytes = Math.max(this.#replica.bytesWith(changes), whole ? bytesOf(whole) : 0);
    if (bytes > maxContextBytes) {
      throw new AgentwiseError(
        'E_SHARED_CONTEXT',
        `the shared context would have ${bytes} bytes, more than maxContextBytes, ${maxContextBytes}`,
      );
    }
    this.#replica.record(changes, whole);
    return this.#ask();
  }

  #shown() {
    const entries = this.#replica.show();
    return entries && JSON.parse(textOf(entries));
  }

  /** Exchanges with the server. Null when it is away. */
  async #ask() {
    // A caller that waits holds the process; sockets and timers never do.
    if (this.#callers++ === 0) this.#held = setInterval(() => {}, LONG_MS);
    try {
      const answer = await this.#work.run();
      const { hash, version } = this.#replica;
      return answer ?? { projectId: this.#settings.projectId, version, hash };
    } catch (error) {
      if (error instanceof Away) return null;
      throw error instanceof Refused ? error.toError() : error;
    } finally {
      if (--this.#callers === 0) clearInterval(this.#held);
    }
  }

  #runBehind() {
    this.#work.run().catch((error) => {
      if (!(error instanceof Away || error instanceof Refused)) debug('shared context: %s', error?.stack ?? error);
    });
  }

  async #run() {
    const now = performance.now();
    // Callers may ask again sooner than the client would by itself, but do not all wait for what was in vain just now.
    if (this.#away && now < Math.min(this.#notBefore, this.#awaySince + GIVE_UP_MS)) throw this.#away;
    try {
      const answer = await this.#exchange.run(this.#away ? 1 : undefined);
      this.#isBack();
      return answer;
    } catch (error) {
      if (error instanceof Away) this.#isAway(error);
      else if (error instanceof Refused) this.#isRefused(error);
      throw error;
    }
  }

  #isBack() {
    this.#away = undefined;
    this.#failures = 0;
    this.#notBefore = 0;
    clearTimeout(this.#probe);
    this.#live?.settled();
    this.#setConnected(true);
  }

  #isAway(away) {
    if (away.reason === 'closed') return;
    this.#note(away);
    this.#away = away;
    const delay = Math.max(backoffMs(this.#failures++, this.#settings), away.retryAfterMs ?? 0);
    this.#awaySince = performance.now();
    this.#notBefore = this.#awaySince + delay;
    this.#setConnected(false, away.reason);
    this.#warn(away.reason, away.message);
    clearTimeout(this.#probe);
    if (this.#closing || !(this.#replica.hasUnsent || this.#live?.isOpen)) return;
    this.#probe = setTimeout(() => {
      // Timers may be a moment early.
      this.#notBefore = 0;
      this.#runBehind();
    }, delay);
    this.#probe.unref();
  }

  #isRefused(refused) {
    this.#note(refused);
    // Not what was sent is wrong then: it is sent when the token is right.
    if (refused.isAboutAccess) this.#setConnected(false, refused.reason);
    else this.#replica.drop();
    this.#warn(refused.reason, refused.message);
  }

  #note({ reason, message }) {
    this.#counts.errors++;
    this.#counts.lastError = { code: 'E_SHARED_CONTEXT', reason, message, timestamp: new Date() };
    debug('shared context: %s: %s', reason, message);
  }

  #warned;
  #warnedLive;

  #warn(reason, message) {
    if (this.#warned === reason) return;
    this.#warned = reason;
    emit(this, 'warning', { code: 'E_SHARED_CONTEXT', reason, message });
  }

  #setConnected(isConnected, reason) {
    if (isConnected) this.#warned = undefined;
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    const { projectId } = this.#settings;
    if (isConnected) emit(this, 'connected', { projectId, version: this.#replica.version });
    else emit(this, 'disconnected', { projectId, reason });
  }

  #heard(message) {
    if (message.type === 'ping') {
      this.#live.send({ type: 'pong' });
      return;
    }
    // One connection is for one project; some servers name others.
    if (message.projectId !== this.#settings.projectId) return;
    try {
      this.#exchange.heard(message, this.#live.instance);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      this.#exchange.miss('all');
      this.#live.fail(error);
      return;
    }
    if (!this.#exchange.isCurrent) this.#runBehind();
  }

  #liveDown(away, wasOpen) {
    this.#exchange.miss('changes');
    if (wasOpen) this.#setConnected(false, away.reason);
    // A connection that ends is no news but for the one that follows.
    if (wasOpen && away.reason === 'stream') return;
    this.#note(away);
    // Requests may go well all the while: what was told of this connection is remembered by itself.
    if (away.reason === this.#warnedLive) return;
    this.#warnedLive = away.reason;
    this.#warn(away.reason, away.message);
  }

  /** Tells what is otherwise than before in what the caller sees: what it changed itself is not. */
  #tellUpdate(seen, { version, hash, timestamp, agentId }) {
    if (!hears(this, 'update')) return;
    const before = seen ?? new Map();
    const changes = changesBetween(before, this.#replica.view() ?? new Map());
    if (changes.size === 0) return;
    const { projectId } = this.#settings;
    const event = { projectId, version, hash, agentId, changes: JSON.parse(diffText(before, changes)) };
    emit(this, 'update', { ...event, timestamp: timestamp === undefined ? undefined : new Date(timestamp) });
  }

  async #close() {
    if (this.#replica.hasUnsent && this.#isConnected) await this.#ask().catch(() => {});
    clearTimeout(this.#probe);
    this.#live?.stop();
    await this.#http.close();
    this.#setConnected(false, 'closed');
  }
}

module.exports = { SharedContextClient };
