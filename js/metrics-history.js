'use strict';

/** Makes `SystemMetrics` of what the core hands over: numbers in columns, as objects by the paths of the metric table. */

const native = require('./binding.js');

/** Cells of a row before its figures: when, and for how long it stands, ms. */
const HEAD = 2;
/** Cells of an operation: row, name, requests, errors, mean, p50, p95, p99, max. */
const OPERATION = 9;
const MS = 1000;
const HUNDREDTHS = 100;

/** By the first step of the paths: objects and lists, each after the one that it is in, and where the figures go. */
let plan;

function madePlan() {
  const groups = new Map();
  native.metricColumns().forEach(({ path, perOne }, column) => {
    const steps = path.split('.');
    const name = steps[0];
    if (!groups.has(name)) groups.set(name, { places: new Map([[name, 0]]), containers: [], figures: [] });
    const { places, containers, figures } = groups.get(name);
    const placeOf = (inner, isList) => {
      const text = inner.join('.');
      if (!places.has(text)) {
        const parent = placeOf(inner.slice(0, -1), false);
        places.set(text, places.size);
        containers.push({ parent, key: inner.at(-1), isList });
      }
      return places.get(text);
    };
    const key = steps.at(-1);
    if (steps.length === 1) figures.push({ place: -1, column, perOne });
    else if (/^\d+$/.test(key)) figures.push({ place: placeOf(steps.slice(0, -1), true), key, column, perOne });
    else figures.push({ place: placeOf(steps.slice(0, -1), false), key, column, perOne });
  });
  return groups;
}

const round = (value, perOne) => (Number.isNaN(value) ? null : Math.round(value * perOne) / perOne);

function operationsAt(table, names, from, to, seconds) {
  const operations = {};
  for (let at = from; at < to; at += OPERATION) {
    const [count, errors] = [table[at + 2], table[at + 3]];
    operations[names[table[at + 1]]] = {
      count,
      errors,
      errorRate: round((errors / Math.max(count, 1)) * 100, HUNDREDTHS),
      throughput: round(count / seconds, HUNDREDTHS),
      mean: round(table[at + 4], MS),
      p50: round(table[at + 5], MS),
      p95: round(table[at + 6], MS),
      p99: round(table[at + 7], MS),
      max: round(table[at + 8], MS),
    };
  }
  return operations;
}

/** One group of a row: an object, or a number for a figure that stands by itself. */
function groupAt(name, rows, at) {
  const { containers, figures } = plan.get(name);
  if (figures[0].place === -1) return round(rows[at + HEAD + figures[0].column], figures[0].perOne);
  const group = {};
  const places = [group];
  for (const { parent, key, isList } of containers) {
    const container = isList ? [] : {};
    places[parent][key] = container;
    places.push(container);
  }
  for (const { place, key, column, perOne } of figures) places[place][key] = round(rows[at + HEAD + column], perOne);
  if (name === 'cache') group.l1.size = group.l1.entries;
  return group;
}

/**
 * A row whose groups are made when they are first read: a day of them is a million figures. To whoever reads, copies or
 * serialises it, it is a plain object.
 */
function lazyMetrics(rows, at, operations) {
  const made = {};
  const group = (name) => (made[name] ??= groupAt(name, rows, at));
  return {
    timestamp: new Date(rows[at]),
    get memory() {
      return group('memory');
    },
    get cpu() {
      return group('cpu');
    },
    get disk() {
      return group('disk');
    },
    get cache() {
      return group('cache');
    },
    get agents() {
      return group('agents');
    },
    get performance() {
      return group('performance');
    },
    get operations() {
      made.operations ??= operations();
      return made.operations;
    },
    get eventLoop() {
      return group('eventLoop');
    },
    get gc() {
      return group('gc');
    },
    get filter() {
      return group('filter');
    },
    get tokens() {
      return group('tokens');
    },
    get health() {
      return group('health');
    },
    get alerts() {
      return group('alerts');
    },
    get uptime() {
      return group('uptime');
    },
  };
}

function historyOf({ rows, operations, names, width }) {
  plan ??= madePlan();
  const found = [];
  let next = 0;
  for (let at = 0, row = 0; at < rows.length; at += width, row++) {
    const from = next;
    while (next < operations.length && operations[next] === row) next += OPERATION;
    const to = next;
    const seconds = Math.max(rows[at + 1], 1) / 1000;
    found.push(lazyMetrics(rows, at, () => operationsAt(operations, names, from, to, seconds)));
  }
  return found;
}

/** The last one, whole, or `null` before the first. */
function metricsOf(columnsOfOne) {
  return columnsOfOne ? { ...historyOf(columnsOfOne)[0] } : null;
}

/** Names of the groups of a row, for whoever checks that none is missing. */
const groupNames = () => [...madePlan().keys()];

module.exports = { historyOf, metricsOf, groupNames };
