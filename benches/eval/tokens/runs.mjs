/**
 * Single agents whose conversation grows from call to call: what deltas save of the contexts that a framework hands over
 * before each call of the model, and what a provider's prompt cache makes of it.
 *
 * A context is `{ system, task, history }`: the first system and the first user message as texts, all later messages as a list.
 */

import { countTokensAsync, TokenOptimizer } from '../../../index.mjs';
import { quantile } from '../../bench/harness.mjs';
import { Bill, GrowingConversation, WholePrompts } from './prompt-cache.mjs';
import { callsOf } from './recorded.mjs';
import { Receiver, sendAndRestore } from './restored.mjs';

const WAYS = ['keys', 'blocks'];

function* contextsOf(messages) {
  for (const { before, reply } of callsOf(messages)) {
    const isOf = (role) => (message) => message.role === role && typeof message.content === 'string';
    const system = before.find(isOf('system'));
    const task = before.find(isOf('user'));
    const history = before.filter((message) => message !== system && message !== task);
    yield { reply, context: { system: system?.content ?? '', task: task?.content ?? '', history } };
  }
}

/** One way of sending the contexts of one run. */
class Sender {
  constructor(encoding, model, bills) {
    this.optimizer = new TokenOptimizer(null, null, null, null, { encoding, model });
    this.receiver = new Receiver(this.optimizer);
    this.conversation = new GrowingConversation(bills.appended);
    this.sums = { transport: 0, prompt: 0, fetched: 0, references: 0, exact: 0 };
  }

  async send(agent, context) {
    const sent = await sendAndRestore(this.optimizer, this.receiver, { agent, context });
    for (const name of ['transport', 'prompt', 'fetched', 'references']) this.sums[name] += sent[name];
    if (sent.isExact) this.sums.exact++;
    this.conversation.add(sent.prompt + sent.fetched);
  }

  /** Closes and gives the costs by the ledger. */
  async end() {
    const { cost } = this.optimizer.getOptimizationReport().savings.totals;
    await this.optimizer.close();
    return cost;
  }
}

/** What providers reported of a call: all of the prompt and the part from the cache. */
function reported({ usage }) {
  const { prompt_tokens: prompt, prompt_cache_hit_tokens: hit, prompt_tokens_details: details } = usage ?? {};
  const cached = hit ?? details?.cached_tokens;
  return Number.isFinite(prompt) && Number.isFinite(cached) ? { prompt, cached } : undefined;
}

function billsOf(price) {
  const ways = WAYS.map((way) => [way, { appended: new Bill(price) }]);
  return { whole: new Bill(price), reported: new Bill(price), ways: Object.fromEntries(ways) };
}

async function replayRun({ messages }, at, model, bills) {
  const agent = `agent-${at + 1}`;
  const senders = WAYS.map((way) => new Sender(way, model, bills.ways[way]));
  const whole = new WholePrompts(bills.whole);
  let [calls, baseline] = [0, 0];
  let isReported = true;
  for (const { context, reply } of contextsOf(messages)) {
    const text = JSON.stringify(context);
    const tokens = await countTokensAsync(text);
    calls++;
    baseline += tokens;
    await whole.add(text, tokens);
    for (const sender of senders) await sender.send(agent, { ...context });
    const usage = reported(reply);
    if (usage) bills.reported.add(usage.prompt, usage.cached);
    else isReported = false;
  }
  const ways = {};
  for (const [index, way] of WAYS.entries()) ways[way] = { ...senders[index].sums, ledger: await senders[index].end() };
  return { calls, baseline, ways, isReported };
}

function wayRow(way, runs, { price, bills }) {
  const sum = (what) => runs.reduce((total, run) => total + what(run), 0);
  const of = (name) => sum(({ ways }) => ways[way][name]);
  const baseline = sum((run) => run.baseline);
  const calls = sum((run) => run.calls);
  const promptSaving = ({ baseline: whole, ways }) => (whole - ways[way].prompt - ways[way].fetched) / whole;
  const savings = runs.filter((run) => run.baseline > 0).map(promptSaving);
  const usd = (name) => (price ? sum(({ ways }) => ways[way].ledger?.[name] ?? 0) : undefined);
  return {
    way,
    calls,
    baseline,
    transport: of('transport'),
    prompt: of('prompt'),
    fetched: of('fetched'),
    references: of('references'),
    exact: of('exact'),
    isExact: of('exact') === calls,
    saving: {
      transport: (baseline - of('transport')) / baseline,
      prompt: (baseline - of('prompt') - of('fetched')) / baseline,
    },
    byRun: { min: Math.min(...savings), median: quantile(savings, 0.5) },
    ledger: { baselineUsd: usd('baselineUsd'), usd: usd('usd'), savedUsd: usd('savedUsd') },
    appended: bills.ways[way].appended,
  };
}

const billRow = (title, { prompt, cached, usd }, wholeUsd) => ({
  title,
  prompt,
  cached,
  usd,
  toWhole: usd === undefined ? undefined : usd / wholeUsd,
});

/**
 * @param {{ name: string, model?: string, messages: object[] }[]} runs
 * @param {{ title: string, model: string, isStated: boolean }} about `isStated`: the data name no model
 */
export async function runRows(runs, { title, model, isStated }, progress) {
  const { price } = new TokenOptimizer().getModel(model);
  const bills = billsOf(price);
  const found = [];
  for (const [at, run] of runs.entries()) {
    progress(`${title}: ${at + 1}/${runs.length}`);
    found.push(await replayRun(run, at, model, bills));
  }
  const rows = WAYS.map((way) => wayRow(way, found, { price, bills }));
  const whole = bills.whole;
  const uncached = price && (whole.prompt * price.input) / 1e6;
  const costs = [
    {
      title: 'whole contexts, no cache',
      prompt: whole.prompt,
      cached: 0,
      usd: uncached,
      toWhole: uncached / whole.usd,
    },
    billRow('whole contexts, prefix cached', whole, whole.usd),
    ...rows.map(({ way, appended }) => billRow(`${way}: appended to the conversation`, appended, whole.usd)),
  ];
  if (found.every(({ isReported }) => isReported))
    costs.push(billRow('as the provider reported', bills.reported, whole.usd));
  return {
    title,
    runs: runs.length,
    model,
    isStated,
    price,
    rows: rows.map(({ appended: _, ...row }) => row),
    costs: price ? costs : [],
  };
}
