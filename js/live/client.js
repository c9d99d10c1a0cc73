'use strict';

/**
 * Finds the running systems of a cache directory and asks them, or reads what the last one left. Needs no native module, and
 * takes a few milliseconds to load.
 */

const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { AgentwiseError, messageOf } = require('../errors.js');
const { openDirectory, readFile, isTrusted } = require('./directory.js');
const { exchange } = require('./exchange.js');
const { killedOf } = require('./killed.js');
const { storedState, storedStates } = require('./state.js');

/** How long a system has to say who it is. One that runs does so within a few milliseconds. */
const FIND_MS = 500;
/** How long one has for anything else; its server gives up then too. */
const ASK_MS = 5000;
/** A system that starts has its socket a moment before it listens, and one that ends a moment longer than it does. */
const SETTLE_MS = 50;
/** The longest time that a timer can have. */
const LONGEST_MS = 2 ** 31 - 1;
const SOCKET = /^([0-9a-f]{16})\.sock$/;
/** No more sockets are looked at. */
const MOST_SOCKETS = 256;
/** Who a system is, in a file. */
const MOST_WHO = 64 * 1024;

const isText = (value) => typeof value === 'string';

/** What a system says of itself, checked; `null` for anything else. */
function whoOf(said) {
  const { pid, project, environment, version } = said ?? {};
  const startedAt = isText(said?.startedAt) ? new Date(said.startedAt) : new Date(Number.NaN);
  const isWhole = Number.isSafeInteger(pid) && pid > 0 && isText(environment) && isText(version);
  if (!isWhole || !(project === null || isText(project)) || Number.isNaN(startedAt.getTime())) return null;
  return { pid, startedAt, project, environment, version };
}

/** What a system that does not answer wrote when it started. */
function writtenWho(directory, name) {
  try {
    return whoOf(JSON.parse(readFile(directory, name, MOST_WHO)));
  } catch {
    return null;
  }
}

const NOBODY_KNOWN = { pid: null, startedAt: null, project: null, environment: null, version: null };

function timeout(name, value, standard) {
  if (value === undefined) return standard;
  if (!Number.isFinite(value) || value <= 0 || value > LONGEST_MS) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `${name} must be over 0 ms and at most ${LONGEST_MS}, got ${value}`);
  }
  return value;
}

/** The system behind a socket, `'dead'` where nobody listens; `null` when there is none. */
async function look(directory, cacheDir, name, { timeoutMs, onIgnored }) {
  const ignore = (problem) => {
    onIgnored(`${directory.shown(name)} ${problem}`);
    return null;
  };
  const found = fs.lstatSync(directory.at(name), { throwIfNoEntry: false });
  if (!found) return null;
  if (!found.isSocket()) return ignore('is no socket');
  if (!isTrusted(found)) return ignore(`belongs to user ${found.uid}, and is not believed`);
  const whoName = `${SOCKET.exec(name)[1]}.json`;
  const system = (who, state) => ({
    ...(who ?? NOBODY_KNOWN),
    state,
    socket: directory.shown(name),
    ask: (path, options) => ask(cacheDir, name, path, options),
  });
  try {
    const { json } = await exchange(directory.at(name), '/', { timeoutMs });
    const who = whoOf(json);
    return who ? system(who, 'answering') : ignore('is answered by something that is no running system');
  } catch (error) {
    if (error.code === 'E_TIMEOUT') return system(writtenWho(directory, whoName), 'hanging');
    if (error.code !== 'E_NOT_AVAILABLE') return ignore(`cannot be asked: ${messageOf(error)}`);
    return { state: 'dead', name, whoName, mtimeMs: found.mtimeMs, who: writtenWho(directory, whoName) };
  }
}

/** As `look`; one that refuses is asked once more after a moment, before it is taken for dead. */
async function lookTwice(...asked) {
  const found = await look(...asked);
  if (found?.state !== 'dead') return found;
  await sleep(SETTLE_MS);
  return look(...asked);
}

