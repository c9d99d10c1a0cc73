'use strict';

/** Events of a system that follow from those of its parts, under the names that callers of the replaced package know. */

const { emit } = require('./emit.js');
const { hears } = require('./native-emitter.js');

const same = (data) => data;

/** The deepest step against memory pressure. */
const LAST_STEP = 'throttleAll';

/** By event of a part: name of the event that follows, and its data; `undefined` where it does not follow. */
const DERIVED = {
  alertCreated: ['productionAlert', same],
  healthCheckCompleted: ['healthUpdate', same],
  pressureChanged: [
    'emergencyThrottle',
    ({ step, previous, reason }) => (step === LAST_STEP && previous !== LAST_STEP ? { reason } : undefined),
  ],
  memoryUpdate: ['statsUpdated', (_, statistics) => statistics()],
};

/** `names` and the events of parts that others of them follow from. */
function withSources(names) {
  const sources = Object.keys(DERIVED).filter((source) => names.includes(DERIVED[source][0]));
  return [...new Set([...names, ...sources])];
}

/** The name of what follows from an event, if something may. */
const derivedFrom = (name) => (Object.hasOwn(DERIVED, name) ? DERIVED[name][0] : undefined);

/**
 * Emits what follows from an event.
 * @param {import('node:events').EventEmitter} emitter
 * @param {() => object} statistics of the system
 */
function emitDerived(emitter, name, data, statistics) {
  const [derived, dataOf] = Object.hasOwn(DERIVED, name) ? DERIVED[name] : [];
  if (derived === undefined || !hears(emitter, derived)) return;
  const own = dataOf(data, statistics);
  if (own !== undefined) emit(emitter, derived, own);
}

module.exports = { derivedFrom, withSources, emitDerived };
