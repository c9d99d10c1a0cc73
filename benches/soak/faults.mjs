/** What goes wrong on purpose, and where. */

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server that takes what it is sent and never answers. */
export async function hangingServer() {
  const server = createServer((request) => request.resume());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A file system of `megabytes` in memory, or `null` where none can be made. */
export function smallDisk(directory, megabytes) {
  if (process.platform !== 'linux' || process.getuid() !== 0) return null;
  mkdirSync(directory, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', directory], { stdio: 'pipe' });
  } catch {
    return null;
  }
  return { remove: () => execFileSync('umount', ['-l', directory], { stdio: 'pipe' }) };
}

/** Files of databases below a directory. */
const databases = (directory) =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true }).filter(
        (name) => /cache.*\.db$|\.sqlite$|\.db$/.test(name) && !name.includes('monitor'),
      )
    : [];

/** Turns one bit of some bytes, past the first page: rows, not the head of the file. */
export function damage(directory, die) {
  const found = databases(directory);
  if (found.length === 0) return false;
  const handle = openSync(join(directory, die.pick(found)), 'r+');
  try {
    const { size } = fstatSync(handle);
    if (size < 200_000) return false;
    for (let flipped = 0; flipped < 3; flipped++) {
      const at = 100_000 + die.below(size - 100_000);
      const byte = Buffer.alloc(1);
      readSync(handle, byte, 0, 1, at);
      byte[0] ^= 1 << die.below(8);
      writeSync(handle, byte, 0, 1, at);
    }
    return true;
  } finally {
    closeSync(handle);
  }
}

/**
 * The faults by name. `place` has systems and caches with their directories; each fault resolves when it is over and says
 * whether it could be made.
 */
export const FAULTS = {
  'a stage fails': async ({ handles, die }) => {
    // The stages that fail; which of them an older module takes is up to it.
    die.pick(handles()).failNextStage(die.pick(['filter', 'tokens']));
  },
  'rows are damaged': async ({ damaged, die }) => damage(damaged.directory, die),
  'the directory is removed': async ({ removed }) => {
    // What is being written meanwhile may be in the way.
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        rmSync(removed.directory, { recursive: true, force: true });
        return;
      } catch {
        await sleep(20);
      }
    }
  },
  'the disk is full': async ({ small, die }) => {
    if (!small) return false;
    const filler = join(small.mount, 'filler');
    for (let megabytes = 32; megabytes > 0; megabytes >>= 1) {
      try {
        writeFileSync(filler, Buffer.alloc(megabytes * 2 ** 20), { flag: 'a' });
      } catch {
        // As much as fits.
      }
    }
    await sleep(500 + die.below(2000));
    rmSync(filler, { force: true });
  },
  'memory is short': async ({ systems, die }) => {
    const system = die.pick(systems);
    await system.updateConfiguration({ memory: { maxMemoryUsage: 1 } });
    await sleep(300 + die.below(700));
    await system.updateConfiguration({ memory: { maxMemoryUsage: 1_000_000 } });
  },
  'a listener throws': async ({ systems, die }) => {
    die.pick(systems).once('contextOptimized', () => {
      throw new Error('soak: a listener throws');
    });
  },
  'an alert nobody takes': async ({ systems, die, ledger }) => {
    const title = `soak ${die.below(1e9)}`;
    for (const system of systems) {
      try {
        system.productionMonitor?.createAlert({ type: 'warning', component: 'agents', title, message: 'of the soak' });
      } catch (error) {
        // It is switched off on another thread.
        if (error?.code !== 'E_SHUT_DOWN') throw error;
        ledger.count('monitors that were switched off meanwhile');
      }
    }
    ledger.count('alerts');
  },
  maintenance: async ({ systems, die }) => {
    await die.pick(systems).performMaintenance();
  },
  'a report': async ({ systems, die }) => {
    rmSync(await die.pick(systems).generateSystemReport());
  },
};
