'use strict';

/** `doctor`: what gets in each other's way: copies of the package, ports, leftovers in the cache directory, Node's options. */

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { processText } = require('../running.js');
const { bytes, counted, shellWord, visible } = require('../text.js');

const NAME = 'agentwise-optimization';
const ROOT = path.join(__dirname, '..', '..', '..');

/** How long a socket may take to answer, ms; all are on this machine. */
const CONNECT_MS = 500;

/** Longest note of a damaged generation that is shown. */
const LONGEST_REASON = 200;

function entries(directory) {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** `node_modules` of this directory and of those above it. */
function moduleDirectories() {
  const found = [];
  for (let at = process.cwd(); ; at = path.dirname(at)) {
    found.push(path.join(at, 'node_modules'));
    if (path.dirname(at) === at) return found;
  }
}

/** Packages in a `node_modules`, those of scopes included. */
function packagesIn(directory) {
  return entries(directory)
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap(({ name }) => {
      const inside = path.join(directory, name);
      return name.startsWith('@') ? entries(inside).map((entry) => path.join(inside, entry.name)) : [inside];
    });
}

/** Every copy of this package that modules here may load: beside them, and one level inside of other packages. */
function copies() {
  const found = new Map();
  const look = (directory) => {
    try {
      const { name, version } = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'));
      if (name === NAME) found.set(fs.realpathSync(directory), version);
    } catch {
      // There is none.
    }
  };
  look(ROOT);
  for (const modules of moduleDirectories()) {
    look(path.join(modules, NAME));
    for (const other of packagesIn(modules)) look(path.join(other, 'node_modules', NAME));
  }
  return [...found].map(([directory, version]) => ({ directory, version }));
}

function checkCopies(found) {
  const all = copies();
  const text = all.map(({ directory, version }) => `${version} in ${directory}`).join(', ');
  found.either(
    all.length === 1,
    'copies of the package',
    all.length === 1 ? 'one' : text,
    'each keeps a cache in memory of its own: npm dedupe, or ask for one version only (npm ls agentwise-optimization)',
  );
}

/** Whether something listens: `null`, or the reason why the port cannot be had. */
function portProblem(port, host) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', ({ code }) => resolve(code));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

async function checkPort(found, { settings, systems }) {
  const port = settings['monitoring.metricsPort'];
  if (!(port > 0) || settings.enableProductionMonitoring === false) return;
  const host = settings['monitoring.metricsHost'] ?? '127.0.0.1';
  const problem = await portProblem(port, host);
  const check = 'monitoring.metricsPort';
  if (problem === null) found.ok(check, `${port} is free`);
  else if (problem === 'EADDRINUSE' && systems.length > 0) {
    found.ok(check, `${port} is used, and ${counted(systems.length, 'system')} of this directory may be who does`);
  } else if (problem === 'EADDRINUSE') {
    found.warning(check, `${port} is used by another program`, 'set monitoring.metricsPort to another port, or 0');
  } else {
    const remedy =
      problem === 'EACCES' ? 'ports under 1024 need a right: set another one' : 'set monitoring.metricsHost';
    found.problem(check, `${host}:${port} cannot be used (${problem})`, remedy);
  }
}

/** Whether anybody answers at a socket; `false` only where it is refused. */
function isAlive(file) {
  return new Promise((resolve) => {
    const socket = net.connect(file);
    const timer = setTimeout(() => end(true), CONNECT_MS);
    const end = (alive) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => end(true));
    socket.once('error', ({ code }) => end(code !== 'ECONNREFUSED'));
  });
}

