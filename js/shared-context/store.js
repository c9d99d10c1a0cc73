'use strict';

/**
 * The contexts of a server, in memory: versions, history, and the rules by which writes of several agents come together.
 * Knows nothing of HTTP and sockets. Every method is synchronous: writes are applied one after another.
 */

const { changesBetween, bytesOf, diffText, effective, hashOf, textOf, withChanges } = require('./entries.js');

/**
 * Versions begin at the time in microseconds and grow by one with each change: a project that is made again, also by a
 * server that was restarted, goes on above its old versions unless it had changed more than a million times a second.
 */
const VERSIONS_PER_MS = 1000;

/** Answers kept for requests that may come twice, of one project. */
const MAX_REQUESTS = 1000;

/** For how long copies of a context that a restarted server lost are put together. */
const RESTORE_MS = 10 * 60_000;

/** Changes up to this many bytes are given one by one, also where the context is smaller. */
const SMALL_CHANGES = 64 << 10;

/** Deleted projects that are remembered. */
const MAX_DELETED = 10_000;

/** A request that is not carried out. */
class Refusal extends Error {
  constructor(status, code, message, fields = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

class Store {
  #projects = new Map();
  #limits;
  #instance;
  #now;
  /** No version so far was higher: projects that were deleted need not be remembered. */
  #highest = 0;
  #bytes = 0;
  /** Ids of projects that were deleted in this run, with the time: old copies of them must not come back. */
  #deleted = new Map();

  /**
   * @param {{ maxContextBytes: number, maxProjects: number, maxHistory: number, maxHistoryBytes: number,
   * maxTotalBytes: number }} limits
   */
  constructor(limits, instance, now = Date.now) {
    this.#limits = limits;
    this.#instance = instance;
    this.#now = now;
  }

  get projectCount() {
    return this.#projects.size;
  }

  /** Bytes of all contexts and their history. */
  get bytes() {
    return this.#bytes;
  }

  find(id) {
    return this.#projects.get(id);
  }

  /** The project; refuses with 404 if there is none. */
  get(id) {
    const project = this.#projects.get(id);
    if (!project) throw new Refusal(404, 'NOT_FOUND', 'there is no context of this project', { projectId: id });
    return project;
  }

  /**
   * Stores a whole context.
   * @param {Map} entries
   * @param {{ agentId?: string, requestId?: string, baseVersion?: number, mustMatch?: number, mustNotExist?: boolean,
   * restore?: { instance: string, version: number } }} how
   * @returns {{ project: object, change: object | null, isNew: boolean, optimizedSize: number }}
   */
  put(id, entries, how = {}) {
    const project = this.#projects.get(id);
    const repeated = project && this.#repeated(project, how);
    if (repeated) return repeated;
    this.#checkSize(bytesOf(entries));
    if (how.restore && project) return this.#restore(project, entries, how);
    if (how.restore && this.#wasDeleted(id)) {
      throw new Refusal(404, 'DELETED', 'the context was deleted', { projectId: id });
    }
    this.#checkBase(id, project, how);
    if (!project) return this.#create(id, entries, how);
    const changes = changesBetween(project.entries, entries);
    const optimizedSize = Buffer.byteLength(diffText(project.entries, changes));
    const change = this.#change(project, changes, how, entries);
    return this.#remember(project, how, { project, change, isNew: false, optimizedSize });
  }

  /**
   * Changes single keys; of writers of one key the last one wins.
   * @param {Map} changes
   * @returns {{ project: object, change: object | null, overwritten: string[] }} `overwritten`: keys that somebody else
   * changed since `baseVersion`
   */
  diff(id, changes, how = {}) {
    const project = this.get(id);
    const repeated = this.#repeated(project, how);
    if (repeated) return repeated;
    if (how.mustMatch !== undefined) this.#checkBase(id, project, { mustMatch: how.mustMatch });
    const real = effective(project.entries, changes);
    const overwritten = how.baseVersion === undefined ? [] : this.#overwritten(project, real, how);
    const change = this.#change(project, real, how);
    return this.#remember(project, how, { project, change, overwritten });
  }

  delete(id) {
    const project = this.get(id);
    this.#projects.delete(id);
    this.#bytes -= project.bytes + project.historyBytes;
    this.#deleted.delete(id);
    this.#deleted.set(id, this.#now());
    if (this.#deleted.size > MAX_DELETED) this.#deleted.delete(this.#deleted.keys().next().value);
    return project;
  }

  /** Changes after `version`, oldest first, or null if they are not all known or much larger than the context. */
  since(project, version) {
    if (version < project.firstKnown || version > project.version) return null;
    const changes = project.history.slice(project.history.length - (project.version - version));
    const bytes = changes.reduce((sum, { text }) => sum + text.length, 0);
    return bytes > Math.max(project.bytes, SMALL_CHANGES) ? null : changes;
  }

  /** The project as it was at `version`: `{ version, timestamp, hash, entries }`, or null if that is not known. */
  at(project, version) {
    if (version === project.version) return project;
    if (version < project.firstKnown || version > project.version) return null;
    let { entries } = project;
    const back = project.history.length - (project.version - version);
    for (let at = project.history.length - 1; at >= back; at--)
      entries = withChanges(entries, project.history[at].undo);
    const { timestamp, hash } = project.history[back].before;
    return { id: project.id, version, timestamp, hash, entries };
  }

  #wasDeleted(id) {
    return this.#now() - (this.#deleted.get(id) ?? Number.NEGATIVE_INFINITY) < RESTORE_MS;
  }

  #nextVersion() {
    this.#highest = Math.max(this.#highest + 1, this.#now() * VERSIONS_PER_MS);
    return this.#highest;
  }

  #checkSize(size) {
    const { maxContextBytes } = this.#limits;
    if (size > maxContextBytes) {
      throw new Refusal(413, 'TOO_LARGE', `the context has ${size} bytes, more than ${maxContextBytes}`, {
        maxContextBytes,
      });
    }
  }

