'use strict';

const fs = require('node:fs');
const { failureOf, useOwnDirectory, useSystems } = require('../support.js');
const { open, parts, said, wait } = require('./support.js');
const { removeTree } = require('../remove.js');

const own = useOwnDirectory();
const { open: openSystem } = useSystems();

/** A little more than lies between two looks. */
const NEXT_LOOK_MS = 600;
/** Only catches hangs. */
const PATIENCE_MS = 60_000;
const TASK = { currentTask: 'Write down what was decided yesterday' };
const GARDENER = `---
name: gardener
description: Plants roses and waters them
tools: Read, Write
keywords: [rose, soil]
filePatterns: ["**/*.plant"]
contextPriorities: { garden: 10, kitchen: 1.5 }
maxContextSize: 12
requiredFields:
  - seeds
optionalFields: [weather]
excludePatterns: ["**/*.weed"]
---
You are a gardener.
`;
const SPEC = {
  name: 'gardener',
  keywords: ['rose', 'soil'],
  filePatterns: ['**/*.plant'],
  contextPriorities: { garden: 10, kitchen: 1.5 },
  maxContextSize: 12,
  requiredFields: ['seeds'],
  optionalFields: ['weather'],
  // Besides what no agent needs.
  excludePatterns: expect.arrayContaining(['**/*.weed', '**/node_modules']),
};

const file = (name) => own.path('.claude', 'agents', name);
function write(name, text) {
  fs.mkdirSync(own.path('.claude', 'agents'), { recursive: true });
  fs.writeFileSync(file(name), text);
}
function listenTo(emitter) {
  const heard = [];
  for (const name of ['specializationAdded', 'specializationRemoved', 'warning']) {
    emitter.on(name, (data) => heard.push([name, data]));
  }
  return heard;
}
/** A filter whose first look is over, and what it told. */
async function looked() {
  const filter = open();
  const heard = listenTo(filter);
  await filter.filterContext('agent-7', TASK);
  return { filter, heard };
}

/**
 * What the first call gives of those that come after the next look, as `isSeen` says. One that was held up, as on a machine that is
 * busy, makes the next one come later: ten times as long as it took.
 */
async function afterLook(call, isSeen) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    await wait(NEXT_LOOK_MS);
    const result = await call();
    if (isSeen(result) || performance.now() > end) return result;
  }
}

