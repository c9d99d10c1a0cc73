'use strict';

/** What is found again, and that it is never stale. */

const fs = require('node:fs');
const { contextA, contextB, useOwnDirectory, useSystems } = require('../support.js');
const { FILTERING, KEEP, Receiver, bytes, project } = require('./support.js');

const directory = useOwnDirectory();
const { open } = useSystems();

const EXPLAINED = { includeDebugInfo: true };
const wasFound = (result) => result.debug.stages.find(({ name }) => name === 'filter').cached;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('A, B, A gives the changes back to A; the work for A is not done again', async () => {
  const system = await open(FILTERING);
  const receiver = new Receiver();
  for (const [version, expected] of [
    [0, false],
    [1, false],
    [0, true],
    [1, true],
    [1, true],
    [0, true],
  ]) {
    const result = await system.optimizeAgentContext('backend-specialist', project(version), EXPLAINED);
    expect(wasFound(result)).toBe(expected);
    const held = await receiver.take(system, result);
    expect(held.recentChanges).toEqual([`change ${version}`]);
  }
});

test('agents of one kind share the work, others do not', async () => {
  const system = await open(FILTERING);
  const found = [];
  for (const agent of ['backend-specialist', 'backend-specialist-2', 'team:backend-specialist', 'frontend-specialist'])
    found.push(wasFound(await system.optimizeAgentContext(agent, project(), EXPLAINED)));
  expect(found).toEqual([false, true, true, false]);
});

test('the same again says what the first time said', async () => {
  const system = await open(FILTERING);
  const first = await system.optimizeAgentContext('backend-specialist', project(), { mode: 'full' });
  expect(first.dropped.length).toBeGreaterThan(0);
  for (let round = 0; round < 3; round++) {
    const again = await system.optimizeAgentContext('backend-specialist', project());
    expect(again.changes).toEqual([]);
    expect(again.hash).toBe(first.hash);
    expect(again.dropped).toEqual(first.dropped);
    for (const { reference } of again.dropped) expect(await system.resolveReference(reference)).toBeDefined();
  }
  const other = await system.optimizeAgentContext('backend-specialist-2', project());
  expect(other).toEqual(first);
  expect(other.dropped).toEqual(first.dropped);
});

test('what is left out has the same path, whoever names it', async () => {
  const system = await open(FILTERING);
  const odd = {
    '"q"\n': 'x'.repeat(4000),
    'a.b': { __proto__: null, é: 'y'.repeat(4000) },
    list: [1, 'z'.repeat(4000)],
  };
  const context = { ...project(), odd };
  const result = await system.optimizeAgentContext('backend-specialist', context, { maxSize: 3000, ...EXPLAINED });
  expect(result.dropped.length).toBeGreaterThan(2);
  expect(result.dropped).toEqual(result.debug.dropped);
});

test('events and counts come for every call, found again or not', async () => {
  const system = await open(KEEP);
  const heard = [];
  for (const name of ['contextOptimized', 'agentContextOptimized'])
    system.on(name, (event) => heard.push([name, event]));
  for (let call = 0; call < 3; call++) await system.optimizeAgentContext('agent', contextA());
  expect(heard.map(([name]) => name)).toEqual(Array(3).fill(['contextOptimized', 'agentContextOptimized']).flat());
  expect(heard.every(([, event]) => event.agentId === 'agent')).toBe(true);
  expect(heard[4][1]).toEqual(heard[0][1]);
  expect(system.getStatus().components.tokenOptimizer.operations ?? 3).toBe(3);
});

test('a changed specialization counts, however often the same context came', async () => {
  const system = await open(FILTERING);
  const folder = directory.path('.claude', 'agents');
  fs.mkdirSync(folder, { recursive: true });
  const describe = (words) =>
    fs.writeFileSync(`${folder}/gardener.md`, `---\nname: gardener\ndescription: ${words}\n---\nWorks on ${words}.\n`);
  const context = {
    currentTask: 'go on',
    ...Object.fromEntries(['rose', 'engine'].map((word) => [`${word} notes`, `${word} `.repeat(900)])),
  };
  const kept = [];
  for (const words of ['rose, garden, roses', 'engine, engines, motor']) {
    describe(words);
    const deadline = Date.now() + 20_000;
    let result;
    do {
      await wait(150);
      result = await system.optimizeAgentContext('gardener', context, { mode: 'full', maxTokens: 1200 });
    } while (Date.now() < deadline && !Object.keys(result).includes(`${words.split(',')[0]} notes`));
    kept.push(Object.keys(result));
  }
  expect(kept[0]).toContain('rose notes');
  expect(kept[1]).toContain('engine notes');
});

test('what the context refers to may change between equal calls: what is sent is the caller’s own', async () => {
  const system = await open(KEEP);
  const [first, second] = [contextA(), contextA()];
  await system.optimizeAgentContext('one', first);
  const result = await system.optimizeAgentContext('two', second);
  expect(result.projectStructure).toBe(second.projectStructure);
});

test('calls for one agent at once, among them equal ones, are answered in order', async () => {
  const system = await open(KEEP);
  const receiver = new Receiver();
  const contexts = [contextA(), contextA(), contextB(), contextB(), contextA(), contextA(), contextB()];
  const results = await Promise.all(contexts.map((context) => system.optimizeAgentContext('agent', context)));
  for (const [at, result] of results.entries()) expect(await receiver.take(system, result)).toEqual(contexts[at]);
  expect(results.map((result) => result.changes !== undefined)).toEqual([false, true, false, true, false, true, false]);
});

test('agents that are given one context at once get what each gets alone', async () => {
  const agents = [
    'frontend-specialist',
    'backend-specialist',
    'database-specialist',
    'backend-specialist-2',
    'gardener',
  ];
  const [together, apart] = [await open(FILTERING), await open(FILTERING)];
  const context = project();
  const results = await Promise.all(agents.map((agent) => together.optimizeAgentContext(agent, context)));
  for (const [at, agent] of agents.entries()) {
    const alone = await apart.optimizeAgentContext(agent, context);
    expect(results[at]).toEqual(alone);
    expect([results[at].hash, results[at].tokensSaved]).toEqual([alone.hash, alone.tokensSaved]);
    expect(bytes(results[at])).toBeLessThan(bytes(context));
  }
});
