/**
 * The stand-in of an application in compose.yaml: a system with its cache in the volume, and a context that it shares with
 * others by the server. It goes on until it is asked to end; SIGTERM shuts the system down, which writes what waits.
 */

import ProductionOptimizationSystem, { SharedContextClient } from 'agentwise-optimization';

const { SHARED_CONTEXT_URL: url, SHARED_CONTEXT_TOKEN: token } = process.env;

/** How often it looks whether there is something to do, ms. */
const TURN_MS = 10_000;

// The root file system is read-only: a report at the end would have no place.
const system = await ProductionOptimizationSystem.create({ environment: 'production', finalReport: false });

// The token goes over a network that only the containers of this machine share.
const shared = url ? new SharedContextClient({ projectId: 'example', url, token, allowInsecure: true }) : null;
shared?.on('warning', ({ message }) => console.error(message));

async function turn() {
  const context = { currentTask: 'Say what time it is', time: new Date().toISOString() };
  const { tokensSaved } = await system.optimizeAgentContext('backend-specialist', context);
  await system.cacheResponse('What time is it?', context.time, 60);
  const answer = shared ? await shared.setContext(context) : null;
  console.log(JSON.stringify({ tokensSaved, sharedVersion: answer?.version ?? null }));
}

await turn();
setInterval(() => turn().catch((error) => console.error(error.message)), TURN_MS);
