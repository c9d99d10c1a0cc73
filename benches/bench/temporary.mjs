/** Folders on a disk for benchmarks that write, removed afterwards. */

import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const IN_MEMORY = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

const HERE = fileURLToPath(new URL('..', import.meta.url));

async function isInMemory(folder) {
  if (process.platform !== 'linux') return false;
  return IN_MEMORY.has((await statfs(folder)).type);
}

/**
 * A new folder under `dir`; without it under the system's temporary folder or, where that is kept in memory, under the
 * folder of the benchmarks.
 */
export async function temporaryFolder({ dir } = {}) {
  const parent = dir ?? ((await isInMemory(tmpdir())) ? HERE : tmpdir());
  const path = await mkdtemp(join(parent, 'bench-cache-'));
  return {
    path,
    inMemory: await isInMemory(path),
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
