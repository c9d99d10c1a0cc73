/** What saying what changed in a context costs, measured in writing the same context as JSON. */

import fastJsonPatch from 'fast-json-patch';
import { TokenOptimizer } from '../../index.mjs';
import { sourceText } from '../eval/tokens/generated.mjs';
import { recordsContext, repositoryOfFiles, withChanges } from './contexts.mjs';
import { megabytes, milliseconds, times, withSpread } from './format.mjs';
import { compare, quantile, ratio, spread, target } from './harness.mjs';

export const name = 'token-deltas';
export const title = 'optimizeContext on contexts of 1 MB against JSON.stringify(context)';

const BYTES = 1e6;
const FILES = 200;
/** The ends of the files that are cut up are shorter. */
const FILE_BYTES = 7_500;
const CHANGED_SHARE = 0.01;
const LIMITS = { unchanged: 1.2, '1 % changed': 2 };
const MB_PER_SECOND = 100;
const FRESH_ROUNDS = 17;
const ENCODINGS = ['keys', 'blocks'];

const ms = withSpread(milliseconds);
const factor = withSpread(times);

export const tables = {
  deltas: {
    title: 'optimizeContext, token counts included; each call has a copy of its own of the context',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'bytes', title: 'JSON', format: megabytes },
      { key: 'encoding', title: 'encoding' },
      { key: 'call', title: 'call' },
      { key: 'jsonMs', title: 'JSON.stringify', format: ms },
      { key: 'mainMs', title: 'main thread', format: ms },
      { key: 'totalMs', title: 'total', format: ms },
      { key: 'mainRatio', title: 'main ÷ JSON', format: factor },
      { key: 'totalRatio', title: 'total ÷ JSON', format: factor },
    ],
  },
  peers: {
    title: 'the same change by compare() of fast-json-patch, then with context and patch counted by gpt-tokenizer',
    columns: [
      { key: 'context', title: 'context' },
      { key: 'oursMs', title: 'ours, keys', format: ms },
      { key: 'compareMs', title: 'compare()', format: ms },
      { key: 'countedMs', title: 'compare() and counts', format: ms },
      { key: 'compareRatio', title: 'compare() ÷ ours', format: factor },
      { key: 'countedRatio', title: 'with counts ÷ ours', format: factor },
    ],
  },
  fresh: {
    title:
      'text that nobody was given before, processor time of the process; blocks − keys is cutting, SHA-256, looking for parts, storing in memory',
    columns: [
      { key: 'bytes', title: 'text', format: megabytes },
      { key: 'keysMs', title: 'keys', format: ms },
      { key: 'blocksMs', title: 'blocks', format: ms },
      { key: 'wholeMbPerSecond', title: 'blocks, MB/s', format: (value) => value.toFixed(0) },
      { key: 'mbPerSecond', title: 'blocks − keys, MB/s', format: (value) => value.toFixed(0) },
    ],
  },
};

const identity = (context) => context;

/** By name: the first context, and how what `withChanges` changes becomes one. */
const CONTEXTS = {
  '200 files under one key': { make: () => repositoryOfFiles(FILES, FILE_BYTES), form: identity },
  '200 files, each a key': {
    make: () => repositoryOfFiles(FILES, FILE_BYTES),
    form: ({ files, ...head }) => ({ ...head, ...files }),
  },
  'many small values': { make: () => recordsContext(BYTES), form: identity },
};

/** As contexts come: out of JSON, with no text that another has. */
const copyOf = (context) => JSON.parse(JSON.stringify(context));

/** Contexts one after the other, each changed against the one before it: `{ before, after }`. */
function changing({ make, form }) {
  let last = make();
  let serial = 0;
  return (iterations) =>
    Array.from({ length: iterations }, () => {
      const next = withChanges(last, CHANGED_SHARE, ++serial);
      const pair = { before: form(last), after: form(next) };
      last = next;
      return pair;
    });
}

