/**
 * Runs a program under a limit of memory and says how it ended: by itself, for want of memory, or not at all. The limit
 * is a control group's, or one that this process watches over where none can be made.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const MB = 2 ** 20;
const TIMEOUT_MS = 120_000;
const WATCH_MS = 5;
const NOT_IN_GROUP = 97;
/** Enters the group before the program starts, so that all it ever needs counts. */
const ENTER = `echo $$ > "$1" || exit ${NOT_IN_GROUP}; shift; exec "$@"`;

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Kills a process once more than `bytes` of it are in memory, as the kernel would. Only on Linux. */
function watch(child, bytes) {
  const watcher = { killed: false, peak: 0 };
  watcher.timer = setInterval(() => {
    try {
      const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1] ?? 0;
      watcher.peak = Math.max(watcher.peak, kilobytes * 1024);
    } catch {
      // It has ended.
    }
    if (watcher.peak > bytes) {
      watcher.killed = true;
      child.kill('SIGKILL');
    }
  }, WATCH_MS);
  return watcher;
}

function outcome({ report, status, signal, late, errors, kills, watched }) {
  if (report.finished) return 'finished';
  if (late) return 'hung';
  if (kills > 0) return 'kernel';
  if (watched) return 'watcher';
  const aborted = signal === 'SIGABRT' || status === 134;
  return aborted && /heap out of memory|Reached heap limit/.test(errors) ? 'heap' : 'failed';
}

/**
 * @param {string[]} command of Node.js: flags, file, arguments
 * @param {{ group?: object, watchBytes?: number }} limit of `memoryGroup`, or bytes to be watched over
 * @returns how it ended, its last report and the most memory that was seen from outside (MB)
 */
export async function runUnder(command, { group, watchBytes } = {}) {
  const node = [process.execPath, ...command];
  const [file, ...args] = group ? ['/bin/sh', '-c', ENTER, 'sh', group.procs, ...node] : node;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let errors = '';
  child.stderr.on('data', (text) => {
    if (errors.length < 4000) errors += text;
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, TIMEOUT_MS);
  const watcher = watchBytes === undefined ? undefined : watch(child, watchBytes);
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
  let report = {};
  for await (const line of createInterface({ input: child.stdout })) {
    // What is cut off by a death is left out.
    if (line.endsWith('}')) report = JSON.parse(line);
  }
  const { status, signal } = await ended;
  children.delete(child);
  clearTimeout(timer);
  clearInterval(watcher?.timer);
  if (group && status === NOT_IN_GROUP) throw new Error(`the process could not enter its control group: ${errors}`);
  const kills = group?.kills() ?? 0;
  const peakBytes = group ? group.peak() : watcher?.peak;
  const ending = outcome({ report, status, signal, late, errors, kills, watched: watcher?.killed });
  return {
    ending,
    status,
    signal,
    kills,
    peakMb: peakBytes === undefined ? undefined : peakBytes / MB,
    errors: ending === 'failed' ? errors.slice(0, 600) : undefined,
    ...report,
  };
}
