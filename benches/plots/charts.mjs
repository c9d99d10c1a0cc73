/** Which pictures are made of which results. A benchmark that was not run, or found no peer, has none. */

import { count, megabytes } from '../bench/format.mjs';
import { barsSvg } from './bars.mjs';
import { dotsSvg } from './dots.mjs';
import { LOOKS } from './look.mjs';

const RANGE = 'points: median of the rounds; lines: 10th to 90th percentile';

const times = (value) => `${Number(value.toPrecision(value < 1 ? 2 : 3)).toLocaleString('en-US')}×`;
const UNITS = [
  [1000, 's'],
  [1, 'ms'],
  [1e-3, 'µs'],
  [0, 'ns'],
];

/** A time in ms with three digits. */
function time(ms) {
  const [from, unit] = UNITS.find(([least]) => Math.abs(ms) >= least);
  return `${Number((ms / (from || 1e-6)).toPrecision(3)).toLocaleString('en-US')} ${unit}`;
}

const spreadPoint = (row, { median, p10, p90 }) => ({ row, value: median, low: p10, high: p90 });

/** Series of one name each, a point in each row that has a value. */
function seriesOf(names, rows, figureOf) {
  return names
    .map((name) => ({
      name,
      points: rows.flatMap((row, at) => {
        const value = figureOf(row, name);
        if (value === undefined || value === null) return [];
        return [typeof value === 'number' ? { row: at, value } : spreadPoint(at, value)];
      }),
    }))
    .filter(({ points }) => points.length > 0);
}

/** Rows of one contestant each, ours apart from the others. */
const oursAndOthers = (rows, nameOf, figureOf) => ({
  isOneEach: true,
  series: [
    ...seriesOf(['this package'], rows, (row) => (nameOf(row).startsWith('ours') ? figureOf(row) : undefined)),
    ...seriesOf(['others'], rows, (row) => (nameOf(row).startsWith('ours') ? undefined : figureOf(row))),
  ],
});

function tokenCounting({ speed }) {
  const peers = { ours: 'oursMs', 'gpt-tokenizer': 'gptTokenizerMs', 'js-tiktoken': 'jsTiktokenMs' };
  return dotsSvg({
    title: 'Counting tokens exactly: countTokens, gpt-tokenizer, js-tiktoken',
    subtitle: `time for each MB of text, all warm and on one thread; left is faster\n${RANGE}`,
    axis: { name: 'time for 1 MB of UTF-8', isLog: true, format: time },
    rows: speed.map(({ text, encoding }) => `${text}, ${encoding}`),
    series: seriesOf(Object.keys(peers), speed, (row, name) => {
      const { median, p10, p90 } = row[peers[name]];
      const each = 1e6 / row.bytes;
      return { median: median * each, p10: p10 * each, p90: p90 * each };
    }),
  });
}

function cacheMemory({ calls }) {
  const operations = [...new Set(calls.map(({ operation }) => operation))];
  const contestants = [...new Set(calls.map(({ contestant }) => contestant))].filter((name) => name !== 'ours');
  const find = (operation, contestant) =>
    calls.find((call) => call.operation === operation && call.contestant === contestant)?.ms;
  return operations.map((operation) => {
    const rows = ['ours', ...contestants].filter((contestant) => find(operation, contestant));
    return dotsSvg({
      title: `A cache in memory: ${operation}`,
      subtitle: `one awaited call, 10,000 keys in random order; replaced way: SHA-256 of the key and lru-cache; left is faster\n${RANGE}`,
      axis: { name: 'time of one call', isLog: true, format: time },
      rows,
      ...oursAndOthers(
        rows,
        (contestant) => contestant,
        (contestant) => find(operation, contestant),
      ),
    });
  });
}

function cacheDisk({ writes, reads }) {
  const written = dotsSvg({
    title: 'A cache on disk: entries of 4 KB written',
    subtitle: `right is faster; not all stores are equally safe when they are done: behind each, from what\n${RANGE}`,
    axis: { name: 'entries per second', isLog: true, format: (value) => count(Math.round(value)) },
    rows: writes.map(({ contestant, survives }) => `${contestant} (${survives})`),
    ...oursAndOthers(
      writes,
      ({ contestant }) => contestant,
      ({ perSecond }) => perSecond,
    ),
  });
  const quantiles = ['p50', 'p90', 'p99'];
  const read = dotsSvg({
    title: 'A cache on disk: hits of 4 KB, warm, random keys',
    subtitle: 'one awaited call, what ours has in memory held to one entry; left is faster',
    axis: { name: 'time of one call', isLog: true, format: time },
    rows: reads.map(({ contestant }) => contestant),
    series: seriesOf(quantiles, reads, (row, quantile) => row[quantile]),
  });
  return [written, read];
}

function largeHeap({ caches }) {
  if (caches.length < 2) return [];
  const names = { p50: 'delayP50', p99: 'delayP99', longest: 'delayMax', 'longest collection': 'longestGc' };
  return dotsSvg({
    title: 'Delay of the event loop with a large cache, in a process with a heap of 512 MB',
    subtitle: 'values of 2 KB, 5,000 calls per second; lru-cache with as many entries as it lives with; left is better',
    axis: { name: 'time between two turns of a timer of 1 ms', isLog: true, format: time },
    rows: caches.map(({ cache, entries }) => `${cache}, ${count(entries)} entries`),
    series: seriesOf(Object.keys(names), caches, (row, name) => row[names[name]] || undefined),
  });
}

