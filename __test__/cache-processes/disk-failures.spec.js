const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT } = require('../support.js');
const { goesOnWithout, isWhole, LISTEN } = require('./degraded.js');
const { usePeers, until, sleep } = require('./peers.js');
const { removeTree } = require('../remove.js');

const LINUX = process.platform === 'linux';
const IS_ROOT = LINUX && process.getuid() === 0;
if (!IS_ROOT) console.warn('skipped: other owners and other users are for root to make, on Linux');
const asRoot = IS_ROOT ? test : test.skip;
const onLinux = LINUX ? test : test.skip;

/** Somebody who is not root; there need not be an account. */
const SOMEBODY = 54_321;

/** Whether others than root may use Node, this checkout and directories for temporary files: one in the home of root they may not. */
function maySomebody() {
  const program = `require(${JSON.stringify(path.join(ROOT, 'index.js'))}); process.chdir(${JSON.stringify(os.tmpdir())});`;
  const options = { uid: SOMEBODY, gid: SOMEBODY, cwd: '/', stdio: 'ignore' };
  return spawnSync(process.execPath, ['-e', program], options).status === 0;
}

const CAN_BE_SOMEBODY = IS_ROOT && maySomebody();
if (IS_ROOT && !CAN_BE_SOMEBODY) console.warn('skipped: other users than root cannot use this checkout');
const asSomebody = CAN_BE_SOMEBODY ? test : test.skip;

const peers = usePeers();
const cacheDir = () => peers.path('cache');
const another = () => peers.peer();

/** A cache directory with some entries, left by a process that ended. */
async function used() {
  const before = peers.peer();
  await before.set('overwritten without a disk', 'of before');
  await before.set('deleted without a disk', 'of before');
  await before.store('of before', 1);
  await before.end();
}

describe('a directory that goes while it is in use', () => {
  test('is begun anew, with what is in memory', async () => {
    const peer = peers.peer({}, LISTEN);
    await peer.store('before', 1);
    removeTree(cacheDir());
    await peer.set('after', 2);
    await peer.flush();
    expect(await peer.get('before')).toBe(1);
    expect(await peer.get('after')).toBe(2);
    await until(
      () => peer.events.length,
      (events) => events === 2,
    );
    expect(peer.events).toEqual([
      ['degraded', { reason: 'replaced', message: expect.any(String) }],
      ['recovered', { reason: 'replaced' }],
    ]);
    await peer.flush();
    const reader = another();
    expect(await reader.get('before')).toBe(1);
    expect(await reader.get('after')).toBe(2);
  });

  test('is whole again when flush() says so', async () => {
    const peer = peers.peer({ l1MaxSize: 5000 });
    // More than are written in a moment.
    const entries = Array.from({ length: 4000 }, (_, index) => ({ key: `key-${index}`, value: 'v'.repeat(1000) }));
    await peer.call('setMany', entries, { durable: true });
    removeTree(cacheDir());
    await peer.flush();
    await peer.kill();
    const found = await another().call(
      'getMany',
      entries.map(({ key }) => key),
    );
    expect(found.filter((value) => value === null)).toHaveLength(0);
  });

  test('is noticed also by a process that only reads', async () => {
    const [writer, reader] = [peers.peer(), peers.peer()];
    await writer.store('key', 1);
    expect(await reader.get('key')).toBe(1);
    removeTree(cacheDir());
    await writer.store('key', 2);
    await until(
      () => reader.get('key'),
      (value) => value === 2,
    );
  });

  test('may come back as a file, which is not touched', async () => {
    const peer = peers.peer({}, LISTEN);
    await peer.store('overwritten without a disk', 'of before');
    removeTree(cacheDir());
    fs.writeFileSync(cacheDir(), 'somebody needs this');
    await peer.set('notice it', 1);
    await goesOnWithout(peer, 'notADirectory');
    expect(fs.readFileSync(cacheDir(), 'utf8')).toBe('somebody needs this');
    fs.rmSync(cacheDir());
    await isWhole(peer, 'notADirectory', another);
  });

  test('may lose its database only', async () => {
    const peer = peers.peer();
    await peer.store('before', 1);
    for (const name of ['cache.db', 'cache.db-wal', 'cache.db-shm']) fs.rmSync(peers.path('cache/v1-000001', name));
    await peer.set('after', 2);
    await peer.flush();
    await peer.flush();
    const reader = another();
    expect(await reader.get('before')).toBe(1);
    expect(await reader.get('after')).toBe(2);
  });
});

