'use strict';

/** What a server answers over HTTP. Everything about who may ask is `guard.js`, everything about contexts `store.js`. */

const { debuglog } = require('node:util');
const { countTokensAsync } = require('../token-count.js');
const { changesOfDiff, entriesOf, isObject, NoDiff, TooDeep } = require('./entries.js');
const { BodyReader, send } = require('./body.js');
const { contextText, Refusal } = require('./store.js');
const { nameProblem } = require('./settings.js');

const debug = debuglog('agentwise');

/** How long the rest of a refused body is thrown away, so that its sender can read the answer. */
const LINGER_MS = 1000;

/** Longest ids of requests. */
const MAX_REQUEST_ID = 128;

const bad = (message) => new Refusal(400, 'BODY', message);

/** A version in a body, or undefined. */
function versionIn(value, name) {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || value < 0) throw bad(`${name} must be a version, a whole number from 0`);
  return value;
}

/** A version in a query. */
function versionOf(text, name) {
  const version = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(version)) {
    throw new Refusal(400, 'VERSION', `${name} must be a version, a whole number from 0`);
  }
  return version;
}

/** The version in an `If-Match` header, which is an entity tag; undefined for none and for `*`. */
function ifMatch(header) {
  if (header === undefined || header.trim() === '*') return undefined;
  const found = /^\s*"?(\d{1,16})"?\s*$/.exec(header);
  // A tag that was never given matches nothing.
  return found ? Number(found[1]) : -1;
}

function agentIn(value) {
  if (value === undefined || value === null) return undefined;
  const problem = nameProblem(value);
  if (problem) throw bad(`agentId must be ${problem}`);
  return value;
}

function requestIdIn(value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_REQUEST_ID) {
    throw bad(`requestId must be text of 1 to ${MAX_REQUEST_ID} characters`);
  }
  return value;
}

function restoreIn(value) {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || typeof value.instance !== 'string' || value.instance.length > MAX_REQUEST_ID) {
    throw bad('restore must be { instance, version }');
  }
  return { instance: value.instance, version: versionIn(value.version, 'restore.version') ?? 0 };
}

/** Reads contexts and diffs; what is wrong with them is the sender's. */
function reading(what, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoDiff || error instanceof TooDeep) throw bad(`${what} ${error.message}`);
    throw error;
  }
}

class Routes {
  #store;
  #stream;
  #guard;
  #metrics;
  #bodies;
  #headers;
  #startedAt = performance.now();

  /** @param {{ store, stream, guard: Function, metrics, settings: object, instance: string }} parts */
  constructor({ store, stream, guard, metrics, settings, instance }) {
    this.#store = store;
    this.#stream = stream;
    this.#guard = guard;
    this.#metrics = metrics;
    this.#bodies = new BodyReader(settings);
    this.#headers = { 'Agentwise-Shared-Context': instance, 'Cache-Control': 'no-store' };
  }

  /** Answers one request; never rejects. */
  async handle(request, response) {
    try {
      const { status = 200, text, headers } = await this.#route(request, response);
      await send(request, response, status, text, { ...this.#headers, ...headers });
    } catch (error) {
      await this.#refuse(request, response, error);
    }
    this.#metrics.request(request.method, response.statusCode);
  }

  async #refuse(request, response, error) {
    if (!(error instanceof Refusal)) debug('shared context: a request failed: %s', error?.stack ?? error);
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'INTERNAL', 'the server failed');
    const { retryAfter, allow, ...fields } = refusal.fields;
    const headers = { ...this.#headers };
    if (retryAfter !== undefined) headers['Retry-After'] = String(retryAfter);
    if (allow !== undefined) headers.Allow = allow;
    if (refusal.status === 401) headers['WWW-Authenticate'] = 'Bearer';
    if (response.headersSent || response.destroyed) return;
    if (!request.complete) {
      const timer = setTimeout(() => request.complete || request.destroy(), LINGER_MS);
      timer.unref();
    }
    await send(
      request,
      response,
      refusal.status,
      JSON.stringify({ error: refusal.message, code: refusal.code, ...fields }),
      headers,
    );
  }

  async #route(request, response) {
    const [path, query = ''] = request.url.split('?', 2);
    this.#guard(request, { isOpen: path === '/health' });
    const { method } = request;
    if (path === '/health') return this.#get(method, () => this.#health());
    if (path === '/metrics') return this.#get(method, () => this.#metricsText());
    const found = /^\/context\/([^/]+)(\/diff)?$/.exec(path);
    if (!found) throw new Refusal(404, 'NOT_FOUND', 'there is nothing under this path');
    const id = this.#projectId(found[1]);
    if (found[2]) {
      if (method !== 'POST') throw this.#notAllowed('POST');
      return this.#diff(id, await this.#json(request, response), request);
    }
    if (method === 'GET' || method === 'HEAD') return this.#read(id, new URLSearchParams(query), request);
    if (method === 'PUT') return this.#put(id, await this.#json(request, response), request);
    if (method === 'DELETE') return this.#delete(id);
    throw this.#notAllowed('GET, HEAD, PUT, DELETE');
  }

