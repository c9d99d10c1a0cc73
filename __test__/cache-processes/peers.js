/** Processes that have a cache open and do what they are asked, in directories of the test's own. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { untilEnd } = require('../processes.js');
const { removeTree } = require('../remove.js');

const SCRIPTS = path.join(__dirname, 'scripts');

/** Only catches hangs: the longest wait inside the cache is one of 30 s, and a machine may have much else to do. */
const ANSWER_MS = 200_000;

/** What would change the behaviour of the cache, or of Node itself. */
const FOREIGN = ['DEBUG', 'NODE_OPTIONS', 'OPTIMIZATION_CONFIG', 'CACHE_DIR', 'RUST_BACKTRACE', 'RUST_LOG'];

function environment() {
  const env = { ...process.env };
  for (const name of FOREIGN) delete env[name];
  return env;
}

/** A script of `scripts/` with pipes on both sides; `onLine` gets each line of its output. */
function startScript(script, args, { cwd, uid, onLine = () => {} }) {
  const child = spawn(process.execPath, [path.join(SCRIPTS, script), ...args], {
    cwd,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: environment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  // One that was killed takes no more.
  child.stdin.on('error', () => {});
  const ended = new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stderr: output.stderr }));
  });
  return { child, ended, output };
}

/** A process with a cache; every method waits for its answer. What the cache throws is thrown here, with its code. */
class Peer {
  #script;
  #waiting = new Map();
  #lastId = 0;
  /** `[name, data]` of the events so far, of those that were asked for. */
  events = [];

  constructor(config, { cwd, uid, listen = [], script = 'peer.js', args = [] }) {
    this.#script = startScript(script, [JSON.stringify({ config, listen, args })], {
      cwd,
      uid,
      onLine: (line) => this.#take(line),
    });
    this.#script.ended.then((how) => {
      for (const { reject } of this.#waiting.values()) {
        reject(Object.assign(new Error(`the process ended: ${JSON.stringify(how)}`), { code: 'ENDED', how }));
      }
    });
  }

  get pid() {
    return this.#script.child.pid;
  }

  get ended() {
    return this.#script.ended;
  }

  #take(line) {
    const { id, value, error, event, mark } = JSON.parse(line);
    if (event) this.events.push(event);
    else if (mark) this.#waiting.get(`mark ${mark}`)?.resolve();
    else if (error) this.#waiting.get(id)?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else this.#waiting.get(id)?.resolve(value);
  }

  #answer(id) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer after ${ANSWER_MS} ms`)), ANSWER_MS);
      const settled = (settle) => (value) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        settle(value);
      };
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
  }

  /** Calls a method of the cache, or one of the script's own. */
  call(method, ...args) {
    this.#lastId++;
    const id = this.#lastId;
    const answer = this.#answer(id);
    this.#script.child.stdin.write(`${JSON.stringify({ id, method, args })}\n`);
    return answer;
  }

  /** Waits for the next time that the script says this. */
  said(mark) {
    return this.#answer(`mark ${mark}`);
  }

  get = (...args) => this.call('get', ...args);
  set = (...args) => this.call('set', ...args);
  store = (key, value) => this.call('set', key, value, 0, { durable: true });
  flush = () => this.call('flush');
  stats = () => this.call('getStats');

  signal(name) {
    this.#script.child.kill(name);
  }

  async kill() {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Stops the cache and lets the process end by itself. */
  async end() {
    await this.call('stop');
    this.#script.child.stdin.end();
    return this.ended;
  }
}

/** Asks until the answer is what is wanted; fails after `ms` with what it was last. */
async function until(ask, isWanted, ms = 60_000) {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > end) throw new Error(`still ${JSON.stringify(answer)} after ${ms} ms`);
    await sleep(20);
  }
}

function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** An empty directory for each test, and peers in it that do not outlive it. `beforeRemoval` runs when those have ended. */
function usePeers({ beforeRemoval = () => {} } = {}) {
  const peers = [];
  let directory;
  beforeEach(() => {
    directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwise-peers-')));
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    beforeRemoval();
    removeTree(directory);
  });
  return {
    path: (...names) => path.join(directory, ...names),
    /** A process with a cache in `cache/` unless told otherwise; ready when it answers. */
    peer(config = {}, options = {}) {
      const peer = new Peer({ cacheDir: path.join(directory, 'cache'), ...config }, { cwd: directory, ...options });
      peers.push(peer);
      return peer;
    },
  };
}

/** Runs a script that needs no questions, until it ended. */
async function runScript(script, args, { cwd, onLine } = {}) {
  const lines = [];
  const { child, ended, output } = startScript(script, args, {
    cwd,
    onLine: (line) => {
      lines.push(line);
      onLine?.(line, child);
    },
  });
  child.stdin.end();
  await untilEnd(child, [script, ...args], {
    get stdout() {
      return lines.join('\n');
    },
    get stderr() {
      return output.stderr;
    },
  });
  return { ...(await ended), lines };
}

module.exports = { Peer, usePeers, startScript, runScript, until, sleep };
