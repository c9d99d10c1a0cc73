'use strict';

const { useOwnDirectory, useSystems, KEEP_ALL } = require('../support.js');
const { longestTurn } = require('../turns.js');
const { open, parts, repository } = require('./support.js');

useOwnDirectory();
const { open: openSystem } = useSystems();

const items = (count) => Array.from({ length: count }, (_, at) => ({ at, text: `entry ${at} of the list` }));

describe('what is remembered of a context', () => {
  const grownBy = async (first, second) => {
    const filter = open();
    await filter.filterContext('agent-7', first);
    const before = filter.getFilterStats().cachedContexts;
    await filter.filterContext('agent-7', second);
    return [before, filter.getFilterStats().cachedContexts - before];
  };

  test('grows by nothing when the same context comes again, for another agent and another task too', async () => {
    const filter = open();
    const context = repository();
    await filter.filterContext('agent-7', context);
    const { cachedContexts, analysisBytes } = filter.getFilterStats();
    expect(cachedContexts).toBeGreaterThan(Object.keys(context.files).length / 2);
    for (const agent of ['agent-7', 'agent-8', 'agent-9']) await filter.filterContext(agent, structuredClone(context));
    expect(filter.getFilterStats()).toMatchObject({ cachedContexts, analysisBytes });
    await filter.filterContext('backend-specialist', { ...context, currentTask: 'Another one' });
    expect(filter.getFilterStats().cachedContexts - cachedContexts).toBeLessThan(10);
  });

  test('grows by one when one text of many changes', async () => {
    const context = repository();
    const files = { ...context.files, 'js/jobs.js': `// changed\n${context.files['js/jobs.js']}` };
    const [before, more] = await grownBy(context, { ...context, files });
    expect(before).toBeGreaterThan(50);
    expect(more).toBe(1);
  });

  test('grows by about as many as change, of small items too', async () => {
    const list = items(5000);
    const changed = structuredClone(list);
    for (let at = 25; at < 5000; at += 500) changed[at].text = 'changed';
    const [before, more] = await grownBy({ list }, { list: changed });
    expect(before).toBeGreaterThan(150);
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThanOrEqual(25);
  });

  test('stays when items come first, last or go', async () => {
    const list = items(5000);
    const [, more] = await grownBy(
      { list },
      { list: [{ at: -1, text: 'the new first one' }, ...list.slice(0, 2000), ...list.slice(2001), { at: 5000 }] },
    );
    expect(more).toBeLessThanOrEqual(8);
  });

  test('stays when files move', async () => {
    const { files } = repository();
    const moved = Object.fromEntries(
      Object.entries(files)
        .reverse()
        .map(([name, text]) => [`moved/${name}`, text]),
    );
    const [before, more] = await grownBy({ files }, { files: moved });
    expect(more).toBeLessThan(before / 3);
  });

  test('is bounded by analysisCacheMB, and only speed depends on it', async () => {
    const small = open({ analysisCacheMB: 0.05 });
    const large = open();
    for (let call = 0; call < 10; call++) {
      const context = {
        currentTask: 'part3',
        text: parts(30).replaceAll('part', `call${call}`),
        files: repository().files,
      };
      const [a, b] = [await small.filterContext('agent-7', context), await large.filterContext('agent-7', context)];
      expect(a.filtered).toEqual(b.filtered);
      expect(a.importanceScores).toEqual(b.importanceScores);
      expect(small.getFilterStats().analysisBytes).toBeLessThanOrEqual(0.05 * 1048576);
    }
    expect(large.getFilterStats().analysisBytes).toBeGreaterThan(0.05 * 1048576);
    large.updateConfig({ analysisCacheMB: 0.05 });
    expect(large.getFilterStats().analysisBytes).toBeLessThanOrEqual(0.05 * 1048576);
  });

  test('is not held by small contexts of each turn alone: a thousand turns stay in the bound', async () => {
    const filter = open({ analysisCacheMB: 0.1, referenceStoreMB: 0.1 });
    for (let turn = 0; turn < 1000; turn++) {
      const context = {
        currentTask: `turn ${turn}`,
        note: `text of turn ${turn} `.repeat(50),
        list: items(20 + (turn % 5)),
      };
      await filter.filterContext('backend-specialist', context);
    }
    const { analysisBytes, referenceBytes } = filter.getFilterStats();
    expect(analysisBytes).toBeLessThanOrEqual(0.1 * 1048576);
    expect(referenceBytes).toBeLessThanOrEqual(0.1 * 1048576);
  });
});

test('a system shows what its filter remembers', async () => {
  const system = await openSystem();
  await system.optimizeAgentContext('agent-7', { currentTask: 'part3', text: parts(30) });
  expect(system.getStatus().components.contextFilter.cachedContexts).toBeGreaterThan(0);
});

describe('while contexts of 5 MB are filtered', () => {
  const large = (agent) => {
    const source = parts(60);
    const file = (at) => [`src/${at}.js`, source.replaceAll('part', `a${agent}b${at}c`)];
    return {
      currentTask: 'Fix a1b7c30()',
      files: Object.fromEntries(Array.from({ length: 250 }, (_, at) => file(at))),
    };
  };
  test.each([1, 4])('the event loop goes on: %d agents', async (agents) => {
    const filter = open();
    const system = await openSystem(KEEP_ALL);
    const contexts = Array.from({ length: agents }, (_, at) => large(at));
    expect(JSON.stringify(contexts[0]).length).toBeGreaterThan(4_500_000);
    for (const call of [
      (context, at) => filter.filterContext(`agent ${at}`, context),
      (context, at) => system.optimizeAgentContext(`agent ${at}`, context),
    ]) {
      const longest = await longestTurn(
        async (attempt) => {
          const pending = [];
          for (const [at, context] of contexts.entries()) {
            pending.push(call({ ...context, attempt }, at));
            await new Promise(setImmediate);
          }
          await Promise.all(pending);
        },
        { enough: 100 },
      );
      expect(longest).toBeLessThan(100);
    }
  });

  test('calls at the same time give what calls one after the other give', async () => {
    const contexts = [0, 1, 2, 3].map((at) => ({ ...repository(`task ${at}: the cache and its files`), at }));
    const filter = open();
    const together = await Promise.all(contexts.map((context, at) => filter.filterContext(`agent ${at}`, context)));
    for (const [at, context] of contexts.entries()) {
      const alone = await open().filterContext(`agent ${at}`, context);
      expect(together[at].filtered).toEqual(alone.filtered);
      expect(together[at].dropped).toEqual(alone.dropped);
    }
  });
});