describe('a file of an agent', () => {
  test('is a specialization with all that its front matter gives', async () => {
    write('anything.md', GARDENER);
    const { filter, heard } = await looked();
    expect(heard).toEqual([['specializationAdded', SPEC]]);
    expect(filter.getFilterStats().agentSpecializations).toContain('gardener');
    expect(filter.getRecommendedContextSize('gardener', 0, 0)).toBe(12);
    const context = { ...TASK, seeds: 'x', 'a.weed': 'y', apiRequirements: 'z' };
    const result = await filter.filterContext('gardener-2', context);
    expect(result.filtered).toEqual({ ...TASK, seeds: 'x' });
    expect(said(result)).not.toMatch(/generic|filtered as/);
  });

  test('counts in the first call, however early', async () => {
    write('gardener.md', GARDENER);
    const result = await open().filterContext('gardener', { ...TASK, seeds: 'x', other: 'y' });
    expect(result.filtered).toEqual({ ...TASK, seeds: 'x' });
    const system = await openSystem();
    const { debug } = await system.optimizeAgentContext('gardener', TASK, { includeDebugInfo: true });
    expect(debug.adaptations.join('\n')).not.toMatch(/generic|filtered as/);
  });

  test('takes the place of a built-in of its name', async () => {
    write(
      'backend-specialist.md',
      '---\nname: backend-specialist\nrequiredFields: [mine]\nmaxContextSize: 11\n---\nx\n',
    );
    const { filter } = await looked();
    const context = { ...TASK, mine: 1, apiRequirements: 2 };
    const { filtered } = await filter.filterContext('backend-specialist', context, 0, 0, { maxSize: 10 });
    expect(filtered).toEqual({ ...TASK, mine: 1 });
    expect(filter.getRecommendedContextSize('backend-specialist', 0, 0)).toBe(11);
    expect(filter.getFilterStats().agentSpecializations).toHaveLength(7);
  });

  test('gives way to one of its name that is added in code', async () => {
    write('gardener.md', GARDENER);
    const { filter } = await looked();
    filter.addAgentSpecialization({ name: 'gardener', maxContextSize: 33 });
    expect(filter.getRecommendedContextSize('gardener', 0, 0)).toBe(33);
  });

  test('without front matter has the name of the file, and fields from its prompt', async () => {
    write('rose-doctor.md', 'You look after roses. Look at `garden/beds/*.plant` and at roses, roses, roses.\n');
    const { filter, heard } = await looked();
    expect(heard).toEqual([['specializationAdded', expect.objectContaining({ name: 'rose-doctor' })]]);
    expect(heard[0][1].keywords.length).toBeGreaterThan(0);
    expect(said(await filter.filterContext('rose-doctor', TASK))).not.toMatch(/generic|filtered as/);
  });

  test('that takes after a built-in kind has what that requires', async () => {
    write(
      'sql-expert.md',
      '---\nname: sql-expert\ndescription: Database administrator for PostgreSQL migrations\n---\nTune SQL.\n',
    );
    const { filter } = await looked();
    const result = await filter.filterContext('sql-expert', { ...TASK, schemaDefinitions: 1, other: 2 });
    expect(result.filtered).toEqual({ ...TASK, schemaDefinitions: 1 });
  });

  test.each([
    ['CRLF and a byte order mark', `\ufeff${GARDENER.replaceAll('\n', '\r\n')}`],
    [
      'a description with a colon',
      GARDENER.replace('Plants roses and waters them', 'Use when: roses. Examples: user: "water"'),
    ],
    ['keys of its own', GARDENER.replace('tools:', 'model: opus\ncolor: { a: [1] }\ntools:')],
  ])('may have %s', async (_, text) => {
    write('gardener.md', text);
    const { heard } = await looked();
    expect(heard).toEqual([['specializationAdded', SPEC]]);
  });

  test('of another ending, hidden or in a directory below is none', async () => {
    write('gardener.txt', GARDENER);
    write('.gardener.md', GARDENER);
    fs.mkdirSync(file('more'));
    fs.writeFileSync(file('more/gardener.md'), GARDENER);
    const { filter, heard } = await looked();
    expect(heard).toEqual([]);
    expect(filter.getFilterStats().agentSpecializations).toHaveLength(7);
  });

  test('that gives a name which another one gives does not count, which a warning says', async () => {
    write('a.md', GARDENER);
    write('b.md', GARDENER.replace('maxContextSize: 12', 'maxContextSize: 22'));
    const { filter, heard } = await looked();
    expect(filter.getRecommendedContextSize('gardener', 0, 0)).toBe(12);
    expect(heard.filter(([name]) => name === 'warning')).toEqual([
      ['warning', { path: 'b.md', message: expect.stringContaining('a.md') }],
    ]);
  });
});

