/**
 * The whole system: contexts filtered and sent as deltas, answers that were given before, agents that should wait, health.
 *
 *   node basic.mjs
 */

import ProductionOptimizationSystem, { AgentwiseError } from 'agentwise-optimization';

const AGENT = 'frontend-specialist';

const context = {
  currentTask: 'Show an error when the login form is sent without a password',
  projectStructure: { src: ['LoginForm.tsx'], db: ['schema.sql'] },
  'src/LoginForm.tsx': 'export const LoginForm = () => <form><input type="password" /><button>Log in</button></form>;',
  'db/schema.sql': 'create table invoices (id integer primary key, amount integer not null);',
};

async function work(system) {
  // The first time an agent is sent what fits its task and its kind; `db/schema.sql` is nothing for a frontend.
  const first = await system.optimizeAgentContext(AGENT, context);
  console.log('first:', first.type, Object.keys(first));

  // From then on only what changed. The caller's object is never touched.
  const edited = { ...context, 'src/LoginForm.tsx': `${context['src/LoginForm.tsx']}\n// required\n` };
  const next = await system.optimizeAgentContext(AGENT, edited);
  console.log('next:', next.type, { modified: Object.keys(next.modified), unchanged: next.unchanged });
  console.log('saved tokens:', next.tokensSaved > 0);

  // Answers are found again, also when the question is put in other words.
  await system.cacheResponse('How are passwords stored?', { answer: 'as hashes' }, 600);
  console.log('cached:', await system.getCachedResponse('how are passwords stored'));
  console.log('not cached:', await system.getCachedResponse('Who may read invoices?'));

  // Ask before each step of an agent whether there is room for it.
  if (system.shouldThrottleAgent(AGENT)) console.log('wait');
  const { overall, score } = system.getHealthStatus();
  console.log('health:', overall, score > 70);
}

// For a real program leave `cache` and `finalReport` out: answers are then kept in `.cache`, a report is written at the end.
const system = await ProductionOptimizationSystem.create({
  environment: 'development',
  cache: { persistToDisk: false },
  finalReport: false,
});
try {
  await work(system);
  // Wrong settings change nothing, and all that is wrong is named at once.
  await system.updateConfiguration({ cache: { ttlSeconds: -1 }, memory: { alertThreshold: 200 } });
} catch (error) {
  if (!(error instanceof AgentwiseError) || error.code !== 'E_CONFIG_INVALID') throw error;
  console.log(error.code, error.problems.map(({ path }) => path).sort());
} finally {
  await system.shutdown();
}
