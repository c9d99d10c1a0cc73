'use strict';

/** Reports of the token optimizer, made of what the core measured. */

const { setOwn } = require('./document.js');
const args = require('./arguments.js');
const { call } = require('./errors.js');

const { originalText } = args;

const percent = (part, whole) => (whole > 0 ? Math.round((part / whole) * 1000) / 10 : 0);

/** Names came as the core's keys. */
function byName(rows, figure) {
  const named = {};
  for (const [name, row] of Object.entries(rows)) setOwn(named, originalText(name), figure(row));
  return named;
}

/** `getOptimizationReport()`. */
function optimization(ledger) {
  const { totals, byAgent, summary } = ledger;
  const tokensByAgent = byName(byAgent.rows, (row) => row.usage.promptTokens);
  return {
    totalTokensUsed: totals.usage.promptTokens,
    tokensByAgent,
    recommendations: recommendations(ledger),
    estimatedSavings: summary,
    savings: {
      totals,
      byAgent: byName(byAgent.rows, (row) => row),
      byOperation: byName(ledger.byOperation.rows, (row) => row),
      byModel: byName(ledger.byModel.rows, (row) => row),
      prices: ledger.prices,
      // What has no row of its own: names used too long ago, and messages without a model.
      others: {
        agents: byAgent.others ?? null,
        operations: ledger.byOperation.others ?? null,
        models: ledger.byModel.others ?? null,
      },
      unnamedModel: ledger.byModel.unnamed ?? null,
    },
  };
}

/** A receiver that fetches most of what was left out would have been better off with the text. */
const MUCH_FETCHED = 0.5;
/** From so many messages on a share means something. */
const ENOUGH_MESSAGES = 10;

/** What the figures suggest; nothing where nothing was measured. */
function recommendations({ totals, byAgent }) {
  const found = [];
  const { messages, baselineTokens, fetchedTokens, transportSavedTokens, cost } = totals;
  if (messages < ENOUGH_MESSAGES) return found;
  if (transportSavedTokens < 0) {
    found.push(
      `Deltas cost ${-transportSavedTokens} tokens more than whole contexts would have: contexts change too much between calls.`,
    );
  } else if (fetchedTokens > transportSavedTokens * MUCH_FETCHED) {
    found.push(
      `Agents fetched back ${percent(fetchedTokens, transportSavedTokens)} % of what was left out: prefer encoding "keys" or keep what agents hold.`,
    );
  }
  if (cost && cost.savedUsd < 0) {
    found.push(
      `With the provider's prompt cache the messages cost ${-cost.savedUsd} USD more than whole contexts would have.`,
    );
  }
  for (const [name, row] of Object.entries(byAgent.rows)) {
    if (row.messages >= ENOUGH_MESSAGES && row.transportSavedTokens <= 0 && baselineTokens > 0) {
      found.push(
        `Agent ${originalText(name)}: nothing was saved over ${row.messages} messages; its context changes completely each time.`,
      );
    }
  }
  return found;
}

function healthOf(part) {
  const score = part?.getHealthScore?.();
  return Number.isFinite(score) ? score : undefined;
}

/** What a component says of itself; what fails in a caller's own says nothing. */
function said(ask) {
  try {
    return ask() ?? null;
  } catch {
    return null;
  }
}

/** `getEnhancedOptimizationReport()`. */
function enhanced(report, { memoryManager, cacheManager, contextFilter }, sharedContextEnabled) {
  const row = (part, stats) => ({
    enabled: part !== null,
    stats: part === null ? null : said(stats),
    healthScore: part === null ? undefined : (said(() => healthOf(part)) ?? undefined),
  });
  const components = {
    memoryManager: row(memoryManager, () => memoryManager.getMemoryStats?.()),
    cacheManager: row(cacheManager, () => cacheManager.getStats?.()),
    contextFilter: row(contextFilter, () => contextFilter.getFilterStats?.()),
  };
  const count = [memoryManager, cacheManager, contextFilter].filter((part) => part !== null).length;
  const status = health({ memoryManager, cacheManager, contextFilter });
  return {
    ...report,
    productionComponents: components,
    integrationStatus: {
      productionReady: status.overall !== 'critical' && status.score > 70,
      sharedContextEnabled,
      componentsCount: count,
    },
  };
}

/** Bands of health scores: healthy from 75, critical under 50. */
const HEALTHY = 75;
const CRITICAL = 50;
const bandOf = (score) => (score >= HEALTHY ? 'healthy' : score >= CRITICAL ? 'warning' : 'critical');

/** `getProductionHealthStatus()`: no part, or one that says nothing, pulls nothing down. */
function health(parts) {
  const components = {};
  const scores = [];
  const recommendations = [];
  for (const [name, part] of Object.entries(parts)) {
    const score = part === null ? undefined : (said(() => healthOf(part)) ?? undefined);
    components[name] = part === null ? null : { healthy: (score ?? 100) >= HEALTHY, score: score ?? 100 };
    if (score === undefined) continue;
    scores.push(score);
    if (score < HEALTHY) recommendations.push(`${name}: health is ${score} of 100`);
  }
  const score = scores.length > 0 ? Math.round(scores.reduce((sum, each) => sum + each, 0) / scores.length) : 100;
  return { overall: bandOf(score), score, components, recommendations };
}

