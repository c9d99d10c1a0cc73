/** Keys and values that the cache benchmarks store: the same in every run. */

import { random } from './random.mjs';

const WORDS = `the agent reads each file of module and finds where this value is set before a request goes out to server
database index returns rows of table with user order price status error when field name has no type so that test fails in
component render state update event handler promise timeout retry response token context prompt cache memory limit queue
build deploy service config schema migration query result function class method argument default option path directory
should must after while because only more than one first last new old next same other if then else return import export`
  .split(/\s+/)
  .filter(Boolean);

const PATHS = ['src/server/routes', 'src/client/components', 'packages/core/lib', 'services/billing/api', 'test/unit'];
const TAGS = ['refactor', 'bug', 'security', 'performance', 'documentation', 'database', 'interface'];

/** Strings as they come from a file or a socket: none is a rope that the first reader has to join. */
export function flat(value) {
  return JSON.parse(JSON.stringify(value));
}

/** Text of this many ASCII characters. */
export function prose(characters, next) {
  let text = '';
  while (text.length < characters) text += `${WORDS[Math.floor(next() * WORDS.length)]} `;
  return text.slice(0, characters);
}

/** A key of about 60 characters. */
export function key(index) {
  const agent = String(index % 97).padStart(3, '0');
  const serial = String(index).padStart(7, '0');
  return `summarize:agent-${agent}:${PATHS[index % PATHS.length]}/part-${serial}.ts`.padEnd(60, '#');
}

export function keys(count) {
  return flat(Array.from({ length: count }, (_, index) => key(index)));
}

/** The JSON text of a response of a model as it is cached: nested, a third of it structure, `bytes` long. */
export function recordText(index, bytes) {
  const next = random(index + 1);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const prompt = Math.floor(next() * 9000) + 200;
  const completion = Math.floor(next() * 900) + 20;
  const record = {
    id: `resp-${Math.floor(next() * 2 ** 32).toString(16)}-${index}`,
    created: 1.75e9 + index * 7,
    model: pick(['large-2', 'small-4', 'coder-1']),
    task: { agent: `agent-${index % 97}`, tags: [pick(TAGS), pick(TAGS)], attempt: index % 3, done: next() < 0.8 },
    files: Array.from({ length: 3 }, () => ({
      path: `${pick(PATHS)}/part-${Math.floor(next() * 1e5)}.ts`,
      lines: [Math.floor(next() * 400), Math.floor(next() * 400) + 400],
      score: Math.round(next() * 1e4) / 1e4,
    })),
    usage: { prompt, completion, total: prompt + completion, cached: null },
    answer: '',
  };
  const free = bytes - JSON.stringify(record).length;
  record.answer = prose(Math.max(0, free), next);
  return JSON.stringify(record);
}

/** `count` texts of JSON, each of `bytes`. */
export function recordTexts(count, bytes) {
  return flat(Array.from({ length: count }, (_, index) => recordText(index, bytes)));
}
