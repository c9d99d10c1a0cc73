/** How long before the limit a leak in external memory is noticed. */

import { execFile } from 'node:child_process';
import { freemem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gigabytes } from './format.mjs';
import { target } from './harness.mjs';

export const name = 'memory-leak';
export const title = 'external memory that grows by 200 MB/s under a limit of 2 GB';

const LIMIT_MB = 2048;
const RATE_MB = 200;
const RUNS = 5;
const QUICK_RUNS = 2;
/** A busy machine does not hand out memory so fast. Such runs are shown and count, but others are made besides. */
const FULL_RATE = 0.95 * RATE_MB;
const NEEDED_BYTES = 3e9;
const TIMEOUT_MS = 60_000;
const CHILD = fileURLToPath(new URL('./memory-leak-child.mjs', import.meta.url));

const ahead = (value) => (value === undefined ? 'never' : `${(value / 1e3).toFixed(2)} s`);
const mb = (value) => (value === undefined ? '–' : `${value.toFixed(0)} MB`);

export const tables = {
  runs: {
    title: `time before ${LIMIT_MB} MB of the process were in memory, and how much was then`,
    columns: [
      { key: 'run', title: 'run' },
      { key: 'rateMb', title: 'leaked', format: (value) => `${value.toFixed(0)} MB/s` },
      { key: 'alert', title: 'alert', format: ahead },
      { key: 'alertMb', title: 'at', format: mb },
      { key: 'large', title: 'largest agent throttled', format: ahead },
      { key: 'largeMb', title: 'at', format: mb },
      { key: 'small', title: 'all throttled', format: ahead },
      { key: 'smallMb', title: 'at', format: mb },
      { key: 'plain', title: '80 % of the limit', format: ahead },
    ],
  },
};

async function leak() {
  const args = [CHILD, '--limit-mb', String(LIMIT_MB), '--rate-mb', String(RATE_MB)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  return JSON.parse(stdout);
}

function row(run, report) {
  const { limit, rateMb, tooEarly } = report;
  const before = (what) => (report[what] === undefined ? undefined : limit.atMs - report[what].atMs);
  const fields = { run, rateMb, tooEarly };
  for (const what of ['alert', 'large', 'small', 'plain']) {
    fields[what] = before(what);
    fields[`${what}Mb`] = report[what]?.rssMb;
  }
  return { ...fields, report };
}

export async function run({ quick = false } = {}) {
  if (freemem() < NEEDED_BYTES) {
    const notes = [`skipped: ${gigabytes(freemem())} of memory are free, ${gigabytes(NEEDED_BYTES)} are needed`];
    return { results: { runs: [] }, targets: [], notes };
  }
  const wanted = quick ? QUICK_RUNS : RUNS;
  const rows = [];
  const atFullRate = () => rows.filter(({ rateMb }) => rateMb >= FULL_RATE).length;
  while (atFullRate() < wanted && rows.length < 2 * wanted) rows.push(row(rows.length + 1, await leak()));
  // What never came, came no time before the limit.
  const least = (what) => Math.min(...rows.map((one) => one[what] ?? 0)) / 1e3;
  const sooner = Math.max(...rows.map(({ tooEarly }) => tooEarly));
  const { alert, large } = rows[0].report;
  return {
    results: { runs: rows },
    targets: [
      target('alert before the limit, least', least('alert'), '>=', 2, 's'),
      target('throttling before the limit, least', least('large'), '>=', 2, 's'),
      target('alerts and throttled agents before the leak', sooner, '<=', 0, ''),
      target(`runs at ${FULL_RATE} MB/s or more`, atFullRate(), '>=', wanted, ''),
    ],
    notes: [
      `the first alert: ${alert ? `${alert.type}: ${alert.message}` : 'none'}; throttled for: ${large?.code ?? '–'}`,
      '80 % of the limit: what an alert at a fixed share would leave at this rate, from the same runs',
      'the agents hold 64 and 16 MB by their own account, which the leak is no part of',
    ],
  };
}
