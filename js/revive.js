'use strict';

/** Makes of what the core says what callers see. */

const args = require('./arguments.js');
const { addLazy } = require('./result.js');

/** Keys whose numbers are Unix ms; `src/orchestrator/report.rs` makes text of the same in files. */
const TIME_KEYS = new Set(['timestamp', 'lastAccessed', 'lastOptimization', 'createdAt']);

/** Keys whose text is a name that the caller chose. */
const NAME_KEYS = new Set(['agentId', 'key']);

/** What the core says, as callers see it: dates, their own names. */
function revive(key, value) {
  if (typeof value === 'number') return TIME_KEYS.has(key) ? new Date(value) : value;
  if (typeof value === 'string') return NAME_KEYS.has(key) ? args.originalText(value) : value;
  return key === 'throttledAgents' ? value.map(args.originalText) : value;
}

/** What an event carries. The value of a cache entry is parsed when somebody looks at it. */
function eventData(data) {
  const { entry } = data;
  if (entry?.size === undefined) return data;
  const { valueJson, valueText, ...rest } = entry;
  return { ...data, entry: addLazy(rest, 'value', () => valueText ?? JSON.parse(valueJson)) };
}

module.exports = { revive, eventData };
