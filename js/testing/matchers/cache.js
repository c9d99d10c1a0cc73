'use strict';

/** Matchers for answers that were given before. */

const { checkAtWork, known, misuse, outcome, wantedValue } = require('./saying.js');

/** Who has answers, and is none. */
const isSystem = (subject) => typeof subject?.getCachedResponse === 'function';
const isCache = (subject) => typeof subject?.get === 'function' && typeof subject.getStats === 'function';

/** What no cache gives: answers are JSON. */
const NO_JSON = ['undefined', 'function', 'symbol', 'bigint'];

function toBeCacheHit(value, ...expected) {
  const name = 'toBeCacheHit';
  const isNone = NO_JSON.includes(typeof value) || typeof value?.then === 'function';
  if (isNone || isSystem(value) || isCache(value)) throw misuse(name, 'what a cache gave, awaited', value);
  if (expected.length > 0) wantedValue(name, expected[0]);
  const isHit = value !== null;
  return outcome(this, {
    name: 'toBeCacheHit',
    argument: expected.length > 0 ? 'value' : '',
    pass: isHit && (expected.length === 0 || this.equals(value, expected[0])),
    subject: 'the lookup',
    expected: expected.length > 0 ? `find ${this.utils.printExpected(expected[0])}` : 'find an answer',
    received: isHit ? `Found: ${this.utils.printReceived(value)}` : 'It found nothing (null)',
  });
}

/** Looks in a system or in a cache by itself. */
function look(name, subject, query, { agentId, model, systemPrompt }) {
  if (typeof query !== 'string') throw misuse(name, 'a query, which is a string,', query);
  if (isSystem(subject)) {
    checkAtWork(name, subject);
    return subject.getCachedResponse(query, agentId, { model, systemPrompt });
  }
  if (isCache(subject)) return subject.get(query, { agentId, model, systemPrompt });
  throw misuse(name, 'a system or a cache', subject);
}

async function toHaveCached(subject, query, options) {
  const given = known('toHaveCached', options, ['agentId', 'model', 'systemPrompt', 'value']);
  const isWanted = Object.hasOwn(given, 'value');
  if (isWanted) wantedValue('toHaveCached', given.value);
  const value = await look('toHaveCached', subject, query, given);
  const isHit = value !== null && value !== undefined;
  return outcome(this, {
    name: 'toHaveCached',
    argument: 'query',
    pass: isHit && (!isWanted || this.equals(value, given.value)),
    subject: 'the cache',
    expected: `have an answer for ${this.utils.printExpected(query)}${isWanted ? `: ${this.utils.printExpected(given.value)}` : ''}`,
    received: isHit ? `Found: ${this.utils.printReceived(value)}` : 'It found nothing',
  });
}

module.exports = { toBeCacheHit, toHaveCached };
