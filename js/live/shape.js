'use strict';

/**
 * Whether what another process wrote or answered has the form that is read here. Only what is used is looked at: another
 * version may know more.
 */

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === 'string';
const isAbsent = (value) => value === undefined || value === null;

/** Whether each of `names` is an object in `value`. */
const hasObjects = (value, names) => isObject(value) && names.every((name) => isObject(value[name]));
const isOptional = (value, isRight) => isAbsent(value) || isRight(value);
const isListOf = (isRight) => (value) => Array.isArray(value) && value.every(isRight);
const isMapOf = (isRight) => (value) => isObject(value) && Object.values(value).every(isRight);

const isMemory = (value) =>
  hasObjects(value, ['process']) && isOptional(value.agents, isListOf(isObject)) && isOptional(value.limits, isObject);
const isCache = (value) => hasObjects(value, ['l1', 'l2', 'l3', 'overall']);
const isFilter = (value) => isObject(value) && Array.isArray(value.agentSpecializations);

function isStatus(value) {
  if (!isObject(value) || !isObject(value.components)) return false;
  const { memoryManager, cacheManager, contextFilter } = value.components;
  return (
    isOptional(memoryManager, isMemory) &&
    isOptional(cacheManager, isCache) &&
    isOptional(contextFilter, isFilter) &&
    isOptional(value.tokenOptimizer, isObject) &&
    isOptional(value.tuning, isObject)
  );
}

const isHealth = (value) =>
  isObject(value) &&
  isText(value.overall) &&
  isOptional(
    value.components,
    isMapOf((part) => isOptional(part, isObject)),
  ) &&
  isOptional(value.recommendations, Array.isArray);

const isChange = (value) => isObject(value) && !Number.isNaN(new Date(value.at).getTime());
const isTuning = (value) => isObject(value) && isListOf(isChange)(value.history);

const isMetrics = (value) =>
  isObject(value) &&
  isOptional(value.metrics, (metrics) => isObject(metrics) && isOptional(metrics.performance, isObject)) &&
  isOptional(value.latencies, isMapOf(isObject));

const PAGES = { '/status': isStatus, '/health': isHealth, '/tuning': isTuning, '/metrics.json': isMetrics };

/** Whether `answer` is what a page of a running system says. */
const isAnswer = (page, answer) => PAGES[page]?.(answer) ?? true;

module.exports = { isAnswer, isHealth, isObject, isStatus };
