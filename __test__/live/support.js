/** What specs of running systems share: programs that run until they are told to end, and the client. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { untilEnd } = require('../processes.js');
const { ROOT, VARIABLES } = require('../support.js');
const { findSystems, storedState } = require('../../js/live/client.js');

const INDEX = path.join(ROOT, 'index.js');
/** Only catches hangs: answers take milliseconds, and more on a machine that is busy. */
const PATIENCE_MS = 60_000;
const patient = { timeoutMs: PATIENCE_MS };

/** Programs that are killed after each test. */
function usePrograms() {
  const running = [];
  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.splice(0).map(({ ended }) => ended));
  });
  /** Starts `source`, in which `create(config)` makes a system of this directory, and waits until it says `ready`. */
  return async (source, { until = 'ready' } = {}) => {
    const prelude = `
      const { ProductionOptimizationSystem } = require(${JSON.stringify(INDEX)});
      // One that nobody holds may be collected at any time, and does not answer then.
      const kept = [];
      const create = async (config) => {
        kept.push(await ProductionOptimizationSystem.create({ environment: 'staging', finalReport: false, ...config }));
        return kept.at(-1);
      };
      globalThis.kept = kept;
      const ready = (what = 'ready') => require('node:fs').writeSync(1, what + '\\n');`;
    const env = { ...process.env };
    for (const name of [...VARIABLES, 'NODE_OPTIONS', 'DEBUG']) delete env[name];
    const child = spawn(process.execPath, ['-e', `${prelude}(async () => { ${source} })();`], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    const ended = untilEnd(child, ['-e', source], output).then((how) => ({ ...how, ...output }));
    running.push({ child, ended });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output.stderr += text;
    });
    const said = new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output.stdout += text;
        if (output.stdout.includes(`${until}\n`)) resolve();
      });
    });
    if (until) {
      const early = await Promise.race([said, ended]);
      if (early) throw new Error(`it ended early: ${JSON.stringify(early)}`);
    }
    return { pid: child.pid, kill: (signal) => child.kill(signal), ended, output };
  };
}

/** Asks until there is what is waited for: sockets are made and removed beside JavaScript. */
async function until(look, isThere = (found) => found, patienceMs = PATIENCE_MS) {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (isThere(found)) return found;
    if (performance.now() > end) throw new Error(`not seen: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The systems of `.cache`, once there are so many. */
const systems = (count, cacheDir = '.cache') =>
  until(
    () => findSystems(cacheDir, patient),
    (found) => found.length === count,
  );

/** Names in the directory of running systems, by their ending. */
function filesOf(ending, cacheDir = '.cache') {
  const directory = path.join(cacheDir, 'live');
  if (!fs.existsSync(directory)) return [];
  return fs.readdirSync(directory).filter((name) => name.endsWith(ending) && !name.startsWith('state-'));
}

/** Servers that pretend to be a running system, closed after each test. `respond(socket, request)`. */
function usePretenders() {
  const servers = [];
  afterEach(async () => {
    for (const { sockets } of servers) for (const socket of sockets) socket.destroy();
    await Promise.all(servers.splice(0).map(({ server }) => new Promise((resolve) => server.close(resolve))));
  });
  return async (respond, { name = '0123456789abcdef.sock', cacheDir = 'pretended' } = {}) => {
    const directory = path.join(cacheDir, 'live');
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, name);
    const sockets = new Set();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => respond(socket, bytes.toString()));
    });
    servers.push({ server, sockets });
    await new Promise((resolve) => server.listen(file, resolve));
    return { cacheDir, file };
  };
}

/** An answer as a running system sends it. */
const answerOf = (said, status = '200 OK') => {
  const body = typeof said === 'string' ? said : JSON.stringify(said);
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
};

const WHO = { pid: 7, project: null, environment: 'staging', version: '0.1.0', startedAt: '2026-01-01T00:00:00.000Z' };

module.exports = {
  usePrograms,
  usePretenders,
  until,
  systems,
  filesOf,
  findSystems,
  storedState,
  patient,
  answerOf,
  WHO,
};
