/** What deltas save of recorded contexts, whether they are restored exactly, how good counts are, and what memory it takes. */

import { existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { countRows } from './tokens/counts.mjs';
import { editRows } from './tokens/edits.mjs';
import { memoryRows } from './tokens/memory.mjs';
import { BadData, readCodingRuns, readTeams, readToolRuns } from './tokens/recorded.mjs';
import { notRestored, reportText, targetsOf } from './tokens/report.mjs';
import { resultRows } from './tokens/results.mjs';
import { runRows } from './tokens/runs.mjs';
import { teamRows } from './tokens/teams.mjs';

/** Whose prices hold for runs that name no model. */
const DEFAULT_MODEL = 'gpt-4o';

/** Parts by name: `read` looks through the data before anything is measured. */
const PARTS = {
  teams: { read: readTeams, run: (teams, { progress }) => teamRows(teams, progress) },
  runs: {
    read: (folder) => ({ coding: readCodingRuns(folder), tools: readToolRuns(folder) }),
    run: async ({ coding, tools }, { folder, model, progress }) => ({
      coding: await runRows(coding, about('mini-swe-agent', coding, model), progress),
      tools: await runRows(tools, about('tau-bench', tools, model), progress),
      results: await resultRows(folder, progress),
    }),
  },
  counts: { read: readCodingRuns, run: (runs, { model, progress }) => countRows(runs, { model }, progress) },
  edits: { run: (_, { progress }) => editRows(progress) },
  memory: { run: (_, { progress }) => memoryRows(progress) },
};
const NAMES = Object.keys(PARTS);

const HELP = `Usage: npm run eval:tokens -- <data folder> [options]

The folder holds recorded runs as lines of JSON: multiagent_chatdev*.jsonl.gz (prompts of software teams),
trajectories_mini_swe_agent*.jsonl.gz (a coding agent, with the usage that its provider reported) and
trajectories_tau_bench*.jsonl.gz (an agent that calls tools). Any number of rows will do. Tokens are o200k_base.

  teams   each prompt is the context { system, message } of its receiver, each team a project: deltas by keys, by lines (a
          reference, made here), by blocks that the team shares, and by blocks of each receiver alone. Every message is
          restored here and in another process, which is given the messages and the folder of texts.
  runs    each call's conversation is a context { system, task, history }: tokens, and the cost of prompts with a provider's
          prompt cache. And the results of read-only tools that come again.
  counts  predictions of prompt tokens against those reported
  edits   one line changed in one of 200 files
  memory  50 agents with contexts of 1 MB that are mostly the same

message: JSON of toMessage(result), hashes and all. prompt: JSON of the result. Transport saving: tokens − message. Prompt
saving: tokens − prompt − fetched, where fetched is what the receiver's own conversation does not hold.

Options:
  --only <part>    one part, of ${NAMES.join(', ')}; several with commas
  --model <name>   whose prices hold where the data name no model (default: ${DEFAULT_MODEL})
  --json           print only JSON on stdout (with npm's --silent)
  --help           print this

Exit status: 1 if anything was not restored exactly, 2 for bad arguments or data. Missed targets do not change it.`;

/** The model of runs: the one that all of them name. */
function about(title, runs, given) {
  const named = new Set(runs.map(({ model }) => model).filter((model) => typeof model === 'string' && model !== ''));
  const isStated = named.size !== 1;
  return { title, model: isStated ? given : [...named][0], isStated };
}

function refuse(message) {
  console.error(`eval:tokens: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    const kinds = { only: text, model: text, json: flag, help: flag };
    const { values, positionals } = parseArgs({ options: kinds, allowPositionals: true });
    return { model: DEFAULT_MODEL, ...values, folder: positionals[0], further: positionals.slice(1) };
  } catch (error) {
    return refuse(error.message);
  }
}

/** Data of all parts that are wanted. */
function readAll(folder, names) {
  try {
    return Object.fromEntries(names.map((name) => [name, PARTS[name].read?.(folder)]));
  } catch (error) {
    if (error instanceof BadData) return refuse(error.message);
    throw error;
  }
}

const given = options();
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
if (!given.folder || given.further.length > 0) refuse('one data folder is needed');
if (!existsSync(given.folder) || !statSync(given.folder).isDirectory()) refuse(`there is no folder ${given.folder}`);
if (given.model === '') refuse('--model must not be empty');
const names = given.only === undefined ? NAMES : given.only.split(',');
const unknown = names.find((name) => !NAMES.includes(name));
if (unknown !== undefined) refuse(`unknown part '${unknown}'; there are ${NAMES.join(', ')}`);
const data = readAll(given.folder, names);

const started = performance.now();
let shownAt = Number.NEGATIVE_INFINITY;
const tell = (text) => console.error(`${((performance.now() - started) / 1e3).toFixed(0).padStart(4)} s  ${text}`);
/** At most one line a second. */
const progress = (text) => {
  if (performance.now() - shownAt < 1_000) return;
  shownAt = performance.now();
  tell(text);
};

const parts = {};
for (const name of names) {
  tell(name);
  parts[name] = await PARTS[name].run(data[name], { folder: given.folder, model: given.model, progress });
}
const wrong = notRestored(parts);
const targets = targetsOf(parts);
console.log(given.json ? JSON.stringify({ parts, targets, wrong }) : reportText({ parts, targets, wrong }));
tell('done');
if (wrong.length > 0) process.exitCode = 1;
