'use strict';

/** Systems of this directory that run, and what the last one left. */

/** How long a running system may take to answer, ms. */
const ANSWER_MS = 1000;

/** The client, or one that finds nothing. */
function client() {
  try {
    return require('../live/client.js');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return { findSystems: async () => [], storedState: () => null };
  }
}

/** Those that use `cacheDir`, the newest first. With `environment`, only the ones of it. */
async function systemsIn(cacheDir, environment) {
  if (cacheDir === null) return [];
  const systems = await client().findSystems(cacheDir, { timeoutMs: ANSWER_MS });
  return systems
    .filter((system) => environment === undefined || system.environment === environment)
    .sort((a, b) => new Date(b.startedAt) - new Date(a.startedAt));
}

module.exports = { systemsIn, client, ANSWER_MS };
