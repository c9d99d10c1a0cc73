/** Collecting garbage when it is asked for, and giving memory back. */

const { useOwnDirectory } = require('../support.js');
const { next, outputOf, useManagers } = require('./support.js');

useOwnDirectory();
const { open } = useManagers();

test('performMaintenance says what it did, to who listens too', async () => {
  const memory = open();
  const told = next(memory, 'garbageCollected');
  const done = await memory.performMaintenance();
  expect(done).toEqual({ garbageCollected: true, freedMemory: expect.any(Number) });
  expect(Number.isFinite(done.freedMemory)).toBe(true);
  expect(await told).toEqual({
    freedMemory: expect.any(Number),
    timestamp: expect.any(Date),
    durationMs: expect.any(Number),
  });
});

test('what nobody holds is gone, without --expose-gc', async () => {
  const { gone, exposed, collected } = await outputOf(`
    const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
    const make = () => Array.from({ length: 100 }, () => new WeakRef({ text: 'x'.repeat(1000) }));
    (async () => {
      const references = make();
      await sleep(1);
      const { garbageCollected } = await memory.performMaintenance();
      const gone = references.filter((reference) => reference.deref() === undefined).length;
      console.log(JSON.stringify({ gone, exposed: typeof globalThis.gc, collected: garbageCollected }));
    })();`);
  expect({ gone, exposed, collected }).toEqual({ gone: 100, exposed: 'undefined', collected: true });
});

test('memory of buffers is given back to the system', async () => {
  const { freed, before, after } = await outputOf(`
    const memory = new MemoryManager({ maxMemoryUsage: 1_000_000 });
    // While they are held: a collection may come at any time afterwards.
    const filled = () => {
      const held = Array.from({ length: 200 }, () => Buffer.alloc(MB, 1));
      return held.length && process.memoryUsage().rss / MB;
    };
    (async () => {
      const before = filled();
      await sleep(1);
      const { freedMemory } = await memory.performMaintenance();
      await until(() => process.memoryUsage().rss / MB < before - 50);
      console.log(JSON.stringify({ freed: freedMemory, before, after: process.memoryUsage().rss / MB }));
    })();`);
  expect(after).toBeLessThan(before - 50);
  expect(freed).toBeGreaterThanOrEqual(0);
});

test('calls at once all succeed', async () => {
  const memory = open();
  const done = await Promise.all(Array.from({ length: 5 }, () => memory.performMaintenance()));
  for (const { garbageCollected } of done) expect(garbageCollected).toBe(true);
});

test('agents and contexts stay', async () => {
  const memory = open();
  memory.registerAgentMemory('agent', 5, 6);
  memory.holdContext('key', { agentId: 'agent', bytes: 1 });
  await memory.performMaintenance();
  expect(memory.getMemoryStats().agents).toMatchObject([{ agentId: 'agent', totalMemory: 11 }]);
  expect(memory.releaseContext('key')).toBe(true);
});
