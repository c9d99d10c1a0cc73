/** Agents of software teams that hand each other growing texts: what is sent of their prompts, and whether it is all there. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { countTokensAsync, TokenOptimizer } from '../../../index.mjs';
import { quantile } from '../../bench/harness.mjs';
import { temporaryFolder } from '../../bench/temporary.mjs';
import { LineDeltas } from './lines.mjs';
import { bytesStored, jsonOf, Receiver, sendAndRestore, sha256Of } from './restored.mjs';

export const TARGET = { way: 'blocks', saving: 0.68 };

const WAYS = [
  { key: 'keys', title: 'keys, each receiver', encoding: 'keys', isShared: true },
  { key: 'lines', title: 'lines, each receiver (reference)' },
  { key: 'blocks', title: 'blocks, shared by the team', encoding: 'blocks', isShared: true },
  { key: 'own', title: 'blocks, each receiver alone', encoding: 'blocks', isShared: false },
];

const CONTEXTS = [
  { key: 'whole', title: 'system prompt and message', of: ({ system, message }) => ({ system, message }) },
  { key: 'message', title: 'message alone', of: ({ message }) => ({ message }) },
];

/** Receivers in another process. */
class OtherProcess {
  #child;
  #answers = [];
  #ended;

  constructor(cacheDir) {
    const script = fileURLToPath(new URL('receiver-child.mjs', import.meta.url));
    this.#child = spawn(process.execPath, [script, cacheDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    // A process that ends early is seen by the answers that are missing.
    this.#child.stdin.on('error', () => {});
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => this.#answers.push(JSON.parse(line)));
    this.#ended = Promise.all([once(this.#child, 'close'), once(lines, 'close')]);
  }

  async send(line) {
    const isWriting = this.#child.exitCode === null && !this.#child.stdin.write(`${line}\n`);
    if (isWriting) await Promise.race([once(this.#child.stdin, 'drain'), this.#ended]);
  }

  async end() {
    this.#child.stdin.end();
    await this.#ended;
    const fetched = this.#answers.at(-1)?.fetched;
    return { answers: fetched === undefined ? this.#answers : this.#answers.slice(0, -1), fetched: fetched ?? 0 };
  }
}

const savingsOf = ({ baseline, transport, prompt, fetched }) => ({
  transport: (baseline - transport) / baseline,
  prompt: (baseline - prompt - fetched) / baseline,
});

function sumOf(rows) {
  const sum = { baseline: 0, transport: 0, prompt: 0, fetched: 0, references: 0, messages: 0, exact: 0 };
  for (const row of rows) {
    for (const name of ['baseline', 'transport', 'prompt', 'fetched', 'references']) sum[name] += row[name];
    sum.messages++;
    if (row.isExact) sum.exact++;
  }
  return sum;
}

/** Prompts of one team in one way: a row for each. */
async function sendTeam({ team, number, way, contextOf, cacheDir, other, expected }) {
  const projects = new Map();
  const numbers = new Map();
  const projectOf = (receiver) => {
    if (!numbers.has(receiver)) numbers.set(receiver, numbers.size + 1);
    const projectId = way.isShared ? `team-${number}` : `team-${number}-role-${numbers.get(receiver)}`;
    if (!projects.has(projectId)) {
      const optimizer = new TokenOptimizer(null, null, null, null, { encoding: way.encoding, cacheDir, projectId });
      projects.set(projectId, { projectId, optimizer, receiver: new Receiver(optimizer) });
    }
    return projects.get(projectId);
  };
  const rows = [];
  for (const prompt of team.prompts) {
    const context = contextOf(prompt);
    const baseline = await countTokensAsync(JSON.stringify(context));
    const { projectId, optimizer, receiver } = projectOf(prompt.receiver);
    const call = { agent: prompt.receiver, context: { ...context } };
    const { message, ...row } = await sendAndRestore(optimizer, receiver, call);
    rows.push({ ...row, baseline });
    expected.push(sha256Of(jsonOf(context)));
    await other.send(`{"projectId":"${projectId}","receiver":${JSON.stringify(prompt.receiver)},"message":${message}}`);
  }
  // The folder is one for all projects, and each says what is in all of it.
  let stored = 0;
  for (const { optimizer } of projects.values()) {
    if (way.encoding === 'blocks') stored = Math.max(stored, bytesStored(optimizer));
    await optimizer.close();
  }
  return { rows, stored };
}

async function sendLines(team, contextOf) {
  const [sender, receiver] = [new LineDeltas(), new LineDeltas()];
  const rows = [];
  for (const prompt of team.prompts) {
    const context = contextOf(prompt);
    const message = JSON.stringify(sender.encode(prompt.receiver, context));
    const tokens = await countTokensAsync(message);
    const restored = receiver.decode(prompt.receiver, JSON.parse(message));
    rows.push({
      baseline: await countTokensAsync(JSON.stringify(context)),
      transport: tokens,
      prompt: tokens,
      fetched: 0,
      references: message.match(/(?<=["n])@\d+\+\d+/g)?.length ?? 0,
      isExact: jsonOf(restored) === jsonOf(context),
    });
  }
  return { rows, stored: 0 };
}

async function wayRow(teams, way, contexts, progress) {
  const folder = await temporaryFolder();
  const other = way.encoding ? new OtherProcess(folder.path) : undefined;
  const expected = [];
  const byTeam = [];
  let elsewhere;
  let stored = 0;
  try {
    for (const [at, team] of teams.entries()) {
      progress(`teams, ${contexts.title}, ${way.title}: ${at + 1}/${teams.length}`);
      const sent = other
        ? sendTeam({ team, number: at + 1, way, contextOf: contexts.of, cacheDir: folder.path, other, expected })
        : sendLines(team, contexts.of);
      const { rows, stored: bytes } = await sent;
      byTeam.push(sumOf(rows));
      stored = Math.max(stored, bytes);
    }
  } finally {
    if (other) elsewhere = await other.end();
    await folder.remove();
  }
  const all = sumOf([]);
  for (const sum of byTeam) for (const name of Object.keys(all)) all[name] += sum[name];
  const savings = byTeam.map(savingsOf);
  const spreadOf = (name) => {
    const values = savings.map((saving) => saving[name]);
    return { min: Math.min(...values), median: quantile(values, 0.5) };
  };
  const found = elsewhere?.answers ?? [];
  const exactElsewhere = expected.filter((hash, at) => found[at]?.sha256 === hash).length;
  return {
    contexts: contexts.key,
    way: way.key,
    title: way.title,
    ...all,
    saving: savingsOf(all),
    byTeam: { transport: spreadOf('transport'), prompt: spreadOf('prompt') },
    stored,
    elsewhere: elsewhere && {
      exact: exactElsewhere,
      fetched: elsewhere.fetched,
      firstError: found.find(({ error }) => error)?.error,
    },
    isExact: all.exact === all.messages && (!elsewhere || exactElsewhere === all.messages),
  };
}

export async function teamRows(teams, progress) {
  const rows = [];
  for (const contexts of CONTEXTS) {
    for (const way of WAYS) rows.push(await wayRow(teams, way, contexts, progress));
  }
  return { teams: teams.length, contexts: CONTEXTS.map(({ key, title }) => ({ key, title })), rows };
}
