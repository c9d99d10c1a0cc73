'use strict';

/** Makes of what the core says what callers see. */

const args = require('./arguments.js');
const { AgentwiseError } = require('./errors.js');
const { addLazy } = require('./result.js');

/** Keys whose numbers are Unix ms; `src/orchestrator/report.rs` makes text of the same in files. */
const TIME_KEYS = new Set([
  'timestamp',
  'lastAccessed',
  'lastOptimization',
  'createdAt',
  'since',
  'lastAt',
  'resolvedAt',
  'lastDeliveredAt',
  'until',
  'at',
  'decidedAt',
  'lastRun',
]);

/** Keys whose text is a name that the caller chose. */
const NAME_KEYS = new Set(['agentId', 'key']);

/** Keys whose lists are of such names. */
const NAMES_KEYS = new Set(['throttledAgents', 'keys']);

/** Keys of what is the caller's own, or counts: nothing in it is a time. */
const VERBATIM_KEYS = new Set(['metadata', 'evidence']);

/** `value` with the numbers that were taken for times. */
function verbatim(value) {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== 'object' || value === null) return value;
  for (const [key, item] of Object.entries(value)) value[key] = verbatim(item);
  return value;
}

/** The error of a stage that failed. */
function stageError({ code, message, stage }) {
  return Object.assign(new AgentwiseError(code, message), { stage });
}

/** What the core says, as callers see it: dates, their own names. */
function revive(key, value) {
  if (VERBATIM_KEYS.has(key)) return verbatim(value);
  if (key === 'error' && value?.stage !== undefined) return stageError(value);
  if (typeof value === 'number') return TIME_KEYS.has(key) ? new Date(value) : value;
  if (typeof value === 'string') return NAME_KEYS.has(key) ? args.originalText(value) : value;
  return NAMES_KEYS.has(key) ? value.map(args.originalText) : value;
}

/** What an event carries. The value of a cache entry is parsed when somebody looks at it. */
function eventData(data) {
  const { entry } = data;
  if (entry?.size === undefined) return data;
  const { valueJson, valueText, ...rest } = entry;
  return { ...data, entry: addLazy(rest, 'value', () => valueText ?? JSON.parse(valueJson)) };
}

module.exports = { revive, eventData };
