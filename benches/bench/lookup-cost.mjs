/** Calls that are made so often that their fixed cost counts. For information: there are no targets. */

import { ProductionOptimizationSystem } from '../../index.mjs';
import { milliseconds, withSpread } from './format.mjs';
import { compare, spread } from './harness.mjs';
import { SETTINGS } from './settings.mjs';

export const name = 'lookup-cost';
export const title = 'cost of one call, for information';

export const tables = {
  calls: {
    title: 'time per call',
    columns: [
      { key: 'call', title: 'call' },
      { key: 'ms', title: 'total', format: withSpread(milliseconds) },
      { key: 'mainMs', title: 'main thread', format: withSpread(milliseconds) },
    ],
  },
};

/** An answer with 1 KB of JSON. */
function answer() {
  const value = { model: 'example', finish: 'stop', usage: { input: 812, output: 96 }, choices: [], text: '' };
  for (let index = 0; index < 6; index++) value.choices.push({ index, score: index / 8, label: `choice ${index}` });
  value.text = 'x'.repeat(1024 - JSON.stringify(value).length);
  return value;
}

export async function run() {
  const system = await ProductionOptimizationSystem.create(SETTINGS);
  const value = answer();
  const json = JSON.stringify(value);
  try {
    await system.optimizeAgentContext('agent-1', value);
    await system.cacheResponse('the question', value);
    const results = await compare([
      { name: "shouldThrottleAgent('agent-1')", run: () => system.shouldThrottleAgent('agent-1') },
      { name: "getRecommendedContextSize('agent-1', 8)", run: () => system.getRecommendedContextSize('agent-1', 8) },
      { name: 'getCachedResponse, hit of 1 KB', run: () => system.getCachedResponse('the question') },
      { name: 'JSON.parse of that 1 KB', run: () => JSON.parse(json) },
    ]);
    const calls = Object.entries(results).map(([call, { wall, main }]) => ({
      call,
      ms: spread(wall),
      mainMs: spread(main),
    }));
    return { results: { calls }, targets: [], notes: [] };
  } finally {
    await system.shutdown();
  }
}
