/** How long a new process waits for its first optimized context. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { milliseconds, withSpread } from './format.mjs';
import { spread, target } from './harness.mjs';

export const name = 'first-result';
export const title = 'from before create() to the first result of a 100 KB context, in new processes';

const PROCESSES = 11;
const CHILD = fileURLToPath(new URL('./first-result-child.mjs', import.meta.url));

export const tables = {
  steps: {
    title: `${PROCESSES} processes`,
    columns: [
      { key: 'step', title: 'step' },
      { key: 'ms', title: 'time', format: withSpread(milliseconds) },
    ],
  },
};

const STEPS = {
  importMs: 'import of the package (not in the target)',
  createMs: 'create()',
  optimizeMs: 'first optimizeAgentContext()',
  totalMs: 'create() and first optimizeAgentContext()',
};

export async function run() {
  const samples = [];
  for (let i = 0; i < PROCESSES; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD]);
    samples.push(JSON.parse(stdout));
  }
  const steps = Object.entries(STEPS).map(([key, step]) => ({
    step,
    ms: spread(samples.map((sample) => sample[key])),
  }));
  return {
    results: { steps },
    targets: [target('first result, median', steps.at(-1).ms.median, '<', 100, 'ms')],
    notes: [],
  };
}
