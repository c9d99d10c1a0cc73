/** ms from before the package is loaded until a first result is there, on the clock and of the processors; then a token count. */

const before = process.cpuUsage();
const started = performance.now();
const { countTokens, ProductionOptimizationSystem } = require('agentwise-optimization');
const loaded = performance.now();

(async () => {
  const system = await ProductionOptimizationSystem.create({ environment: 'development', finalReport: false });
  const context = { currentTask: 'a login form', 'src/Form.tsx': 'export const Form = () => <form />;\n'.repeat(100) };
  await system.optimizeAgentContext('frontend-specialist', context);
  const optimized = performance.now();
  const { user, system: kernel } = process.cpuUsage(before);
  countTokens('hello world', { encoding: 'cl100k_base' });
  const counted = performance.now();
  await system.shutdown();
  console.log(
    JSON.stringify({
      load: loaded - started,
      result: optimized - started,
      cpu: (user + kernel) / 1000,
      otherEncoding: counted - optimized,
    }),
  );
})();
