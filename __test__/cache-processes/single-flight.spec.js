const fs = require('node:fs');
const { usePeers, runScript, sleep } = require('./peers.js');

const PROCESSES = 4;
const CALLS = 25;
/** A machine that does much else needs some seconds for what takes some ms; leases that are not to be waited for are longer. */
const MARGIN_MS = 15_000;

const peers = usePeers();
const log = () => peers.path('computations');
/** The processes that computed, in this order. */
const computations = (name = log()) => fs.readFileSync(name, 'utf8').split('\n').slice(0, -1).map(Number);

/** Processes that are ready: what is measured is not how they start. */
async function ready(count) {
  const all = Array.from({ length: count }, () => peers.peer());
  await Promise.all(all.map((peer) => peer.get('nothing')));
  return all;
}

test('four processes with 25 calls each: one computation on the machine', async () => {
  const all = await ready(PROCESSES);
  const outcomes = await Promise.all(
    all.map((peer) => peer.call('compute', 'key', { log: log(), ms: 300, times: CALLS })),
  );
  const [by, ...others] = computations();
  expect(others).toEqual([]);
  const values = outcomes.flatMap((outcome) => outcome.values);
  expect(values).toEqual(Array.from({ length: PROCESSES * CALLS }, () => ({ by })));
});

test('many keys at once: one computation each', async () => {
  const all = await ready(PROCESSES);
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const ask = (peer) => Promise.all(keys.map((key) => peer.call('compute', key, { log: log(), ms: 50, times: 3 })));
  await Promise.all(all.map(ask));
  expect(computations()).toHaveLength(keys.length);
});

test('a value that is there is served without a computation, also in other processes', async () => {
  const [one, other] = await ready(2);
  await one.call('compute', 'key', { log: log(), value: 'computed', options: { durable: true } });
  const { values } = await other.call('compute', 'key', { log: log(), value: 'again' });
  expect(values).toEqual(['computed']);
  expect(computations()).toHaveLength(1);
});

test('others get the value when it is there, not when the lease ends', async () => {
  const [holder, ...others] = await ready(PROCESSES);
  const options = { leaseSeconds: 60 };
  const computed = holder.call('compute', 'key', { log: log(), ms: 300, options });
  await holder.said('computing');
  const outcomes = await Promise.all(
    others.map((peer) => peer.call('compute', 'key', { log: log(), times: CALLS, options })),
  );
  await computed;
  for (const { ms } of outcomes) expect(ms).toBeLessThan(MARGIN_MS + 300);
  expect(computations()).toEqual([holder.pid]);
});

describe('a process that is killed while it computes', () => {
  test('holds the others up for no longer than its lease', async () => {
    const options = { leaseSeconds: 2 };
    const [holder, ...others] = await ready(PROCESSES);
    const lost = holder.call('compute', 'key', { log: log(), ms: 600_000, options }).catch(({ code }) => code);
    await holder.said('computing');
    const waiting = Promise.all(
      others.map((peer) => peer.call('compute', 'key', { log: log(), times: CALLS, options })),
    );
    await sleep(200);
    await holder.kill();
    expect(await lost).toBe('ENDED');
    const outcomes = await waiting;
    for (const { ms } of outcomes) expect(ms).toBeLessThan(2000 + 200 + MARGIN_MS);
    const [first, second, ...more] = computations();
    expect(first).toBe(holder.pid);
    expect(more).toEqual([]);
    expect(outcomes.flatMap(({ values }) => values)).toEqual(Array.from({ length: 3 * CALLS }, () => ({ by: second })));
  });

  test('is stopped for a while only: whoever took over is not disturbed', async () => {
    const options = { leaseSeconds: 1 };
    const [holder, other] = await ready(2);
    const gate = peers.path('gate');
    const late = holder.call('compute', 'key', { log: log(), gate, value: 'of the late', options });
    await holder.said('computing');
    holder.signal('SIGSTOP');
    const { values } = await other.call('compute', 'key', { log: log(), value: 'of the other', options });
    expect(values).toEqual(['of the other']);
    fs.writeFileSync(gate, '');
    holder.signal('SIGCONT');
    expect((await late).values).toEqual(['of the late']);
    expect(computations()).toEqual([holder.pid, other.pid]);
  });
});

test('a computation that takes three leases is not doubled', async () => {
  const options = { leaseSeconds: 2 };
  const [holder, ...others] = await ready(PROCESSES);
  let seen;
  // A machine that stands still for as long as a lease ends it: that is tried again, with another key.
  for (let attempt = 0; attempt < 3; attempt++) {
    const key = `key ${attempt}`;
    const name = `${log()}-${attempt}`;
    const slow = holder.call('compute', key, { log: name, ms: 6000, options });
    await holder.said('computing');
    const outcomes = await Promise.all(
      others.map((peer) => peer.call('compute', key, { log: name, times: CALLS, options })),
    );
    await slow;
    seen = { by: computations(name), values: new Set(outcomes.flatMap(({ values }) => values.map(({ by }) => by))) };
    if (seen.by.length === 1) break;
  }
  expect(seen).toEqual({ by: [holder.pid], values: new Set([holder.pid]) });
});

test('a computation that fails lets the next one try at once', async () => {
  const options = { leaseSeconds: 60 };
  const [holder, other] = await ready(2);
  const failed = holder.call('compute', 'key', { log: log(), ms: 300, fails: true, times: CALLS, options });
  await holder.said('computing');
  const { values, ms } = await other.call('compute', 'key', { log: log(), times: CALLS, options });
  expect((await failed).values).toEqual(Array.from({ length: CALLS }, () => 'of the computation'));
  expect(computations()).toEqual([holder.pid, other.pid]);
  expect(values).toEqual(Array.from({ length: CALLS }, () => ({ by: other.pid })));
  expect(ms).toBeLessThan(300 + MARGIN_MS);
});

describe('the threads of one process', () => {
  const threads = async (scenario) => {
    const { lines, ...ended } = await runScript('flights.js', [scenario, peers.path('cache'), log()], {
      cwd: peers.path(),
    });
    expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
    return JSON.parse(lines.at(-1));
  };

  test.each(['threads', 'managers', 'namespaces'])('compute once, with several %s', async (scenario) => {
    const outcomes = await threads(scenario);
    expect(outcomes).toHaveLength(4);
    expect(computations()).toHaveLength(1);
    for (const { values } of outcomes) expect(values).toEqual(outcomes[0].values);
  });

  test.each([
    'threads',
    'managers',
  ])('get the value when it is there, not when the lease ends: %s', async (scenario) => {
    for (const { ms } of await threads(scenario)) expect(ms).toBeLessThan(MARGIN_MS);
  });

  test.each(['threads that fail', 'managers that fail'])('try at once after one that failed: %s', async (scenario) => {
    const outcomes = await threads(scenario);
    expect(outcomes.filter(({ values }) => values[0] === 'of the computation')).toHaveLength(1);
    for (const { ms } of outcomes) expect(ms).toBeLessThan(MARGIN_MS);
    expect(computations()).toHaveLength(2);
  });
});
