const { History } = require('./history.js');
const { usePeers, startScript, runScript, until, sleep } = require('./peers.js');
const { randomOf, seedOf } = require('./random.js');

const PROCESSES = 4;
const ROUNDS = 50;
const KEYS = 40;
/** A round takes a fraction of a second; this is for a machine that does much else. */
const ROUND_MS = 20_000;

const peers = usePeers();

/** Processes that write one directory, and all that they said. */
class Writers {
  history = new History();
  #running = [];
  #started = 0;

  start() {
    this.#started++;
    const writer = { name: `writer-${this.#started}`, flushes: 0 };
    const args = [writer.name, peers.path('cache'), KEYS, seedOf(1) * 1000 + this.#started].map(String);
    writer.script = startScript('writer.js', args, {
      cwd: peers.path(),
      onLine: (line) => {
        const told = JSON.parse(line);
        if (told.flushed !== undefined) writer.flushes++;
        this.history.take(writer.name, told);
      },
    });
    this.#running.push(writer);
  }

  /** Ends one at once; what it had printed is taken in. */
  async kill(index) {
    const [writer] = this.#running.splice(index, 1);
    writer.script.child.kill('SIGKILL');
    const { signal, stderr } = await writer.script.ended;
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
  }

  async killAll() {
    for (const { script } of this.#running) script.child.kill('SIGKILL');
    await Promise.all(this.#running.splice(0).map(({ script }) => script.ended));
  }

  /** Until each that runs has flushed something: all of them get on. */
  async getOn() {
    const idle = () => this.#running.filter(({ flushes }) => flushes === 0).map(({ name }) => name);
    await until(idle, (names) => names.length === 0, ROUND_MS);
  }

  async check(reader) {
    const { lines, ...ended } = await runScript('checker.js', [peers.path('cache'), String(KEYS)], {
      cwd: peers.path(),
    });
    expect(ended).toEqual({ code: 0, signal: null, stderr: '' });
    const { at, seen } = JSON.parse(lines[0]);
    for (const [key, what] of seen) this.history.read(reader, key, at, what);
    return JSON.parse(lines[1]);
  }
}

test('nothing that was flushed is lost, wrong or replaced by something older when processes are killed', async () => {
  const random = randomOf(seedOf(1));
  const writers = new Writers();
  try {
    for (let number = 0; number < PROCESSES; number++) writers.start();
    for (let round = 1; round <= ROUNDS; round++) {
      await writers.getOn();
      await sleep(random.below(100));
      await writers.kill(random.below(PROCESSES));
      writers.start();
      await writers.check(`check ${round}`);
    }
    await writers.getOn();
  } finally {
    await writers.killAll();
  }
  const disk = await writers.check('check at the end');
  expect(disk).toMatchObject({ state: 'ok', corrupt: 0, failures: 0 });
  const { history } = writers;
  expect(history.problems()).toEqual([]);
  expect(history.failures).toEqual([]);
  // Otherwise the above says nothing.
  expect(history.flushes).toBeGreaterThan(ROUNDS * 2);
  expect(history.reads).toBeGreaterThan(ROUNDS * KEYS);
});
