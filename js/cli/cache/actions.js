'use strict';

/** What the commands `cache …` do. */

const args = require('../../arguments.js');
const { once } = require('node:events');
const { prefixes } = require('../../cache-arguments.js');
const { AgentwiseError } = require('../../errors.js');
const { OK, WARNING, CRITICAL } = require('../exit-codes.js');
const { UsageError } = require('../failures.js');
const { bytes, counted, visible } = require('../text.js');
const { placeOf, withStore, generationsIn, fileBytesIn } = require('./store.js');
const { entryLine, entryTable, heading, namespaceText, ownerText, valueText } = require('./text.js');

const LAYERS = ['L2', 'L3'];

/** Commands that only look leave a destroyed database as it is. */
const READING = { isReading: true };

const entriesText = (count) => counted(count, 'entry', 'entries');

const nothingIn = ({ directory }) => `nothing was stored in ${visible(directory)} yet`;

/** What of a directory is meant, as the core takes it. */
function filterOf({ layer, tag, agent, model }, { isAll }) {
  const exact = (text) => args.exactText(text);
  return { prefixes: [], layer, tag: exact(tag), agentId: exact(agent), model: exact(model), allNamespaces: isAll };
}

function layerOf(given, layer) {
  if (layer === undefined || LAYERS.includes(layer)) return layer;
  const why = layer === 'L1' ? ': L1 is in the memory of the processes that use the cache' : '';
  throw new UsageError(given.command, `the layer must be L2 or L3${why}`);
}

function limitOf(given, text) {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(given.command, '--limit must be a whole number from 1 on');
  return Number(text);
}

/** Prints as it comes, no faster than it is read. `false` where nobody reads any more. */
async function written(text, signal) {
  if (signal.aborted || process.stdout.destroyed) return false;
  if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal }).catch(() => {});
  return !signal.aborted;
}

/** A list is printed while it is read: it may be longer than memory. */
async function ls(given) {
  const { options, output, signal } = given;
  const place = placeOf(given);
  const [prefix = ''] = given.args;
  const filter = filterOf({ ...options, layer: layerOf(given, options.layer) }, place);
  if (prefix !== '') filter.prefixes = prefixes(prefix);
  const limit = limitOf(given, options.limit);
  const shown = { isLong: options.long === true, withNamespace: place.isAll, paint: output.paint };
  const print = options.json ? jsonPrinter() : linePrinter(shown);
  const result = await withStore(
    given,
    place,
    async ({ cache, native, state }) => {
      const { list } = require('../../cache-inspect.js');
      for await (const entry of list(native, state, { filter, limit, after: options.after })) {
        if (!(await written(print(entry), signal))) return 'unread';
      }
      if (!print.began()) hint(given, place, cache);
      return 'listed';
    },
    READING,
  );
  if (result === null) given.warn(nothingIn(place));
  if (result !== 'unread') await written(print.end(), signal);
  return {};
}

function linePrinter(shown) {
  let began = false;
  const print = (entry) => {
    const head = began || !shown.isLong ? '' : `${heading(shown.paint, shown.withNamespace)}\n`;
    began = true;
    return `${head}${entryLine(entry, shown)}\n`;
  };
  return Object.assign(print, { began: () => began, end: () => '' });
}

function jsonPrinter() {
  let began = false;
  const print = (entry) => {
    const text = `${began ? ',' : '['}\n${JSON.stringify(entry, null, 2).replace(/^/gm, '  ')}`;
    began = true;
    return text;
  };
  return Object.assign(print, { began: () => began, end: () => (began ? '\n]\n' : '[]\n') });
}

/** Whoever sees no entries may have asked for those of another project. */
function hint(given, { isAll, root, names }, cache) {
  const { l2, l3 } = cache.getStats();
  const count = l2.entries + l3.entries;
  if (isAll || count === 0) return;
  const which = `in namespace ${namespaceText([root, ...names])}`;
  given.warn(`no such entry ${which}; the directory has ${entriesText(count)}: see --project, --namespace and --all`);
}

async function get(given) {
  const { options, output } = given;
  if (options.raw && options.json) throw new UsageError(given.command, '--raw does not go with --json');
  const place = placeOf(given);
  const [key] = given.args;
  const found = await withStore(given, place, ({ native, state }) => entryOf(native, state, key, options), READING);
  if (found === null) {
    return {
      data: null,
      text: `no entry ${visible(key)} in ${namespaceText([place.root, ...place.names])}`,
      code: WARNING,
    };
  }
  if (options.raw) {
    const { value } = found;
    await written(typeof value === 'string' ? value : JSON.stringify(value), given.signal);
    return {};
  }
  return { data: found, text: `${entryTable(found, output.table)}\n\n${valueText(found.value)}` };
}

