/** What each matcher lets pass, and what it says of what it does not. */

const { AdvancedCacheManager } = require('../../index.js');
const { createTestSystem, matchers } = require('../../entry/testing.js');
const { useSystems } = require('../support.js');

require('../../entry/testing/jest.js');

const { own } = useSystems();
const open = async (...given) => own(await createTestSystem(...given));

/** What an assertion says that fails, without colours. */
async function failure(assert) {
  try {
    await assert();
  } catch (error) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    return error.message.replace(/\u001b\[\d+m/g, '');
  }
  throw new Error('it passed');
}

const CONTEXT = { currentTask: 'Fix the login form', a: 1, b: [1, 2], gone: true };

/** A first result, one of the same context, and one of another. */
async function results() {
  const system = await open();
  const optimize = (context) => system.optimizeAgentContext('agent', context);
  const { gone: _, ...rest } = CONTEXT;
  return {
    full: await optimize(CONTEXT),
    unchanged: await optimize(CONTEXT),
    delta: await optimize({ ...rest, b: [3], 'new.key': 'x' }),
  };
}

test('every matcher is there after importing the module for Jest', () => {
  for (const name of Object.keys(matchers)) expect(typeof expect(null)[name]).toBe('function');
});

describe('kinds of results', () => {
  test('each is of one kind', async () => {
    const { full, unchanged, delta } = await results();
    expect(full).toBeFullContext();
    expect(unchanged).toBeUnchangedContext();
    expect(delta).toBeDelta();
    for (const [result, ...wrong] of [
      [full, 'toBeUnchangedContext', 'toBeDelta'],
      [unchanged, 'toBeFullContext', 'toBeDelta'],
      [delta, 'toBeFullContext', 'toBeUnchangedContext'],
    ]) {
      for (const name of wrong) {
        expect(result).not[name]();
        expect(await failure(() => expect(result)[name]())).toContain(name);
      }
    }
  });

  test('a context with a type of its own is a full one', async () => {
    const system = await open();
    expect(await system.optimizeAgentContext('a', { type: 'incremental', currentTask: 'x' })).toBeFullContext();
  });

  test('a context that looks like another kind is a full one', async () => {
    const system = await open();
    const looks = { added: {}, modified: {}, removed: [], unchanged: [] };
    expect(await system.optimizeAgentContext('a', looks)).toBeFullContext();
    expect(await system.optimizeAgentContext('a', { ...looks, added: { x: 1 } })).toBeDelta({ modified: ['added'] });
    expect(await system.optimizeAgentContext('b', { type: 'x', hash: 'y', encoding: 'z' })).toBeFullContext();
  });

  test('what is not to be is said', async () => {
    const { full } = await results();
    const said = await failure(() => expect(full).not.toBeFullContext());
    expect(said).toMatch(
      /expect\(received\)\.not\.toBeFullContext\(\)[\s\S]*not to be a full context[\s\S]*"currentTask"/,
    );
  });
});

describe('toBeDelta', () => {
  test('looks at what is said of it', async () => {
    const { delta } = await results();
    expect(delta).toBeDelta({
      added: ['new.key'],
      modified: ['b'],
      removed: ['gone'],
      unchanged: ['a', 'currentTask'],
    });
    expect(delta).toBeDelta({ added: { 'new.key': 'x' }, modified: { b: [3] } });
    expect(delta).toBeDelta({ modified: { b: expect.any(Array) } });
    for (const wrong of [
      { added: [] },
      { added: ['b'] },
      { modified: { b: [4] } },
      { removed: ['gone', 'a'] },
      { unchanged: ['a'] },
    ]) {
      expect(delta).not.toBeDelta(wrong);
    }
    expect(await failure(() => expect(delta).toBeDelta({ removed: ['a'] }))).toMatch(
      /be a delta with\n {2}removed: \["a"\]\nReceived a delta:\n {2}added: "new\.key"\n {2}modified: "b"\n {2}removed: "gone"/,
    );
    expect(await failure(() => expect(delta).not.toBeDelta({ removed: ['gone'] }))).toContain('not to be a delta with');
  });
});

test('toHaveSavedTokens reads the property that is not enumerable', async () => {
  const { full, unchanged, delta } = await results();
  const long = { currentTask: 'x', text: 'word '.repeat(1000) };
  const system = await open({ contextFilter: { contextImportanceThreshold: 0 } });
  await system.optimizeAgentContext('b', long);
  const again = await system.optimizeAgentContext('b', long);
  expect(again).toHaveSavedTokens();
  expect(again).toHaveSavedTokens({ atLeast: 800, atMost: 1100 });
  expect(full).not.toHaveSavedTokens();
  expect(full).toHaveSavedTokens({ atLeast: 0, atMost: 0 });
  expect(unchanged.tokensSaved).toBeLessThan(0);
  expect(delta).not.toHaveSavedTokens({ atLeast: 1000 });
  expect(await failure(() => expect(again).toHaveSavedTokens({ atLeast: 5000 }))).toMatch(
    /have saved at least 5000 tokens\nReceived: \d+ tokens saved/,
  );
});

