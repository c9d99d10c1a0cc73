/** Looking for a question that was asked in other words, among many, beside a scan of token sets as in the replaced package. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AdvancedCacheManager } from '../../index.mjs';
import { count, milliseconds } from './format.mjs';
import { quantile } from './harness.mjs';
import { random } from './random.mjs';
import { WORDS } from './texts.mjs';
import { zipf } from './zipf.mjs';

export const name = 'similarity';
export const title = 'questions asked in other words';

const STORED = 100_000;
const SCANNED = 10_000;
const ASKED = 2000;
const SCANS = 20;
/** Of the questions stored, the share that differs from another one in one word. */
const NEAR_DUPLICATES = 0.1;

const time = { format: milliseconds };
export const tables = {
  lookups: {
    title: 'time per lookup that ends in a miss',
    columns: [
      { key: 'way', title: 'way' },
      { key: 'stored', title: 'stored', format: count },
      { key: 'p50', title: 'p50', ...time },
      { key: 'p99', title: 'p99', ...time },
    ],
  },
  cost: {
    title: 'cost of remembering questions',
    columns: [
      { key: 'stored', title: 'stored', format: count },
      { key: 'insertMs', title: 'time per question', ...time },
      { key: 'bytes', title: 'bytes per question', format: count },
    ],
  },
};

const SYLLABLES =
  'ba be bi bo bu ca ce co da de di do du fa fe fi fo ga ge go ha he hi ho ja jo ka ke ki la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo za ze zo'.split(
    ' ',
  );
const FRAMES = [
  'How do I',
  'What is the',
  'Why does the',
  'Can I',
  'What is the best way to',
  'Who invented the',
  'When did the',
];
const VOCABULARY = 30_000;

/** Questions whose words have the frequencies of natural language: Zipf's law, the most frequent ones English. */
function questions(number, next) {
  const english = [...new Set(WORDS)];
  const made = () =>
    Array.from({ length: 2 + Math.floor(next() * 3) }, () => SYLLABLES[Math.floor(next() * SYLLABLES.length)]);
  const words = Array.from({ length: VOCABULARY }, (_, rank) => english[rank] ?? made().join(''));
  const rank = zipf(VOCABULARY, 1.05, next);
  const one = () => {
    const length = 3 + Math.floor(next() * 7);
    return `${FRAMES[Math.floor(next() * FRAMES.length)]} ${Array.from({ length }, () => words[rank()]).join(' ')}?`;
  };
  const all = [];
  while (all.length < number) {
    const question = one();
    all.push(question);
    if (next() < NEAR_DUPLICATES) {
      const parts = question.split(' ');
      parts[parts.length - 2] = words[rank()];
      all.push(parts.join(' '));
    }
  }
  return all.slice(0, number);
}

const TEMPLATES = [
  'How do I fix error # in the @ module?',
  'Summarize the file @ of the @ service',
  'What does the function @ in @ do?',
  'Why does test # of @ fail?',
  'Write a unit test for @ with @',
  'What is the status of ticket #?',
];