describe('a directory that cannot be used', () => {
  test('is a file', async () => {
    fs.writeFileSync(cacheDir(), 'somebody needs this');
    const peer = peers.peer({}, LISTEN);
    await peer.set('key', 1);
    await goesOnWithout(peer, 'notADirectory');
    expect(fs.readFileSync(cacheDir(), 'utf8')).toBe('somebody needs this');
    fs.rmSync(cacheDir());
    await isWhole(peer, 'notADirectory', another);
  });

  asSomebody('is in one where the user may not write', async () => {
    fs.chmodSync(peers.path(), 0o755);
    const config = { cacheDir: peers.path('of root/cache') };
    fs.mkdirSync(peers.path('of root'), { mode: 0o755 });
    const peer = peers.peer(config, { uid: SOMEBODY, ...LISTEN });
    await peer.set('key', 1);
    await goesOnWithout(peer, 'permission');
    fs.chownSync(peers.path('of root'), SOMEBODY, SOMEBODY);
    await isWhole(peer, 'permission', () => peers.peer(config, { uid: SOMEBODY }));
  });

  asRoot('belongs to somebody else', async () => {
    await used();
    fs.chownSync(cacheDir(), SOMEBODY, SOMEBODY);
    const peer = peers.peer({}, LISTEN);
    await goesOnWithout(peer, 'notOwned');
    fs.chownSync(cacheDir(), 0, 0);
    await isWhole(peer, 'notOwned', another);
    expect(await peer.get('of before')).toBe(1);
  });

  onLinux('can be changed by others', async () => {
    await used();
    fs.chmodSync(cacheDir(), 0o775);
    const peer = peers.peer({}, LISTEN);
    await goesOnWithout(peer, 'notOwned');
    fs.chmodSync(cacheDir(), 0o700);
    await isWhole(peer, 'notOwned', another);
    expect(await peer.get('of before')).toBe(1);
  });

  onLinux('is a link that leads nowhere', async () => {
    fs.symlinkSync(peers.path('nowhere'), cacheDir());
    const peer = peers.peer({}, LISTEN);
    await peer.set('key', 1);
    await goesOnWithout(peer, 'notADirectory');
    expect(fs.existsSync(peers.path('nowhere'))).toBe(false);
    fs.mkdirSync(peers.path('nowhere'), { mode: 0o700 });
    await isWhole(peer, 'notADirectory', another);
  });

  asRoot('is a link that somebody else made', async () => {
    fs.mkdirSync(peers.path('target'), { mode: 0o700 });
    fs.symlinkSync(peers.path('target'), cacheDir());
    fs.lchownSync(cacheDir(), SOMEBODY, SOMEBODY);
    const peer = peers.peer({}, LISTEN);
    await goesOnWithout(peer, 'notOwned');
    expect(fs.readdirSync(peers.path('target'))).toEqual([]);
  });
});