test('toHaveDropped finds the value, and what it is in', async () => {
  const system = await open();
  const context = {
    currentTask: 'Fix the login form in src/login.ts',
    files: Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`docs/page${at}.md`, `Weather of day ${at}. `.repeat(200)]),
    ),
  };
  const result = await system.optimizeAgentContext('frontend-specialist', context, { maxSize: 5000 });
  const { path, reason } = result.dropped.find((part) => part.lines === undefined && part.path !== '');
  expect(result).toHaveDropped(path);
  expect(result).toHaveDropped(path, { reason });
  expect(result).not.toHaveDropped(path, { reason: 'excluded' });
  expect(result).not.toHaveDropped('currentTask');
  expect(await failure(() => expect(result).toHaveDropped('currentTask'))).toMatch(
    /have left out "currentTask"\nLeft out:\n {2}"files/,
  );
  const { full } = await results();
  expect(await failure(() => expect(full).toHaveDropped('a'))).toMatch(/Left out:\n {2}nothing/);
});

test('toBeCacheHit and toHaveCached', async () => {
  const system = await open();
  await system.cacheResponse('What is a mutex?', { text: 'A lock.' });
  await system.cacheResponse('mine', 1, undefined, { agentId: 'a' });
  const found = await system.getCachedResponse('What is a mutex?');
  expect(found).toBeCacheHit();
  expect(found).toBeCacheHit({ text: 'A lock.' });
  expect(found).not.toBeCacheHit({ text: 'A door.' });
  expect(await system.getCachedResponse('never asked')).not.toBeCacheHit();
  await expect(system.getCachedResponse('What is a mutex?')).resolves.toBeCacheHit();
  expect(await failure(() => expect(null).toBeCacheHit('x'))).toMatch(/find "x"\nIt found nothing \(null\)/);
  expect(await failure(() => expect(found).not.toBeCacheHit())).toMatch(
    /not to find an answer\nFound: \{"text": "A lock\."\}/,
  );

  await expect(system).toHaveCached('What is a mutex?');
  await expect(system).toHaveCached('mine', { agentId: 'a', value: 1 });
  await expect(system).not.toHaveCached('mine', { agentId: 'b' });
  await expect(system).not.toHaveCached('mine', { agentId: 'a', value: 2 });
  expect(await failure(() => expect(system).toHaveCached('other'))).toMatch(
    /have an answer for "other"\nIt found nothing/,
  );

  const cache = new AdvancedCacheManager({ persistToDisk: false });
  await cache.set('k', 5);
  await expect(cache).toHaveCached('k', { value: 5 });
  await cache.stop();
});

test('toHaveRaisedAlert, toBeHealthy and toHaveThrottled', async () => {
  const system = await open();
  expect(system).not.toHaveRaisedAlert();
  expect(await failure(() => expect(system).toHaveRaisedAlert({ component: 'cpu' }))).toMatch(
    /have raised an alert with \{"component": "cpu"\}\nAlerts of the last 24 hours:\n {2}none/,
  );
  expect(system).toBeHealthy();
  system.setMachine({ memoryPercentage: 97 });
  await system.clock.advance(60_000);
  expect(system).toHaveRaisedAlert();
  expect(system).toHaveRaisedAlert({ component: 'memory', type: 'critical', title: /^Memory/, resolved: false });
  expect(system.productionMonitor).toHaveRaisedAlert({ component: 'memory' });
  expect(system).not.toHaveRaisedAlert({ component: 'disk' });
  expect(await failure(() => expect(system).not.toHaveRaisedAlert({ component: 'memory' }))).toMatch(
    /not to have raised[\s\S]*memory, critical: Memory usage critical/,
  );

  expect(system).not.toBeHealthy();
  expect(await failure(() => expect(system).toBeHealthy({ atLeast: 90 }))).toMatch(
    /be healthy with a score of at least 90\nReceived: "\w+", score \d+/,
  );
  expect(system).toHaveThrottled('a');
  expect(system.memoryManager).toHaveThrottled('a');
  expect(await failure(() => expect(system).not.toHaveThrottled('a'))).toMatch(
    /not to have "a" throttled\nIt is, because/,
  );

  const calm = await open({ environment: 'development' });
  expect(calm).not.toHaveThrottled('a');
  expect(await failure(() => expect(calm).toHaveThrottled('a'))).toMatch(/have "a" throttled\nIt is not/);
  expect(await failure(() => expect(calm).not.toBeHealthy())).toContain('not to be healthy');
  expect(() => expect(calm).not.toHaveRaisedAlert()).toThrow(/has a monitor \(enableProductionMonitoring\)/);
});

test('toEmit listens while a function is at work', async () => {
  const system = await open();
  system.setMachine({ memoryPercentage: 97 });
  const second = () => system.clock.advance(1000);
  await expect(second).toEmit(system, 'memoryAlert', { type: 'critical', message: /memory/i });
  await expect(second).not.toEmit(system, 'memoryAlert');
  await expect(() => system.cacheResponse('q', 1)).toEmit(system, 'cacheSet', { layer: 'L1', key: 'q' });
  await expect(() => system.getCachedResponse('q')).not.toEmit(system, 'cacheHit', { layer: 'L2' });
  expect(
    await failure(() => expect(() => system.getCachedResponse('q')).toEmit(system, 'cacheHit', { layer: 'L2' })),
  ).toMatch(/emit "cacheHit" with \{"layer": "L2"\}\nEmitted meanwhile:\n {2}\{[\s\S]*"layer": "L1"/);
  expect(await failure(() => expect(() => {}).toEmit(system, 'cacheHit'))).toContain('nothing of that name');
  await expect(expect(() => Promise.reject(new Error('of the work'))).toEmit(system, 'x')).rejects.toThrow(
    'of the work',
  );
  expect(system.listenerCount('cacheHit') + system.listenerCount('x')).toBe(0);
});
