/**
 * Loads this process and compares what its monitor says with what the system says: /proc, and the tools `top`, `df` and `free`.
 *
 *   node benches/bench/monitor-agrees-child.mjs [--seconds 60] [--interval 1000] [--tolerance 2] [--json]
 *
 * Exit code 1 where a figure differs by more than the tolerance, in percent of what the system says, and by more than what
 * that itself cannot tell: two ticks of the kernel's clock, the last digit of a tool. Linux only.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { MemoryManager, ProductionMonitor } from '../../index.mjs';
import { table } from './format.mjs';
import { temporaryFolder } from './temporary.mjs';

const MB = 2 ** 20;
const HELD_MB = 150;
const FILE_MB = 64;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    interval: { type: 'string', default: '1000' },
    tolerance: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const [seconds, interval, tolerance] = [values.seconds, values.interval, values.tolerance].map(Number);

/** The tools speak as their manuals do. */
const run = async (command, ...args) => {
  const { stdout } = await promisify(execFile)(command, args, {
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 1 << 26,
  });
  return stdout;
};

const ticksPerSecond = Number(await run('getconf', 'CLK_TCK'));
const pageBytes = Number(await run('getconf', 'PAGESIZE'));

/** All that /proc says at this moment. */
function system() {
  const cpu = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].split(/ +/).slice(1, 9).map(Number);
  const ticks = cpu.reduce((sum, value) => sum + value, 0);
  // After the name in brackets: state is the first field, utime the twelfth.
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1).split(' ');
  const memory = Object.fromEntries(
    [...readFileSync('/proc/meminfo', 'latin1').matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kb]) => [
      name,
      kb / 1024,
    ]),
  );
  return {
    at: performance.now(),
    ticks,
    busy: ticks - cpu[3] - cpu[4],
    ownSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    rss: (Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * pageBytes) / MB,
    available: memory.MemAvailable,
    used: memory.MemTotal - memory.MemAvailable,
    load: Number(readFileSync('/proc/loadavg', 'latin1').split(' ', 1)[0]),
  };
}

/** What the second round of `top` says of the time since the first: the process, and the machine. */
async function top(delay) {
  const text = await run('top', '-b', '-n', '2', '-d', String(delay), '-p', String(process.pid));
  const [, round] = text.split(/^top - /m).slice(1);
  const line = round.match(/^%Cpu\(s\): (.*)$/m)[1];
  const of = (name) => Number(line.match(new RegExp(`([\\d.]+) ${name}`))[1]);
  const [head, process_] = round
    .trimEnd()
    .split('\n')
    .slice(-2)
    .map((row) => row.trim().split(/ +/));
  return { busy: 100 - of('id') - of('wa'), own: Number(process_[head.indexOf('%CPU')]) };
}

/** `df` and `free` in MB. */
async function space(folder) {
  const [used, available, share] = (await run('df', '-k', '--output=used,avail,pcent', folder))
    .trimEnd()
    .split('\n')
    .at(-1)
    .trim()
    .split(/ +/)
    .map((text) => Number.parseFloat(text));
  return { used: used / 1024, available: available / 1024, share };
}

async function free() {
  const [head, row] = (await run('free', '-k')).split('\n');
  const at = head.trim().split(/ +/).indexOf('available') + 1;
  return Number(row.trim().split(/ +/)[at]) / 1024;
}

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

const folder = await temporaryFolder();
process.chdir(folder.path);
const memory = new MemoryManager();
const monitor = new ProductionMonitor({ console: false, metricsInterval: interval }, memory);
const worker = new Worker(new URL('./monitor-load.mjs', import.meta.url), {
  workerData: { stepMs: (seconds * 1e3) / 10 },
});
await once(worker, 'message');
// Pages that were touched, so that they are resident.
const held = Array.from({ length: HELD_MB }, () => Buffer.alloc(MB, 1));
await writeFile(join(folder.path, 'load'), Buffer.alloc(FILE_MB * MB, 1));

const nextSample = async () => {
  const [metrics] = await once(monitor, 'metricsCollected');
  return { metrics, system: system() };
};

// Figures of a sample are since the one before: this one ends what came before the load.
const first = await nextSample();
let toolsEnded = Number.POSITIVE_INFINITY;
const toolsPromise = top(seconds).finally(() => {
  toolsEnded = performance.now();
});
// What the monitor told, against a timer of this thread that should have come as often.
const came = { told: 0, ticks: 0 };
const onSample = () => came.told++;
monitor.on('metricsCollected', onSample);
const timer = setInterval(() => came.ticks++, interval);
const samples = [];
while ((samples.at(-1) ?? first).system.at < toolsEnded) samples.push(await nextSample());
clearInterval(timer);
monitor.off('metricsCollected', onSample);
const last = samples.at(-1);
const tools = await toolsPromise;
const [disk, available] = [await space(folder.path), await free()];
// The one after `df` and `free`, as little later as it gets.
const after = await nextSample();

