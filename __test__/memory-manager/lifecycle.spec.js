/** Processes and threads with memory managers: they end by themselves, and what was forgotten is gone. */

const { outputOf, runMemory } = require('./support.js');

const onLinux = process.platform === 'linux' ? test : test.skip;
const ENDED_WELL = { code: 0, signal: null, stderr: '' };

/** A second is what it takes on an idle machine; the timers of a manager would hold it for ten or sixty. */
const PROMPTLY_MS = 8000;

describe('a process ends by itself after it made and forgot', () => {
  test.each([
    ['a manager', 'new MemoryManager();'],
    ['ten managers', 'for (let at = 0; at < 10; at++) new MemoryManager();'],
    [
      'a manager with listeners',
      `const memory = new MemoryManager();
       for (const name of ['memoryUpdate', 'memoryAlert', 'agentThrottled', 'pressureChanged', 'contextExpired', 'garbageCollected'])
         memory.on(name, () => {});`,
    ],
    [
      'a manager with agents and contexts',
      `const memory = new MemoryManager({ agentMemoryLimit: 1 });
       memory.registerAgentMemory('agent', 2 * MB, 0);
       memory.updateContextAccess('key');
       memory.holdContext('key', { agentId: 'agent', bytes: 5 });
       memory.getMemoryStats();`,
    ],
    ['a manager under pressure', 'new MemoryManager({ maxMemoryUsage: 1, gcInterval: 10 });'],
    [
      'a manager under pressure, when it is at its height',
      `const memory = new MemoryManager();
       const held = setInterval(() => {}, 1000);
       memory.on('pressureChanged', ({ step }) => step === 'throttleAll' && clearInterval(held));
       memory.updateConfig({ maxMemoryUsage: 1 });`,
    ],
    ['a stopped manager', 'const memory = new MemoryManager(); memory.stop(); memory.stop();'],
    [
      'a manager that was stopped while it worked',
      'const memory = new MemoryManager(); memory.performMaintenance(); memory.stop();',
    ],
  ])('%s', async (_, source) => {
    const { stdout, ...ended } = await runMemory(`${source}
      const before = performance.now();
      process.on('exit', () => console.log(JSON.stringify(performance.now() - before)));`);
    expect(ended).toEqual(ENDED_WELL);
    expect(JSON.parse(stdout)).toBeLessThan(PROMPTLY_MS);
  });
});

test('work under way is finished before a process ends', async () => {
  const said = await outputOf(`
    const memory = new MemoryManager();
    memory.performMaintenance().then(({ garbageCollected }) => console.log(JSON.stringify(garbageCollected)));`);
  expect(said).toBe(true);
});

test('process.exit() under pressure ends the process with its code', async () => {
  const ended = await runMemory(`
    const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
    memory.on('pressureChanged', ({ step }) => step === 'throttleAll' && process.exit(3));
    memory.updateConfig({ maxMemoryUsage: 1 });
    setInterval(() => {}, 1000);`);
  expect(ended).toEqual({ code: 3, signal: null, stdout: '', stderr: '' });
});

test('what a listener throws is the exception of the application, and others are told all the same', async () => {
  const said = await outputOf(`
    const memory = new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: 1_000_000 });
    const thrown = [];
    const heard = [];
    process.on('uncaughtException', (error) => thrown.push(error.message));
    memory.on('agentThrottled', () => { throw new Error('of the application'); });
    memory.on('agentUnthrottled', () => heard.push('agentUnthrottled'));
    memory.registerAgentMemory('agent', 2 * MB, 0);
    memory.registerAgentMemory('agent', 0, 0);
    setTimeout(() => console.log(JSON.stringify({ thrown, heard })), 10);`);
  expect(said).toEqual({ thrown: ['of the application'], heard: ['agentUnthrottled'] });
});

test('nothing is emitted after stop()', async () => {
  const said = await outputOf(`
    const memory = new MemoryManager({ maxMemoryUsage: 1_000_000, agentMemoryLimit: 1, contextRetentionTime: 1, gcInterval: 10 });
    const heard = [];
    const emit = memory.emit;
    memory.emit = function (name, ...data) { heard.push(name); return emit.call(this, name, ...data); };
    for (const name of ['memoryUpdate', 'agentThrottled', 'agentMemoryUpdate', 'pressureChanged', 'contextExpired']) memory.on(name, () => {});
    (async () => {
      memory.updateContextAccess('key');
      memory.updateConfig({ maxMemoryUsage: 1 });
      memory.stop();
      const before = heard.length;
      memory.registerAgentMemory('agent', 2 * MB, 0);
      await sleep(300);
      console.log(JSON.stringify({ last: heard[before - 1], more: heard.slice(before).filter((name) => name !== 'newListener') }));
    })();`);
  expect(said).toEqual({ last: 'stopped', more: [] });
});

