'use strict';

const { setOwn } = require('./document.js');

/** The context with references in place of what does not fit. `elements` are in the order of its keys. */
function trimmedContext(context, { elements, isObject }) {
  const reference = (key, summary) => ({ type: 'reference', location: `shared:${key}`, summary });
  if (!isObject) {
    const { outcome, summary } = elements[0];
    if (outcome === 'kept') return context;
    return outcome === 'reference' ? reference('context', summary) : null;
  }
  const trimmed = {};
  const omitted = [];
  for (const { key: json, outcome, summary } of elements) {
    const key = JSON.parse(json);
    if (outcome === 'kept') setOwn(trimmed, key, context[key]);
    else if (outcome === 'reference') setOwn(trimmed, key, reference(key, summary));
    else omitted.push(key);
  }
  if (!Object.hasOwn(trimmed, 'omitted')) {
    Object.defineProperty(trimmed, 'omitted', {
      value: omitted,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
  return trimmed;
}

module.exports = { trimmedContext };