describe('a directory that is used as it is', () => {
  onLinux('has two names, one of them a link: one cache', async () => {
    fs.mkdirSync(peers.path('target'), { mode: 0o700 });
    fs.symlinkSync(peers.path('target'), cacheDir());
    const [byLink, byName] = [peers.peer(), peers.peer({ cacheDir: peers.path('target') })];
    await byLink.store('key', 1);
    expect(await byName.get('key')).toBe(1);
    await byName.store('key', 2);
    expect(await byLink.get('key')).toBe(2);
    expect(fs.lstatSync(cacheDir()).isSymbolicLink()).toBe(true);
  });

  test('holds generations of other versions, which stay as they are', async () => {
    const others = ['v0-000007', 'v2-000001', 'v10-000001'].map((name) => peers.path('cache', name, 'cache.db'));
    for (const file of others) {
      fs.mkdirSync(file.replace(/\/cache.db$/, ''), { recursive: true });
      fs.writeFileSync(file, 'of another version');
    }
    fs.chmodSync(cacheDir(), 0o700);
    const peer = peers.peer();
    await peer.store('key', 1);
    await peer.call('clear');
    await peer.store('key', 2);
    expect(await another().get('key')).toBe(2);
    expect(fs.existsSync(peers.path('cache/v1-000001/cache.db'))).toBe(true);
    for (const file of others) expect(fs.readFileSync(file, 'utf8')).toBe('of another version');
  });

  test('holds a database of a foreign version, which stays as it is beside a new one', async () => {
    await used();
    const database = peers.path('cache/v1-000001/cache.db');
    const bytes = fs.readFileSync(database);
    // `user_version` in the header of an SQLite file.
    bytes.writeUInt32BE(4711, 60);
    fs.writeFileSync(database, bytes);
    const peer = peers.peer();
    expect(await peer.get('of before')).toBeNull();
    await peer.store('key', 1);
    expect(await another().get('key')).toBe(1);
    expect(fs.readFileSync(database)).toEqual(bytes);
    expect(fs.existsSync(peers.path('cache/v1-000002/cache.db'))).toBe(true);
  });
});

describe('a process that is stopped', () => {
  /** Whether the process holds the lock for writing: byte 120 of the file that SQLite has beside the database. */
  function isWriting(pid) {
    const { ino } = fs.statSync(peers.path('cache/v1-000001/cache.db-shm'));
    const locks = fs.readFileSync('/proc/locks', 'utf8').split('\n');
    return locks.some((line) => line.includes(` WRITE ${pid} `) && line.includes(`:${ino} 120 120`));
  }

  async function stoppedWhileItWrites() {
    const peer = peers.peer();
    await peer.store('of the stopped', 1);
    await peer.call('hammer');
    await until(
      async () => {
        peer.signal('SIGSTOP');
        // A thread in a system call stops only after it: what it does there may be the end of its writing.
        let caught = isWriting(peer.pid);
        if (caught) {
          await sleep(50);
          caught = isWriting(peer.pid);
        }
        if (!caught) peer.signal('SIGCONT');
        return caught;
      },
      (caught) => caught,
    );
    return peer;
  }

  onLinux('in mid-write does not stop others', async () => {
    const peer = peers.peer({}, LISTEN);
    await peer.store('overwritten without a disk', 'of before');
    const stopped = await stoppedWhileItWrites();
    expect(await peer.get('of the stopped')).toBe(1);
    await peer.set('key', 1);
    expect(await peer.get('key')).toBe(1);
    await goesOnWithout(peer, 'busy');
    // Reading needs no lock of the writers.
    expect(await another().get('of the stopped')).toBe(1);
    stopped.signal('SIGCONT');
    await stopped.kill();
    await isWhole(peer, 'busy', another);
  });

  onLinux('while it reads does not keep others from writing', async () => {
    const [stopped, peer] = [peers.peer(), peers.peer()];
    await stopped.store('key', 1);
    expect(await peer.get('key')).toBe(1);
    stopped.signal('SIGSTOP');
    await peer.store('key', 2);
    expect(await another().get('key')).toBe(2);
    stopped.signal('SIGCONT');
    expect(await stopped.get('key')).toBe(2);
  });
});

// A network file system cannot be made here; which ones are refused is tested with the code that knows them.
test.skip('a directory on a network file system is not used', () => {});