async function checkSockets(found, { cacheDir, systems }) {
  const directory = path.join(cacheDir, 'live');
  const sockets = entries(directory).filter((entry) => entry.isSocket());
  const alive = await Promise.all(sockets.map(({ name }) => isAlive(path.join(directory, name))));
  const dead = sockets.filter((_, at) => !alive[at]).map(({ name }) => name);
  const hanging = systems.filter(({ state }) => state === 'hanging');
  for (const system of hanging) {
    found.problem(
      'running system',
      `${processText(system)} does not answer`,
      `see what it waits for; is it stopped? kill -CONT ${system.pid ?? '<pid>'}`,
    );
  }
  found.ok('running systems', systems.length === hanging.length ? 'none' : systemsText(systems));
  if (dead.length === 0) return;
  found.warning(
    'dead sockets',
    dead.map(visible).join(', '),
    `their processes were killed; the next system removes them, or: rm ${dead.map((name) => shellWord(path.join(directory, name))).join(' ')}`,
  );
}

const systemsText = (systems) =>
  systems
    .filter(({ state }) => state !== 'hanging')
    .map(processText)
    .join(', ');

/** Bytes of the files in a directory, its own only. */
function sizeOf(directory) {
  let size = 0;
  for (const { name } of entries(directory))
    size += fs.lstatSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  return size;
}

function reasonOf(file) {
  try {
    return visible(fs.readFileSync(file, 'utf8').trim().slice(0, LONGEST_REASON)) || 'no reason given';
  } catch (error) {
    return error.code === 'ENOENT' ? null : `its note cannot be read (${error.code})`;
  }
}

/** Generations that were given up; the newest one is kept to be looked at, see `src/cache/disk/location.rs`. */
function checkGenerations(found, { cacheDir }) {
  const generations = entries(cacheDir).filter((entry) => entry.isDirectory() && /^v\d+-\d{6,9}$/.test(entry.name));
  const damaged = [];
  for (const { name } of generations) {
    const directory = path.join(cacheDir, name);
    const reason = reasonOf(path.join(directory, 'unusable'));
    if (reason !== null) damaged.push({ name, directory, reason });
  }
  if (damaged.length === 0) {
    found.ok('damaged generations', 'none');
    return;
  }
  for (const { name, directory, reason } of damaged) {
    found.warning(
      'damaged generation',
      `${name}, ${bytes(sizeOf(directory))}: ${reason}`,
      `a new one is in use; keep it to find out why, or: rm -r ${shellWord(directory)}`,
    );
  }
}

/** Options of Node that change what this package can do. */
function checkNode(found) {
  const options = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].filter(Boolean);
  const has = (...names) => options.some((option) => names.includes(option.split('=')[0]));
  if (has('--no-addons')) {
    found.problem(
      'NODE_OPTIONS',
      '--no-addons: no native module can be loaded',
      'take --no-addons out of NODE_OPTIONS',
    );
  }
  if (has('--permission', '--experimental-permission') && !has('--allow-addons')) {
    found.problem(
      'NODE_OPTIONS',
      '--permission without --allow-addons',
      'add --allow-addons, --allow-fs-read and --allow-fs-write',
    );
  }
  if (has('--jitless'))
    found.warning('NODE_OPTIONS', '--jitless: JavaScript runs many times slower', 'take --jitless out of it');
  if (process.env.NODE_OPTIONS) found.ok('NODE_OPTIONS', visible(process.env.NODE_OPTIONS));
  if (process.env.DEBUG?.includes(NAME)) {
    found.warning(
      'DEBUG',
      'the native module logs to standard error',
      'unset DEBUG when you have seen what you wanted',
    );
  }
}

/** @param {import('./findings.js').Findings} found */
async function checkConflicts(found, facts) {
  found.in('conflicts');
  checkCopies(found);
  await checkPort(found, facts);
  if (facts.unseen !== undefined) {
    found.problem('running systems', facts.unseen, 'do as it says, or set cache.cacheDir to another directory');
  }
  if (facts.cacheDir !== null) {
    if (facts.unseen === undefined) await checkSockets(found, facts);
    checkGenerations(found, facts);
  }
  checkNode(found);
}

module.exports = { checkConflicts, copies };
