'use strict';

/** The last state that systems left in a file, as `src/monitor/live/state.rs` writes it. */

const { createHash } = require('node:crypto');
const { messageOf } = require('../errors.js');
const { openDirectory, readFile } = require('./directory.js');
const { isHealth, isObject, isStatus } = require('./shape.js');

const VERSION = 1;
const NAME = /^state-[0-9a-f]{16}\.json$/;
/** A state of 1,000 agents has half a megabyte. */
const MOST_BYTES = 16 * 2 ** 20;
/** No more files are read: there is one for each project and environment. */
const MOST_FILES = 256;
const ENDED = ['running', 'shutdown', 'exit'];

/** The file of a project, `null` for none, in an environment. */
function nameOf(project, environment) {
  const whose = project === null ? '-' : `+${project}`;
  return `state-${createHash('sha256').update(`${environment}\n${whose}`).digest('hex').slice(0, 16)}.json`;
}

/** What is wrong with a state; `null` when it is sound. */
function problemOf(state) {
  if (!isObject(state)) return 'is no state of a system';
  if (Number.isSafeInteger(state.version) && state.version > VERSION)
    return `was written by a newer version (${state.packageVersion})`;
  if (state.version !== VERSION) return 'is of an unknown version';
  for (const name of ['savedAt', 'startedAt'])
    if (typeof state[name] !== 'string' || Number.isNaN(Date.parse(state[name]))) return `has no ${name}`;
  if (!Number.isSafeInteger(state.pid) || !ENDED.includes(state.ended)) return 'does not say how its system ended';
  if (typeof state.environment !== 'string' || !(state.project === null || typeof state.project === 'string'))
    return 'does not say whose it is';
  if (!isObject(state.status) || !isObject(state.health)) return 'has no status and health';
  if (isStatus(state.status) && isHealth(state.health)) return null;
  return `has a status or health of another form (version ${state.packageVersion})`;
}

function read(directory, name, onIgnored) {
  const ignore = (problem) => {
    onIgnored(`${directory.shown(name)} ${problem}`);
    return null;
  };
  let text;
  try {
    text = readFile(directory, name, MOST_BYTES);
  } catch (error) {
    if (error.code === 'E_NOT_OWNED') throw error;
    onIgnored(messageOf(error));
    return null;
  }
  if (text === null) return null;
  let state;
  try {
    state = JSON.parse(text);
  } catch {
    return ignore('is no JSON');
  }
  const problem = problemOf(state);
  if (problem) return ignore(problem);
  // Somebody copied or renamed it.
  if (nameOf(state.project, state.environment) !== name) return ignore('is the state of another project');
  const { version: _, savedAt, startedAt, ...rest } = state;
  return { ...rest, savedAt: new Date(savedAt), startedAt: new Date(startedAt), file: directory.shown(name) };
}

/** The states in an open directory that are sound. Throws `E_NOT_OWNED` where one is another user's. */
function statesIn(directory, onIgnored) {
  const names = directory.names().filter((name) => NAME.test(name));
  const states = names.slice(0, MOST_FILES).map((name) => read(directory, name, onIgnored));
  return states.filter((state) => state !== null);
}

/**
 * The states that the last systems of each project and environment left, the newest first; those of one where it is given.
 * Where `ended` is `'running'` and no system is found, its process was killed.
 *
 * @param {string} cacheDir the directory of `cache.cacheDir`
 * @param {{ project?: string | null, environment?: string, onIgnored?: (why: string) => void }} [options] `project: null` is that
 *   of systems without one; what is told of files that are damaged, of a newer version, or not what their name says
 * @returns {Array<{ savedAt: Date, startedAt: Date, pid: number, ended: 'running' | 'shutdown' | 'exit', project: string | null,
 *   environment: string, packageVersion: string, status: object, health: object, file: string }>} times in `status` and `health`
 *   are ISO texts
 * @throws `E_NOT_OWNED` when the directory or the file belongs to another user, or others can write to the directory; `E_IO`.
 */
function storedStates(cacheDir, { project, environment, onIgnored = () => {} } = {}) {
  const directory = openDirectory(cacheDir);
  if (!directory) return [];
  try {
    if (project !== undefined && environment !== undefined)
      return [read(directory, nameOf(project, environment), onIgnored)].filter((state) => state !== null);
    const asked = statesIn(directory, onIgnored).filter(
      (state) =>
        (project === undefined || state.project === project) &&
        (environment === undefined || state.environment === environment),
    );
    return asked.sort((a, b) => b.savedAt - a.savedAt);
  } finally {
    directory.close();
  }
}

/** The newest of `storedStates`, `null` where there is none. */
const storedState = (cacheDir, options) => storedStates(cacheDir, options)[0] ?? null;

module.exports = { statesIn, storedState, storedStates };
