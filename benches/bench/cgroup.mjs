/**
 * Control groups with a limit of memory, for processes of a benchmark: v1 (a memory controller of its own) or v2. Groups
 * are removed when this process ends, also on SIGINT and SIGTERM, with what still runs in them. Says why where none can
 * be made; never changes a group that it did not make, but that it passes the memory controller on to its children (v2).
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const REMOVE_TRIES = 200;
const REMOVE_PAUSE_MS = 10;

const open = new Set();
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let made = 0;

const read = (path) => readFileSync(path, 'utf8').trim();

/** A counter of a file with lines `name value`. */
function counter(path, name) {
  const line = read(path)
    .split('\n')
    .find((one) => one.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.split(' ')[1]);
}

/** Where the memory controller's hierarchies are mounted, v1 first. */
function mounts() {
  const found = [];
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    const [left, right] = line.split(' - ');
    const root = left.split(' ')[4];
    const [kind, , options] = right.split(' ');
    if (kind === 'cgroup' && options.split(',').includes('memory')) found.unshift({ version: 1, root });
    if (kind === 'cgroup2') found.push({ version: 2, root });
  }
  return found;
}

/** The group of this process, as a path below the mount. */
function ownPath(version) {
  for (const line of read('/proc/self/cgroup').split('\n')) {
    const [id, controllers, ...path] = line.split(':');
    if (version === 2 ? id === '0' : controllers.split(',').includes('memory')) return path.join(':');
  }
  return '/';
}

/** Where a group may be made: in the root for whoever may, else where this process was put. */
function parents({ version, root }) {
  const own = join(root, ownPath(version)).replace(/\/$/, '');
  // A v2 group that holds processes cannot pass controllers on, but the one above it can.
  return [...new Set([root, dirname(own), own])].filter((path) => path.startsWith(root) && existsSync(path));
}

function passMemoryOn(parent) {
  const path = join(parent, 'cgroup.subtree_control');
  if (!read(path).split(' ').includes('memory')) writeFileSync(path, '+memory');
}

function limitV1(path, bytes) {
  writeFileSync(join(path, 'memory.limit_in_bytes'), String(bytes));
  const withSwap = join(path, 'memory.memsw.limit_in_bytes');
  if (existsSync(withSwap)) writeFileSync(withSwap, String(bytes));
}

function limitV2(path, bytes) {
  writeFileSync(join(path, 'memory.max'), String(bytes));
  const swap = join(path, 'memory.swap.max');
  if (existsSync(swap)) writeFileSync(swap, '0');
}

/** Ends what is in the group and removes it. Waits for a moment, as the kernel takes one to let go of what has ended. */
function remove(path) {
  for (let left = REMOVE_TRIES; existsSync(path); left--) {
    try {
      for (const pid of read(join(path, 'cgroup.procs')).split('\n').filter(Boolean))
        process.kill(Number(pid), 'SIGKILL');
      rmdirSync(path);
    } catch (error) {
      if (left === 0) throw error;
      Atomics.wait(sleeper, 0, 0, REMOVE_PAUSE_MS);
    }
  }
  open.delete(path);
}

function make(mount, parent, bytes) {
  const { version } = mount;
  if (version === 2) passMemoryOn(parent);
  const path = join(parent, `agentwise-bench-${process.pid}-${++made}`);
  mkdirSync(path);
  open.add(path);
  try {
    (version === 1 ? limitV1 : limitV2)(path, bytes);
  } catch (error) {
    remove(path);
    throw error;
  }
  const file = (v1, v2) => join(path, version === 1 ? v1 : v2);
  return {
    version,
    /** A process that writes its id here is in the group. */
    procs: join(path, 'cgroup.procs'),
    /** How many processes the kernel has ended here for want of memory. */
    kills: () => counter(file('memory.oom_control', 'memory.events'), 'oom_kill'),
    /** Most bytes that were ever in use here, or undefined: v2 knows them since Linux 5.19. */
    peak() {
      const peak = file('memory.max_usage_in_bytes', 'memory.peak');
      return existsSync(peak) ? Number(read(peak)) : undefined;
    },
    remove: () => remove(path),
  };
}

let watching = false;

function cleanUpAtTheEnd() {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const path of open) remove(path);
  });
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]) {
    process.once(signal, () => process.exit(status));
  }
}

/** A group of at most `bytes`, swap included: `{ group }`, or `{ reason }` why there is none. */
export function memoryGroup(bytes) {
  if (process.platform !== 'linux') return { reason: `${process.platform} has no control groups` };
  cleanUpAtTheEnd();
  const reasons = [];
  for (const mount of mounts()) {
    for (const parent of parents(mount)) {
      try {
        return { group: make(mount, parent, bytes) };
      } catch (error) {
        reasons.push(`v${mount.version} in ${parent}: ${error.code ?? error.message}`);
      }
    }
  }
  return { reason: reasons.length > 0 ? reasons.join('; ') : 'no memory controller is mounted' };
}
