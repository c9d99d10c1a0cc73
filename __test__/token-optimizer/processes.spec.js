/** Processes of one machine share the texts of a project; none is kept alive, and nothing is left behind. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { node, untilEnd, endAfterEach } = require('../processes.js');
const { ROOT, canonicalJson, seeded, useOwnDirectory } = require('../support.js');
const { edited, linesOf } = require('./support.js');

const directory = useOwnDirectory();
const INDEX = JSON.stringify(path.join(ROOT, 'index.js'));

const started = [];
endAfterEach(started);

/** A process that does one thing after the other, as it is asked. */
function start(options) {
  const args = [path.join(__dirname, 'scripts', 'peer.js'), JSON.stringify(options)];
  const child = spawn(process.execPath, args, { cwd: directory.path(), stdio: ['pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = untilEnd(child, args, output);
  ended.catch(() => {});
  started.push({ child, ended });
  let turn = Promise.resolve();
  const ask = (question) => {
    turn = turn.then(async () => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the process ended: ${output.stderr}`);
      return JSON.parse(value);
    });
    return turn;
  };
  const end = async () => {
    child.stdin.end();
    return { ...(await ended), stderr: output.stderr };
  };
  return { ask, end, send: (agent, context) => ask({ send: { agent, context } }) };
}

const options = () => ({ encoding: 'blocks', projectId: 'project', cacheDir: directory.path('cache') });
const ENDED = { code: 0, signal: null, stderr: '' };

test('processes at work at the same time find each other’s texts, and all comes out as it went in', async () => {
  const random = seeded(1);
  const peers = [0, 1, 2].map(() => start(options()));
  const shared = linesOf(random, 80).join('');
  const contexts = peers.map((_, at) => ({ shared, own: linesOf(random, 40).join(''), at }));
  const has = peers.map(() => null);
  let references = 0;
  for (let turn = 0; turn < 8; turn++) {
    // All send at once, then all read what another one sent.
    const messages = await Promise.all(peers.map((peer, at) => peer.send(`agent ${at}`, contexts[at])));
    references += messages.filter(({ texts }) => texts).length;
    const read = await Promise.all(
      messages.map((message, at) => peers[(at + 1) % 3].ask({ read: { base: has[at], message } })),
    );
    for (const [at, context] of read.entries()) {
      expect(canonicalJson(context)).toBe(canonicalJson(contexts[at]));
      has[at] = context;
      const next = contexts[(at + turn) % 3].own;
      contexts[at] = { ...context, shared: edited(context.shared, random), own: edited(next, random), turn };
    }
  }
  expect(references).toBeGreaterThan(10);
  expect(await Promise.all(peers.map((peer) => peer.end()))).toEqual([ENDED, ENDED, ENDED]);
});

test('a text of another process is not sent again', async () => {
  const text = linesOf(seeded(2), 80).join('');
  const [one, two] = [start(options()), start(options())];
  // Whoever is given a reference can follow it, and so can everybody else from then on.
  for (const agent of ['a', 'b']) await one.send(agent, { text });
  const whole = await two.send('b', { text });
  expect(whole.texts.text).toEqual([[expect.any(Number)]]);
  // Also a part of one, found by what is written down of it.
  const part = await two.send('c', { text: `${text}${'and something new at the end of it\n'.repeat(40)}` });
  expect(part.texts.text.some(Array.isArray)).toBe(true);
  expect(await Promise.all([one.end(), two.end()])).toEqual([ENDED, ENDED]);
});

test('another project’s process knows nothing of it', async () => {
  const text = linesOf(seeded(3), 80).join('');
  const [one, two] = [start(options()), start({ ...options(), projectId: 'other' })];
  await one.send('a', { text });
  const message = await one.send('b', { text });
  expect(await two.ask({ read: { base: null, message } })).toEqual({ error: 'E_REFERENCE_UNKNOWN' });
  expect(await two.send('c', { text })).toMatchObject({ type: 'full', context: { text } });
  await Promise.all([one.end(), two.end()]);
});

test('what a process sent can be read when it is gone, however it went', async () => {
  const text = linesOf(seeded(4), 80).join('');
  const script = `
    const { TokenOptimizer, toMessage } = require(${INDEX});
    (async () => {
      const optimizer = new TokenOptimizer(null, null, null, null, ${JSON.stringify(options())});
      await optimizer.optimizeContext('a', { text: process.argv[1] });
      const message = toMessage(await optimizer.optimizeContext('b', { text: process.argv[1] }));
      require('node:fs').writeSync(1, JSON.stringify(message));
      process.kill(process.pid, 'SIGKILL');
    })();`;
  const killed = await node(['-e', script, text], { cwd: directory.path() });
  expect([killed.signal, killed.stderr]).toEqual(['SIGKILL', '']);
  const reader = start(options());
  expect(await reader.ask({ read: { base: null, message: JSON.parse(killed.stdout) } })).toEqual({ text });
  expect(await reader.end()).toEqual(ENDED);
});

test.each([
  ['in memory', '{ encoding: "blocks" }', []],
  ['in memory though there is a directory', '{ encoding: "blocks", cacheDir: "own", persistToDisk: false }', []],
  ['on disk', '{ encoding: "blocks", cacheDir: "own" }', ['own']],
])('a forgotten optimizer %s lets the process end by itself', async (_, given, left) => {
  const script = `
    const { TokenOptimizer } = require(${INDEX});
    (async () => {
      const optimizer = new TokenOptimizer(null, null, null, null, ${given});
      const text = Array.from({ length: 200 }, (_, at) => \`line \${at * 7919}\`).join('\\n');
      for (const agent of ['a', 'b']) await optimizer.optimizeContext(agent, { text });
      optimizer.trackUsage('a', 5, 'chat');
      console.log(optimizer.getBlockStats().texts);
    })();`;
  expect(await node(['-e', script], { cwd: directory.path() })).toEqual({
    code: 0,
    signal: null,
    stdout: '1\n',
    stderr: '',
  });
  expect(fs.readdirSync(directory.path())).toEqual(left);
});

test('a call that nobody waits for is done before the process ends', async () => {
  const script = `
    const { TokenOptimizer } = require(${INDEX});
    new TokenOptimizer().optimizeContext('a', { a: 1 }).then((result) => console.log(JSON.stringify(result)));`;
  expect((await node(['-e', script], { cwd: directory.path() })).stdout).toBe('{"a":1}\n');
});
