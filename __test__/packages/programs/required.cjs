/** `require`: every entry, with the same classes as the main one, and a first result. */

const main = require('agentwise-optimization');
const { exports: entries } = require('agentwise-optimization/package.json');

for (const entry of Object.keys(entries)) {
  if (entry === '.' || entry.endsWith('.json') || entry.startsWith('./testing')) continue;
  const found = require(`agentwise-optimization/${entry.slice(2)}`);
  for (const [name, value] of Object.entries(found)) {
    if (name !== 'default' && value !== main[name])
      throw new Error(`${entry}: ${name} is another one than that of the main entry`);
  }
  if (typeof found.default !== 'function') throw new Error(`${entry} has no default export`);
}
if (main.countTokens('hello world') !== 2) throw new Error('tokens are not counted');

(async () => {
  const system = await main.default.create({ environment: 'development', finalReport: false });
  const first = await system.optimizeAgentContext('frontend-specialist', { currentTask: 'a login form' });
  await system.cacheResponse('question', { answer: 42 });
  const cached = await system.getCachedResponse('question');
  await system.shutdown();
  if (first.currentTask !== 'a login form' || cached.answer !== 42) throw new Error('wrong results');
  console.log(`require: ${first.type}, ${JSON.stringify(cached)}`);
})();
