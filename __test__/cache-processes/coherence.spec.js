const { usePeers } = require('./peers.js');

const peers = usePeers();

/** Two processes; the first has `key` of the second in memory. */
async function two({ options, ...config } = {}) {
  const [reader, writer] = [peers.peer(config), peers.peer(config)];
  await writer.call('set', 'key', 'first', 0, { ...options, durable: true });
  expect(await reader.get('key')).toBe('first');
  expect(await reader.get('key')).toBe('first');
  const { l1, l2 } = await reader.stats();
  expect({ fromMemory: l1.hits, fromDisk: l2.hits }).toEqual({ fromMemory: 1, fromDisk: 1 });
  return [reader, writer];
}

describe('what one process has in memory is not served any more when another one', () => {
  test('stored another value', async () => {
    const [reader, writer] = await two();
    for (let version = 0; version < 20; version++) {
      await writer.store('key', version);
      expect(await reader.get('key')).toBe(version);
    }
  });

  test('stored another value, and flushed later', async () => {
    const [reader, writer] = await two();
    await writer.set('key', 'second');
    await writer.flush();
    expect(await reader.get('key')).toBe('second');
    expect(await reader.call('getMany', ['key', 'other'])).toEqual(['second', null]);
  });

  test('stored another value, in reference mode', async () => {
    const [reader, writer] = await two({ valueMode: 'reference' });
    await writer.store('key', { version: 2 });
    expect(await reader.get('key')).toEqual({ version: 2 });
    expect(await reader.get('key')).toEqual({ version: 2 });
    await writer.store('key', { version: 3 });
    expect(await reader.get('key')).toEqual({ version: 3 });
  });

  test('deleted it', async () => {
    const [reader, writer] = await two();
    expect(await writer.call('delete', 'key')).toBe(true);
    await writer.flush();
    expect(await reader.get('key')).toBeNull();
    expect(await reader.call('has', 'key')).toBe(false);
  });

  test('deleted it by its tag', async () => {
    const [reader, writer] = await two({ options: { tags: ['one', 'two'] } });
    await writer.store('untagged', 'stays');
    expect(await reader.get('untagged')).toBe('stays');
    expect(await writer.call('deleteByTag', 'two')).toBe(1);
    expect(await reader.get('key')).toBeNull();
    expect(await reader.get('untagged')).toBe('stays');
  });

  test('cleared everything', async () => {
    const [reader, writer] = await two();
    await writer.call('clear');
    expect(await reader.get('key')).toBeNull();
    expect(await reader.call('keys')).toEqual([]);
  });

  test('cleared its disk tiers', async () => {
    const [reader, writer] = await two();
    await writer.call('clear', 'L2');
    expect(await reader.get('key')).toBeNull();
  });

  test('stored what this one knew to be absent', async () => {
    const [reader, writer] = await two();
    for (let time = 0; time < 3; time++) expect(await reader.get('absent')).toBeNull();
    await writer.store('absent', 'not any more');
    expect(await reader.get('absent')).toBe('not any more');
  });

  test('refused a value for its key because it is too large', async () => {
    const [reader, writer] = await two({ maxEntrySizeMB: 0.1 });
    await expect(writer.set('key', 'x'.repeat(200_000))).rejects.toMatchObject({ code: 'E_CACHE_ENTRY_TOO_LARGE' });
    await writer.flush();
    expect(await reader.get('key')).toBeNull();
  });
});

test('both write in turn, and each sees the other at once', async () => {
  const [one, two] = [peers.peer(), peers.peer()];
  for (let round = 0; round < 20; round++) {
    await one.store('key', `one ${round}`);
    expect(await two.get('key')).toBe(`one ${round}`);
    await two.store('key', `two ${round}`);
    expect(await one.get('key')).toBe(`two ${round}`);
  }
});

test('a value that left memory and came back is not older than what another process stored', async () => {
  const [small, writer] = [peers.peer({ l1MaxSize: 10 }), peers.peer()];
  const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
  await small.call(
    'setAll',
    keys.map((key) => [key, 'old']),
  );
  await small.flush();
  await writer.call(
    'setAll',
    keys.map((key) => [key, 'new']),
  );
  await writer.flush();
  for (const key of keys) expect(await small.get(key)).toBe('new');
  await small.flush();
  for (const key of keys) expect(await writer.get(key)).toBe('new');
});

test('namespaces and agents of one directory know nothing of each other', async () => {
  const [one, other] = [peers.peer({ namespace: 'one' }), peers.peer({ namespace: 'other' })];
  await one.store('key', 'of one');
  expect(await other.get('key')).toBeNull();
  await other.store('key', 'of the other');
  await other.call('set', 'private', 1, 0, { agentId: 'a', durable: true });
  expect(await one.get('key')).toBe('of one');
  await other.call('clear');
  expect(await one.get('key')).toBe('of one');
  expect(await other.get('private', { agentId: 'a' })).toBeNull();
});

test('writes of its own do not send a process to the disk for what it has in memory', async () => {
  const [one, other] = [peers.peer(), peers.peer()];
  // The other has it open as well: whose the changes are must be told apart.
  await other.store('of the other', 1);
  const keys = Array.from({ length: 500 }, (_, index) => `key-${index}`);
  for (let round = 0; round < 5; round++) {
    await one.call(
      'setAll',
      keys.map((key) => [key, round]),
    );
    await one.flush();
    for (const key of keys.slice(0, 100)) expect(await one.get(key)).toBe(round);
  }
  const { l1, l2, l3, overall } = await one.stats();
  expect(l1.hits).toBe(500);
  expect([l2.hits, l3.hits, overall.totalMisses]).toEqual([0, 0, 0]);
});

test('a change by another process costs one look at the disk, not more', async () => {
  const [reader, writer] = await two();
  await writer.store('key', 'second');
  for (let time = 0; time < 10; time++) expect(await reader.get('key')).toBe('second');
  const { l1, l2 } = await reader.stats();
  expect({ fromMemory: l1.hits, fromDisk: l2.hits }).toEqual({ fromMemory: 10, fromDisk: 2 });
});