const elapsed = (last.system.at - first.system.at) / 1e3;
const since = (name) => last.system[name] - first.system[name];
const of = (path) => samples.map(({ metrics }) => path.split('.').reduce((value, key) => value[key], metrics));

const averages = Object.fromEntries(
  ['cpu.usage', 'cpu.process', 'memory.process', 'memory.system', 'memory.available', 'cpu.loadAverage.0'].map(
    (path) => [path, mean(of(path))],
  ),
);
const seen = (name) => mean(samples.map((one) => one.system[name]));

/** The mean of a figure over the time that `top` looked at: each sample counts for as long as both did. */
function duringTop(path) {
  const [from, to] = [toolsEnded - seconds * 1e3, toolsEnded];
  let [sum, weight] = [0, 0];
  samples.forEach(({ metrics, system: { at } }, index) => {
    const before = (samples[index - 1] ?? first).system.at;
    const both = Math.max(0, Math.min(at, to) - Math.max(before, from));
    sum += both * path.split('.').reduce((value, key) => value[key], metrics);
    weight += both;
  });
  return sum / weight;
}

/** The kernel counts in ticks, and both ends of the time may be off by one; tools show one digit. */
const ticks = 2 / ticksPerSecond;
const ticksShare = (ticks / elapsed) * 100;
const digit = 0.1;

/** Figure, what says otherwise, unit, what that says, and the difference in this unit that says nothing. */
const figures = [
  ['cpu.usage', '/proc/stat', '%', averages['cpu.usage'], (since('busy') / since('ticks')) * 100, ticksShare],
  ['cpu.usage', 'top', '%', duringTop('cpu.usage'), tools.busy, ticksShare + 3 * digit],
  ['cpu.process', '/proc/self/stat', '%', averages['cpu.process'], (since('ownSeconds') / elapsed) * 100, ticksShare],
  ['cpu.process', 'top', '%', duringTop('cpu.process'), tools.own, ticksShare + digit],
  ['cpu.time', '/proc/self/stat', 's', last.metrics.cpu.time - first.metrics.cpu.time, since('ownSeconds'), ticks],
  ['memory.process', '/proc/self/statm', 'MB', averages['memory.process'], seen('rss'), 0],
  ['memory.system', '/proc/meminfo', 'MB', averages['memory.system'], seen('used'), 0],
  ['memory.available', '/proc/meminfo', 'MB', averages['memory.available'], seen('available'), 0],
  ['memory.available', 'free', 'MB', after.metrics.memory.available, available, 0],
  ['cpu.loadAverage.0', '/proc/loadavg', '', averages['cpu.loadAverage.0'], seen('load'), 0.01],
  ['disk.usage', 'df', 'MB', after.metrics.disk.usage, disk.used, 0],
  ['disk.available', 'df', 'MB', after.metrics.disk.available, disk.available, 0],
  // `df` rounds up to a whole percent.
  ['disk.percentage', 'df', '%', after.metrics.disk.percentage, disk.share, 1],
].map(([figure, by, unit, ours, theirs, absolute]) => {
  const apart = Math.abs(ours - theirs);
  const difference = (apart / theirs) * 100;
  return {
    figure,
    with: by,
    unit,
    ours,
    theirs,
    absolute,
    difference,
    agrees: difference <= tolerance || apart <= absolute,
  };
});

// Until here it has to be there.
if (held.length !== HELD_MB) throw new Error('the load is gone');
await worker.terminate();
await monitor.stop();
memory.stop();
process.chdir('/');
await folder.remove();
await sleep(0);

const layout = {
  title: `${samples.length} samples in ${elapsed.toFixed(1)} s of load`,
  columns: [
    { key: 'figure', title: 'figure' },
    { key: 'with', title: 'compared with' },
    { key: 'unit', title: 'unit' },
    { key: 'ours', title: 'monitor', format: (value) => value.toFixed(2) },
    { key: 'theirs', title: 'system', format: (value) => value.toFixed(2) },
    { key: 'difference', title: 'difference', format: (value) => `${value.toFixed(2)} %` },
    { key: 'absolute', title: 'cannot tell', format: (value) => (value === 0 ? '–' : value.toFixed(2)) },
    { key: 'agrees', title: 'agrees', format: (value) => (value ? 'yes' : 'NO') },
  ],
};
if (values.json) console.log(JSON.stringify({ samples: samples.length, ...came, seconds: elapsed, figures }));
else console.log(table(layout, figures));
// A figure that is missing is NaN, and no agreement.
process.exitCode = figures.every(({ agrees }) => agrees) ? 0 : 1;