async function ask(cacheDir, name, path, { timeoutMs, signal } = {}) {
  if (!isText(path) || !/^\/[\w./?=&%-]*$/.test(path)) {
    throw new AgentwiseError('E_INVALID_ARGUMENT', `path must be one such as /status, got ${JSON.stringify(path)}`);
  }
  const limit = timeout('timeoutMs', timeoutMs, ASK_MS);
  const directory = openDirectory(cacheDir);
  if (!directory) throw new AgentwiseError('E_NOT_AVAILABLE', 'the system does not run any more');
  try {
    const { status, json, text } = await exchange(directory.at(name), path, { timeoutMs: limit, signal });
    if (status === 200) return json;
    const isGone = status === 404 || status === 503;
    throw new AgentwiseError(isGone ? 'E_NOT_AVAILABLE' : 'E_IO', `the running system refused ${path}: ${text}`);
  } finally {
    directory.close();
  }
}

/**
 * The systems that run on a cache directory, those that answer first, the youngest first. One that does not answer in time is
 * `'hanging'`: its process is stopped or very busy, and what is known of it is what it wrote when it started (`null` where
 * nothing is). Sockets of processes that were killed are removed when they are older than a minute, but for those that are the
 * only trace of a system: the next one that starts removes these.
 *
 * `ask(path, { timeoutMs = 5000, signal })` resolves with what a page says: `/status`, `/health`, `/metrics.json`, `/tuning`, `/`. Times are
 * ISO texts. It rejects with `E_TIMEOUT`, with `E_NOT_AVAILABLE` when the system has ended or has no such page, with `E_IO`, or
 * with the signal's reason.
 *
 * @param {string} cacheDir the directory of `cache.cacheDir`
 * @param {{ timeoutMs?: number, onIgnored?: (why: string) => void, onKilled?: (who: object) => void }} [options] how long each has
 *   to say who it is, default 500 ms; what is told of sockets that are not believed; and of systems that were killed before they
 *   saved a state: `pid`, `startedAt`, `project`, `environment`, `version` as below
 * @returns {Promise<Array<{ pid: number | null, startedAt: Date | null, project: string | null, environment: string | null,
 *   version: string | null, state: 'answering' | 'hanging', socket: string,
 *   ask(path: string, options?: { timeoutMs?: number, signal?: AbortSignal }): Promise<any> }>>}
 * @throws `E_NOT_OWNED` when the directory belongs to another user or others can write to it; `E_IO`; `E_INVALID_ARGUMENT`.
 */
async function findSystems(cacheDir, { timeoutMs, onIgnored = () => {}, onKilled = () => {} } = {}) {
  const limit = timeout('timeoutMs', timeoutMs, FIND_MS);
  if (process.platform === 'win32') return [];
  const directory = openDirectory(cacheDir);
  if (!directory) return [];
  try {
    const names = directory.names().filter((name) => SOCKET.test(name));
    const looked = names
      .slice(0, MOST_SOCKETS)
      .map((name) => lookTwice(directory, cacheDir, name, { timeoutMs: limit, onIgnored }));
    const found = (await Promise.all(looked)).filter(Boolean);
    const isDead = ({ state }) => state === 'dead';
    const killed = killedOf(directory, found.filter(isDead));
    for (const { who } of killed) onKilled(who ?? NOBODY_KNOWN);
    const systems = found.filter((one) => !isDead(one));
    const rank = ({ state, startedAt }) => [state === 'answering' ? 0 : 1, -(startedAt ?? 0)];
    return systems.sort((a, b) => {
      const [ofA, ofB] = [rank(a), rank(b)];
      return ofA[0] - ofB[0] || ofA[1] - ofB[1];
    });
  } finally {
    directory.close();
  }
}

module.exports = { findSystems, storedState, storedStates };
