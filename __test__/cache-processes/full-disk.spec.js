const fs = require('node:fs');
const { goesOnWithout, isWhole, LISTEN } = require('./degraded.js');
const { mountMemory, mountDisk, remount, unmountAll, canMountMemory, canMountDisk } = require('./mounts.js');
const { usePeers, until, sleep } = require('./peers.js');

if (!canMountMemory) console.warn('skipped: small file systems can only be mounted by root on Linux');
else if (!canMountDisk) console.warn('skipped in part: no disk can be mounted in a file here');
const inMemory = canMountMemory ? test : test.skip;
const onDisk = canMountDisk ? test : test.skip;

const MB = 2 ** 20;

const peers = usePeers({ beforeRemoval: unmountAll });
const disk = () => peers.path('disk');
const filler = () => peers.path('disk/filler');
const config = () => ({ cacheDir: peers.path('disk/cache') });
const another = () => peers.peer(config());

/** Somebody else takes all the room that is left. */
function fill() {
  const file = fs.openSync(filler(), 'w');
  try {
    for (let size = MB; size >= 4096; ) {
      try {
        fs.writeSync(file, Buffer.alloc(size, 1));
      } catch {
        size /= 2;
      }
    }
  } finally {
    fs.closeSync(file);
  }
}

describe('a full disk', () => {
  inMemory('of others is done without until there is room', async () => {
    mountMemory(disk(), 16);
    const before = another();
    await before.set('overwritten without a disk', 'of before');
    await before.store('deleted without a disk', 'of before');
    await before.end();
    const peer = peers.peer(config(), LISTEN);
    await peer.store('key', 1);
    fill();
    await peer.set('large', 'x'.repeat(MB));
    await goesOnWithout(peer, 'full');
    expect(await peer.get('key')).toBe(1);
    // Also after it was tried again some times: what little fits is no recovery.
    for (let second = 0; second < 4; second++) {
      await sleep(1000);
      await peer.set('large', 'x'.repeat(MB + second));
    }
    expect(peer.events).toHaveLength(1);
    expect(await peer.get('large')).toBe('x'.repeat(MB + 3));
    fs.rmSync(filler());
    await isWhole(peer, 'full', another);
    const reader = another();
    expect(await reader.get('large')).toBe('x'.repeat(MB + 3));
    // Room is made by giving up entries.
    expect([1, null]).toContain(await reader.get('key'));
  });

  inMemory('from the start is done without until there is room', async () => {
    mountMemory(disk(), 16);
    fill();
    const peer = peers.peer(config(), LISTEN);
    await peer.set('key', 1);
    await goesOnWithout(peer, 'full');
    fs.rmSync(filler());
    await isWhole(peer, 'full', another);
  });

  describe.each([
    ['64 MB, entries of 100 KB', { diskMb: 64, count: 1500, bytes: 100_000, writers: 1 }],
    ['64 MB, entries of 100 KB, two processes', { diskMb: 64, count: 1000, bytes: 100_000, writers: 2 }],
    ['100 MB, entries of 5 MB', { diskMb: 100, count: 40, bytes: 5_000_000, writers: 1 }],
    ['24 MB, entries of 10 KB', { diskMb: 24, count: 3000, bytes: 10_000, writers: 1 }],
  ])('of the cache itself (%s)', (_, { diskMb, count, bytes, writers }) => {
    inMemory('gives up entries, and what it has is right', async () => {
      mountMemory(disk(), diskMb);
      const writing = Array.from({ length: writers }, () => peers.peer({ ...config(), l1MaxSizeMB: 4 }, LISTEN));
      const keysOf = (writer) => Array.from({ length: count }, (_, index) => `key-${writer}-${index}`);
      const atOnce = Math.ceil(10_000_000 / bytes);
      await Promise.all(
        writing.map(async (peer, writer) => {
          const keys = keysOf(writer);
          for (let start = 0; start < count; start += atOnce) {
            await peer.call('fillAll', keys.slice(start, start + atOnce), 'writer', start, bytes);
          }
          await peer.flush();
        }),
      );
      for (const [writer, peer] of writing.entries()) {
        // While nobody else writes: what is newer may need its room.
        await peer.store(`last ${writer}`, 'value');
        for (const reader of [peer, another()]) expect(await reader.get(`last ${writer}`)).toBe('value');
        const { disk: found } = await peer.stats();
        expect(found).toMatchObject({ state: 'ok', dropped: 0, failures: 0 });
        expect(found.evicted).toBeGreaterThan(0);
        expect(peer.events).toEqual([]);
      }
      // Of all together: the one that wrote last may have taken the room of the other.
      const all = writing.flatMap((_peer, writer) => keysOf(writer));
      for (const reader of [...writing, another()]) {
        const present = (await reader.call('seenAll', all)).filter((told) => told !== null);
        for (const told of present) expect(told).toEqual(['writer', expect.any(Number)]);
        expect(present.length * bytes).toBeGreaterThan(MB);
      }
    });
  });
});

describe('a disk that cannot be written', () => {
  inMemory('from the start on is done without until it can', async () => {
    mountMemory(disk(), 16);
    const before = another();
    await before.set('overwritten without a disk', 'of before');
    await before.set('deleted without a disk', 'of before');
    await before.store('of before', 1);
    await before.end();
    remount(disk(), 'ro');
    const peer = peers.peer(config(), LISTEN);
    await peer.set('key', 1);
    await until(peer.stats, ({ disk: { state } }) => state === 'degraded');
    await goesOnWithout(peer, 'readOnly');
    remount(disk(), 'rw');
    await isWhole(peer, 'readOnly', another);
    expect(await another().get('of before')).toBe(1);
    expect(await peer.get('of before')).toBe(1);
  });

  inMemory('from the start on, and empty, is done without until it can', async () => {
    mountMemory(disk(), 16);
    remount(disk(), 'ro');
    const peer = peers.peer(config(), LISTEN);
    await peer.set('key', 1);
    await goesOnWithout(peer, 'readOnly');
    remount(disk(), 'rw');
    await isWhole(peer, 'readOnly', another);
  });

  onDisk('after an error of its own is done without', async () => {
    mountDisk(disk(), 64);
    const peer = peers.peer(config(), LISTEN);
    await peer.store('key', 1);
    await peer.set('overwritten without a disk', 'of before');
    await peer.flush();
    // What the kernel does to a file system that fails: read-only from now on, whoever has it open.
    remount(disk(), 'abort');
    await peer.set('notice it', 1);
    await goesOnWithout(peer, 'readOnly');
    expect(await peer.get('key')).toBe(1);
    expect(await peer.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
