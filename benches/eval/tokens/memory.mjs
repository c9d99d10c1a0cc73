/** How much a process grows with 50 agents whose contexts have most in common, in processes of their own. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../bench/temporary.mjs';

export const TARGET_RATIO = 1.5;

const CHILD = fileURLToPath(new URL('memory-child.mjs', import.meta.url));
const WAYS = [
  { title: 'keys', encoding: 'keys' },
  { title: 'blocks, in memory', encoding: 'blocks' },
  { title: 'blocks, in a folder', encoding: 'blocks', onDisk: true },
];
const FORMS = { one: 'one key', many: '50 keys' };

/** glibc keeps what was freed for later, in an arena for each thread; so it gives back what it can. */
const GIVING_BACK = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '65536',
};

async function measure(encoding, form, { onDisk, variables }) {
  const folder = onDisk ? await temporaryFolder() : undefined;
  try {
    const args = ['--expose-gc', CHILD, encoding, form, ...(folder ? [folder.path] : [])];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, ...variables },
    });
    return JSON.parse(stdout);
  } finally {
    await folder?.remove();
  }
}

export async function memoryRows(progress) {
  const rows = [];
  for (const { title, encoding, onDisk } of WAYS) {
    for (const [form, formTitle] of Object.entries(FORMS)) {
      progress(`memory: ${title}, ${formTitle}`);
      const { agents, whole, distinct, steps, closed, blocks } = await measure(encoding, form, { onDisk });
      const inUse = process.platform === 'linux' && (await measure(encoding, form, { onDisk, variables: GIVING_BACK }));
      const [first, last] = [steps[0], steps.at(-1)];
      const l1 = blocks.store?.l1;
      rows.push({
        title,
        form: formTitle,
        agents,
        whole,
        distinct,
        steps,
        growth: last.rss,
        ratio: last.rss / distinct,
        inUse: inUse ? inUse.steps.at(-1).rss / distinct : undefined,
        first: first.rss,
        eachFurther: (last.rss - first.rss) / (last.agents - first.agents),
        heap: last.heapTotal,
        external: last.external,
        texts: blocks.texts,
        index: blocks.indexBytes,
        storedInMemory: l1 ? l1.sizeMB * 1e6 : 0,
        afterClose: closed.rss,
      });
    }
  }
  return { rows };
}
