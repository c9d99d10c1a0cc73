'use strict';

/** Sockets that nobody listens to any more: whether their systems have left word of how they ended. */

const fs = require('node:fs');
const { statesIn } = require('./state.js');

/** A socket that refuses and is younger may be about to be listened to. */
const DEAD_MS = 60_000;

/** Removes the files of a process that was killed. */
function removeDead(directory, { name, whoName, mtimeMs }) {
  if (Date.now() - mtimeMs < DEAD_MS) return;
  for (const file of [name, whoName]) {
    try {
      fs.unlinkSync(directory.at(file));
    } catch {
      // Somebody else was faster, or may not: it does no harm there.
    }
  }
}

/** The states that can be believed; what is wrong with others is told by who is asked for a state. */
function believedStates(directory) {
  try {
    return statesIn(directory, () => {});
  } catch {
    return [];
  }
}

/**
 * Whether a state says how this one ended: its own, or that of a system of the same project and environment that started
 * later. Of one that is not known, anything that was written since.
 */
function isTold({ who, mtimeMs }, states) {
  if (who === null) return states.some(({ savedAt }) => savedAt.getTime() >= mtimeMs);
  return states.some(
    ({ project, environment, startedAt }) =>
      project === who.project && environment === who.environment && startedAt >= who.startedAt,
  );
}

/**
 * Of `dead` sockets those that are the only trace of their systems: these were killed before they saved a state. The files of
 * the others are removed, once they are old.
 *
 * @param {{ name: string, whoName: string, mtimeMs: number, who: object | null }[]} dead `who`: what was written at the start
 */
function killedOf(directory, dead) {
  if (dead.length === 0) return [];
  const states = believedStates(directory);
  const [told, killed] = [[], []];
  for (const one of dead) (isTold(one, states) ? told : killed).push(one);
  for (const one of told) removeDead(directory, one);
  return killed;
}

module.exports = { killedOf };
