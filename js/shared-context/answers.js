'use strict';

/** What a server says, looked at before anything of it is used: it may be another one, or broken, or hostile. */

const { changesOfDiff, entriesOf, hashOf, isObject, NoDiff, TooDeep } = require('./entries.js');
const { Away } = require('./failures.js');

const bad = (what) => new Away('answer', `the server's answer ${what}`);

function isVersion(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

function versionOf(value) {
  if (!isVersion(value)) throw bad('has no version, a whole number from 0');
  return value;
}

/** Text that says no more than it may. */
function shortText(value) {
  return typeof value === 'string' && value.length <= 256 ? value : undefined;
}

function reading(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoDiff || error instanceof TooDeep) throw bad(`holds something that ${error.message}`);
    throw error;
  }
}

/** A whole context: an answer to GET, a snapshot, or an update that carries all of it. */
function wholeOf(body, instance, version = body.version) {
  if (!isObject(body.context)) throw bad('has no context that is an object');
  const entries = reading(() => entriesOf(body.context));
  const hash = shortText(body.hash);
  // Other servers hash in their own way.
  if (instance !== undefined && hash !== hashOf(entries)) throw bad('has a hash that is not that of its context');
  return { entries, version: versionOf(version), hash, timestamp: timeOf(body.timestamp), instance };
}

/** ms since 1970; other servers may write dates. */
function timeOf(value) {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return Number.isFinite(time) ? time : undefined;
}

/** One change: an element of `since`, or an update. */
function changeOf(body) {
  return {
    version: versionOf(body.version),
    hash: shortText(body.hash),
    timestamp: timeOf(body.timestamp),
    agentId: shortText(body.agentId),
    changes: reading(() => changesOfDiff(body.changes)),
  };
}

/** The changes from `from` to the current version, or null if they are no chain. */
function chainOf(body, from) {
  if (!Array.isArray(body.changes) || !isVersion(body.currentVersion)) return null;
  if (body.changes.length !== body.currentVersion - from) return null;
  const chain = [];
  for (const element of body.changes) {
    if (!isObject(element)) return null;
    const change = changeOf(element);
    if (change.version !== from + chain.length + 1) return null;
    chain.push(change);
  }
  return chain;
}

module.exports = { isVersion, versionOf, wholeOf, changeOf, chainOf, shortText };