/** The entry that a reader sees; without `--agent` and `--model` any of the key, if there is one only. */
async function entryOf(native, state, key, { agent, model }) {
  const { peek, list, entryAt } = require('../../cache-inspect.js');
  const seen = await peek(native, state, 'key', key, { agentId: agent, model });
  if (seen !== null || agent !== undefined || model !== undefined) return seen;
  const others = [];
  const filter = { queries: [args.exactText(key)] };
  for await (const entry of list(native, state, { filter, limit: 100 })) others.push(entry);
  if (others.length > 1) {
    const owners = others.map((entry) => `${namespaceText(entry.namespace)}: ${ownerText(entry) || 'everybody'}`);
    throw new AgentwiseError(
      'E_INVALID_ARGUMENT',
      `${entriesText(others.length)} have this key, choose by --agent, --model or --namespace: ${owners.slice(0, 5).join('; ')}`,
    );
  }
  return others.length === 0 ? null : entryAt(native, others[0].cursor);
}

async function rm(given) {
  const { options, signal } = given;
  const place = placeOf(given);
  const ways = [given.args.length > 0, options.tag !== undefined, options.prefix !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    throw new UsageError(given.command, 'name keys, or --tag, or --prefix: one of the three');
  }
  if (options.prefix === '') throw new UsageError(given.command, '--prefix must not be empty: see cache clear');
  const filter = filterOf(options, place);
  if (given.args.length > 0) filter.queries = given.args.map((key) => args.exactText(key));
  if (options.prefix !== undefined) filter.prefixes = prefixes(options.prefix);
  const removed = await withStore(given, place, ({ native }) => removeFrom(given, native, filter, signal));
  return { data: { removed: removed ?? 0 }, text: `${entriesText(removed ?? 0)} removed` };
}

async function removeFrom(given, native, filter, signal) {
  const { removeEntries } = require('../../cache-inspect.js');
  return followed(given, 'removing', undefined, (onProgress) => removeEntries(native, filter, { signal, onProgress }));
}

async function followed({ output }, label, total, work) {
  const progress = output.progress(label);
  try {
    return await work((done) => progress.update(done, total));
  } finally {
    progress.end();
  }
}

async function clear(given) {
  const { options, signal } = given;
  const [first] = given.args;
  const layer = layerOf(given, first);
  const place = placeOf(given);
  const whose = place.isAll ? 'every namespace' : `namespace ${namespaceText([place.root, ...place.names])}`;
  const what = `${layer === undefined ? 'everything' : `all of ${layer}`} of ${whose} in ${visible(place.directory)}`;
  if (generationsIn(place.directory).length === 0) return { data: { removed: 0 }, text: nothingIn(place) };
  if (!options.yes && !(await isConfirmed(given, what))) return { data: { removed: 0 }, text: 'nothing was removed' };
  const removed = await withStore(given, place, async ({ cache, native, state }) => {
    const { callAsync } = require('../../errors.js');
    const count = () => cache.getStats().l2.entries + cache.getStats().l3.entries;
    const before = count();
    if (place.isAll) {
      await removeFrom(given, native, { prefixes: [], layer, allNamespaces: true }, signal);
      // Those that a list does not show.
      await require('../../cache-inspect.js').compact(native, state, { signal });
    } else {
      await callAsync(native.clear, layer);
    }
    return before - count();
  });
  return { data: { removed: removed ?? 0 }, text: `${entriesText(removed ?? 0)} removed` };
}

async function isConfirmed({ command, signal }, what) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(command, `this removes ${what}: without a terminal to ask on, it needs --yes`);
  }
  const { createInterface } = require('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // The terminal is read key by key: Ctrl-C is none of its signals then.
    terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const closed = once(terminal, 'close').then(() => '');
    const answer = await Promise.race([terminal.question(`Remove ${what}? [y/N] `, { signal }), closed]);
    return /^\s*y(es)?\s*$/i.test(answer);
  } catch (error) {
    // Asked to end by a signal, it ends as that says; else the end of the input is a no.
    if (error.name !== 'AbortError' || signal.aborted) throw error;
    return false;
  } finally {
    terminal.close();
  }
}