onLinux('managers that were forgotten are collected, and so are their threads', async () => {
  const { during, alive, after } = await outputOf(`
    const fs = require('node:fs');
    const v8 = require('node:v8');
    v8.setFlagsFromString('--expose-gc');
    const gc = require('node:vm').runInNewContext('gc');
    // Names of threads are cut to 15 bytes.
    const threads = () => fs.readdirSync('/proc/self/task')
      .map((id) => { try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(); } catch { return ''; } })
      .filter((name) => name.startsWith('agentwise-mem')).length;
    const make = () => Array.from({ length: 20 }, (_, at) => {
      const memory = new MemoryManager({ maxMemoryUsage: 1_000_000, agentMemoryLimit: 1 });
      memory.on('agentThrottled', () => memory.getHealthScore());
      memory.registerAgentMemory('agent ' + at, 2 * MB, 0);
      return new WeakRef(memory);
    });
    (async () => {
      const made = make();
      await until(() => threads() > 0);
      const during = threads();
      const alive = () => made.filter((reference) => reference.deref()).length;
      await until(async () => {
        gc();
        await sleep(20);
        return alive() === 0 && threads() === 0;
      });
      console.log(JSON.stringify({ during, alive: alive(), after: threads() }));
    })();`);
  expect(during).toBeGreaterThan(0);
  expect([alive, after]).toEqual([0, 0]);
});

onLinux('managers that were stopped leave no thread', async () => {
  const after = await outputOf(`
    const fs = require('node:fs');
    const threads = () => fs.readdirSync('/proc/self/task')
      .map((id) => { try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(); } catch { return ''; } })
      .filter((name) => name.startsWith('agentwise-mem')).length;
    (async () => {
      for (let round = 0; round < 20; round++) {
        const made = Array.from({ length: 5 }, () => new MemoryManager());
        for (const memory of made) memory.stop();
      }
      await until(() => threads() === 0);
      console.log(JSON.stringify(threads()));
    })();`);
  expect(after).toBe(0);
});

describe('worker threads', () => {
  const WORKER = JSON.stringify(`
    const { parentPort, workerData, threadId } = require('node:worker_threads');
    const { MemoryManager } = require(workerData.index);
    const memory = new MemoryManager({ agentMemoryLimit: 1, maxMemoryUsage: workerData.maxMemoryUsage });
    memory.registerAgentMemory('agent of ' + workerData.at, 2 ** 21, 0);
    const { agents, process: figures } = memory.getMemoryStats();
    parentPort.postMessage({ agents: agents.map(({ agentId }) => agentId), rss: figures.rss > 1, heap: figures.heapUsed > 0 });
    const look = () => memory.getMemoryStats().pressure.step === 'throttleAll' && parentPort.postMessage('throttleAll');
    if (workerData.stays) setInterval(look, 5);`);
  const START = `
    const { Worker } = require('node:worker_threads');
    const path = require('node:path');
    const start = (at, data) => new Worker(${WORKER}, { eval: true, workerData: { index: path.resolve('index.js'), at, maxMemoryUsage: 1_000_000, ...data } });
    const ended = (worker) => new Promise((resolve) => worker.on('exit', resolve));
    const first = (worker) => new Promise((resolve) => worker.once('message', resolve));`;

  test('have managers of their own, and end by themselves', async () => {
    const { said, codes, own } = await outputOf(`${START}
      const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
      memory.registerAgentMemory('agent of main', 1, 0);
      (async () => {
        const workers = [0, 1, 2, 3].map((at) => start(at));
        const said = Promise.all(workers.map(first));
        const codes = await Promise.all(workers.map(ended));
        const own = memory.getMemoryStats().agents.map(({ agentId }) => agentId);
        console.log(JSON.stringify({ said: await said, codes, own }));
      })();`);
    expect(said).toEqual([0, 1, 2, 3].map((at) => ({ agents: [`agent of ${at}`], rss: true, heap: true })));
    expect([codes, own]).toEqual([[0, 0, 0, 0], ['agent of main']]);
  });

  test('may be terminated under pressure', async () => {
    const { codes, alive } = await outputOf(`${START}
      const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
      (async () => {
        const codes = [];
        for (let round = 0; round < 3; round++) {
          const workers = [0, 1, 2].map((at) => start(at, { stays: true, maxMemoryUsage: 1 }));
          await Promise.all(workers.map((worker) => new Promise((resolve) =>
            worker.on('message', (message) => message === 'throttleAll' && resolve()))));
          codes.push(...(await Promise.all(workers.map((worker) => worker.terminate()))));
        }
        memory.registerAgentMemory('agent', 1, 0);
        console.log(JSON.stringify({ codes, alive: memory.getMemoryStats().agents.length }));
      })();`);
    expect(codes.filter((code) => code !== 0 && code !== 1)).toEqual([]);
    expect([codes.length, alive]).toEqual([9, 1]);
  });

  test('that wait are terminated as well', async () => {
    const said = await outputOf(`
      const { Worker } = require('node:worker_threads');
      const source = "const { MemoryManager } = require(require('node:worker_threads').workerData);" +
        "const memory = new MemoryManager({ agentMemoryLimit: 1 }); memory.registerAgentMemory('agent', 2 ** 21, 0);" +
        "memory.whenUnthrottled('agent'); require('node:worker_threads').parentPort.postMessage('waits');";
      const worker = new Worker(source, { eval: true, workerData: require('node:path').resolve('index.js') });
      worker.once('message', async () => {
        await sleep(50);
        console.log(JSON.stringify(await worker.terminate()));
      });`);
    expect([0, 1]).toContain(said);
  });
});