/** A value that the store of texts had; `undefined` for none. */
function storedValue(text, isText) {
  if (text === null) return undefined;
  return isText ? text : JSON.parse(text);
}

/** The second where there is no first; `null` is a value. */
const firstOf = (value, other) => (value === undefined ? other : value);

function ownOf(object, key) {
  return object !== null && typeof object === 'object' && Object.hasOwn(object, key) ? object[key] : undefined;
}

const GROUPS = ['tasks', 'dependencies', 'projectInfo', 'completedWork'];

/**
 * What contexts have in common.
 * @param {object} common of the core
 * @param {Record<string, unknown>} contexts of agents, where the caller gave them
 */
function sharedContext({ shared, own, totals, unknown }, contexts) {
  const given = (agent, key) => ownOf(ownOf(contexts, agent), key);
  const common = Object.fromEntries(GROUPS.map((group) => [group, {}]));
  const details = [];
  for (const { key: json, name, group, agents, tokens, bytes, text, isText } of shared) {
    const key = JSON.parse(json);
    const who = agents.map(originalText);
    const value = firstOf(given(who[0], key), storedValue(text, isText));
    setOwn(
      common[group],
      JSON.parse(name),
      firstOf(value, { type: 'reference', location: `shared:${key}`, summary: `${tokens} tokens` }),
    );
    details.push({ key, group, agents: who, tokens, bytes });
  }
  const agentSpecific = {};
  const references = {};
  for (const { agent: id, keys, shared: names } of own) {
    const agent = originalText(id);
    const values = {};
    for (const key of keys.map((json) => JSON.parse(json))) {
      setOwn(
        values,
        key,
        firstOf(given(agent, key), { type: 'reference', location: `shared:${key}`, summary: 'of this agent only' }),
      );
    }
    setOwn(agentSpecific, agent, values);
    setOwn(
      references,
      agent,
      names.map((name) => JSON.parse(name)),
    );
  }
  return {
    common,
    agentSpecific,
    references,
    details,
    tokens: totals,
    tokensSaved: totals.saved,
    unknown: unknown.map(originalText),
  };
}

/** `optimizeAgentConfiguration()`. */
function configuration(parts) {
  const { names, batches, results, factsOf, shared, cycles, unknown, originalTokens, sharedContextEnabled } = parts;
  const agents = {};
  let saved = 0;
  for (const name of names) {
    const result = results[name];
    // Not of the result itself: a context may have such a key of its own.
    const { type = 'full', tokensSaved = 0 } = factsOf(result) ?? {};
    saved += tokensSaved;
    setOwn(agents, name, {
      context: result,
      sharedRef: shared.references[name] ?? [],
      batch: batches.findIndex((batch) => batch.includes(name)),
      optimizationType: type,
    });
  }
  const estimatedTokens = originalTokens - saved;
  return {
    shared,
    agents,
    batches,
    cycles,
    unknown,
    estimatedTokens,
    actualTokensSaved: saved,
    savings: `${percent(saved, originalTokens)} % (${saved} of ${originalTokens} tokens)`,
    sharedContextEnabled,
  };
}

/** `trackUsage()`. */
function trackUsage(native, agentId, tokens, operation, options) {
  const given = args.options('options', options);
  call(
    native,
    args.exactText(args.string('agentId', agentId)),
    args.number('tokens', tokens),
    args.exactText(args.string('operation', operation)),
    args.optionalString('options.model', given.model),
    args.optionalNumber('options.predicted', given.predicted),
    args.optionalNumber('options.cachedRead', given.cachedRead),
    args.optionalNumber('options.cacheWrite', given.cacheWrite),
    args.optionalNumber('options.output', given.output),
  );
}

/** Books what is sent: a shared reference of so many tokens, or the agent's own delta. */
function book(native, agentId, { operation, model, maxTokens }, delta, sharedTokens) {
  const { originalTokens, resultTokens, heldAll, fetchedAll, cachedTokens, carriedTokens } = delta;
  const isShared = sharedTokens !== undefined;
  const sent = isShared ? sharedTokens : resultTokens;
  // What the shared context has and the agent was not given before, it has to get from there.
  const fetched = isShared ? Math.max(0, originalTokens - sent - heldAll) : fetchedAll;
  const figures = [originalTokens, sent, heldAll, fetched, cachedTokens, carriedTokens];
  call(native, args.exactText(agentId), operation, model, ...figures, maxTokens);
}

module.exports = {
  trackUsage,
  book,
  optimization,
  enhanced,
  health,
  sharedContext,
  configuration,
};
