'use strict';

/** The figures of `stats`: what a reading (`getStatus()`, and the monitor's metrics where there are any) says, as rows. */

const { bytes, clipped, duration, visible } = require('../text.js');

const MB = 2 ** 20;

/** Agents that are shown, those with the most memory. */
const SHOWN_AGENTS = 8;

/** Operations that are shown, those with the most requests. */
const SHOWN_OPERATIONS = 6;

const isFigure = (value) => typeof value === 'number' && Number.isFinite(value);

const count = (value) => (isFigure(value) ? Math.round(value).toLocaleString('en-US') : '–');
const percent = (value) => (isFigure(value) ? `${value.toFixed(1)} %` : '–');
const share = (part, whole) => (whole > 0 ? percent((part / whole) * 100) : '–');
const ms = (value) => (isFigure(value) ? `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms` : '–');
const megabytes = (value) => (isFigure(value) ? bytes(value * MB) : '–');

/** What changed a second between two readings, in brackets; nothing without an earlier one. */
function rate(now, before, seconds) {
  if (!isFigure(now) || !isFigure(before) || !(seconds > 0) || now < before) return '';
  const each = (now - before) / seconds;
  return `(${each < 10 ? each.toFixed(1) : count(each)}/s)`;
}

/** Sizes in MB have two places: what is less, and not nothing, is said to be. */
const LEAST_MB = 0.01;

/** The size of a layer; of those on disk the bytes are known. */
function sizeText(entries, { sizeMB, storedBytes }) {
  if (isFigure(storedBytes)) return bytes(storedBytes);
  return entries > 0 && sizeMB === 0 ? `under ${megabytes(LEAST_MB)}` : megabytes(sizeMB);
}

const lookupsOf = (cache) => cache && cache.overall.totalHits + cache.overall.totalMisses;

function cacheRows(cache, before, seconds) {
  if (!cache) return [['cache', 'off']];
  const { l1, l2, l3, overall } = cache;
  const lookups = lookupsOf(cache);
  const layer = (name, { entries, maxSizeMB, hits, ...size }) => [
    name,
    `${count(entries)} entries, ${sizeText(entries, size)} of ${megabytes(maxSizeMB)}`,
    `${count(hits)} hits`,
  ];
  return [
    [
      'hit rate',
      share(overall.totalHits, lookups),
      `${count(lookups)} lookups ${rate(lookups, lookupsOf(before), seconds)}`,
    ],
    layer('L1', l1),
    layer('L2', l2),
    layer('L3', l3),
    ['evictions', count(overall.evictions), `${count(overall.similarityDetections)} similar`],
  ];
}

function tokenRows(tokens, before, seconds) {
  if (!tokens) return [['tokens', 'off']];
  const { operations, originalTokens, resultTokens, tokensSaved } = tokens;
  return [
    [
      'saved',
      count(tokensSaved),
      `${share(tokensSaved, originalTokens)} ${rate(tokensSaved, before?.tokensSaved, seconds)}`,
    ],
    ['sent', count(resultTokens), `of ${count(originalTokens)}`],
    ['contexts', count(operations), rate(operations, before?.operations, seconds)],
  ];
}

function memoryRows(memory) {
  if (!memory) return [['memory', 'off']];
  const { process: own, limits, percentage, pressure } = memory;
  return [
    ['process', megabytes(own.rss), `${percent(percentage)} of ${megabytes(limits?.effective)}`],
    ['V8 heap', megabytes(own.heapUsed), `of ${megabytes(limits?.heapLimit)}`],
    ['pressure', visible(pressure?.step ?? 'unknown'), visible(pressure?.reason ?? '')],
  ];
}

function agentRows(memory, width) {
  const agents = [...(memory?.agents ?? [])].sort((a, b) => b.totalMemory - a.totalMemory);
  const rows = agents
    .slice(0, SHOWN_AGENTS)
    .map(({ agentId, totalMemory, isThrottled }) => [
      clipped(visible(agentId), width),
      bytes(totalMemory),
      isThrottled ? 'throttled' : '',
    ]);
  if (agents.length > SHOWN_AGENTS) rows.push(['others', count(agents.length - SHOWN_AGENTS), '']);
  return rows.length > 0 ? rows : [['none', '', '']];
}

function latencyRows(metrics, width) {
  const { performance: all, operations = {} } = metrics ?? {};
  if (!all) return [['unknown', 'there is no monitor: enableProductionMonitoring', '']];
  const rows = [
    [
      'all',
      `p50 ${ms(all.p50)}  p95 ${ms(all.requests > 0 ? all.responseTime : null)}  p99 ${ms(all.p99)}`,
      `${count(all.requests)} requests`,
    ],
  ];
  const busiest = Object.entries(operations).sort(([, a], [, b]) => (b.requests ?? 0) - (a.requests ?? 0));
  for (const [name, { p50, p95, p99, requests }] of busiest.slice(0, SHOWN_OPERATIONS)) {
    rows.push([
      clipped(visible(name), width),
      `p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}`,
      `${count(requests)} requests`,
    ]);
  }
  return rows;
}

/** Longest name of an agent or an operation that is shown whole, columns. */
const NAME_WIDTH = 28;

/**
 * @param {{ at: number, status: object, metrics?: object }} reading `at` in ms
 * @param {typeof reading} [before] an earlier one of the same system
 * @returns {[string, string[][]][]} titles with their rows
 */
function sectionsOf({ at, status, metrics }, before) {
  const { components } = status;
  const last = before?.status.components;
  const seconds = before ? (at - before.at) / 1000 : 0;
  return [
    ['cache', cacheRows(components.cacheManager, last?.cacheManager, seconds)],
    ['tokens', tokenRows(status.tokenOptimizer, before?.status.tokenOptimizer, seconds)],
    ['memory', memoryRows(components.memoryManager)],
    ['agents', agentRows(components.memoryManager, NAME_WIDTH)],
    ['latency', latencyRows(metrics, NAME_WIDTH)],
  ];
}

/** The reading as lines. `head` says where it comes from. */
function linesOf(reading, before, head, { paint, table }) {
  const sections = sectionsOf(reading, before);
  const all = sections.flatMap(([, rows]) => rows.map((row) => ['', ...row]));
  const lines = table(all, { align: ['left'] }).split('\n');
  const { status } = reading;
  const text = [head, `score ${visible(status.overallScore)} of 100, up for ${duration(status.uptime)}`];
  let at = 0;
  for (const [title, rows] of sections) {
    text.push('', paint(title, 'bold'), ...lines.slice(at, at + rows.length));
    at += rows.length;
  }
  return text;
}

/** The reading as data: the same figures, by name. */
function dataOf({ at, status, metrics }) {
  const { cacheManager: cache, memoryManager: memory } = status.components;
  return {
    timestamp: new Date(at).toISOString(),
    score: status.overallScore,
    uptime: status.uptime,
    cache: cache && { l1: cache.l1, l2: cache.l2, l3: cache.l3, overall: cache.overall },
    tokens: status.tokenOptimizer,
    memory: memory && {
      process: memory.process,
      limit: memory.limits?.effective ?? null,
      percentage: memory.percentage,
      pressure: memory.pressure?.step ?? null,
    },
    agents: memory?.agents ?? [],
    latency: metrics ? { ...metrics.performance, operations: metrics.operations ?? {} } : null,
  };
}

module.exports = { linesOf, dataOf };
