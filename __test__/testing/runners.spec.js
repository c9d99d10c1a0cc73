/** The tests that people write: in Jest, with fake timers and modules loaded anew, with `node --test`, as ESM; and the page's own. */

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { ROOT, useOwnDirectory, useSystems } = require('../support.js');

const directory = useOwnDirectory();
const { own } = useSystems();

/** With more time for a test than Jest gives by itself: a machine may stand still for longer. */
const JEST = [path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), '--ci', '--testTimeout=60000'];

/** Runs a program in a project that has the package; both outputs as one, and the exit code. */
async function run(...args) {
  const modules = directory.path('node_modules');
  fs.mkdirSync(modules, { recursive: true });
  for (const [name, target] of [
    ['agentwise-optimization', ROOT],
    ['expect', path.join(ROOT, 'node_modules', 'expect')],
  ]) {
    if (!fs.existsSync(path.join(modules, name))) fs.symlinkSync(target, path.join(modules, name), 'junction');
  }
  const options = { cwd: directory.path(), env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } };
  return promisify(execFile)(process.execPath, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
  );
}

const write = (name, text) => fs.writeFileSync(directory.path(name), text);

/** The blocks of the page that are files of CommonJS: `npm run docs:blocks` runs the one for `node --test`. */
function filesOfPage() {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'testing.md'), 'utf8');
  return [...page.matchAll(/```js file=(\S+\.js)\n([\s\S]*?)```/g)].map(([, name, text]) => [name, text]);
}

test('what docs/testing.md shows passes in Jest', async () => {
  const files = filesOfPage();
  expect(files.map(([name]) => name)).toEqual(['assistant.js', 'assistant.test.js']);
  for (const [name, text] of files) write(name, text);
  write('package.json', '{ "name": "shop", "private": true }');
  const { code, output } = await run(...JEST, '--rootDir', directory.path());
  expect(output).toContain('3 passed');
  expect(code).toBe(0);
});

test('a test that is to fail fails in Jest, with the words of its matcher', async () => {
  write('package.json', '{ "jest": { "setupFilesAfterEnv": ["agentwise-optimization/testing/jest"] } }');
  write(
    'fails.test.js',
    `const { createTestSystem } = require('agentwise-optimization/testing');
     test('fails', async () => {
       const system = await createTestSystem();
       await system.optimizeAgentContext('a', { x: 1 });
       expect(await system.optimizeAgentContext('a', { x: 2 })).toBeDelta({ removed: ['x'] });
     });`,
  );
  const { code, output } = await run(...JEST, '--rootDir', directory.path());
  expect(output).toMatch(
    /Expected the result to be a delta with\s+removed: \["x"\]\s+Received a delta:\s+added: nothing\s+modified: "x"/,
  );
  expect(code).toBe(1);
});

test('fake timers of Jest do not hold it up', async () => {
  jest.useFakeTimers();
  try {
    const { createTestSystem } = require('../../entry/testing.js');
    const system = own(await createTestSystem());
    await system.cacheResponse('How do I reset it?', 1, 60);
    await system.optimizeAgentContext('a', { currentTask: 'x', text: 'word '.repeat(20_000) });
    system.setMachine({ memoryPercentage: 97 });
    const wait = system.whenUnthrottled('a', { timeout: 1000 });
    await system.clock.advance(61_000);
    await expect(wait).resolves.toBeUndefined();
    expect(await system.getCachedResponse('How do I reset it?')).toBeNull();
    expect(system.productionMonitor.getRecentAlerts()).not.toEqual([]);
    await system.performMaintenance();
    await system.shutdown();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test('modules that are loaded anew have systems and matchers of their own', async () => {
  const load = () => {
    let loaded;
    jest.isolateModules(() => {
      loaded = require('../../entry/testing.js');
    });
    return loaded;
  };
  const [one, two] = [load(), load()];
  expect(one.FakeClock).not.toBe(two.FakeClock);
  const [first, second] = [own(await one.createTestSystem()), own(await two.createTestSystem())];
  await first.cacheResponse('q', 1);
  expect(await second.getCachedResponse('q')).toBeNull();
  expect.extend(two.matchers);
  expect(await first.optimizeAgentContext('a', { x: 1 })).toBeFullContext();
  await expect(one.createTestSystem({}, { clock: new two.FakeClock() })).rejects.toMatchObject({
    code: 'E_INVALID_ARGUMENT',
  });
});

test('node --test, as ESM, with the package expect and its mock timers', async () => {
  write(
    'some.test.mjs',
    `import { mock, test } from 'node:test';
     import { expect } from 'expect';
     import createDefault, { createTestSystem, FakeClock, matchers } from 'agentwise-optimization/testing';
     expect.extend(matchers);
     test('passes', async () => {
       mock.timers.enable();
       const clock = new FakeClock();
       const system = await createTestSystem({}, { clock });
       system.setMachine({ memoryPercentage: 97 });
       await expect(() => clock.advance(60_000)).toEmit(system, 'memoryAlert');
       expect(system).toHaveRaisedAlert({ component: 'memory' });
       await system.shutdown();
       mock.timers.reset();
       expect(createDefault).toBe(createTestSystem);
     });`,
  );
  const { code, output } = await run('--test', 'some.test.mjs');
  expect(output).toMatch(/pass 1\b/);
  expect(code).toBe(0);
});

test('a process that forgets its test system ends', async () => {
  write(
    'forgets.mjs',
    `import { createTestSystem } from 'agentwise-optimization/testing';
     const system = await createTestSystem();
     system.whenUnthrottled('a').then(() => console.log('goes on'));
     await system.clock.advance(20_000);
     console.log('ends');`,
  );
  const { code, output } = await run('forgets.mjs');
  expect([code, output.trim()]).toEqual([0, 'goes on\nends']);
});
