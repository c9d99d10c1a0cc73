'use strict';

/**
 * What Docker asks whether a container is well: exit code 0 or 1, as it knows no others, and one line that
 * `docker inspect` shows.
 *
 *     healthcheck.js system           a system that runs in this container, by the command line
 *     healthcheck.js shared-context   the server of shared contexts (SHARED_CONTEXT_PORT, default 3003)
 */

const { spawnSync } = require('node:child_process');

/** Less than the time that Docker gives: a check that is killed says nothing. */
const TIMEOUT_MS = 4000;

/** Exit codes of the command line: 0 well, 1 warning. */
const WELL_ENOUGH = [0, 1];

/** Only a system that answers counts. */
function system() {
  const asked = ['health', '--live', '--json', '--quiet'];
  const { status, stdout, stderr, error } = spawnSync('agentwise-optimization', asked, {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (error) return { isWell: false, text: error.message };
  let health;
  try {
    health = JSON.parse(stdout);
  } catch {
    return { isWell: false, text: stderr.trim() };
  }
  const { overall, score, message, systems } = health;
  if (systems.length === 0) return { isWell: false, text: `no system answers in this container: ${message}` };
  return { isWell: WELL_ENOUGH.includes(status), text: `${overall}, score ${score}` };
}

async function sharedContext() {
  const given = process.env.SHARED_CONTEXT_PORT;
  // Kubernetes sets an address of that name for a service that is called shared-context: the command does not take it either.
  const port = !given || given.includes('://') ? 3003 : given;
  const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { isWell: answer.ok, text: `status ${answer.status}` };
}

async function main(what) {
  const checks = { system, 'shared-context': sharedContext };
  if (!Object.hasOwn(checks, what)) return { isWell: false, text: `nothing is called ${what}` };
  try {
    return await checks[what]();
  } catch (error) {
    return { isWell: false, text: error.cause?.message ?? error.message };
  }
}

main(process.argv[2] ?? 'system').then(({ isWell, text }) => {
  console.log(`${isWell ? 'healthy' : 'unhealthy'}: ${text}`);
  process.exitCode = isWell ? 0 : 1;
});