  #notAllowed(allow) {
    return new Refusal(405, 'METHOD', `this path takes ${allow}`, { allow });
  }

  #get(method, read) {
    if (method !== 'GET' && method !== 'HEAD') throw this.#notAllowed('GET, HEAD');
    return read();
  }

  #projectId(encoded) {
    let id;
    try {
      id = decodeURIComponent(encoded);
    } catch {
      throw new Refusal(400, 'PROJECT', 'the project id is not percent-encoded UTF-8');
    }
    const problem = nameProblem(id);
    if (problem) throw new Refusal(400, 'PROJECT', `the project id must be ${problem}`);
    return id;
  }

  /** A sender that asks first is told to go on only if its body may come. */
  async #json(request, response) {
    this.#bodies.check(request);
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
    return this.#bodies.json(request);
  }

  #health() {
    const uptime = Math.round((performance.now() - this.#startedAt) / 1000);
    const { projectCount: projects } = this.#store;
    return { text: JSON.stringify({ status: 'ok', uptime, projects, subscribers: this.#stream.size }) };
  }

  #metricsText() {
    const text = this.#metrics.text({
      projects: this.#store.projectCount,
      stored_bytes: this.#store.bytes,
      subscribers: this.#stream.size,
      pending_bytes: this.#bodies.pendingBytes,
    });
    return { text, headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' } };
  }

  #read(id, query, request) {
    const project = this.#store.get(id);
    if (query.has('since')) return this.#since(project, versionOf(query.get('since'), 'since'));
    const wanted = query.has('version') ? versionOf(query.get('version'), 'version') : project.version;
    const found = this.#store.at(project, wanted);
    if (!found) {
      const fields = { projectId: id, currentVersion: project.version };
      throw new Refusal(404, 'VERSION_GONE', 'this version is not known, or not any more', fields);
    }
    const headers = { ETag: `"${found.version}"` };
    if (request.headers['if-none-match'] === headers.ETag) return { status: 304, text: '', headers };
    return { text: `{${this.#identity(found)},"context":${contextText(found)}}`, headers };
  }

  #identity({ id, version, timestamp, hash }) {
    return JSON.stringify({ projectId: id, version, timestamp, hash }).slice(1, -1);
  }

  #since(project, fromVersion) {
    const changes = this.#store.since(project, fromVersion);
    const head = JSON.stringify({ projectId: project.id, currentVersion: project.version, fromVersion }).slice(1, -1);
    if (changes) {
      const texts = changes.map((change) => changeText(change));
      return { text: `{${head},"isFull":false,"hash":"${project.hash}","changes":[${texts.join(',')}]}` };
    }
    return {
      text: `{${head},"isFull":true,"changes":[],${this.#identity(project)},"context":${contextText(project)}}`,
    };
  }

  #put(id, body, request) {
    if (!isObject(body.context)) throw bad('"context" must be a JSON object');
    const entries = reading('"context"', () => entriesOf(body.context));
    const noneMatch = request.headers['if-none-match'];
    const result = this.#store.put(id, entries, {
      agentId: agentIn(body.agentId),
      requestId: requestIdIn(body.requestId),
      baseVersion: versionIn(body.baseVersion, 'baseVersion'),
      mustMatch: ifMatch(request.headers['if-match']),
      mustNotExist: noneMatch?.trim() === '*',
      restore: restoreIn(body.restore),
    });
    const { project, change, isNew, optimizedSize, version, hash, bytes } = result;
    if (isNew && !result.isRepeated) this.#stream.created(project);
    if (change) this.#stream.changed(project, change);
    this.#metrics.write('put', change !== null || isNew);
    const answer = {
      projectId: id,
      version,
      hash,
      optimized: optimizedSize < bytes,
      isNew,
      size: bytes,
      optimizedSize,
    };
    return { text: JSON.stringify(answer), headers: { ETag: `"${version}"` } };
  }

  async #diff(id, body, request) {
    const changes = reading('the diff', () => changesOfDiff(body.diff ?? body));
    const result = this.#store.diff(id, changes, {
      agentId: agentIn(body.agentId),
      requestId: requestIdIn(body.requestId),
      baseVersion: versionIn(body.baseVersion, 'baseVersion'),
      mustMatch: ifMatch(request.headers['if-match']),
    });
    const { project, change, overwritten, version, hash } = result;
    if (!result.isRepeated) {
      // With the noted answer, so that the same request gets the same answer.
      result.noted.subscribers = change ? this.#stream.changed(project, change) : this.#stream.subscribersOf(id);
      result.noted.tokensSaved = this.#tokensSaved(contextText(project), change?.text ?? '');
    }
    this.#metrics.write('diff', change !== null, result.isRepeated ? 0 : overwritten.length);
    const { subscribers } = result.noted;
    const tokensSaved = await result.noted.tokensSaved;
    const answer = { projectId: id, version, hash, tokensSaved, subscribers, overwritten };
    return { text: JSON.stringify(answer), headers: { ETag: `"${version}"` } };
  }

  /** Tokens of the whole context minus those of what was changed; whoever has more to send than the whole sends the whole. */
  async #tokensSaved(context, changes) {
    const [whole, part] = await Promise.all([countTokensAsync(context), countTokensAsync(changes)]);
    return Math.max(0, whole - part);
  }

  #delete(id) {
    const { version } = this.#store.delete(id);
    this.#stream.deleted(id);
    this.#metrics.write('delete', true);
    return { text: JSON.stringify({ projectId: id, version, deleted: true }) };
  }
}

/** One change as `since` lists it. */
function changeText({ version, timestamp, hash, agentId, text }) {
  return `{${JSON.stringify({ version, timestamp, hash, agentId }).slice(1, -1)},"changes":${text}}`;
}

module.exports = { Routes };
