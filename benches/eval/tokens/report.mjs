/** What eval:tokens found, as tables and targets. */

import { count, megabytes, optional, percent, table, targetLine } from '../../bench/format.mjs';
import { target } from '../../bench/harness.mjs';
import { TOLERANCE } from './counts.mjs';
import { TARGET_SHARE } from './edits.mjs';
import { TARGET_RATIO } from './memory.mjs';
import { TARGET as TEAM_TARGET } from './teams.mjs';

const usd = (value) => (value === undefined ? '–' : `${value.toFixed(4)} USD`);
const times = (value) => `${value.toFixed(2)} ×`;
const share = (value) => `${(value * 100).toFixed(2)} %`;
const minMedian = ({ min, median }) => `${percent(min)} / ${percent(median)}`;
const medianWorst = ({ median, worst }) => `${share(median)} / ${share(worst)}`;
const exact = ({ exact: right, of }) => `${count(right)} of ${count(of)}`;

function teamTables({ teams, contexts, rows }) {
  const columns = [
    { key: 'title', title: 'way' },
    { key: 'baseline', title: 'tokens', format: count },
    { key: 'transport', title: 'sent, message', format: count },
    { key: 'prompt', title: 'sent, prompt', format: count },
    { key: 'fetched', title: 'fetched', format: count },
    { key: 'transportSaving', title: 'transport saving', format: percent },
    { key: 'promptSaving', title: 'prompt saving', format: percent },
    { key: 'references', title: 'references', format: count },
    { key: 'stored', title: 'stored', format: optional(megabytes) },
    { key: 'here', title: 'restored', format: exact },
    { key: 'there', title: 'other process', format: optional(exact) },
  ];
  const spreads = [
    { key: 'title', title: 'way' },
    { key: 'transportByTeam', title: 'transport saving, min / median', format: minMedian },
    { key: 'promptByTeam', title: 'prompt saving, min / median', format: minMedian },
    { key: 'fetchedElsewhere', title: 'fetched by the other process', format: optional(count) },
  ];
  return contexts.flatMap(({ key, title }) => {
    const shown = rows
      .filter((row) => row.contexts === key)
      .map((row) => ({
        ...row,
        transportSaving: row.saving.transport,
        promptSaving: row.saving.prompt,
        stored: row.stored || undefined,
        here: { exact: row.exact, of: row.messages },
        there: row.elsewhere && { exact: row.elsewhere.exact, of: row.messages },
        transportByTeam: row.byTeam.transport,
        promptByTeam: row.byTeam.prompt,
        fetchedElsewhere: row.elsewhere?.fetched,
      }));
    const heading = `${teams} teams, ${title}`;
    return [
      table({ title: heading, columns }, shown),
      table({ title: `${heading}, by team`, columns: spreads }, shown),
    ];
  });
}