/** Questions as programs ask them: few ways to say it, and in each other words (`@`) or numbers (`#`). */
function templated(number, next) {
  const words = questions(20_000, next).flatMap((question) => question.slice(0, -1).split(' ').slice(-1));
  const fill = (mark) => (mark === '#' ? 1 + Math.floor(next() * 10_000) : words[Math.floor(next() * words.length)]);
  return Array.from({ length: number }, () => TEMPLATES[Math.floor(next() * TEMPLATES.length)].replace(/[@#]/g, fill));
}

async function filled(stored, enableSimilarityDetection) {
  const cache = new AdvancedCacheManager({ persistToDisk: false, l1MaxSize: STORED, enableSimilarityDetection });
  const start = performance.now();
  for (const question of stored) await cache.set(question, 'answer');
  // Takes up what waits.
  await cache.lookup('is all of it there', { explain: true });
  return { cache, ms: performance.now() - start };
}

/** Bytes that the questions add to a process of their own. */
function bytesOf(stored, how) {
  const child = fileURLToPath(new URL('similarity-child.mjs', import.meta.url));
  return Number(execFileSync(process.execPath, ['--expose-gc', child, how], { input: stored.join('\n') }));
}

/** Times of the lookups that end in a miss. */
async function missesOf(cache, asked) {
  const times = [];
  for (const question of asked) {
    const start = performance.now();
    const found = await cache.get(question);
    if (found === null) times.push(performance.now() - start);
  }
  return times;
}

const setOf = (text) =>
  new Set(
    text
      .toLowerCase()
      .split(/\W+/)
      .filter((word) => word.length > 2),
  );

/** The share of common words over two letters, with every stored question; `setsOf` gives their words. */
function scan(setsOf, asked) {
  return asked.map((question) => {
    const start = performance.now();
    const words = setOf(question);
    let best = 0;
    for (const other of setsOf()) {
      let common = 0;
      for (const word of words) if (other.has(word)) common++;
      best = Math.max(best, common / (words.size + other.size - common));
    }
    return best >= 0 ? performance.now() - start : 0;
  });
}

/** As in the replaced package: the words of every stored question are made for each lookup. */
function* made(stored) {
  for (const text of stored) yield setOf(text);
}

const summary = (way, stored, times) => ({ way, stored, p50: quantile(times, 0.5), p99: quantile(times, 0.99) });

export async function run() {
  const next = random(7);
  const all = questions(STORED + ASKED, next);
  const [stored, asked] = [all.slice(0, STORED), all.slice(STORED)];
  const without = await filled(stored, false);
  const many = await filled(stored, true);
  const few = await filled(stored.slice(0, SCANNED), true);
  const fewTimes = await missesOf(few.cache, asked);
  await few.cache.stop();
  await missesOf(many.cache, asked.slice(0, 200));
  const manyTimes = await missesOf(many.cache, asked);
  await Promise.all([without.cache.stop(), many.cache.stop()]);
  const [fromTemplates, askedFromTemplates] = [templated(STORED, next), templated(ASKED, next)];
  const alike = await filled(fromTemplates, true);
  await missesOf(alike.cache, askedFromTemplates.slice(0, 200));
  const alikeTimes = await missesOf(alike.cache, askedFromTemplates);
  await alike.cache.stop();
  const scanned = stored.slice(0, SCANNED);
  const sets = scanned.map(setOf);
  const scanTimes = scan(() => made(scanned), asked.slice(0, SCANS));
  const readyTimes = scan(() => sets, asked.slice(0, SCANS));
  const insertMs = (many.ms - without.ms) / STORED;
  const bytes = Math.round((bytesOf(stored, 'with') - bytesOf(stored, 'without')) / STORED);
  const lookups = [
    summary('ours', STORED, manyTimes),
    summary('ours', SCANNED, fewTimes),
    summary('ours, from templates', STORED, alikeTimes),
    summary('scan of token sets', SCANNED, scanTimes),
    summary('scan, sets made before', SCANNED, readyTimes),
  ];
  const faster = lookups[3].p50 / lookups[1].p50;
  const target = (what, value, bound, limit, unit) => ({
    name: what,
    value,
    bound,
    limit,
    unit,
    met: bound === '<=' ? value <= limit : value >= limit,
  });
  return {
    results: { lookups, cost: [{ stored: STORED, insertMs, bytes }] },
    targets: [
      target('miss among 100,000, p50', lookups[0].p50 * 1000, '<=', 50, 'µs'),
      target('miss among 100,000, p99', lookups[0].p99 * 1000, '<=', 500, 'µs'),
      target('miss among 100,000 from templates, p50', lookups[2].p50 * 1000, '<=', 50, 'µs'),
      target('miss among 100,000 from templates, p99', lookups[2].p99 * 1000, '<=', 500, 'µs'),
      target('remembering a question', insertMs * 1000, '<=', 20, 'µs'),
      target('memory of a question', bytes, '<=', 400, 'bytes'),
      target('scan ÷ ours, 10,000 stored, p50', faster, '>=', 500, '×'),
    ],
    notes: [
      'whole calls of get(); the time and memory of a question are those of a cache with similarity less those of one without',
      `words by Zipf's law over ${count(VOCABULARY)}, the most frequent ones English; ${NEAR_DUPLICATES * 100} % near-duplicates`,
      'scan of token sets: as in the replaced package, which makes the sets of all stored questions for each lookup',
    ],
  };
}