async function contextRows(label, { make, form }, count) {
  const whole = form(make());
  const many = (iterations) => Array.from({ length: iterations }, () => copyOf(whole));
  const optimizers = Object.fromEntries(
    ENCODINGS.map((encoding) => [encoding, new TokenOptimizer(null, null, null, null, { encoding })]),
  );
  const cases = [{ name: 'json', prepare: many, run: (context) => JSON.stringify(context).length }];
  for (const encoding of ENCODINGS) {
    const optimizer = optimizers[encoding];
    cases.push(
      { name: `${encoding} unchanged`, prepare: many, run: (context) => optimizer.optimizeContext('same', context) },
      {
        name: `${encoding} 1 % changed`,
        prepare: changing({ make, form }),
        run: ({ after }) => optimizer.optimizeContext('changing', after),
      },
    );
  }
  const countOf = (value) => count(JSON.stringify(value));
  const patch = ({ before, after }) => fastJsonPatch.compare(before, after);
  cases.push(
    { name: 'compare', prepare: changing({ make, form }), run: patch },
    {
      name: 'counted',
      prepare: changing({ make, form }),
      run: (pair) => countOf(patch(pair)) + countOf(pair.after),
    },
  );
  const results = await compare(cases, { rounds: 9, warmMs: 60, batchMs: 15 });
  for (const optimizer of Object.values(optimizers)) await optimizer.close();
  const { json, compare: compared, counted } = results;
  const rows = ENCODINGS.flatMap((encoding) =>
    Object.keys(LIMITS).map((call) => {
      const ours = results[`${encoding} ${call}`];
      return {
        context: label,
        bytes: Buffer.byteLength(JSON.stringify(whole)),
        encoding,
        call,
        jsonMs: spread(json.wall),
        mainMs: spread(ours.main),
        totalMs: spread(ours.wall),
        mainRatio: ratio(ours.main, json.main),
        totalRatio: ratio(ours.wall, json.wall),
      };
    }),
  );
  const ours = results['keys 1 % changed'];
  const peer = {
    context: label,
    oursMs: spread(ours.wall),
    compareMs: spread(compared.wall),
    countedMs: spread(counted.wall),
    compareRatio: ratio(compared.wall, ours.wall),
    countedRatio: ratio(counted.wall, ours.wall),
  };
  return { rows, peer };
}

/** Milliseconds of processor time, on all threads, that a new optimizer needs for a text that is new to it. */
async function freshText(encoding, serial) {
  const optimizer = new TokenOptimizer(null, null, null, null, { encoding });
  const contexts = [0, 1, 2].map((at) => copyOf({ text: sourceText(BYTES, serial * 10 + at) }));
  globalThis.gc();
  const before = process.cpuUsage();
  for (const [at, context] of contexts.entries()) await optimizer.optimizeContext(`agent-${at}`, context);
  const { user, system } = process.cpuUsage(before);
  await optimizer.close();
  return (user + system) / 1e3 / contexts.length;
}

/** The two encodings in turn. Processor time, as the difference of wall times is lost in those of a busy machine. */
async function freshRow() {
  const found = { keys: [], blocks: [] };
  for (let round = 0; round < FRESH_ROUNDS; round++) {
    for (const encoding of ENCODINGS) found[encoding].push(await freshText(encoding, round));
  }
  // What is compiled and read the first time is no round.
  const [keys, blocks] = ENCODINGS.map((encoding) => found[encoding].slice(2));
  const extra = quantile(
    blocks.map((time, round) => time - keys[round]),
    0.5,
  );
  const mbPerSecond = (milliseconds) => BYTES / 1e3 / milliseconds;
  return {
    bytes: BYTES,
    keysMs: spread(keys),
    blocksMs: spread(blocks),
    wholeMbPerSecond: mbPerSecond(quantile(blocks, 0.5)),
    mbPerSecond: mbPerSecond(extra),
  };
}

export async function run() {
  const { peers } = await import('./peers.mjs');
  const results = { deltas: [], peers: [], fresh: [] };
  const targets = [];
  for (const [label, about] of Object.entries(CONTEXTS)) {
    const { rows, peer } = await contextRows(label, about, peers.o200k_base['gpt-tokenizer countTokens']);
    results.deltas.push(...rows);
    results.peers.push(peer);
    for (const { encoding, call, totalRatio } of rows) {
      const what = `total ÷ JSON.stringify, ${label}, ${encoding}, ${call}`;
      targets.push(target(what, totalRatio.median, '<=', LIMITS[call]));
    }
  }
  const row = await freshRow();
  results.fresh.push(row);
  targets.push(
    target('cutting, hashing and storing new text, processor time', row.mbPerSecond, '>=', MB_PER_SECOND, 'MB/s'),
  );
  return { results, targets, notes: [] };
}
