/**
 * One process of the benchmark memory-leak: external memory grows at a steady rate until the process has passed its
 * limit. Nobody tells the manager of the leak: the agents say what they hold, which stays the same.
 */

import { parseArgs } from 'node:util';
import { MemoryManager } from '../../index.mjs';

const MB = 2 ** 20;
const TICK_MS = 10;
const STEP_BYTES = MB / 4;
const SETTLE_MS = 1500;
/** The figure of a whole process moves by pages; the rate is that between these shares of the limit. */
const RATE_FROM = 0.2;
/** The larger one is asked to wait before the smaller one. */
const AGENTS = { large: 64, small: 16 };
const PLAIN_SHARE = 0.8;

const text = { type: 'string' };
const { values } = parseArgs({ options: { 'limit-mb': text, 'rate-mb': text } });
const limit = Number(values['limit-mb']) * MB;
const rate = Number(values['rate-mb']) * MB;

const manager = new MemoryManager({ maxMemoryUsage: limit / MB });
for (const [agent, held] of Object.entries(AGENTS)) manager.registerAgentMemory(agent, held * MB, 0);

/** When what happened first: ms since the leak began, and what was in memory. */
const first = {};
const notice = (what, rss, details) => {
  first[what] ??= { atMs: performance.now() - started, rssMb: rss / MB, ...details };
};

let started = performance.now();
let tooEarly = 0;
manager.on('memoryAlert', ({ type, severity, message }) => {
  if (leaked.length === 0) tooEarly++;
  else notice('alert', process.memoryUsage.rss(), { type, severity, message });
});

const leaked = [];

/** Asked in the turn in which it leaks, as an agent asks before each step. */
function look(rss) {
  for (const agent of Object.keys(AGENTS)) {
    if (manager.shouldThrottleAgent(agent)) notice(agent, rss, { code: manager.throttleReason(agent)?.code });
  }
  if (rss >= limit * RATE_FROM) notice('rateFrom', rss);
  if (rss >= limit * PLAIN_SHARE) notice('plain', rss);
  if (rss >= limit) notice('limit', rss);
}

function finish() {
  const { actions, sampling } = manager.getMemoryStats();
  manager.stop();
  const { limit: end, rateFrom } = first;
  const measured = ((end.rssMb - rateFrom.rssMb) / (end.atMs - rateFrom.atMs)) * 1e3;
  console.log(
    JSON.stringify({
      ...first,
      tooEarly,
      rateMb: measured,
      leakedMb: (leaked.length * STEP_BYTES) / MB,
      actions,
      sampling,
    }),
  );
}

// What starting up took is no growth.
setTimeout(() => {
  for (const agent of Object.keys(AGENTS)) tooEarly += manager.shouldThrottleAgent(agent) ? 1 : 0;
  started = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1e3) * rate;
    // Filled, as untouched pages are in no memory.
    while (leaked.length * STEP_BYTES < due) leaked.push(Buffer.alloc(STEP_BYTES, 1));
    look(process.memoryUsage.rss());
    if (first.limit) {
      clearInterval(timer);
      finish();
    }
  }, TICK_MS);
}, SETTLE_MS);
