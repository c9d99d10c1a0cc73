/** What holds of every cache that cannot use its disk for now, whatever the reason. */

const { inTime } = require('../stand-still.js');
const { until } = require('./peers.js');

/** Where some ms are needed, or the five seconds that the writer waits for a lock or between two looks around. */
const NOTICED_MS = 12_000;
/** It is tried again after one second, then after twice as long each time; a try may take five. */
const RECOVERED_MS = 45_000;

const toldOf = (peer, name) => peer.events.filter(([event]) => event === name).map(([, data]) => data);

/** Waits until `peer` has told of `name`, which it is to do within `ms`. */
function hasTold(peer, name, ms) {
  return inTime(ms, () =>
    until(
      () => toldOf(peer, name).length,
      (told) => told > 0,
      2 * ms,
    ),
  );
}

/** Waits until `peer`, which listens to `degraded` and `recovered`, has no disk, and checks that it goes on without. */
async function goesOnWithout(peer, reason) {
  await hasTold(peer, 'degraded', NOTICED_MS);
  expect(toldOf(peer, 'degraded')).toEqual([{ reason, message: expect.stringMatching(/.{10,}/) }]);
  // While it is tried again, the state is another one for some ms, and so is the score.
  const { disk } = await until(peer.stats, (stats) => stats.disk.state === 'degraded', 2 * NOTICED_MS);
  expect(disk.reason).toBe(reason);
  await until(
    () => peer.call('getHealthScore'),
    (score) => score <= 60,
    2 * NOTICED_MS,
  );

  await peer.set('set without a disk', [1, 'two']);
  await peer.set('overwritten without a disk', 'first');
  await peer.set('overwritten without a disk', 'second');
  await peer.set('deleted without a disk', 1);
  expect(await peer.call('delete', 'deleted without a disk')).toBe(true);
  expect(await peer.get('set without a disk')).toEqual([1, 'two']);
  expect(await peer.get('overwritten without a disk')).toBe('second');
  expect(await peer.get('deleted without a disk')).toBeNull();
  expect(await peer.get('never set')).toBeNull();
  await expect(peer.flush()).rejects.toMatchObject({ code: 'E_CACHE_DISK' });
  await expect(peer.store('set without a disk', [1, 'two'])).rejects.toMatchObject({ code: 'E_CACHE_DISK' });
  // Told once, however often it was tried meanwhile.
  expect(toldOf(peer, 'degraded')).toHaveLength(1);
  expect(toldOf(peer, 'recovered')).toEqual([]);
}

/** Waits until `peer` uses its disk again, and checks what `another()`, a process that was not there before, finds. */
async function isWhole(peer, reason, another) {
  await hasTold(peer, 'recovered', RECOVERED_MS);
  expect(toldOf(peer, 'recovered')).toEqual([{ reason }]);
  expect(toldOf(peer, 'degraded')).toHaveLength(1);
  await peer.flush();
  const { disk } = await peer.stats();
  expect(disk.state).toBe('ok');
  expect(disk.reason).toBeUndefined();
  expect(await peer.call('getHealthScore')).toBeGreaterThan(0);
  for (const reader of [peer, another()]) {
    expect(await reader.get('set without a disk')).toEqual([1, 'two']);
    expect(await reader.get('overwritten without a disk')).toBe('second');
    expect(await reader.get('deleted without a disk')).toBeNull();
  }
}

const LISTEN = { listen: ['degraded', 'recovered'] };

module.exports = { goesOnWithout, isWhole, toldOf, LISTEN };
