const fs = require('node:fs');
const path = require('node:path');
const { damages } = require('./damages.js');
const { inTime } = require('../stand-still.js');
const { usePeers, runScript, until } = require('./peers.js');
const { randomOf, seedOf } = require('./random.js');

const ROUNDS = 50;
const OPEN_ROUNDS = 12;
const SEED = seedOf(1);
/** After a failure it is tried again after 1, 3 and 7 s; every 5 s it is looked whether the database is still the one to use. */
const USABLE_MS = 15_000;

const peers = usePeers();

/** A directory with entries in all tiers; with `ending` 'kill' its last writes are only in the log. */
async function filled(name, ending) {
  const file = peers.path(`${name}.json`);
  const onLine = (_line, child) => {
    if (ending === 'kill') child.kill('SIGKILL');
  };
  const { lines, stderr } = await runScript('fill.js', [peers.path(name), file, ending], { cwd: peers.path(), onLine });
  expect(stderr).toBe('');
  const { l2, l3 } = JSON.parse(lines[0]).filled;
  expect(l2.entries).toBeGreaterThan(20);
  expect(l3.entries).toBeGreaterThan(20);
  return { directory: peers.path(name), expected: JSON.parse(fs.readFileSync(file, 'utf8')) };
}

/** Asks until the answer is what is wanted, in time. */
const inUse = (ask, isWanted) => inTime(USABLE_MS, () => until(ask, isWanted, 2 * USABLE_MS));

const generationsIn = (directory) =>
  fs
    .readdirSync(directory)
    .filter((name) => name.startsWith('v1-'))
    .sort();

/** One that had to be left is still there, with its database, and says why. */
function keptProblems(directory) {
  return generationsIn(directory)
    .slice(0, -1)
    .flatMap((name) => {
      const files = fs.readdirSync(path.join(directory, name));
      return files.includes('cache.db') && files.includes('unusable') ? [] : [`${name} was left without ${files}`];
    });
}

/** Stores a value on disk; where the damage was noticed just now, it may have to be tried again. */
async function stored(peer, key) {
  const outcome = () =>
    peer.store(key, peer.pid).then(
      () => 'stored',
      ({ message }) => message,
    );
  await inUse(outcome, (said) => said === 'stored');
}

test('a damaged directory gives no wrong value, no crash, and is usable', async () => {
  const random = randomOf(SEED);
  const sources = [await filled('closed', 'stop'), await filled('killed', 'kill')];
  const { expected } = sources[1];
  expect(sources[0].expected).toEqual(expected);
  const rounds = Array.from({ length: ROUNDS }, (_, index) => {
    const directory = peers.path(`round-${index + 1}`);
    fs.cpSync(sources[index % 2].directory, directory, { recursive: true });
    const what = damages(path.join(directory, 'v1-000001'), random, { isOpen: false });
    return { directory, what };
  });
  const work = { keys: Object.keys(expected), expected, directories: rounds.map(({ directory }) => directory) };
  fs.writeFileSync(peers.path('work.json'), JSON.stringify(work));
  const { lines, ...ended } = await runScript('damage.js', [peers.path('work.json')], { cwd: peers.path() });
  const told = new Map(lines.map((line) => JSON.parse(line)).map((line) => [line.directory ?? line.begins, line]));
  const problems = rounds.flatMap(({ directory, what }, index) => {
    const { problems: own = ['the process died'], present = 0 } = told.get(directory) ?? { problems: ['not tried'] };
    return [...own, ...keptProblems(directory)].map(
      (problem) => `seed ${SEED} round ${index + 1}, ${what}, ${present} present: ${problem}`,
    );
  });
  expect(problems).toEqual([]);
  expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
  // Otherwise the above says nothing: most damage leaves most entries, and some begins a new generation.
  const present = lines.map((line) => JSON.parse(line).present).filter((count) => count !== undefined);
  expect(present.filter((count) => count > 0).length).toBeGreaterThan(ROUNDS / 4);
  expect(rounds.some(({ directory }) => generationsIn(directory).length > 1)).toBe(true);
});

test('a directory that is damaged while processes use it gives no wrong value, no crash, and is usable', async () => {
  const random = randomOf(SEED + 1);
  const { directory, expected } = await filled('closed', 'stop');
  const keys = Object.keys(expected);
  const problems = [];
  for (let round = 1; round <= OPEN_ROUNDS; round++) {
    const config = { cacheDir: peers.path(`open-${round}`), l1MaxSize: 100 };
    fs.cpSync(directory, config.cacheDir, { recursive: true });
    const [user, other] = [peers.peer(config), peers.peer(config)];
    await Promise.all([user.call('getMany', keys), other.store('of before', 'value')]);
    const what = damages(path.join(config.cacheDir, 'v1-000001'), random, { isOpen: true });
    const problem = (text) => problems.push(`seed ${SEED} open round ${round}, ${what}: ${text}`);
    try {
      const newcomer = peers.peer(config);
      for (const peer of [user, other, newcomer]) {
        const values = await peer.call('getMany', keys);
        for (const [index, value] of values.entries()) {
          if (value !== null && JSON.stringify(value) !== expected[keys[index]]) problem(`${keys[index]} is wrong`);
        }
        await stored(peer, `new of ${peer.pid}`);
        if ((await peer.get(`new of ${peer.pid}`)) !== peer.pid) problem('what was just stored is not there');
      }
      // All of them come to use the same database again.
      for (const writer of [user, other, newcomer]) {
        await stored(writer, 'agreed');
        for (const peer of [user, other, newcomer]) {
          await inUse(
            () => peer.get('agreed'),
            (value) => value === writer.pid,
          );
        }
      }
      for (const peer of [user, other, newcomer]) {
        const { state } = (await peer.stats()).disk;
        if (state !== 'ok') problem(`the disk is ${state}`);
        await peer.end();
      }
    } catch (error) {
      problem(error.message);
    }
    for (const text of keptProblems(config.cacheDir)) problem(text);
  }
  expect(problems).toEqual([]);
});

test('counters that are removed while processes use them are noticed', async () => {
  const [user, other] = [peers.peer(), peers.peer()];
  await user.store('agreed', 1);
  expect(await other.get('agreed')).toBe(1);
  fs.rmSync(peers.path('cache/v1-000001/coherence'));
  const newcomer = peers.peer();
  await stored(newcomer, 'agreed');
  for (const peer of [user, other]) {
    await inUse(
      () => peer.get('agreed'),
      (value) => value === newcomer.pid,
    );
  }
});