function similarity({ lookups }) {
  return dotsSvg({
    title: 'Looking for the same question in other words',
    subtitle:
      'a lookup that ends in a miss; the scan compares sets of words, as in the replaced package; left is faster',
    axis: { name: 'time of one lookup', isLog: true, format: time },
    rows: lookups.map(({ way, stored }) => `${way}, ${count(stored)} stored`),
    series: seriesOf(['p50', 'p99'], lookups, (row, quantile) => row[quantile]),
  });
}

/** The largest contexts of each kind. */
function largest(rows) {
  const most = Math.max(...rows.map(({ bytes }) => bytes));
  return rows.filter(({ bytes }) => bytes > most / 2);
}

const SAME = { value: 1, label: 'JSON.stringify' };

function filterContext({ filter }) {
  const rows = largest(filter);
  return dotsSvg({
    title: "filterContext('backend-specialist', context) against JSON.stringify(context)",
    subtitle: `contexts of about ${megabytes(rows[0].bytes)} of JSON; left is faster\n${RANGE}`,
    axis: { name: 'time ÷ that of JSON.stringify', isLog: true, format: times },
    rows: rows.map(({ context, call }) => `${context}, ${call}`),
    line: SAME,
    series: [
      ...seriesOf(['main thread'], rows, ({ mainRatio }) => mainRatio),
      ...seriesOf(['total without token counts'], rows, ({ totalRatio }) => totalRatio),
    ],
  });
}

function pipeline({ again }) {
  const names = { 'the very object': 'againRatio', 'an equal copy': 'copyRatio', 'after a pause': 'pausedRatio' };
  return dotsSvg({
    title: 'optimizeAgentContext with the same context again, against JSON.stringify(context)',
    subtitle: `token counts and the hash of the whole included; left is faster\n${RANGE}`,
    axis: { name: 'time ÷ that of JSON.stringify', isLog: true, format: times },
    rows: again.map(({ context, bytes }) => `${context}, ${megabytes(bytes)}`),
    line: SAME,
    series: seriesOf(Object.keys(names), again, (row, name) => row[names[name]]),
  });
}

function tokenDeltas({ peers }) {
  return dotsSvg({
    title: 'What changed in a context of 1 MB: optimizeContext and fast-json-patch',
    subtitle: `1 % changed; ours counts tokens and hashes the whole as well; left is faster\n${RANGE}`,
    axis: { name: 'time', isLog: true, format: time },
    rows: peers.map(({ context }) => context),
    series: [
      ...seriesOf(['ours, with counts'], peers, ({ oursMs }) => oursMs),
      ...seriesOf(['fast-json-patch compare()'], peers, ({ compareMs }) => compareMs),
      ...seriesOf(['compare(), counted by gpt-tokenizer'], peers, ({ countedMs }) => countedMs),
    ],
  });
}

function memoryAgents({ arms }) {
  const of = (key) => arms.map((arm) => arm[key]);
  const done = arms.map(({ runs, died, hung, failed }) => runs - died - hung - failed);
  return barsSvg({
    title: '20 agents that need twice the memory there is',
    subtitle: 'processes by how they ended; the same program, with the memory manager and where nobody waits',
    axis: 'processes',
    rows: of('arm'),
    parts: [
      { name: 'ran to the end', look: LOOKS[1], values: done },
      { name: 'died', look: LOOKS[5], values: of('died') },
      { name: 'hung', look: LOOKS[4], values: of('hung') },
      { name: 'failed', look: LOOKS[3], values: of('failed') },
    ],
  });
}

function monitorCost({ calls }) {
  // The loop alone is what the others are compared with.
  const rows = calls.filter(({ more }) => more?.median > 0);
  if (rows.length === 0) return [];
  return dotsSvg({
    title: 'Recording a request: the monitor and the histogram of prom-client',
    subtitle: `eight operations in random order, less the time of the work alone; left is faster\n${RANGE}`,
    axis: { name: 'time of one request', isLog: rows.every(({ more }) => more.p10 > 0), format: time },
    rows: rows.map(({ call }) => call),
    ...oursAndOthers(
      rows,
      ({ call }) => (/^(recordRequest|measure)/.test(call) ? `ours: ${call}` : call),
      ({ more }) => more,
    ),
  });
}

const MAKERS = {
  'filter-context': filterContext,
  pipeline,
  'token-counting': tokenCounting,
  'token-deltas': tokenDeltas,
  'cache-memory': cacheMemory,
  'cache-disk': cacheDisk,
  'cache-large-heap': largeHeap,
  similarity,
  'memory-agents': memoryAgents,
  'monitor-cost': monitorCost,
};

/**
 * @param {{ name: string, results: object }} benchmark as `bench --json` gives it
 * @returns {{ file: string, title: string, svg: string }[]}
 */
export function chartsOf({ name, results }) {
  const hasRows = Object.values(results).some((rows) => rows.length > 0);
  const made = hasRows && MAKERS[name] ? [MAKERS[name](results)].flat() : [];
  return made.map((picture, at) => ({ file: made.length > 1 ? `${name}-${at + 1}.svg` : `${name}.svg`, ...picture }));
}
