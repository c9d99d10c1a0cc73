/** What agents hold of contexts: how long it is kept, and what should be dropped. */

const { unlessStoodStill } = require('../stand-still.js');
const { CALM, TIGHT, heardBy, intoPressure, next, until, useManagers } = require('./support.js');

const { open } = useManagers();
const keysOf = (contexts) => contexts.map(({ key }) => key);

/** Keys that expired, as they are told. */
function expiredOf(memory) {
  const keys = [];
  memory.on('contextExpired', (event) => keys.push(...event.keys));
  return keys;
}

describe('retention', () => {
  const SHORT = { contextRetentionTime: 20, gcInterval: 10 };

  test('ends for a key that is not used any more, once', async () => {
    const memory = open(SHORT);
    const expired = expiredOf(memory);
    const told = next(memory, 'contextExpired');
    memory.updateContextAccess('key');
    expect(await told).toEqual({ keys: ['key'] });
    memory.updateContextAccess('other');
    await until(() => expired.includes('other'));
    expect(expired).toEqual(['key', 'other']);
  });

  test('begins anew with each use', async () => {
    const attempt = async () => {
      // Long enough for a machine with other things to do; nothing waits for it but the key that is not used.
      const memory = open({ contextRetentionTime: 3000, gcInterval: 10 });
      const expired = expiredOf(memory);
      for (const key of ['unused', 'used', 'held']) memory.updateContextAccess(key);
      await until(() => {
        memory.updateContextAccess('used');
        memory.holdContext('held', { agentId: 'agent', bytes: 1 });
        return expired.length > 0;
      });
      return expired;
    };
    expect(await unlessStoodStill(attempt, (expired) => expired.length === 1)).toEqual(['unused']);
  });

  test('tells keys as they are', async () => {
    const memory = open(SHORT);
    const keys = ['__proto__', '\ud800', '😀', '\u0000'];
    const expired = expiredOf(memory);
    for (const key of keys) memory.updateContextAccess(key);
    await until(() => expired.length >= keys.length);
    expect(expired.sort()).toEqual(keys.sort());
  });

  test('that is over ends what an agent holds', async () => {
    const memory = open(SHORT);
    const told = next(memory, 'contextExpired');
    memory.holdContext('key', { agentId: 'agent', bytes: 1000, importance: 1 });
    expect(await told).toEqual({ keys: ['key'] });
    expect(memory.contextsToDrop()).toEqual([]);
    expect(memory.releaseContext('key')).toBe(false);
  });

  test('is over for nothing that was released', async () => {
    const memory = open(SHORT);
    const heard = heardBy(memory, 'contextsToDrop');
    const expired = expiredOf(memory);
    memory.holdContext('released', { agentId: 'agent', bytes: 1 });
    memory.releaseContext('released');
    memory.updateContextAccess('later');
    await until(() => expired.includes('later'));
    expect([heard, expired]).toEqual([[], ['later']]);
  });

  test('may be changed', async () => {
    const memory = open({ gcInterval: 10 });
    const expired = expiredOf(memory);
    memory.updateContextAccess('key');
    memory.updateConfig({ contextRetentionTime: 1 });
    await until(() => expired.length > 0);
    expect(expired).toEqual(['key']);
  });
});

describe('contexts that agents hold', () => {
  test('need not be dropped while there is room', () => {
    const memory = open();
    for (let at = 0; at < 100; at++) memory.holdContext(`key ${at}`, { agentId: `agent ${at % 3}`, bytes: 2 ** 30 });
    expect(memory.contextsToDrop()).toEqual([]);
    expect(memory.contextsToDrop('agent 1')).toEqual([]);
  });

  test('are released once', () => {
    const memory = open();
    memory.holdContext('key', { agentId: 'agent', bytes: 0 });
    expect([memory.releaseContext('key'), memory.releaseContext('key'), memory.releaseContext('other')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('are not what an agent says that it holds', () => {
    const memory = open({ agentMemoryLimit: 1 });
    memory.holdContext('key', { agentId: 'agent', bytes: 2 ** 30 });
    expect(memory.shouldThrottleAgent('agent')).toBe(false);
  });

  test('belong to who held them last', async () => {
    const memory = open();
    memory.holdContext('key', { agentId: 'first', bytes: 1000 });
    memory.holdContext('key', { agentId: 'second', bytes: 2000, importance: 0 });
    // Each agent keeps the best that it holds.
    for (const agentId of ['first', 'second']) memory.holdContext(`best of ${agentId}`, { agentId, bytes: 1 });
    await intoPressure(memory);
    await until(() => memory.contextsToDrop().length > 0);
    expect(memory.contextsToDrop('first')).toEqual([]);
    expect(memory.contextsToDrop('second')).toMatchObject([
      { key: 'key', agentId: 'second', bytes: 2000, importance: 0, reason: 'pressure' },
    ]);
  });
});

describe('under pressure', () => {
  test('the least important is to be dropped first', async () => {
    const memory = open();
    const told = next(memory, 'contextsToDrop');
    for (const importance of [0.9, 0.1, undefined, 1, 0]) {
      memory.holdContext(`of ${importance ?? 0.5}`, { agentId: 'agent', bytes: 1_000_000, importance });
    }
    await intoPressure(memory);
    const { agentId, contexts, reason } = await told;
    expect([agentId, typeof reason]).toEqual(['agent', 'string']);
    expect(contexts[0]).toMatchObject({ key: 'of 0', agentId: 'agent', reason: 'pressure' });
    const all = memory.contextsToDrop();
    expect(all[0]).toEqual({
      key: 'of 0',
      agentId: 'agent',
      bytes: 1_000_000,
      importance: 0,
      lastAccessed: expect.any(Date),
      reason: 'pressure',
    });
    // The best of each agent stays.
    expect(all.map(({ importance }) => importance)).toEqual([0, 0.1, 0.5, 0.9]);
  });

  test('each agent is told of its own', async () => {
    const memory = open();
    const heard = heardBy(memory, 'contextsToDrop');
    for (const agentId of ['a', 'b']) {
      for (const at of [1, 2]) memory.holdContext(`${agentId}${at}`, { agentId, bytes: 1_000_000, importance: 0 });
    }
    await intoPressure(memory);
    await until(() => new Set(heard.map(([, { agentId }]) => agentId)).size === 2);
    for (const [, { agentId, contexts }] of heard) {
      expect(contexts.length).toBeGreaterThan(0);
      expect(contexts.every((context) => context.agentId === agentId)).toBe(true);
      expect(keysOf(memory.contextsToDrop(agentId)).every((key) => key.startsWith(agentId))).toBe(true);
    }
  });

  test('what is released is not to be dropped any more, and nothing is when it is over', async () => {
    const memory = open();
    for (const key of ['one', 'two']) memory.holdContext(key, { agentId: 'agent', bytes: 1_000_000, importance: 0 });
    await intoPressure(memory);
    await until(() => memory.contextsToDrop().length > 0);
    const [{ key }] = memory.contextsToDrop();
    expect(memory.releaseContext(key)).toBe(true);
    expect(keysOf(memory.contextsToDrop())).not.toContain(key);
    const calm = next(memory, 'pressureChanged', ({ step }) => step === 'normal');
    memory.updateConfig(CALM);
    await calm;
    expect(memory.contextsToDrop()).toEqual([]);
  });
});

test('after stop() nothing is to be dropped', async () => {
  const memory = open(TIGHT);
  memory.holdContext('key', { agentId: 'agent', bytes: 1_000_000 });
  memory.stop();
  expect(memory.contextsToDrop()).toEqual([]);
});
