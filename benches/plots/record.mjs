/** Results that a page is made of: taken from a report of `bench --json`, or from benchmarks that are run one by one. */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../bench/main.mjs', import.meta.url));
const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

/** Of this package, and of the peers that are installed. */
export function versions() {
  const wanted = Object.keys(read('../package.json').dependencies);
  const path = (peer) => new URL(`../node_modules/${peer}/package.json`, import.meta.url);
  const installed = wanted.filter((peer) => existsSync(path(peer)) && peer !== 'echarts');
  const peers = Object.fromEntries(
    installed.map((peer) => [peer, read(`../node_modules/${peer}/package.json`).version]),
  );
  return { package: read('../../package.json').version, peers };
}

/** Nothing in a report says where on this machine things are: a path below these folders becomes `…`. */
function withoutPaths(value, folders) {
  if (typeof value === 'string') {
    const patterns = folders.map((folder) => `${folder.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^\\s,;:)]*`);
    return value.replace(new RegExp(patterns.join('|'), 'g'), '…');
  }
  if (Array.isArray(value)) return value.map((one) => withoutPaths(one, folders));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutPaths(one, folders)]));
}

/** Five digits: more is noise, and a larger file. Whole numbers are counts. */
const rounded = (_key, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;

const LINE = 500;

/** JSON in which what is short stands in one line, so that a diff shows the rows that changed. */
function lines(value, indent) {
  const line = JSON.stringify(value, rounded);
  if (line.length <= LINE || value === null || typeof value !== 'object') return line;
  const inner = `${indent} `;
  const children = Array.isArray(value)
    ? value.map((one) => inner + lines(one, inner))
    : Object.entries(value).map(([key, one]) => `${inner}${JSON.stringify(key)}: ${lines(one, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${children.join(',\n')}\n${indent}${close}`;
}

/** Results as they are kept. */
export const serialized = (results) => `${lines(results, '')}\n`;

/** Entries of a report of `bench --json`. */
export function entriesOf({ machine, benchmarks }, { options = [], folders = [] } = {}) {
  const date = machine.date ?? new Date().toISOString();
  const all = benchmarks.map((benchmark) => ({ ...benchmark, machine, date, options }));
  return withoutPaths(all, [tmpdir(), ...folders]);
}

/**
 * The results so far with other entries in place of those of the same name.
 *
 * @param {string[]} names in the order of the page
 * @param {{ name: string, reason: string }[]} failed what was tried and gave nothing; its earlier figures stay
 */
export function merged(results, names, entries, failed = []) {
  const known = new Map([...(results?.benchmarks ?? []), ...entries].map((one) => [one.name, one]));
  const tried = [...entries, ...failed].map(({ name }) => name);
  return {
    versions: versions(),
    failed: [...(results?.failed ?? []).filter(({ name }) => !tried.includes(name)), ...failed],
    benchmarks: names.filter((name) => known.has(name)).map((name) => known.get(name)),
  };
}

/**
 * Runs one benchmark in a process of its own: what one leaves behind does not slow the next, and one that fails costs its
 * own figures only.
 *
 * @param {string} name
 * @param {string[]} passed options of `bench`
 */
export async function runOne(name, passed) {
  const args = ['--expose-gc', MAIN, '--only', name, '--json', ...passed];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, status] = await Promise.all([
    text(child.stdout),
    new Promise((resolve) => child.on('close', resolve)),
  ]);
  if (status !== 0) throw new Error(`status ${status}`);
  return JSON.parse(output);
}