async function stats(given) {
  const { output } = given;
  const place = placeOf(given);
  const read = await withStore(given, place, async ({ cache }) => cache.getStats(), READING);
  const { directory, settings, isOwn } = place;
  const generations = generationsIn(directory);
  const data = {
    directory,
    exists: read !== null,
    ...(read && figuresOf(read, isOwn ? settings : {}, fileBytesIn(directory))),
    generations,
  };
  if (read === null) return { data, text: nothingIn(place) };
  const tier = ({ entries, storedBytes, rawBytes, maxSizeMB }) =>
    `${entriesText(entries)}, ${bytes(storedBytes)}${maxSizeMB === undefined ? '' : ` of ${maxSizeMB} MB`}, values of ${bytes(rawBytes)}`;
  const text = output.table([
    ['directory', visible(directory)],
    ['L2', tier(data.l2)],
    ['L3', `${tier(data.l3)}, ratio ${data.l3.compressionRatio}`],
    ['dictionaries', bytes(data.l3.dictionaryBytes)],
    ['database', `${bytes(data.fileBytes)} with its log`],
    ...(generations.length > 1 ? [['damaged', `${generations.slice(0, -1).join(', ')}: kept, may be removed`]] : []),
  ]);
  return { data, text };
}

/** Only what is true of the directory: this process has asked for nothing. */
function figuresOf({ l2, l3 }, settings, fileBytes) {
  const tier = ({ entries, storedBytes, rawBytes, sizeMB }, name) => ({
    entries,
    sizeMB,
    maxSizeMB: settings[`cache.${name}MaxSizeMB`],
    storedBytes,
    rawBytes,
  });
  const archive = { compressionRatio: l3.compressionRatio, dictionaryBytes: l3.dictionaryBytes };
  return { l2: tier(l2, 'l2'), l3: { ...tier(l3, 'l3'), ...archive }, fileBytes };
}

async function verify(given) {
  const { options, output, signal } = given;
  const place = placeOf(given);
  const dryRun = options.dryRun === true;
  const report = await withStore(
    given,
    place,
    async ({ cache, isReplaced }) => {
      const { l2, l3 } = cache.getStats();
      const check = (onProgress) => cache.verify({ signal, dryRun, onProgress });
      const found = await followed(given, 'checking', l2.entries + l3.entries, check);
      // The new database is sound; the one that was meant is not.
      return isReplaced ? { ...found, database: { ...found.database, state: 'damaged', replaced: true } } : found;
    },
    { isReading: dryRun, isReplacedTold: true },
  );
  if (report === null) return { data: null, text: nothingIn(place) };
  const { damaged, damagedCount, totals, database } = report;
  const { paint } = output;
  const lines = damaged.map(
    ({ key, namespace, agentId, layer, reason }) =>
      `${paint('damaged', 'red')}  ${layer}  ${reason}  ${namespace === null ? '' : `${namespaceText(namespace)}  `}${
        key === null ? '(unknown key)' : visible(key)
      }${agentId === undefined ? '' : ` (agent ${visible(agentId)})`}`,
  );
  if (damagedCount > damaged.length) lines.push(`and ${damagedCount - damaged.length} more`);
  if (!totals.ok)
    lines.push(`${paint('sums', 'yellow')}  not those of the entries${totals.repaired ? ', mended' : ''}`);
  for (const problem of database.problems) lines.push(`${paint('database', 'red')}  ${visible(problem)}`);
  if (database.state === 'unfinished') lines.push('database  not checked to its end: others write too much; try again');
  if (database.replaced) lines.push('another database is begun; the damaged one is kept, see doctor');
  lines.push(
    `${entriesText(report.checked)} (${bytes(report.bytes)}) checked: ${damagedCount} damaged, ${report.removed} removed`,
  );
  return { data: report, text: lines.join('\n'), code: codeOf(report) };
}

function codeOf({ damagedCount, totals, database }) {
  if (database.state === 'damaged') return CRITICAL;
  return damagedCount > 0 || !totals.ok || database.state === 'unfinished' ? WARNING : OK;
}

async function compact(given) {
  const { signal } = given;
  const place = placeOf(given);
  const report = await withStore(given, place, ({ cache }) =>
    followed(given, 'compacting', undefined, (onProgress) => cache.compact({ signal, onProgress })),
  );
  if (report === null) return { data: null, text: nothingIn(place) };
  const { before, after, expired } = report;
  return { data: report, text: `${bytes(before)} → ${bytes(after)}, ${entriesText(expired)} expired` };
}

module.exports = { ls, get, rm, clear, stats, verify, compact };
