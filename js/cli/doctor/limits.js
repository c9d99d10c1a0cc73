'use strict';

/** `doctor`: memory, V8's heap, open files and threads that this process may use. A system in the same place may use the same. */

const os = require('node:os');
const v8 = require('node:v8');
const { readFileSync } = require('node:fs');
const { bytes } = require('../text.js');

const MB = 2 ** 20;

/** Files that a system with agents, sockets and a cache may have open; half of what Linux usually allows. */
const OPEN_FILES = 512;

/** Share of a memory limit over which V8's heap leaves too little for everything beside it (buffers, caches, the module). */
const HEAP_SHARE = 0.75;

/** Node's own number of threads for work that is off the main thread. */
const POOL_SIZE = 4;

/** Limit of this process's control group, bytes; `null` where there is none. Version 2, then 1. */
function groupLimit(read = (file) => readFileSync(file, 'utf8')) {
  const groups = attempt(() => read('/proc/self/cgroup')) ?? '';
  const candidates = [];
  for (const line of groups.split('\n')) {
    const [id, controllers, path] = line.split(':');
    if (path === undefined) continue;
    if (id === '0') candidates.push(...upwards('/sys/fs/cgroup', path, 'memory.max'));
    else if (controllers.split(',').includes('memory')) {
      candidates.push(...upwards('/sys/fs/cgroup/memory', path, 'memory.limit_in_bytes'));
    }
  }
  const limits = candidates
    .map((file) => Number.parseInt(attempt(() => read(file)) ?? '', 10))
    .filter((limit) => limit > 0 && limit < os.totalmem());
  return limits.length > 0 ? Math.min(...limits) : null;
}

/** A limit of any group above counts too. In a container the own path is often not to be seen, but the root is. */
function upwards(root, path, name) {
  const parts = path.split('/').filter(Boolean);
  return [...parts.keys(), parts.length].map((depth) => [root, ...parts.slice(0, depth), name].join('/'));
}

function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

function checkMemory(found, { settings }) {
  const total = os.totalmem();
  const group = groupLimit();
  found.ok('memory', `${bytes(total)}, ${bytes(os.freemem())} free`);
  found.ok('control group', group === null ? 'no limit' : `limit ${bytes(group)}`);
  const room = Math.min(total, group ?? total);
  const heap = v8.getHeapStatistics().heap_size_limit;
  found.either(
    heap <= room * HEAP_SHARE || heap < 64 * MB,
    'V8 heap',
    `limit ${bytes(heap)}`,
    `it could take more than the ${bytes(room)} there are: set NODE_OPTIONS=--max-old-space-size=${Math.floor((room * HEAP_SHARE) / MB)}`,
  );
  const most = settings['memory.maxMemoryUsage'];
  if (typeof most !== 'number' || settings.enableMemoryManagement === false) return;
  found.either(
    most * MB <= room,
    'memory.maxMemoryUsage',
    `${most} MB`,
    `it is more than the ${bytes(room)} there are: set it to at most ${Math.floor(room / MB)}`,
  );
}

/** Soft limit of open files, or `null` where it is not known or there is none. */
function openFiles() {
  if (process.platform === 'win32') return null;
  process.report.excludeNetwork = true;
  const soft = process.report.getReport().userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : null;
}

/** @param {import('./findings.js').Findings} found */
function checkLimits(found, facts) {
  found.in('limits');
  checkMemory(found, facts);
  const files = openFiles();
  found.either(
    files === null || files >= OPEN_FILES,
    'open files',
    files === null ? 'no limit' : `at most ${files}`,
    `raise it to ${OPEN_FILES} or more: ulimit -n, or LimitNOFILE= of the service`,
  );
  const size = process.env.UV_THREADPOOL_SIZE;
  const threads = size === undefined ? POOL_SIZE : Number.parseInt(size, 10);
  found.either(
    threads >= POOL_SIZE,
    'threads',
    `${os.availableParallelism()} processors, ${threads} threads for work off the main thread`,
    `unset UV_THREADPOOL_SIZE, or set it to ${POOL_SIZE} or more`,
  );
}

module.exports = { checkLimits, groupLimit };
