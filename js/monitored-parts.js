'use strict';

/** Figures and health of parts that only JavaScript can ask: those of the caller's that a monitor by itself is given. */

const v8 = require('node:v8');
const { AdvancedCacheManager, adviceOf } = require('./advanced-cache-manager.js');
const { messageOf } = require('./errors.js');

/** How long a part may take to answer how it is, ms; the core waits a second longer. */
const ANSWER_LIMIT_MS = 4000;

const MB = 2 ** 20;

/** What `work` gives, or `undefined` when it throws or only promises: a part's figures are then absent. */
function attempt(work) {
  try {
    const given = work();
    if (typeof given?.then !== 'function') return given;
    // Its failure is told by the check of its health.
    given.then(undefined, () => {});
  } catch {
    // The same.
  }
  return undefined;
}

/** The numbers of `object`, each under its dotted path. */
function flatten(object, path, figures) {
  for (const [key, value] of Object.entries(object ?? {})) {
    const at = `${path}.${key}`;
    if (typeof value === 'number') figures[at] = value;
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) flatten(value, at, figures);
  }
}

const bytesOf = (agent) => (Number.isFinite(agent?.totalMemory) ? agent.totalMemory : 0);

function addMemory(stats, figures) {
  if (typeof stats !== 'object' || stats === null) return [];
  const { process: own, system, config, native } = stats;
  const most = stats.limits?.effective ?? config?.maxMemory;
  const agents = Array.isArray(stats.agents) ? stats.agents : [];
  Object.assign(figures, {
    'memory.process': own?.rss,
    'memory.system': system?.used,
    'memory.available': system?.free,
    'memory.percentage': stats.percentage ?? (most > 0 ? (own?.rss / most) * 100 : undefined),
    'memory.limit': most,
    'memory.native': native?.allocated,
    'agents.active': agents.length,
    'agents.throttled': Array.isArray(stats.throttledAgents) ? stats.throttledAgents.length : undefined,
    'agents.totalMemory': agents.reduce((sum, agent) => sum + bytesOf(agent), 0) / MB,
  });
  return agents.map((agent) => [String(agent?.agentId), bytesOf(agent)]);
}

/** Figures by their paths in `SystemMetrics`, and agents as `[name, bytes]`. */
function figuresOf({ memoryManager, cacheManager, contextFilter }, utilization) {
  const { used_heap_size, heap_size_limit } = v8.getHeapStatistics();
  const figures = {
    'eventLoop.utilization': utilization,
    'memory.process': process.memoryUsage.rss() / MB,
    'memory.heapUsed': used_heap_size / MB,
    'memory.heapLimit': heap_size_limit / MB,
    'memory.external': process.memoryUsage().external / MB,
  };
  const stats = memoryManager && attempt(() => memoryManager.getMemoryStats());
  const agents = (memoryManager && attempt(() => addMemory(stats, figures))) || [];
  const cache = cacheManager && attempt(() => cacheManager.getStats());
  attempt(() => flatten(cache, 'cache', figures));
  const filter = contextFilter && attempt(() => contextFilter.getFilterStats());
  attempt(() => {
    figures['filter.contexts'] = filter?.calls;
  });
  // Whatever a part of the caller's said: only numbers are figures.
  const sound = Object.entries(figures).filter(([, value]) => Number.isFinite(value));
  const advice = cacheManager instanceof AdvancedCacheManager ? adviceOf(cacheManager) : [];
  return { figures: Object.fromEntries(sound), agents, advice };
}

/** What `work` gives, awaited; refused when that takes too long. */
async function inTime(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)), ANSWER_LIMIT_MS);
    timer.unref();
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

const percentOf = (share, of) => (Number.isFinite(share) ? `${Math.round(share)} % ${of}` : '');

/** How a part is by its own score; `null` for a part that has none. */
async function answer(part, words) {
  if (!part) return null;
  try {
    if (typeof part.getHealthScore !== 'function') return null;
    const score = await inTime(async () => part.getHealthScore());
    if (!Number.isFinite(score)) return { error: 'its health score is no number' };
    return { score, message: attempt(words) ?? '' };
  } catch (error) {
    return { error: messageOf(error).slice(0, 200) };
  }
}

async function agentsAnswer(manager) {
  if (!manager) return null;
  try {
    const { agents, throttledAgents } = await inTime(async () => manager.getMemoryStats());
    const [known, throttled] = [agents?.length ?? 0, throttledAgents?.length ?? 0];
    const score = 100 * (1 - Math.min(throttled / Math.max(known, 1), 1));
    return { score, message: `${throttled} of ${known} agents throttled` };
  } catch (error) {
    return { error: messageOf(error).slice(0, 200) };
  }
}

/** How each part is, `{ memory, cache, agents }`: a score and words, an error, or `null` for one that is not there. */
async function answersOf({ memoryManager, cacheManager }) {
  const [memory, cache, agents] = await Promise.all([
    answer(memoryManager, () => percentOf(memoryManager.getMemoryStats().percentage, 'of the limit in use')),
    answer(cacheManager, () => percentOf(cacheManager.getStats().overall.hitRate * 100, 'hits')),
    agentsAnswer(memoryManager),
  ]);
  return { memory, cache, agents };
}

module.exports = { attempt, figuresOf, answersOf };
