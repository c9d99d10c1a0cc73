/**
 * The receivers of all messages, in a process of their own: it is given a folder of texts as argument and messages as lines
 * of JSON, `{ projectId, receiver, message }`, and says of each the SHA-256 of the context that it makes of it, or why it
 * cannot. The last line holds the tokens that were fetched from the folder, as each receiver's own texts did not have them.
 */

import { createInterface } from 'node:readline';
import { TokenOptimizer } from '../../../index.mjs';
import { jsonOf, Receiver, sha256Of } from './restored.mjs';

const [cacheDir] = process.argv.slice(2);
const projects = new Map();

function projectOf(projectId) {
  if (!projects.has(projectId)) {
    const optimizer = new TokenOptimizer(null, null, null, null, { encoding: 'blocks', cacheDir, projectId });
    projects.set(projectId, { optimizer, receiver: new Receiver(optimizer) });
  }
  return projects.get(projectId);
}

async function answerTo({ projectId, receiver: agent, message }) {
  try {
    const context = await projectOf(projectId).receiver.take(agent, message, { withHave: true, agentId: agent });
    return { sha256: sha256Of(jsonOf(context)) };
  } catch (error) {
    return { error: `${error.code ?? error.name}: ${error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(JSON.parse(line)))}\n`);
}
let fetched = 0;
for (const { optimizer } of projects.values()) {
  fetched += optimizer.getOptimizationReport().savings.totals.fetchedTokens;
  await optimizer.close();
}
process.stdout.write(`${JSON.stringify({ fetched })}\n`);