function runTables({ title, runs, model, isStated, price, rows, costs }) {
  const columns = [
    { key: 'way', title: 'way' },
    { key: 'calls', title: 'calls', format: count },
    { key: 'baseline', title: 'tokens', format: count },
    { key: 'transport', title: 'sent, message', format: count },
    { key: 'prompt', title: 'sent, prompt', format: count },
    { key: 'fetched', title: 'fetched', format: count },
    { key: 'transportSaving', title: 'transport saving', format: percent },
    { key: 'promptSaving', title: 'prompt saving', format: percent },
    { key: 'byRun', title: 'by run, min / median', format: minMedian },
    { key: 'here', title: 'restored', format: exact },
  ];
  const shown = rows.map((row) => ({
    ...row,
    transportSaving: row.saving.transport,
    promptSaving: row.saving.prompt,
    here: { exact: row.exact, of: row.calls },
  }));
  const named = isStated ? `${model} (the data name none)` : model;
  const heading = `${title}, ${runs} runs, contexts { system, task, history }`;
  const saved = table({ title: heading, columns }, shown);
  if (!price) return [saved, `${title}: ${named} has no price`];
  const costColumns = [
    { key: 'title', title: 'what the model is sent' },
    { key: 'prompt', title: 'prompt tokens', format: count },
    { key: 'cached', title: 'of it cached', format: count },
    { key: 'usd', title: 'cost', format: usd },
    { key: 'toWhole', title: 'to whole, cached', format: times },
  ];
  const ledgerColumns = [
    { key: 'way', title: 'way' },
    { key: 'baselineUsd', title: 'whole contexts', format: usd },
    { key: 'usd', title: 'sent', format: usd },
    { key: 'savedUsd', title: 'saved', format: usd },
  ];
  const { cachedRead, cacheWrite, asOf } = price;
  const priced = `${named}, ${cachedRead} USD a million cached, ${cacheWrite} not, list prices of ${asOf}`;
  return [
    saved,
    table(
      { title: `${title}: cost of prompts with the provider's prompt cache; ${priced}`, columns: costColumns },
      costs,
    ),
    table(
      {
        title: `${title}: the same by the optimizer's own ledger, which bills each message alone`,
        columns: ledgerColumns,
      },
      rows.map(({ way, ledger }) => ({ way, ...ledger })),
    ),
  ];
}

function resultTables({ repeats, rows }) {
  const columns = [
    { key: 'kind', title: 'result' },
    { key: 'calls', title: 'calls', format: count },
    { key: 'sameResult', title: 'as before', format: count },
    { key: 'baseline', title: 'tokens', format: count },
    { key: 'transport', title: 'sent, message', format: count },
    { key: 'prompt', title: 'sent, prompt', format: count },
    { key: 'fetched', title: 'fetched', format: count },
    { key: 'transportSaving', title: 'transport saving', format: optional(percent) },
    { key: 'promptSaving', title: 'prompt saving', format: optional(percent) },
    { key: 'here', title: 'restored', format: exact },
  ];
  const shown = rows.map((row) => ({ ...row, here: { exact: row.exact, of: row.calls } }));
  const title = `tau-bench: results of read-only tools, ${percent(repeats)} of the calls repeat; blocks, { tool, result } to the agent of each run`;
  return [table({ title, columns }, shown)];
}

function countTables({ runs, calls, rows }) {
  const columns = [
    { key: 'counted', title: 'counted' },
    { key: 'known', title: 'known before' },
    { key: 'reports', title: 'reports used' },
    { key: 'withinOf', title: `runs within ${TOLERANCE * 100} %`, format: exact },
    { key: 'median', title: 'median run', format: share },
    { key: 'worst', title: 'worst run', format: share },
    { key: 'callsWithin', title: `calls within ${TOLERANCE * 100} %`, format: percent },
    { key: 'worstCall', title: 'worst call', format: share },
    { key: 'firstCall', title: 'first call', format: share },
  ];
  const shown = rows.map((row) => ({ ...row, withinOf: { exact: row.within, of: row.runs } }));
  const title = `counts against reported prompt tokens, ${runs} runs, ${count(calls)} calls; a run: median of the calls after its fifth`;
  return [table({ title, columns }, shown)];
}

function editTables({ rows }) {
  const columns = [
    { key: 'source', title: 'files' },
    { key: 'files', title: '' },
    { key: 'form', title: 'context' },
    { key: 'encoding', title: 'encoding' },
    { key: 'whole', title: 'whole, tokens', format: count },
    { key: 'sent', title: 'sent, mean', format: (value) => count(Math.round(value)) },
    { key: 'fetched', title: 'fetched', format: count },
    { key: 'transport', title: 'message, median / worst', format: medianWorst },
    { key: 'prompt', title: 'prompt, median / worst', format: medianWorst },
    { key: 'isExact', title: 'restored', format: (value) => (value ? 'all' : 'NOT ALL') },
  ];
  const title = `one line changed in one file, ${rows[0].edits} times; share of the whole context`;
  return [table({ title, columns }, rows)];
}

