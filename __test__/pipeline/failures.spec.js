'use strict';

/** A stage that fails leaves the best there was before it, and an agent whose next result is right. */

const { AgentwiseError } = require('../../index.js');
const { useOwnDirectory, useSystems } = require('../support.js');
const { FILTERING, Receiver, openFailing, project } = require('./support.js');

useOwnDirectory();
const { own, open } = useSystems();

const AGENT = 'backend-specialist';

async function failing(...stages) {
  const { system, fail } = await openFailing(own, FILTERING);
  const heard = [];
  for (const name of ['optimizationError', 'agentContextOptimized', 'contextOptimized'])
    system.on(name, (event) => heard.push([name, event]));
  await system.optimizeAgentContext(AGENT, project(1));
  heard.length = 0;
  fail(...stages);
  const result = await system.optimizeAgentContext(AGENT, project(2), { includeDebugInfo: true });
  return { system, result, heard: heard.splice(0) };
}

/** What is kept of a context when all is well. */
async function filtered(context) {
  const sound = await open(FILTERING);
  return sound.optimizeAgentContext(AGENT, context);
}

test('the filter: the token step goes on with the whole context', async () => {
  const { system, result } = await failing('filter');
  expect(result.type).toBe('incremental');
  expect(result.debug.failed).toEqual(['filter']);
  expect(result.debug.stages.find(({ name }) => name === 'filter')).toMatchObject({ reason: 'failed', cached: false });
  const receiver = new Receiver();
  receiver.context = await filtered(project(1));
  expect(await receiver.take(system, result)).toEqual(project(2));
  // The next one is told against that.
  const next = await system.optimizeAgentContext(AGENT, project(3));
  expect(await receiver.take(system, next)).toEqual(await filtered(project(3)));
});

test('the token step: what the filter kept is sent whole, and the next one too', async () => {
  const { system, result } = await failing('tokens');
  expect(result.type).toBe('full');
  expect(result).toEqual(await filtered(project(2)));
  expect(result.tokensSaved).toBe(0);
  expect(result.dropped.length).toBeGreaterThan(0);
  const next = await system.optimizeAgentContext(AGENT, project(2));
  expect(next.type).toBe('full');
  expect(await new Receiver().take(system, next)).toEqual(await filtered(project(2)));
});

test('both: the original is sent whole', async () => {
  const { system, result } = await failing('filter', 'tokens');
  expect(result.type).toBe('full');
  expect(result).toEqual(project(2));
  expect((await system.optimizeAgentContext(AGENT, project(2))).type).toBe('full');
});

test('reading: the original is sent whole', async () => {
  const { system, result } = await failing('read');
  expect(result.type).toBe('full');
  expect(result).toEqual(project(2));
  expect((await system.optimizeAgentContext(AGENT, project(2))).type).toBe('full');
});

test.each([
  ['filter', ['filter']],
  ['tokens', ['tokens']],
  ['filter and tokens', ['filter', 'tokens']],
  ['read', ['read']],
])('%s: each is told by an error that names it, and counts', async (_, stages) => {
  const { system, heard } = await failing(...stages);
  expect(heard.map(([name]) => name)).toEqual([...stages.map(() => 'optimizationError'), 'agentContextOptimized']);
  for (const [at, stage] of stages.entries()) {
    const { agentId, error } = heard[at][1];
    expect(agentId).toBe(AGENT);
    expect(error).toBeInstanceOf(AgentwiseError);
    expect({ ...error, message: error.message }).toEqual({
      code: 'E_INTERNAL',
      stage,
      message: `the ${stage} stage failed; please report this`,
    });
  }
  expect(heard.at(-1)[1].success).toBe(false);
  const { score, components } = system.getHealthStatus();
  expect(score).toBeLessThan(100);
  expect(components.tokenOptimizer.score < 100).toBe(stages.includes('tokens'));
});

test('the caller’s object is left alone', async () => {
  const { system, fail } = await openFailing(own, FILTERING);
  const context = Object.freeze(project());
  fail('filter', 'tokens');
  const result = await system.optimizeAgentContext(AGENT, context);
  expect(result).not.toBe(context);
  expect(context).toEqual(project());
});
