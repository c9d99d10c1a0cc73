/** Whether the monitor says what the system says: a process under load, compared with /proc, `top`, `df` and `free`. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { target } from './harness.mjs';

export const name = 'monitor-agrees';
export const title = 'figures of the monitor beside those of the system, under load';

const SECONDS = 60;
const QUICK_SECONDS = 10;
const TOLERANCE = 2;
const CHILD = fileURLToPath(new URL('./monitor-agrees-child.mjs', import.meta.url));

const two = (value) => value.toFixed(2);

export const tables = {
  figures: {
    title: 'means over the time of the load, or the last value',
    columns: [
      { key: 'figure', title: 'figure' },
      { key: 'with', title: 'compared with' },
      { key: 'unit', title: 'unit' },
      { key: 'ours', title: 'monitor', format: two },
      { key: 'theirs', title: 'system', format: two },
      { key: 'difference', title: 'difference', format: (value) => `${two(value)} %` },
      { key: 'absolute', title: 'cannot tell', format: (value) => (value === 0 ? '–' : two(value)) },
      { key: 'agrees', title: 'agrees', format: (value) => (value ? 'yes' : 'NO') },
    ],
  },
};

export async function run({ quick = false, seconds = quick ? QUICK_SECONDS : SECONDS } = {}) {
  if (process.platform !== 'linux') {
    return { results: { figures: [] }, targets: [], notes: ['left out: only Linux has /proc and these tools'] };
  }
  const { stdout, stderr, error } = spawnSync(process.execPath, [CHILD, '--seconds', String(seconds), '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error || stdout === '') throw new Error(`the process under load failed: ${error?.message ?? stderr}`);
  const { samples, figures } = JSON.parse(stdout);
  // What the system cannot tell apart is no difference.
  const apart = ({ ours, theirs, absolute, difference }) => (Math.abs(ours - theirs) <= absolute ? 0 : difference);
  const worst = figures.reduce((most, row) => (apart(row) > apart(most) ? row : most));
  return {
    results: { figures },
    targets: [target(`largest difference (${worst.figure}, ${worst.with})`, apart(worst), '<=', TOLERANCE, '%')],
    notes: [
      `${samples} samples; the process is busy for 10 to 90 % of a core, in steps`,
      "cannot tell: two ticks of the kernel's clock, the last digit of a tool; what is less apart than that agrees",
      `by itself, with an exit code: node benches/bench/monitor-agrees-child.mjs --seconds ${SECONDS}`,
    ],
  };
}