function memoryTables({ rows }) {
  const columns = [
    { key: 'title', title: 'way' },
    { key: 'form', title: 'context' },
    { key: 'whole', title: 'contexts', format: megabytes },
    { key: 'distinct', title: 'distinct', format: megabytes },
    { key: 'growth', title: 'growth (RSS)', format: megabytes },
    { key: 'ratio', title: '÷ distinct', format: times },
    { key: 'inUse', title: 'freed given back', format: optional(times) },
    { key: 'first', title: 'first agent', format: megabytes },
    { key: 'eachFurther', title: 'each further', format: megabytes },
    { key: 'heap', title: 'of it V8 heap', format: megabytes },
    { key: 'storedInMemory', title: 'texts in memory', format: megabytes },
    { key: 'index', title: 'index', format: megabytes },
    { key: 'afterClose', title: 'after close()', format: megabytes },
  ];
  const title = `${rows[0].agents} agents with contexts of 1 MB, 80 % common to all; freed given back: the same where glibc keeps nothing that was freed`;
  return [table({ title, columns }, rows)];
}

const TABLES = {
  teams: teamTables,
  runs: ({ coding, tools, results }) => [...runTables(coding), ...runTables(tools), ...resultTables(results)],
  counts: countTables,
  edits: editTables,
  memory: memoryTables,
};

/** Targets of the parts that were run. */
export function targetsOf({ teams, edits, memory }) {
  const found = [];
  for (const row of teams?.rows ?? []) {
    if (row.way !== TEAM_TARGET.way) continue;
    const { title } = teams.contexts.find(({ key }) => key === row.contexts);
    found.push(
      target(
        `transport saving, ${row.title}, ${title}`,
        row.saving.transport * 100,
        '>=',
        TEAM_TARGET.saving * 100,
        '%',
      ),
    );
  }
  for (const { source, form, encoding, transport } of edits?.rows ?? []) {
    if (encoding !== 'blocks') continue;
    found.push(
      target(`one edit, blocks, ${source}, ${form}, worst`, transport.worst * 100, '<=', TARGET_SHARE * 100, '%'),
    );
  }
  for (const { title, form, ratio } of memory?.rows ?? []) {
    found.push(target(`memory ÷ distinct content, ${title}, ${form}`, ratio, '<=', TARGET_RATIO));
  }
  return found;
}

/** What was not restored exactly, in words. */
export function notRestored({ teams, runs, edits }) {
  const wrong = [];
  for (const { contexts, title, isExact, messages, exact: right, elsewhere } of teams?.rows ?? []) {
    if (isExact) continue;
    const there = elsewhere ? `; ${elsewhere.exact} in the other process ${elsewhere.firstError ?? ''}` : '';
    wrong.push(`teams, ${contexts}, ${title}: ${right} of ${messages} here${there}`);
  }
  for (const { title, rows } of runs ? [runs.coding, runs.tools] : []) {
    for (const row of rows) if (!row.isExact) wrong.push(`${title}, ${row.way}: ${row.exact} of ${row.calls}`);
  }
  for (const row of runs?.results.rows ?? []) {
    if (!row.isExact) wrong.push(`results of tools, ${row.kind}: ${row.exact} of ${row.calls}`);
  }
  for (const row of edits?.rows ?? []) {
    if (!row.isExact) wrong.push(`one edit: ${row.source}, ${row.form}, ${row.encoding}`);
  }
  return wrong;
}

/** The report for people. */
export function reportText({ parts, targets, wrong }) {
  const tables = Object.entries(parts).flatMap(([name, part]) => TABLES[name](part));
  const lines =
    wrong.length > 0 ? ['NOT RESTORED EXACTLY', ...wrong.map((one) => `  ${one}`)] : ['all restored exactly'];
  return [...tables, ...(targets.length > 0 ? [targets.map(targetLine).join('\n')] : []), lines.join('\n')].join(
    '\n\n',
  );
}
