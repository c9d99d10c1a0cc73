'use strict';

/**
 * What a client and a server say to each other about one context: how the copy catches up, how changes are sent so that
 * none is lost and none counts twice. Whoever owns it runs one exchange at a time; live messages come in between.
 */

const { diffText, textOf, withChanges } = require('./entries.js');
const { Away } = require('./failures.js');
const { chainOf, changeOf, isVersion, shortText, versionOf, wholeOf } = require('./answers.js');

/** So many times others may be faster before this client gives way. */
const MAX_ROUNDS = 20;

const NOTHING = new Map();

class Exchange {
  #http;
  #replica;
  #listener;
  #agentId;
  #path;
  /** What is to be asked for: `'changes'` since this copy's version, `'all'`, or nothing. */
  #missing = 'changes';
  #isAsking = false;

  /**
   * @param {{ http: object, replica: object, settings: object, listener: { onUpdate: Function, onDeleted: Function,
   * onBack: Function } }} parts
   */
  constructor({ http, replica, settings, listener }) {
    this.#http = http;
    this.#replica = replica;
    this.#listener = listener;
    this.#agentId = settings.agentId;
    this.#path = `/context/${encodeURIComponent(settings.projectId)}`;
  }

  /** Whether the copy is known to be what the server had when it was last heard. */
  get isCurrent() {
    return this.#missing === undefined && !this.#isAsking;
  }

