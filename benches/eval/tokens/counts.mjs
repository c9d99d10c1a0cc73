/** Counts against what a provider reported, each prediction made before its call was reported. */

import { countTokensAsync, TokenOptimizer } from '../../../index.mjs';
import { quantile } from '../../bench/harness.mjs';
import { callsOf } from './recorded.mjs';

/** Calls of a run that are not looked at in its median. */
const FIRST_CALLS = 5;
export const TOLERANCE = 0.03;

const argumentsOf = ({ tool_calls: calls }) =>
  (calls ?? []).map((call) => call.arguments ?? call.function?.arguments ?? '').join('\n');

/** The two ways to write down a prompt that is counted. */
const COUNTED = {
  'JSON of the messages': (before) => JSON.stringify(before),
  'text and tool call arguments': (before) =>
    before.map((message) => [message.content ?? '', argumentsOf(message)].filter(Boolean).join('\n')).join('\n'),
};

/** Calls of a run: what was counted in each way and what was reported. */
async function measuredCalls({ messages }) {
  const calls = [];
  for (const { before, reply } of callsOf(messages)) {
    const used = reply.usage?.prompt_tokens;
    if (!Number.isFinite(used) || used <= 0) continue;
    const counts = {};
    for (const [name, write] of Object.entries(COUNTED)) {
      const text = write(before);
      counts[name] = { tokens: await countTokensAsync(text), characters: text.length };
    }
    calls.push({ used, counts });
  }
  return calls;
}

/** Errors of the calls of each run, each predicted before it is reported. */
function errorsOf(runs, counted, begin) {
  return runs.map(({ calls, model }, run) => {
    const predictor = begin(run, model);
    const errors = calls.map(({ used, counts }, at) => {
      const count = counts[counted];
      const error = Math.abs(predictor.predict(count) / used - 1);
      predictor.report?.(count, used, at);
      return error;
    });
    predictor.end?.();
    return errors;
  });
}

/**
 * Predictions of an optimizer: of one for each run, or of one for all, that hears of every call, or of the first ones; of the
 * others when the run is over.
 */
function calibrated(isWarm, mostReports) {
  const warm = isWarm ? new TokenOptimizer() : undefined;
  return (run, model) => {
    const optimizer = warm ?? new TokenOptimizer();
    const agent = `run-${run + 1}`;
    const withheld = [];
    const tell = (tokens, used) => optimizer.trackUsage(agent, used, 'chat', { model, predicted: tokens });
    return {
      predict: ({ tokens }) => optimizer.predictPromptTokens(agent, tokens, model),
      report: ({ tokens }, used, at) => {
        if (at < mostReports) tell(tokens, used);
        else withheld.push([tokens, used]);
      },
      end: () => {
        for (const [tokens, used] of withheld) tell(tokens, used);
      },
    };
  };
}

const ALL = Number.POSITIVE_INFINITY;
const PREDICTORS = [
  { known: 'nothing', reports: 'all', begin: () => calibrated(false, ALL) },
  { known: 'nothing', reports: `first ${FIRST_CALLS}`, begin: () => calibrated(false, FIRST_CALLS) },
  { known: 'runs before', reports: 'all', begin: () => calibrated(true, ALL) },
  { known: 'runs before', reports: `first ${FIRST_CALLS}`, begin: () => calibrated(true, FIRST_CALLS) },
  { known: 'count alone', reports: '–', begin: () => () => ({ predict: ({ tokens }) => tokens }) },
  { known: 'characters ÷ 4', reports: '–', begin: () => () => ({ predict: ({ characters }) => characters / 4 }) },
];

/** Runs of a warm model are those that have one before them. */
function summary(errors, isWarm) {
  const looked = (isWarm ? errors.slice(1) : errors).filter((run) => run.length > FIRST_CALLS);
  if (looked.length === 0) return undefined;
  const medians = looked.map((run) => quantile(run.slice(FIRST_CALLS), 0.5));
  const later = looked.flatMap((run) => run.slice(FIRST_CALLS));
  return {
    runs: looked.length,
    within: medians.filter((median) => median <= TOLERANCE).length,
    median: quantile(medians, 0.5),
    worst: Math.max(...medians),
    callsWithin: later.filter((error) => error <= TOLERANCE).length / later.length,
    worstCall: Math.max(...later),
    firstCall: quantile(
      looked.map(([first]) => first),
      0.5,
    ),
  };
}

/** @param {{ name: string, model?: string, messages: object[] }[]} runs with reported usage */
export async function countRows(runs, { model }, progress) {
  const measured = [];
  for (const [at, run] of runs.entries()) {
    progress(`counts: ${at + 1}/${runs.length}`);
    measured.push({ model: run.model ?? model, calls: await measuredCalls(run) });
  }
  const rows = [];
  for (const counted of Object.keys(COUNTED)) {
    for (const { known, reports, begin } of PREDICTORS) {
      const found = summary(errorsOf(measured, counted, begin()), known === 'runs before');
      if (found) rows.push({ counted, known, reports, ...found });
    }
  }
  return { runs: runs.length, calls: measured.reduce((sum, { calls }) => sum + calls.length, 0), rows };
}
