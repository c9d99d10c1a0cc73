'use strict';

/** What the specs of the context filter share: contexts like those of repositories, and ways back to what was left out. */

const fs = require('node:fs');
const path = require('node:path');
const { AgentContextFilter, countTokens } = require('../../index.js');
const { ROOT } = require('../support.js');

/** A line for what is missing of a text, with the line end that follows it. */
const MARKER = /\[… lines? (\d+)(?:–(\d+))? left out(?:: (.*?))? \(ref ([0-9a-f]{16})\)\]\n/g;

const open = (config = {}) => new AgentContextFilter(config);
const jsonBytes = (value) => Buffer.byteLength(JSON.stringify(value));
const jsonTokens = (value) => countTokens(JSON.stringify(value));
const said = (result) => result.adaptations.join('\n');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The texts of this repository below `directories`, by path. */
function sources(...directories) {
  const files = {};
  const read = (directory) => {
    for (const entry of fs.readdirSync(path.join(ROOT, directory), { withFileTypes: true })) {
      const name = `${directory}/${entry.name}`;
      if (entry.isDirectory()) read(name);
      else if (/\.(rs|js|md|json)$/.test(name)) files[name] = fs.readFileSync(path.join(ROOT, name), 'utf8');
    }
  };
  for (const directory of directories) read(directory);
  return files;
}

/** A context as an agent at work on this repository has it. */
function repository(currentTask = 'Fix the line numbers that marker_line in src/context/outcome.rs writes') {
  const files = sources('src/context', 'src/base', 'js', 'docs/decisions');
  return {
    currentTask,
    projectStructure: Object.keys(files).filter((name) => name.startsWith('src/base')),
    recentChanges: Array.from({ length: 30 }, (_, at) => ({ commit: `c${at}`, message: `Change ${at} of the cache` })),
    files,
  };
}

/** `count` functions, one below the other; `partAt` gives the source of one. */
const partAt = (at) => `/** Does part ${at} of the work. */
export function part${at}(input) {
  const value${at} = input.map((x) => x * ${at});
  if (value${at}.length === ${at}) throw new RangeError('part ${at} has ${at} values');
  console.log('part ${at} of the work is done with', value${at}, 'and nothing was left for part ${at + 1}');
  return value${at}.filter(Boolean).reduce((a, b) => a + b, ${at});
}
`;
const parts = (count) => Array.from({ length: count }, (_, at) => partAt(at)).join('\n');

/** Values of every shape, with keys that have dots and texts that can be cut. */
const mixed = () => ({
  currentTask: 'part3 and the alpha list',
  alpha: Array.from({ length: 30 }, (_, at) => ({
    at,
    text: `entry ${at} `.repeat(at * 3),
    deep: [{ x: ['y'.repeat(at * 20)] }],
  })),
  files: {
    'src/a.js': parts(40),
    'src/b.js': parts(3),
    'node_modules/c/index.js': parts(2),
    'd.e.f': 'text '.repeat(300),
  },
  'dotted.key': { 'x.y': 'z'.repeat(400), '': 'empty '.repeat(80) },
  numbers: Array.from({ length: 200 }, (_, at) => at / 3),
  nothing: [null, true, false, 0, ''],
});

/** The markers of a text. */
const markersOf = (text) =>
  [...text.matchAll(MARKER)].map(([line, first, last = first, names = '', reference]) => ({
    line,
    first: Number(first),
    last: Number(last),
    names: names === '' ? [] : names.split(', '),
    reference,
  }));

/** A text with what each marker stands for in its place. */
async function restored(text, resolve) {
  let whole = '';
  let at = 0;
  for (const match of text.matchAll(MARKER)) {
    whole += text.slice(at, match.index);
    // A marker begins on a line of its own: where a text is cut within a line, there is a line end more.
    const line = whole.split('\n').length;
    if (line === Number(match[1]) + 1) whole = whole.slice(0, -1);
    whole += await resolve(match[4]);
    at = match.index + match[0].length;
  }
  return whole + text.slice(at);
}

/** Segments of every dotted path of a value. */
function segmentsByPath(value, segments = [], found = new Map()) {
  found.set(segments.join('.'), segments);
  if (value !== null && typeof value === 'object') {
    for (const key of Object.keys(value)) segmentsByPath(value[key], [...segments, key], found);
  }
  return found;
}

/** Sets an own property of any name, `__proto__` too. */
const setOwn = (target, key, value) =>
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });

/** The whole context, from what is left and what was left out of it. The original only says what a path's segments are. */
async function reconstructed({ original, filtered, dropped }, resolve) {
  const whole = structuredClone(filtered);
  const paths = segmentsByPath(original);
  const texts = new Set();
  for (const part of dropped) {
    const segments = paths.get(part.path);
    const key = segments.at(-1);
    const holder = segments.slice(0, -1).reduce((value, segment) => value[segment], whole);
    if (part.lines) texts.add(part.path);
    else if (Array.isArray(holder)) holder.splice(Number(key), 0, await resolve(part.reference));
    else setOwn(holder, key, await resolve(part.reference));
  }
  for (const text of texts) {
    const segments = paths.get(text);
    const holder = segments.slice(0, -1).reduce((value, segment) => value[segment], whole);
    holder[segments.at(-1)] = await restored(holder[segments.at(-1)], resolve);
  }
  return whole;
}

module.exports = {
  MARKER,
  open,
  jsonBytes,
  jsonTokens,
  said,
  wait,
  sources,
  repository,
  partAt,
  parts,
  mixed,
  markersOf,
  restored,
  reconstructed,
};