describe('a change of a file', () => {
  test('is seen by the next call after half a second', async () => {
    write('gardener.md', GARDENER);
    const { filter, heard } = await looked();
    heard.length = 0;
    write('gardener.md', GARDENER.replace('maxContextSize: 12', 'maxContextSize: 20'));
    await afterLook(
      () => filter.filterContext('agent-7', TASK),
      () => heard.length > 0,
    );
    expect(heard).toEqual([['specializationAdded', { ...SPEC, maxContextSize: 20 }]]);
    expect(filter.getRecommendedContextSize('gardener', 0, 0)).toBe(20);
    await wait(NEXT_LOOK_MS);
    await filter.filterContext('agent-7', TASK);
    expect(heard).toHaveLength(1);
  });

  test('counts in the call that sees it: added, renamed, gone', async () => {
    const { filter, heard } = await looked();
    const context = { ...TASK, seeds: 'x', other: 'y' };
    /** What is left once so many changes were told, in the very call that tells them. */
    const left = async (agent, changes) => {
      const call = () => filter.filterContext(agent, context);
      return Object.keys((await afterLook(call, () => heard.length >= changes)).filtered);
    };
    expect(await left('gardener', 0)).toEqual(['currentTask', 'seeds', 'other']);
    write('gardener.md', GARDENER);
    expect(await left('gardener', 1)).toEqual(['currentTask', 'seeds']);
    write('gardener.md', GARDENER.replace('name: gardener', 'name: florist'));
    expect(await left('florist', 3)).toEqual(['currentTask', 'seeds']);
    fs.rmSync(file('gardener.md'));
    expect(await left('florist', 4)).toEqual(['currentTask', 'seeds', 'other']);
    expect(heard.map(([name, data]) => [name, data.name])).toEqual([
      ['specializationAdded', 'gardener'],
      ['specializationRemoved', 'gardener'],
      ['specializationAdded', 'florist'],
      ['specializationRemoved', 'florist'],
    ]);
    expect(filter.getFilterStats().agentSpecializations).toHaveLength(7);
  });

  test('that breaks it is a warning, told once, and what it said before still counts', async () => {
    write('gardener.md', GARDENER);
    const { filter, heard } = await looked();
    write('gardener.md', '---\nname: [unclosed\n---\n');
    const call = () => filter.filterContext('agent-7', TASK);
    await afterLook(call, () => heard.length > 1);
    await wait(NEXT_LOOK_MS);
    await call();
    expect(heard.slice(1)).toEqual([['warning', { path: 'gardener.md', message: expect.any(String) }]]);
    expect(filter.getRecommendedContextSize('gardener', 0, 0)).toBe(12);
  });

  test('gives a built-in back when its file is gone', async () => {
    write('backend-specialist.md', '---\nname: backend-specialist\nmaxContextSize: 11\n---\nx\n');
    const { filter, heard } = await looked();
    removeTree(own.path('.claude'));
    await afterLook(
      () => filter.filterContext('agent-7', TASK),
      () => heard.some(([name]) => name === 'specializationRemoved'),
    );
    expect(heard.at(-1)).toEqual(['specializationRemoved', { name: 'backend-specialist' }]);
    expect(filter.getRecommendedContextSize('backend-specialist', 0, 0)).toBe(50);
  });

  test.each([
    ['filterContext', () => open()],
    ['optimizeAgentContext', () => openSystem()],
  ])('is told although the call of %s that saw it was aborted', async (method, make) => {
    const target = await make();
    const heard = listenTo(target);
    await target[method]('agent-7', TASK);
    write('gardener.md', GARDENER);
    await wait(NEXT_LOOK_MS);
    const controller = new AbortController();
    const text = parts(3000);
    const options = [{ signal: controller.signal }];
    const call = target[method](
      'agent-7',
      { ...TASK, text },
      ...(method === 'filterContext' ? [0, 0] : []),
      ...options,
    );
    controller.abort('enough');
    expect(await failureOf(call)).toBe('enough');
    await afterLook(
      () => target[method]('agent-7', TASK),
      () => heard.some(([name]) => name === 'specializationAdded'),
    );
    expect(heard.filter(([name]) => name === 'specializationAdded')).toEqual([['specializationAdded', SPEC]]);
  });

  test('is told by a system too', async () => {
    write('gardener.md', GARDENER);
    const system = await openSystem();
    const heard = listenTo(system);
    await system.optimizeAgentContext('agent-7', TASK);
    fs.rmSync(file('gardener.md'));
    write('broken.md', '---\nname: 5\n---\n');
    const ofFiles = () => heard.filter(([, data]) => data.name === 'gardener' || /broken/.test(JSON.stringify(data)));
    await afterLook(
      () => system.optimizeAgentContext('agent-7', { ...TASK, more: 1 }),
      () => ofFiles().length > 2,
    );
    expect(
      ofFiles()
        .map(([name]) => name)
        .sort(),
    ).toEqual(['specializationAdded', 'specializationRemoved', 'warning']);
  });
});

test('the files are those of the working directory at construction', async () => {
  write('gardener.md', GARDENER);
  const filter = open();
  process.chdir('/');
  expect(said(await filter.filterContext('gardener', TASK))).not.toMatch(/generic|filtered as/);
});
