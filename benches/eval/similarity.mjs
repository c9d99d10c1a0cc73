/** How well questions in other words are told from other questions, on labelled pairs and in a replay through the cache. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { AdvancedCacheManager } from '../../index.mjs';
import { count, percent, table } from '../bench/format.mjs';

const DEFAULT_THRESHOLD = 0.8;
const CURVE = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1];
/** Namespaces that are asked at the same time. */
const AT_ONCE = 64;

const HELP = `Usage: npm run eval:similarity -- <data folder> [options]

The folder holds *.jsonl.gz files of question pairs: { a, b, label, test } or { origin, similar }, the latter all the same.

Options:
  --threshold <number>  similarity from which an answer is served (default: ${DEFAULT_THRESHOLD})
  --wrong               print the pairs that are wrongly served
  --json                print only JSON on stdout (with npm's --silent)
  --help                print this

Exit status: 2 for bad arguments or a folder without pairs.`;

function refuse(message) {
  console.error(`eval:similarity: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  const flag = { type: 'boolean' };
  try {
    const { values, positionals } = parseArgs({
      options: { threshold: { type: 'string' }, wrong: flag, json: flag, help: flag },
      allowPositionals: true,
    });
    return { ...values, folder: positionals[0], further: positionals.slice(1) };
  } catch (error) {
    return refuse(error.message);
  }
}

/** The pairs of a file, as `{ kind, a, b, isSame }`. */
function pairsOf(folder, name) {
  const lines = gunzipSync(readFileSync(join(folder, name)))
    .toString()
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => {
    const row = JSON.parse(line);
    if (row.origin !== undefined) return { kind: 'paraphrases', a: row.origin, b: row.similar, isSame: true };
    return { kind: row.test, a: row.a, b: row.b, isSame: row.label === 1 };
  });
}

/** The similarity with which `b` is answered by `a`, alone in a cache; 0 if it is refused whatever the threshold. */
async function scores(pairs) {
  const cache = new AdvancedCacheManager({ persistToDisk: false, l1MaxSize: 4 * pairs.length });
  const found = [];
  for (let start = 0; start < pairs.length; start += AT_ONCE) {
    const some = pairs.slice(start, start + AT_ONCE).map(async ({ a, b }, index) => {
      const alone = cache.namespace(String(start + index));
      await alone.set(a, 1);
      const { tier, similarity } = await alone.lookup(b, { similarityThreshold: 0.01 });
      if (tier === 'miss') return 0;
      return similarity ?? 1;
    });
    found.push(...(await Promise.all(some)));
  }
  await cache.stop();
  return found;
}

function byKind(pairs, threshold) {
  const kinds = new Map();
  for (const { kind, isSame, score } of pairs) {
    const row = kinds.get(`${isSame} ${kind}`) ?? { kind, label: isSame ? 'same' : 'different', pairs: 0, hits: 0 };
    row.pairs++;
    if (score >= threshold) row.hits++;
    kinds.set(`${isSame} ${kind}`, row);
  }
  const rows = [...kinds.values()].map((row) => ({ ...row, served: row.hits / row.pairs }));
  return rows.sort((a, b) => a.label.localeCompare(b.label) || b.served - a.served);
}

function summary(pairs, threshold) {
  const share = (isSame) => {
    const those = pairs.filter((pair) => pair.isSame === isSame);
    return { all: those.length, served: those.filter((pair) => pair.score >= threshold).length };
  };
  const [same, different] = [share(true), share(false)];
  const served = same.served + different.served;
  return {
    threshold,
    servedOfSame: same.all ? same.served / same.all : null,
    servedOfDifferent: different.all ? different.served / different.all : null,
    precision: served ? same.served / served : null,
  };
}

/** By text, a name for all texts that pairs say are the same, directly or through others. */
function groupsOf(pairs) {
  const parents = new Map();
  const root = (text) => {
    let at = text;
    while ((parents.get(at) ?? at) !== at) at = parents.get(at);
    return at;
  };
  for (const { a, b } of pairs) parents.set(root(a), root(b));
  return root;
}

/**
 * All pairs that are the same in one cache: of every second group of texts that are the same, one side of each pair is
 * stored and the other asked; of the other groups nothing is stored, so that they have no answer. An answer is right if it
 * is of the question's own group.
 */
async function replay(pairs, threshold) {
  const same = pairs.filter(({ isSame, a, b }) => isSame && a !== b);
  const groupOf = groupsOf(same);
  const groups = [...new Set(same.map(({ a }) => groupOf(a)))];
  const isKept = new Map(groups.map((group, index) => [group, index % 2 === 0]));
  const cache = new AdvancedCacheManager({ persistToDisk: false, l1MaxSize: 2 * same.length + 1 });
  const stored = new Set(same.filter(({ a }) => isKept.get(groupOf(a))).map(({ a }) => a));
  for (const text of stored) await cache.set(text, text);
  const counts = { stored: stored.size, paraphrases: 0, right: 0, wrong: 0, novel: 0, novelServed: 0 };
  const wrong = [];
  for (const asked of new Set(same.map(({ b }) => b).filter((b) => !stored.has(b)))) {
    const answer = await cache.get(asked, { similarityThreshold: threshold });
    const isParaphrase = isKept.get(groupOf(asked));
    counts[isParaphrase ? 'paraphrases' : 'novel']++;
    if (answer === null) continue;
    if (isParaphrase && groupOf(answer) === groupOf(asked)) counts.right++;
    else {
      counts[isParaphrase ? 'wrong' : 'novelServed']++;
      wrong.push([asked, answer]);
    }
  }
  await cache.stop();
  const served = counts.right + counts.wrong + counts.novelServed;
  return {
    ...counts,
    precision: served ? counts.right / served : null,
    found: counts.right / counts.paraphrases,
    pairs: wrong,
  };
}

const given = options();
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
if (!given.folder || given.further.length > 0) refuse('one data folder is needed');
if (!existsSync(given.folder)) refuse(`there is no ${given.folder}`);
const threshold = given.threshold === undefined ? DEFAULT_THRESHOLD : Number(given.threshold);
if (!(threshold >= 0 && threshold <= 1)) refuse('--threshold must be a number from 0 to 1');

const files = ['similarity_checklist.jsonl.gz', 'similarity_positives.jsonl.gz'].filter((name) =>
  existsSync(join(given.folder, name)),
);
if (files.length === 0) refuse(`there are no question pairs in ${given.folder}`);
const sets = [];
for (const name of files) {
  const pairs = pairsOf(given.folder, name);
  const found = await scores(pairs);
  for (const [index, pair] of pairs.entries()) pair.score = found[index];
  sets.push({ name, pairs });
}
const everything = sets.flatMap(({ pairs }) => pairs);
const report = {
  threshold,
  sets: sets.map(({ name, pairs }) => ({
    name,
    pairs: pairs.length,
    kinds: byKind(pairs, threshold),
    curve: CURVE.map((at) => summary(pairs, at)),
  })),
  replay: await replay(everything, threshold),
};
if (given.json) console.log(JSON.stringify(report));
else {
  const rate = (key, title) => ({ key, title, format: (value) => (value === null ? '–' : percent(value)) });
  const number = (key, title) => ({ key, title, format: count });
  for (const { name, kinds, curve } of report.sets) {
    const columns = [{ key: 'label', title: 'label' }, { key: 'kind', title: 'kind' }, number('pairs', 'pairs')];
    console.log(
      table({ title: `${name}: served at ${threshold}`, columns: [...columns, rate('served', 'served')] }, kinds),
    );
    const at = { key: 'threshold', title: 'threshold', format: String };
    const shares = [
      rate('servedOfSame', 'of the same'),
      rate('servedOfDifferent', 'of different'),
      rate('precision', 'precision'),
    ];
    console.log(table({ title: `${name}: served, by threshold`, columns: [at, ...shares] }, curve));
  }
  const columns = [
    number('stored', 'stored'),
    number('paraphrases', 'paraphrases'),
    rate('found', 'found'),
    number('wrong', 'wrong'),
    number('novel', 'novel'),
    number('novelServed', 'novel served'),
    rate('precision', 'precision'),
  ];
  console.log(table({ title: 'replay, all in one cache', columns }, [report.replay]));
  if (given.wrong) {
    const isWrong = ({ isSame, score }) => !isSame && score >= threshold;
    for (const { a, b, score } of everything.filter(isWrong)) console.log(`${score.toFixed(2)}  ${a}  |  ${b}`);
    for (const [asked, answered] of report.replay.pairs) console.log(`replay  ${asked}  |  ${answered}`);
  }
}
