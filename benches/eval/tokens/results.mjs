/** Results of read-only tools that many runs ask for: how many come again, and what references save of them. */

import { countTokensAsync, TokenOptimizer } from '../../../index.mjs';
import { isReadOnly, toolCalls } from '../../bench/records.mjs';
import { Receiver, sendAndRestore } from './restored.mjs';

const KINDS = ['first', 'again in the run', 'again in a later run'];

/**
 * Each result of a read-only tool is the context `{ tool, result }` of the agent of its run; the texts are shared by all runs.
 */
export async function resultRows(folder, progress) {
  const calls = toolCalls(folder).filter(({ tool, result }) => isReadOnly(tool) && result !== null);
  const optimizer = new TokenOptimizer(null, null, null, null, { encoding: 'blocks' });
  const receiver = new Receiver(optimizer);
  const empty = () => ({ calls: 0, sameResult: 0, baseline: 0, transport: 0, prompt: 0, fetched: 0, exact: 0 });
  const rows = new Map(KINDS.map((kind) => [kind, empty()]));
  const seen = new Map();
  for (const [at, { run, key, tool, result }] of calls.entries()) {
    if (at % 100 === 0) progress(`results of tools: ${at}/${calls.length}`);
    const earlier = seen.get(key);
    const kind = !earlier ? KINDS[0] : earlier.runs.has(run) ? KINDS[1] : KINDS[2];
    const text = typeof result === 'string' ? result : JSON.stringify(result);
    const context = { tool, result: text };
    const row = rows.get(kind);
    row.calls++;
    if (earlier?.text === text) row.sameResult++;
    row.baseline += await countTokensAsync(JSON.stringify(context));
    const sent = await sendAndRestore(optimizer, receiver, { agent: `run-${run + 1}`, context });
    for (const name of ['transport', 'prompt', 'fetched']) row[name] += sent[name];
    if (sent.isExact) row.exact++;
    seen.set(key, { text, runs: new Set([...(earlier?.runs ?? []), run]) });
  }
  await optimizer.close();
  const all = empty();
  for (const row of rows.values()) for (const name of Object.keys(all)) all[name] += row[name];
  const finished = [...rows, ['all', all]].map(([kind, row]) => ({
    kind,
    ...row,
    isExact: row.exact === row.calls,
    transportSaving: row.baseline === 0 ? undefined : (row.baseline - row.transport) / row.baseline,
    promptSaving: row.baseline === 0 ? undefined : (row.baseline - row.prompt - row.fetched) / row.baseline,
  }));
  return { repeats: all.calls === 0 ? 0 : 1 - rows.get(KINDS[0]).calls / all.calls, rows: finished };
}
