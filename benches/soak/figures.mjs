/** What the process holds: memory, and on Linux file descriptors and threads. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const MB = 2 ** 20;
const entries = (directory) => (existsSync(directory) ? readdirSync(directory).length : null);

/** Paths of the files below a directory that may change while it is read. */
function filesBelow(directory) {
  const files = [];
  const waiting = [directory];
  while (waiting.length > 0) {
    const path = waiting.pop();
    try {
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        (entry.isDirectory() ? waiting : files).push(`${path}/${entry.name}`);
      }
    } catch {
      // Gone meanwhile.
    }
  }
  return files;
}

export const bytesBelow = (directory) =>
  filesBelow(directory).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);

/** Figures of this process at a time; heap and external memory after a collection, where `--expose-gc` was given. */
export class Figures {
  #delay = monitorEventLoopDelay({ resolution: 10 });
  #directory;

  constructor(directory) {
    this.#directory = directory;
    this.#delay.enable();
  }

  async take() {
    const delayMs = this.#delay.max / 1e6;
    if (globalThis.gc) {
      globalThis.gc();
      // Finalizers of what was collected run in a turn of their own.
      await new Promise((resolve) => setImmediate(resolve));
      globalThis.gc();
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    this.#delay.reset();
    return {
      rssMb: rss / MB,
      heapMb: heapUsed / MB,
      externalMb: external / MB,
      fds: entries('/proc/self/fd'),
      threads: entries('/proc/self/task'),
      handles: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'Immediate').length,
      files: filesBelow(this.#directory).length,
      delayMs,
    };
  }

  stop() {
    this.#delay.disable();
  }
}
