/** Recorded runs of agents, read from a folder of data that the caller names and looked through before they are used. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const ENDING = /\.jsonl(?:\.gz)?$/;

/** Data that is not there, or not what it should be: nothing that the product did. */
export class BadData extends Error {}

function linesOf(path) {
  try {
    const bytes = readFileSync(path);
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n');
  } catch (error) {
    throw new BadData(`${path} cannot be read: ${error.message}`);
  }
}

/** The rows of all files whose name begins with `name`, in the order of their names; `check` says what is wrong with a row. */
function rows(folder, name, check) {
  const files = readdirSync(folder)
    .filter((file) => file.startsWith(name) && ENDING.test(file))
    .sort();
  if (files.length === 0) throw new BadData(`there is no ${name}*.jsonl.gz in ${folder}`);
  const found = [];
  for (const file of files) {
    for (const [at, line] of linesOf(join(folder, file)).entries()) {
      if (line.trim() === '') continue;
      const where = `${file}, line ${at + 1}`;
      let row;
      try {
        row = JSON.parse(line);
      } catch (error) {
        throw new BadData(`${where}: ${error.message}`);
      }
      const wrong = check(row);
      if (wrong) throw new BadData(`${where}: ${wrong}`);
      found.push(row);
    }
  }
  if (found.length === 0) throw new BadData(`${files.join(', ')}: there is no row`);
  return found;
}

const isText = (value) => typeof value === 'string';

/** @returns {{ name: string, prompts: { receiver: string, system: string, message: string }[] }[]} in the order sent */
export function readTeams(folder) {
  const check = (row) => {
    if (!Array.isArray(row?.prompts)) return 'there is no list of prompts';
    const isPrompt = (one) => [one?.receiver, one?.system, one?.message].every(isText);
    const at = row.prompts.findIndex((one) => !isPrompt(one));
    return at < 0 ? undefined : `prompt ${at + 1} has no receiver, system and message`;
  };
  return rows(folder, 'multiagent_chatdev', check)
    .filter(({ prompts }) => prompts.length > 0)
    .map(({ file, prompts }, at) => ({ name: file ?? `team ${at + 1}`, prompts }));
}

function checkMessages(messages) {
  if (!Array.isArray(messages)) return 'there is no list of messages';
  const at = messages.findIndex((message) => !isText(message?.role));
  return at < 0 ? undefined : `message ${at + 1} has no role`;
}

/** @returns {{ name: string, model: string | undefined, messages: object[] }[]} assistants' messages with their `usage` */
export function readCodingRuns(folder) {
  return rows(folder, 'trajectories_mini_swe_agent', (row) => checkMessages(row?.messages)).map((row, at) => ({
    name: row.instance_id ?? `run ${at + 1}`,
    model: row.model,
    messages: row.messages,
  }));
}

/** @returns {{ name: string, model: string | undefined, messages: object[] }[]} */
export function readToolRuns(folder) {
  return rows(folder, 'trajectories_tau_bench', (row) => checkMessages(row?.traj)).map((row, at) => ({
    name: `run ${at + 1}`,
    model: row.model,
    messages: row.traj,
  }));
}

/** What of a message a model is shown. */
const SHOWN = ['role', 'content', 'tool_calls', 'tool_call_id', 'name'];

export const shownOf = (message) =>
  Object.fromEntries(SHOWN.filter((name) => message[name] !== undefined).map((name) => [name, message[name]]));

/** Roles of messages that are for a model; a harness writes others down too. */
const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** The conversation before each message of the assistant, as it is shown: `{ before, reply }`. `before` grows: copy what is kept. */
export function* callsOf(messages) {
  const before = [];
  for (const message of messages) {
    if (!ROLES.has(message.role)) continue;
    if (message.role === 'assistant') yield { before, reply: message };
    before.push(shownOf(message));
  }
}
