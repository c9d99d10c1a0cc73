/** The client of running systems believes nobody: garbage, silence, other users, links. */

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { useOwnDirectory, runNode } = require('../support.js');
const { usePretenders, findSystems, storedState, patient, until, answerOf, WHO } = require('./support.js');

const onUnix = process.platform === 'win32' ? describe.skip : describe;
/** Only root can give files away. */
const asRoot = process.geteuid?.() === 0 ? test : test.skip;
useOwnDirectory();
const pretend = usePretenders();

const saysWho = (socket) => socket.end(answerOf(WHO));
/** A socket's file without anybody who listens. */
async function deadSocket(name) {
  const { cacheDir, file } = await pretend(saysWho);
  const dead = path.join(path.dirname(file), name);
  fs.linkSync(file, dead);
  return { cacheDir, file, dead };
}

onUnix('whoever answers', () => {
  test('is found when it says what a system says', async () => {
    const { cacheDir } = await pretend(saysWho);
    const [found] = await findSystems(cacheDir, patient);
    expect(found).toMatchObject({ pid: 7, project: null, state: 'answering', startedAt: new Date(WHO.startedAt) });
    expect(await found.ask('/status?x=1', patient)).toEqual(WHO);
  });

  test.each([
    ['nothing at all', (socket) => socket.end()],
    ['something else than HTTP', (socket) => socket.end('SSH-2.0-OpenSSH\r\n')],
    ['a head without end', (socket) => socket.end('HTTP/1.1 200 OK\r\n')],
    ['no length', (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n{}')],
    ['less than it said', (socket) => socket.end(answerOf(WHO).slice(0, -5))],
    ['no JSON', (socket) => socket.end(answerOf('<html>'))],
    ['an error', (socket) => socket.end(answerOf('no', '500 Internal Server Error'))],
    ['null', (socket) => socket.end(answerOf(null))],
    ['a list', (socket) => socket.end(answerOf([WHO]))],
    ['no pid', (socket) => socket.end(answerOf({ ...WHO, pid: '7' }))],
    ['no time', (socket) => socket.end(answerOf({ ...WHO, startedAt: 'soon' }))],
    ['no environment', (socket) => socket.end(answerOf({ ...WHO, environment: {} }))],
    ['a reset', (socket) => socket.destroy()],
    ['more than anybody needs', (socket) => endless(socket)],
  ])('is not believed when it says %s', async (_, respond) => {
    const { cacheDir, file } = await pretend(respond);
    const ignored = [];
    const found = await findSystems(cacheDir, { ...patient, onIgnored: (why) => ignored.push(why) });
    expect(found).toEqual([]);
    expect(ignored).toEqual([expect.stringContaining(path.basename(file))]);
    expect(fs.existsSync(file)).toBe(true);
  });

  function endless(socket) {
    const part = Buffer.alloc(1 << 20, 'a');
    const more = () => {
      while (!socket.destroyed && socket.write(part));
    };
    socket.on('drain', more);
    more();
  }

  test('too late is hanging', async () => {
    const { cacheDir } = await pretend((socket, request) => {
      if (!request.startsWith('GET / ')) socket.write('HTTP/1.1 200 OK\r\n');
    });
    const [found] = await findSystems(cacheDir, { timeoutMs: 50 });
    expect(found).toMatchObject({ pid: null, project: null, startedAt: null, state: 'hanging' });
    await expect(found.ask('/status', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'E_TIMEOUT' });
    const abort = new AbortController();
    const asked = found.ask('/status', { ...patient, signal: abort.signal });
    abort.abort(new Error('no more'));
    await expect(asked).rejects.toThrow('no more');
    await expect(found.ask('/status', { signal: abort.signal })).rejects.toThrow('no more');
  });

  test('does not keep others from being found', async () => {
    const { cacheDir } = await pretend(() => {}, { name: '0000000000000001.sock' });
    await pretend(saysWho, { name: '0000000000000002.sock' });
    await pretend((socket) => socket.end('garbage'), { name: '0000000000000003.sock' });
    // The one that hangs takes all of the time; on a machine that stood still for as long the other one seems to hang too.
    const found = await until(
      () => findSystems(cacheDir, { timeoutMs: 500 }),
      (all) => all.some(({ state }) => state === 'answering'),
    );
    expect(found.map(({ state }) => state)).toEqual(['answering', 'hanging']);
  });
});

onUnix('a socket', () => {
  /** Nobody listens to it: its listener goes, and the second name stays. `who` is the file that says whose it was. */
  async function refusing() {
    const { cacheDir, dead } = await deadSocket('00000000000000aa.sock');
    const who = dead.replace(/sock$/, 'json');
    fs.writeFileSync(who, JSON.stringify(WHO));
    const server = net.createServer();
    const own = path.join(path.dirname(dead), 'other');
    await new Promise((resolve) => server.listen(own, resolve));
    fs.rmSync(dead);
    fs.linkSync(own, dead);
    await new Promise((resolve) => server.close(resolve));
    const look = async () => {
      const killed = [];
      const found = await findSystems(cacheDir, { ...patient, onKilled: ({ pid }) => killed.push(pid) });
      expect(found.filter(({ socket }) => socket === dead)).toEqual([]);
      return { killed, left: [dead, who].filter((file) => fs.existsSync(file)) };
    };
    const age = () => {
      const old = new Date(Date.now() - 61_000);
      fs.utimesSync(dead, old, old);
    };
    return { dead, who, look, age };
  }

  /** Leaves a state of the system of `WHO`, or of one like it. */
  function leave(file, state) {
    const { pid, project, environment, startedAt } = { ...WHO, ...state };
    const hash = createHash('sha256').update(`${environment}\n${project === null ? '-' : `+${project}`}`);
    const whole = { version: 1, savedAt: startedAt, startedAt, ended: 'running', pid, project, environment };
    fs.writeFileSync(
      path.join(path.dirname(file), `state-${hash.digest('hex').slice(0, 16)}.json`),
      JSON.stringify({ ...whole, packageVersion: '0.1.0', status: { components: {} }, health: { overall: 'healthy' } }),
    );
  }

  /** What is found where `change` comes after the first refusal. The only socket is the one that refuses. */
  async function changed(dead, change) {
    fs.rmSync(path.join(path.dirname(dead), '0123456789abcdef.sock'));
    const { connect } = net;
    const connecting = jest.spyOn(net, 'connect');
    connecting.mockImplementationOnce((...args) => connect(...args).once('error', change));
    try {
      const killed = [];
      const found = await findSystems('pretended', { ...patient, onKilled: (who) => killed.push(who) });
      return { killed, found: found.map(({ state }) => state), asked: connecting.mock.calls.length };
    } finally {
      connecting.mockRestore();
    }
  }

  test('that refuses and listens a moment later is found', async () => {
    const { dead } = await refusing();
    const listening = path.join(path.dirname(dead), 'listening');
    const { file } = await pretend(saysWho, { name: '00000000000000bb.sock' });
    fs.renameSync(file, listening);
    const found = await changed(dead, () => fs.renameSync(listening, dead));
    expect(found).toEqual({ killed: [], found: ['answering'], asked: 2 });
  });

  test('that refuses and is gone a moment later is of a system that has ended', async () => {
    const { dead } = await refusing();
    expect(await changed(dead, () => fs.rmSync(dead))).toEqual({ killed: [], found: [], asked: 1 });
  });

  test('that refuses is removed only when it is old', async () => {
    const { dead, who, look, age } = await refusing();
    leave(dead, {});
    expect(await look()).toEqual({ killed: [], left: [dead, who] });
    age();
    expect(await look()).toEqual({ killed: [], left: [] });
  });

  test('that refuses stays while nothing else tells of its system', async () => {
    const { dead, who, look, age } = await refusing();
    age();
    for (const other of [
      {},
      { environment: 'production' },
      { project: 'a' },
      { startedAt: '2025-12-31T23:59:59.999Z' },
    ]) {
      if (Object.keys(other).length > 0) leave(dead, { startedAt: '2026-02-01T00:00:00.000Z', ...other });
      expect(await look()).toEqual({ killed: [WHO.pid], left: [dead, who] });
    }
    leave(dead, { pid: 8, startedAt: '2026-02-01T00:00:00.000Z' });
    expect(await look()).toEqual({ killed: [], left: [] });
  });

  test('of nobody known stays until something was saved since', async () => {
    const { dead, who, look, age } = await refusing();
    fs.writeFileSync(who, 'x');
    age();
    leave(dead, {});
    expect(await look()).toEqual({ killed: [null], left: [dead, who] });
    leave(dead, { startedAt: new Date().toISOString() });
    expect(await look()).toEqual({ killed: [], left: [] });
  });

  test.each([
    ['a file', (file) => fs.writeFileSync(file, 'x')],
    ['a link to a socket elsewhere', (file) => fs.symlinkSync('/run/other.sock', file)],
    ['a directory', (file) => fs.mkdirSync(file)],
  ])('that is %s is left alone', async (_, make) => {
    fs.mkdirSync('cache/live', { recursive: true, mode: 0o700 });
    const file = 'cache/live/0123456789abcdef.sock';
    make(file);
    const ignored = [];
    expect(await findSystems('cache', { onIgnored: (why) => ignored.push(why) })).toEqual([]);
    expect(ignored).toEqual([expect.stringContaining('is no socket')]);
    expect(fs.lstatSync(file)).toBeDefined();
  });

  test('of another name is none', async () => {
    const { cacheDir } = await pretend(saysWho, { name: 'x.sock' });
    expect(await findSystems(cacheDir)).toEqual([]);
  });
});

onUnix('the directory', () => {
  const refuses = async (cacheDir, problem) => {
    const refusal = { code: 'E_NOT_OWNED', message: expect.stringContaining(problem) };
    await expect(findSystems(cacheDir)).rejects.toMatchObject(refusal);
    expect(() => storedState(cacheDir)).toThrow(expect.objectContaining(refusal));
  };

  test('that is not there has no systems', async () => {
    expect(await findSystems('nowhere')).toEqual([]);
    expect(storedState('nowhere')).toBeNull();
    fs.writeFileSync('file', '');
    expect(await findSystems('file')).toEqual([]);
    fs.mkdirSync('empty/live', { recursive: true, mode: 0o700 });
    expect(await findSystems('empty')).toEqual([]);
    expect(storedState('empty')).toBeNull();
  });

  test('that is a link is refused', async () => {
    const { cacheDir } = await pretend(saysWho);
    fs.mkdirSync('mine');
    fs.symlinkSync(path.resolve(cacheDir, 'live'), 'mine/live');
    await refuses('mine', 'is not a directory');
  });

  test('that others can write to is refused', async () => {
    const { cacheDir } = await pretend(saysWho);
    fs.chmodSync(path.join(cacheDir, 'live'), 0o777);
    await refuses(cacheDir, 'can be changed by other users');
  });

  asRoot('of another user is refused', async () => {
    const { cacheDir } = await pretend(saysWho);
    fs.chownSync(path.join(cacheDir, 'live'), 12345, 12345);
    await refuses(cacheDir, 'belongs to user 12345');
  });

  asRoot('of root is believed by who may read it', async () => {
    const { cacheDir } = await pretend(saysWho);
    fs.chmodSync('.', 0o755);
    fs.chmodSync(cacheDir, 0o755);
    fs.chmodSync(path.join(cacheDir, 'live'), 0o755);
    for (const name of fs.readdirSync(path.join(cacheDir, 'live')))
      fs.chmodSync(path.join(cacheDir, 'live', name), 0o666);
    const source = `
      const { findSystems } = require(${JSON.stringify(require.resolve('../../js/live/client.js'))});
      process.seteuid(12345);
      findSystems(${JSON.stringify(path.resolve(cacheDir))}, { timeoutMs: 10000 }).then((found) =>
        console.log(JSON.stringify(found.map(({ pid }) => pid))), (error) => console.log(JSON.stringify(error.code)));`;
    expect(await runNode(source)).toEqual([7]);
    fs.chmodSync(path.join(cacheDir, 'live'), 0o700);
    expect(await runNode(source)).toBe('E_IO');
  });
});

test.each([
  [{ timeoutMs: 0 }],
  [{ timeoutMs: Number.NaN }],
  [{ timeoutMs: 2 ** 31 }],
  [{ timeoutMs: '5' }],
])('%j is refused', async (options) => {
  await expect(findSystems('.', options)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
});

onUnix('a question', () => {
  test.each(['status', '', '/a b', '/a\r\nX: y', undefined, '/ä'])('for %j is refused', async (page) => {
    const { cacheDir } = await pretend(saysWho);
    const [found] = await findSystems(cacheDir, patient);
    await expect(found.ask(page)).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
    await expect(found.ask('/', { timeoutMs: -1 })).rejects.toMatchObject({ code: 'E_INVALID_ARGUMENT' });
  });
});

test('the client needs no native module and leaves no file open', async () => {
  const { cacheDir } = process.platform === 'win32' ? { cacheDir: '.' } : await pretend(saysWho);
  const source = `
    const fs = require('node:fs');
    const { findSystems, storedState } = require(${JSON.stringify(require.resolve('../../js/live/client.js'))});
    const open = () => (fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0);
    (async () => {
      const find = async () => {
        for (const found of await findSystems(${JSON.stringify(path.resolve(cacheDir))}, { timeoutMs: 10000 })) await found.ask('/');
        storedState(${JSON.stringify(path.resolve(cacheDir))});
      };
      await find();
      const before = open();
      for (let at = 0; at < 5; at++) await find();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const natives = Object.keys(require.cache).filter((name) => name.endsWith('.node') || /native|binding/.test(name));
      console.log(JSON.stringify({ more: open() - before, natives }));
    })();`;
  expect(await runNode(source)).toEqual({ more: 0, natives: [] });
});
