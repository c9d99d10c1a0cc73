const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, ENDED_WELL } = require('./child.js');
const { removeTree } = require('../remove.js');

const CONFIG = { environment: 'development', finalReport: false };

describe('twice in one process, in the module registries of Jest', () => {
  let before;
  let directory;

  beforeEach(() => {
    before = process.cwd();
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-'));
    process.chdir(directory);
  });

  afterEach(() => {
    process.chdir(before);
    // Systems that were forgotten may still write.
    removeTree(directory);
  });

  /** A system of `addon` that worked, with what it found in its cache. */
  async function work(addon, answer) {
    const system = await addon.ProductionOptimizationSystem.create(CONFIG);
    const events = [];
    system.on('agentContextOptimized', ({ success }) => events.push(success));
    const { currentTask } = await system.optimizeAgentContext('frontend-specialist', { currentTask: answer });
    // Both copies have one cache.
    await system.cacheResponse(answer, answer);
    return { system, seen: { currentTask, events, cached: await system.getCachedResponse(answer) } };
  }

  async function worksBeside(first, second) {
    expect(second.ProductionOptimizationSystem).not.toBe(first.ProductionOptimizationSystem);
    const works = await Promise.all([work(first, 'one'), work(second, 'two')]);
    expect(works.map(({ seen }) => seen)).toEqual([
      { currentTask: 'one', events: [true], cached: 'one' },
      { currentTask: 'two', events: [true], cached: 'two' },
    ]);
    await works[0].system.shutdown();
    expect(await works[1].system.getCachedResponse('two')).toBe('two');
    await expect(second.ProductionOptimizationSystem.create({ environment: 7 })).rejects.toBeInstanceOf(
      second.AgentwiseError,
    );
    await works[1].system.shutdown();
  }

  test('after jest.resetModules()', async () => {
    const first = require('../../index.js');
    jest.resetModules();
    await worksBeside(first, require('../../index.js'));
  });

  test('in isolated registries', async () => {
    const load = () => {
      let addon;
      jest.isolateModules(() => {
        addon = require('../../index.js');
      });
      return addon;
    };
    await worksBeside(load(), load());
  });

  test('ten times, forgotten each time', async () => {
    for (let round = 0; round < 10; round++) {
      jest.resetModules();
      const { system, seen } = await work(require('../../index.js'), `answer ${round}`);
      expect(seen.cached).toBe(`answer ${round}`);
      if (round % 2 === 0) await system.shutdown();
    }
  });
});

test('installed elsewhere it is found by its name, by require and import, also in two copies', async () => {
  const ended = await run('installed.js');
  expect(ended).toMatchObject(ENDED_WELL);
  expect(JSON.parse(ended.stdout)).toEqual({
    required: true,
    imported: true,
    sameObjects: true,
    secondCopy: true,
    anotherClass: true,
    allAtOnce: [true, true, true, true],
  });
});