  /** @param {'changes' | 'all'} what is asked for by the next run */
  miss(what) {
    if (this.#missing !== 'all') this.#missing = what;
  }

  /**
   * Catches up if that is due, then sends what waits.
   * @param {number | undefined} attempts of each request; default as configured
   * @returns {Promise<object | null>} the server's last answer to what was sent
   */
  async run(attempts) {
    let answer = null;
    for (let round = 0; this.#missing || this.#replica.hasUnsent; round++) {
      if (round === MAX_ROUNDS) throw new Away('server', 'the context changes faster than this client can follow');
      if (this.#missing) await this.#catchUp(attempts);
      else answer = (await this.#send(attempts)) ?? answer;
    }
    return answer;
  }

  async #catchUp(attempts) {
    const what = this.#missing;
    // Set again by what comes in the meantime.
    this.#missing = undefined;
    this.#isAsking = true;
    try {
      await this.#ask(what, attempts);
    } catch (error) {
      this.miss(what);
      throw error;
    } finally {
      this.#isAsking = false;
    }
  }

  async #ask(what, attempts) {
    const replica = this.#replica;
    const { version, instance, hasBase } = replica;
    const since = what === 'changes' && hasBase && instance !== undefined;
    const answer = await this.#http.ask({
      method: 'GET',
      path: since ? `${this.#path}?since=${version}` : this.#path,
      isRepeatable: true,
      attempts,
      expected: [404],
    });
    if (hasBase && replica.hasBase && answer.instance !== instance) {
      // Another run of the server, or another server: what it has, if anything, is not what this copy came from.
      if (answer.instance !== undefined && instance !== undefined) return this.#bringBack(attempts);
      if (answer.status === 404) return replica.resend();
    }
    if (answer.status === 404) return this.#gone(answer, version);
    if (since && !answer.body.context) {
      if (!this.#follow(answer.body, version)) this.miss('all');
      return undefined;
    }
    return this.#adopt(
      wholeOf(answer.body, answer.instance, answer.body.version ?? answer.body.currentVersion),
      version,
    );
  }

  /** There is no context. Unless a live message brought one while the answer was on its way. */
  #gone({ instance }, asked) {
    const replica = this.#replica;
    if (!replica.hasBase || replica.version !== asked) return;
    if (instance === undefined) replica.resend();
    else this.#delete();
  }

  #delete() {
    if (!this.#replica.hasBase) return;
    this.#replica.forget();
    this.#listener.onDeleted();
  }

  /** Takes over a whole context; `asked` is the version that this copy had when it was asked for. */
  #adopt(whole, asked) {
    const replica = this.#replica;
    if (replica.hasBase && whole.instance === replica.instance && whole.version < replica.version) {
      // A live message was faster.
      if (whole.version >= asked) return;
      if (whole.instance !== undefined) throw new Away('answer', 'the version of the server went back');
      // Other servers count from the beginning when they are restarted.
      this.#listener.onBack();
    }
    const before = replica.view();
    replica.adopt(whole.entries, whole);
    this.#listener.onUpdate(before, whole);
  }

  /** Goes through the changes of a `since` answer. @returns {boolean} whether they lead to the server's version */
  #follow(body, from) {
    const replica = this.#replica;
    const chain = chainOf(body, from);
    if (!chain) return false;
    for (const change of chain) {
      if (change.version > replica.version && !this.#step(change)) return false;
    }
    return replica.version > body.currentVersion || replica.matches(body.hash);
  }

  #step({ changes, version, hash, timestamp, agentId }) {
    const replica = this.#replica;
    const before = replica.view();
    if (!replica.apply(changes, version, hash, timestamp)) return false;
    this.#listener.onUpdate(before, { version, hash, timestamp, agentId });
    return true;
  }

  /** Offers this copy to a server that was restarted; it takes the newest of what it is offered. */
  async #bringBack(attempts) {
    const replica = this.#replica;
    const { version, instance } = replica;
    const restore = { instance, version };
    const body = `{"restore":${JSON.stringify(restore)},${this.#who()},"context":${textOf(replica.offer())}}`;
    const request = { path: this.#path, isRepeatable: true, attempts, expected: [404] };
    const answer = await this.#http.ask({ ...request, method: 'PUT', body });
    // What came back may be more than was offered. Its version is of another count than this copy's.
    const whole = answer.status === 404 ? answer : await this.#http.ask({ ...request, method: 'GET' });
    // Deleted while this client was away.
    if (whole.status === 404) return this.#delete();
    const found = wholeOf(whole.body, whole.instance);
    const before = replica.view();
    replica.adopt(found.entries, found);
    this.#listener.onUpdate(before, found);
    return undefined;
  }

  #who(requestId) {
    const fields = { agentId: this.#agentId, ...(requestId === undefined ? {} : { requestId }) };
    return JSON.stringify(fields).slice(1, -1);
  }

  /** Sends what waits. @returns the answer, or null if it has to be sent in another way */
  async #send(attempts) {
    const replica = this.#replica;
    const batch = replica.take();
    const isOurs = replica.instance !== undefined;
    if (!replica.hasBase) return this.#create(batch, attempts);
    if (!isOurs && batch.isWhole) return this.#replace(batch, attempts);
    const diff = diffText(replica.confirmed, batch.changes);
    const guard = isOurs ? `,"baseVersion":${replica.version}` : '';
    const answer = await this.#http.ask({
      method: 'POST',
      path: `${this.#path}/diff`,
      body: `{${this.#who(isOurs ? batch.requestId : undefined)}${guard},"diff":${diff}}`,
      // Another server would apply it twice.
      isRepeatable: isOurs,
      attempts,
      expected: [404],
    });
    if (answer.status === 404) {
      // Deleted, or lost with the server.
      this.miss('changes');
      return null;
    }
    return this.#settle(batch, answer, replica.instance);
  }

  async #create(batch, attempts) {
    const replica = this.#replica;
    const entries = withChanges(NOTHING, batch.changes);
    for (const [key, entry] of batch.changes) if (entry === null) entries.delete(key);
    const answer = await this.#http.ask({
      method: 'PUT',
      path: this.#path,
      headers: { 'if-none-match': '*' },
      body: `{${this.#who(batch.requestId)},"context":${textOf(entries)}}`,
      isRepeatable: true,
      attempts,
      expected: [412],
    });
    if (answer.status === 412) {
      // Somebody else was first: what waits is sent as changes of that.
      this.miss('all');
      return null;
    }
    const version = versionOf(answer.body.version);
    const hash = shortText(answer.body.hash);
    if (replica.hasBase && replica.version >= version) {
      replica.settle(batch, version, hash);
      return answer.body;
    }
    replica.adopt(entries, { version, hash, instance: answer.instance });
    replica.settle(batch, version, hash);
    if (answer.instance !== undefined && !replica.matches(hash)) this.miss('all');
    return answer.body;
  }

  /** Other servers know no base version: the whole context, as it is here, takes the place of theirs. */
  async #replace(batch, attempts) {
    const replica = this.#replica;
    const entries = withChanges(replica.confirmed, batch.changes);
    const body = `{${this.#who()},"context":${textOf(entries)}}`;
    const answer = await this.#http.ask({ method: 'PUT', path: this.#path, body, isRepeatable: true, attempts });
    const version = versionOf(answer.body.version);
    if (version > replica.version) {
      replica.adopt(entries, { version, hash: shortText(answer.body.hash), instance: answer.instance });
    }
    replica.settle(batch, version);
    return answer.body;
  }

  #settle(batch, answer, instance) {
    const replica = this.#replica;
    const version = versionOf(answer.body.version);
    if (answer.instance !== instance) {
      // The server was restarted in between, and nothing is known of what it has.
      replica.settle(batch, replica.version);
      this.miss('all');
      return answer.body;
    }
    const hash = shortText(answer.body.hash);
    const isNew = version > replica.version;
    if (!replica.settle(batch, version, hash)) this.miss('changes');
    else if (isNew && instance !== undefined && !replica.matches(hash)) this.miss('all');
    return answer.body;
  }

  /**
   * A live message. Throws `Away` for one that no server of this protocol sends.
   * @param {string | undefined} instance of the server that sent it
   */
  heard(message, instance) {
    const replica = this.#replica;
    if (message.type === 'context_deleted') {
      this.#delete();
      this.miss('all');
    } else if (message.type === 'context_snapshot' || message.type === 'context_update') {
      const version = versionOf(message.version);
      if (replica.hasBase && replica.instance !== instance) this.miss('changes');
      else if (!isVersion(version) || version < replica.version) this.#old(instance);
      else if (version > replica.version || !replica.hasBase) this.#new(message, instance);
    }
  }

  /** Comes late, as answers over HTTP may be faster; other servers may have been restarted. */
  #old(instance) {
    if (instance === undefined) this.miss('all');
  }

  #new(message, instance) {
    const replica = this.#replica;
    if (message.context !== undefined) {
      const whole = wholeOf(message, instance);
      const before = replica.view();
      replica.adopt(whole.entries, whole);
      this.#listener.onUpdate(before, { ...whole, agentId: shortText(message.agentId) });
    } else if (message.type === 'context_snapshot') {
      throw new Away('answer', 'the server sent a snapshot without a context');
    } else if (!replica.hasBase || message.version !== replica.version + 1) {
      this.miss('changes');
    } else {
      const change = changeOf(message);
      this.#step(change);
      if (instance !== undefined && !replica.matches(change.hash)) this.miss('all');
    }
  }
}

module.exports = { Exchange };