  #checkRoom(more) {
    if (this.#bytes + more > this.#limits.maxTotalBytes) {
      throw new Refusal(507, 'FULL', `all contexts together may have ${this.#limits.maxTotalBytes} bytes`);
    }
  }

  #checkBase(id, project, { baseVersion, mustMatch, mustNotExist }) {
    const fields = { projectId: id, currentVersion: project?.version ?? null };
    if (mustNotExist && project) throw new Refusal(412, 'EXISTS', 'the project has a context already', fields);
    if (mustMatch !== undefined && mustMatch !== project?.version) {
      throw new Refusal(412, 'VERSION_MISMATCH', 'the context has another version', fields);
    }
    if (baseVersion !== undefined && baseVersion !== (project?.version ?? 0)) {
      throw new Refusal(409, 'VERSION_CONFLICT', 'the context was changed since baseVersion', fields);
    }
  }

  #create(id, entries, how) {
    const { maxProjects } = this.#limits;
    if (this.#projects.size >= maxProjects) {
      throw new Refusal(507, 'FULL', `there are ${maxProjects} projects, as many as there may be`);
    }
    const bytes = bytesOf(entries);
    this.#checkRoom(bytes);
    const version = this.#nextVersion();
    const project = {
      id,
      version,
      timestamp: this.#now(),
      hash: hashOf(entries),
      entries,
      bytes,
      history: [],
      historyBytes: 0,
      /** The oldest version from which the history leads to the newest. */
      firstKnown: version,
      requests: new Map(),
      createdAt: this.#now(),
      restored: undefined,
    };
    if (how.restore) this.#beginRestore(project, how.restore, []);
    this.#projects.set(id, project);
    this.#bytes += bytes;
    return this.#remember(project, how, { project, change: null, isNew: true, optimizedSize: bytes });
  }

  /** Applies changes that all change something; null if there are none. `order` has the keys as they should stand. */
  #change(project, changes, { agentId }, order) {
    if (changes.size === 0) return null;
    const entries = order ?? withChanges(project.entries, changes);
    const bytes = bytesOf(entries);
    this.#checkSize(bytes);
    const text = diffText(project.entries, changes);
    this.#checkRoom(Math.max(0, bytes - project.bytes));
    const undo = new Map();
    for (const key of changes.keys()) undo.set(key, project.entries.get(key) ?? null);
    const { version, timestamp, hash } = project;
    const change = {
      version: version + 1,
      timestamp: this.#now(),
      hash: hashOf(entries),
      agentId,
      text,
      undo,
      before: { version, timestamp, hash },
      // What is kept for going back counts like what is kept for going forward.
      bytes: Buffer.byteLength(text) + [...undo.values()].reduce((sum, entry) => sum + (entry?.bytes ?? 0), 0),
    };
    this.#bytes += bytes - project.bytes;
    Object.assign(project, { version: change.version, timestamp: change.timestamp, hash: change.hash, entries, bytes });
    this.#highest = Math.max(this.#highest, change.version);
    for (const key of changes.keys()) project.restored?.changed.add(key);
    this.#keep(project, change);
    return change;
  }

  #keep(project, change) {
    const { maxHistory, maxHistoryBytes, maxTotalBytes } = this.#limits;
    project.history.push(change);
    project.historyBytes += change.bytes;
    this.#bytes += change.bytes;
    let gone = 0;
    while (
      project.history.length - gone > maxHistory ||
      (gone < project.history.length && (project.historyBytes > maxHistoryBytes || this.#bytes > maxTotalBytes))
    ) {
      const oldest = project.history[gone++];
      project.historyBytes -= oldest.bytes;
      this.#bytes -= oldest.bytes;
      project.firstKnown = oldest.version;
    }
    if (gone > 0) project.history.splice(0, gone);
  }

  #overwritten(project, changes, { baseVersion, agentId }) {
    const found = new Set();
    for (let at = project.history.length - 1; at >= 0 && project.history[at].version > baseVersion; at--) {
      const other = project.history[at];
      if (agentId !== undefined && other.agentId === agentId) continue;
      for (const key of other.undo.keys()) if (changes.has(key)) found.add(key);
    }
    return [...found];
  }

  #repeated(project, { agentId, requestId }) {
    if (requestId === undefined) return undefined;
    const found = project.requests.get(JSON.stringify([agentId, requestId]));
    return found && { ...found, change: null, isRepeated: true };
  }

  /** Notes the answer to a request that has an id. Whoever answers may note more in it. */
  #remember(project, { agentId, requestId }, result) {
    const { version, hash, bytes } = project;
    // The project goes on; the answer says how it was.
    const answer = { ...result, version, hash, bytes, isRepeated: false, noted: {} };
    if (requestId === undefined) return answer;
    // Without the change, which is the history's to keep or give up.
    project.requests.set(JSON.stringify([agentId, requestId]), { ...answer, change: null });
    if (project.requests.size > MAX_REQUESTS) project.requests.delete(project.requests.keys().next().value);
    return answer;
  }

  /** @param {Iterable<string>} changed keys that old copies do not count for */
  #beginRestore(project, { instance, version }, changed) {
    project.restored = { instance, version, until: project.createdAt + RESTORE_MS, changed: new Set(changed) };
  }

  /**
   * Another copy of a context that was lost with a server. The newest copy of the same server counts, key by key, except
   * for keys that were changed since the context is here again.
   */
  #restore(project, entries, how) {
    if (!project.restored && !this.#wasDeleted(project.id)) {
      // Somebody who had no copy was first.
      const changed = project.history.flatMap(({ undo }) => [...undo.keys()]);
      this.#beginRestore(project, { ...how.restore, version: -1 }, [...project.entries.keys(), ...changed]);
    }
    const { restored } = project;
    const isNewer =
      restored &&
      restored.instance === how.restore.instance &&
      how.restore.instance !== this.#instance &&
      how.restore.version > restored.version &&
      this.#now() < restored.until;
    let change = null;
    if (isNewer) {
      const { changed } = restored;
      const changes = changesBetween(project.entries, entries);
      for (const key of changed) changes.delete(key);
      change = this.#change(project, changes, how);
      project.restored = { ...restored, version: how.restore.version, changed };
      if (change) for (const key of changes.keys()) changed.delete(key);
    }
    return this.#remember(project, how, { project, change, isNew: false, optimizedSize: change?.text.length ?? 0 });
  }
}

/** The whole context of a project or of one of its versions as JSON. */
function contextText({ entries }) {
  return textOf(entries);
}

module.exports = { Store, Refusal, contextText };
