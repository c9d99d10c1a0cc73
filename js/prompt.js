'use strict';

/**
 * A result as text for a model.
 *
 * Sections come in a fixed order, what seldom changes first, and equal content gives equal text: a provider's prompt cache
 * finds the same prefix again, for the next turn and for the next agent.
 */

const { AgentwiseError } = require('./errors.js');
const { factsOf } = require('./deltas.js');
const { setOwn } = require('./document.js');

/** Known keys, the most stable first; all others come between the first and the last of them. */
const STABLE = ['projectStructure', 'dependencies', 'documentation', 'metadata'];
const VOLATILE = ['completedTasks', 'history', 'recentChanges', 'currentTask'];

function rank(key) {
  const stable = STABLE.indexOf(key);
  if (stable >= 0) return stable;
  const volatile = VOLATILE.indexOf(key);
  return volatile >= 0 ? STABLE.length + 1 + volatile : STABLE.length;
}

/** By rank, then by name: the order in which a caller builds its object does not matter. */
function inStableOrder(keys) {
  return [...keys].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}

const isRecord = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

const isNames = (value) => Array.isArray(value) && value.every((name) => typeof name === 'string');

/** An object with its keys sorted, as `JSON.stringify` goes through it. */
function sorted(_, value) {
  if (!isRecord(value)) return value;
  const copy = {};
  for (const key of Object.keys(value).sort()) setOwn(copy, key, value[key]);
  return copy;
}

const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value, sorted));

/** How a reference reads: what it stands for is not repeated. */
function marker([id, start, length]) {
  return start === undefined ? `[text ${id}]` : `[text ${id}, ${length} bytes from ${start}]`;
}

function partsOf(parts) {
  const isPart = (part) => typeof part === 'string' || (Array.isArray(part) && part.every(Number.isFinite));
  if (!Array.isArray(parts) || !parts.every(isPart)) throw refused();
  return parts.map((part) => (typeof part === 'string' ? part : marker(part))).join('');
}

function refused() {
  return new AgentwiseError('E_INVALID_ARGUMENT', 'result must be what optimizeContext gave, or a message of it');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const isPlain = (title) => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(title);

function section(title, body) {
  // A name with a line feed in it must not look like a section of its own.
  return `## ${isPlain(title) ? title : JSON.stringify(title)}\n${body}\n`;
}

/**
 * @param {object} result of `optimizeContext`, or a message of one
 * @returns {string} text that ends with a line feed
 */
function renderForPrompt(result) {
  const about = factsOf(result);
  if (!about || about.type === 'shared_incremental') throw refused();
  const isBlocks = result.encoding === 'blocks' && (about === result || about.encoding === 'blocks');
  const body = about === result && about.type === 'full' && !isBlocks ? result.context : result;
  if (about.type === 'full' && !isBlocks) return whole(body);
  if (about.isUnchanged || (about === result && !('unchanged' in result || 'added' in result || isBlocks))) {
    return 'The context is the same as before.\n';
  }
  const { added = {}, modified = {}, removed = [], unchanged = [], texts = {}, values = {} } = body;
  if (![added, modified, texts, values].every(isRecord) || ![removed, unchanged].every(isNames)) throw refused();
  const bodies = new Map();
  for (const object of [added, modified]) for (const key of Object.keys(object)) bodies.set(key, textOf(object[key]));
  for (const object of [texts, values]) for (const key of Object.keys(object)) bodies.set(key, partsOf(object[key]));
  const lines = [];
  if (unchanged.length > 0) lines.push(`As before: ${inStableOrder(unchanged).join(', ')}.\n`);
  if (removed.length > 0) lines.push(`No longer there: ${inStableOrder(removed).join(', ')}.\n`);
  for (const key of inStableOrder(bodies.keys())) lines.push(section(key, bodies.get(key)));
  return lines.join('\n');
}

function whole(context) {
  if (context === null || typeof context !== 'object' || Array.isArray(context)) return `${textOf(context)}\n`;
  const keys = Object.keys(context).filter((key) => textOf(context[key]) !== undefined);
  return inStableOrder(keys)
    .map((key) => section(key, textOf(context[key])))
    .join('\n');
}

module.exports = { renderForPrompt };
