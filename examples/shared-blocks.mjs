/**
 * Several agents, one project: a text that one agent was given is sent to the next one as a reference, and on the other side
 * it is exactly the same text again.
 *
 *   node shared-blocks.mjs
 */

import { deepStrictEqual } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import TokenOptimizer, { applyDelta, countTokens, toMessage } from 'agentwise-optimization/tokens';

const requirements = Array.from(
  { length: 120 },
  (_, at) => `Requirement ${at}: the shop shows ${at * 7} articles of kind ${at % 9} on page ${at + 1}.`,
).join('\n');

/** What each agent of the team is given, in the order of its turns. The requirements are in all of it, word for word. */
const turns = [
  ['planner', { currentTask: 'Make a plan', requirements }],
  ['backend-specialist', { currentTask: 'Write the server', requirements, plan: '1. server\n2. pages' }],
  ['frontend-specialist', { currentTask: 'Write the pages', requirements, plan: '1. server\n2. pages' }],
  // One line of it changes.
  ['planner', { currentTask: 'Plan again', requirements: requirements.replace('Requirement 60', 'Rule 60') }],
];

const cacheDir = await mkdtemp(join(tmpdir(), 'shared-blocks-example-'));
const open = () => new TokenOptimizer(null, null, null, null, { encoding: 'blocks', projectId: 'shop', cacheDir });

// The sender, and a receiver with memory of its own, as in another process of the machine: they share the directory only.
const sender = open();
const receiver = open();
try {
  const received = new Map();
  for (const [agent, context] of turns) {
    const result = await sender.optimizeContext(agent, context);
    const message = JSON.stringify(toMessage(result)); // what travels

    // References are followed in the store, then the delta is applied to what this agent has, and its hash compared.
    const resolved = await receiver.resolveBlocks(JSON.parse(message));
    const there = applyDelta(received.get(agent), resolved);
    deepStrictEqual(there, context);
    received.set(agent, there);

    const share = Math.round((100 * countTokens(message)) / countTokens(context));
    console.log(`${agent}: ${result.type}, ${share} % of the tokens, received exactly`);
  }

  // A base that is not the sender's is noticed: ask for the whole context then.
  const next = await sender.optimizeContext('planner', { currentTask: 'Review' });
  try {
    applyDelta({ currentTask: 'something else' }, await receiver.resolveBlocks(toMessage(next)));
  } catch (error) {
    console.log('refused:', error.code);
    sender.resetAgent('planner');
  }
  console.log('afterwards:', (await sender.optimizeContext('planner', { currentTask: 'Review' })).type);
} finally {
  await receiver.close();
  await sender.close();
  await rm(cacheDir, { recursive: true, force: true });
}
