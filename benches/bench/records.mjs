/** Recorded runs of agents, read from a folder of data that the caller names. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const TAU_BENCH = 'trajectories_tau_bench_airline.jsonl.gz';
const CHATDEV = 'multiagent_chatdev.jsonl.gz';

function lines(folder, file) {
  return gunzipSync(readFileSync(join(folder, file)))
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function jsonOrText(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same text for the same arguments, whatever their order. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.keys(value).sort();
  return `{${fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`).join(',')}}`;
}

/** Whether a tool only reads, by its name. */
export const isReadOnly = (tool) => /^(?:get|search|list|find)_|^calculate$/.test(tool);

/**
 * Tool calls of tau-bench in the order made, run after run, with what came back.
 * @returns {{ run: number, task: number, tool: string, given: unknown, key: string, result: unknown }[]}
 */
export function toolCalls(folder) {
  return lines(folder, TAU_BENCH).flatMap(({ task_id: task, traj }, run) => {
    const results = new Map();
    const calls = [];
    for (const message of traj) {
      if (message.role === 'tool') results.set(message.tool_call_id, jsonOrText(message.content));
      for (const { id, function: called } of message.tool_calls ?? []) calls.push({ id, ...called });
    }
    return calls.map(({ id, name, arguments: text }) => {
      const given = jsonOrText(text);
      return { run, task, tool: name, given, key: `${name} ${canonical(given)}`, result: results.get(id) ?? null };
    });
  });
}

/**
 * What the agents of ChatDev's teams send each other.
 * @returns {{ team: number, message: object }[]}
 */
export function teamMessages(folder) {
  return lines(folder, CHATDEV).flatMap(({ prompts }, team) => prompts.map((message) => ({ team, message })));
}
