/**
 * A web service of agents with Express: a middleware that answers from the cache, one that asks agents to wait while memory is
 * short, health for a load balancer, and an orderly end.
 *
 *   node express.mjs
 */

import { once } from 'node:events';
import ProductionOptimizationSystem, { AgentwiseError } from 'agentwise-optimization';
import express from 'express';

/** Says 400 to what is no question. */
const checked = ({ body }, response, next) => {
  if (typeof body?.agent === 'string' && typeof body.question === 'string') return next();
  response.status(400).json({ error: 'agent and question are needed' });
};

/** Says 503 with `Retry-After` to an agent that should wait. */
const throttled = (system) => (request, response, next) => {
  if (!system.shouldThrottleAgent(request.body.agent)) return next();
  response.set('Retry-After', '1').status(503).json({ error: 'memory is short' });
};

/** Answers with what this agent was answered before to this question about this context; stores what the route answers. */
const cached = (system, { ttlSeconds }) => {
  return async (request, response, next) => {
    const { agent, question, context } = request.body;
    // An answer belongs to what it was made from: of that only a hash is stored.
    const systemPrompt = JSON.stringify(context ?? null);
    const answer = await system.getCachedResponse(question, agent, { systemPrompt });
    if (answer !== null) return response.set('X-Cache', 'hit').json(answer);
    const send = response.json.bind(response);
    response.json = (body) => {
      // What goes wrong while storing costs this entry, never the answer: this call does not reject for it.
      if (response.statusCode === 200)
        system.cacheResponse(question, body, ttlSeconds, { agentId: agent, systemPrompt });
      return send(body);
    };
    response.set('X-Cache', 'miss');
    next();
  };
};

/** Stands in for a model. */
const askModel = async (question, context) => `${Object.keys(context).length} parts were read for: ${question}`;

function application(system) {
  const app = express();
  app.use(express.json({ limit: '10mb' }));

  app.post('/ask', checked, throttled(system), cached(system, { ttlSeconds: 600 }), async (request, response) => {
    const { agent, question, context } = request.body;
    const sent = await system.optimizeAgentContext(agent, { currentTask: question, ...context });
    response.json({ answer: await askModel(question, sent) });
  });

  app.get('/health', (_request, response) => {
    const { overall, score } = system.getHealthStatus();
    response.status(overall === 'critical' || overall === 'down' ? 503 : 200).json({ overall, score });
  });

  // Four parameters: that is how Express knows that errors come here. What the caller did wrong is told, with its code.
  app.use((error, _request, response, _next) => {
    const isRefused =
      error instanceof AgentwiseError && ['E_INVALID_ARGUMENT', 'E_CONTEXT_INVALID'].includes(error.code);
    response.status(isRefused ? 400 : (error.status ?? 500)).json({ error: isRefused ? error.code : 'failed' });
  });
  return app;
}

// For a real service: `environment: 'production'`, and without the two other lines.
const system = await ProductionOptimizationSystem.create({
  environment: 'development',
  cache: { persistToDisk: false },
  finalReport: false,
});
const server = application(system).listen(0, '127.0.0.1');
try {
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const ask = async (body) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/ask`, { method: 'POST', headers, body: JSON.stringify(body) });
    console.log(response.status, response.headers.get('x-cache'), await response.json());
  };

  const context = { projectStructure: { src: 2 }, 'src/orders.js': 'export const orders = [];' };
  await ask({ agent: 'backend-specialist', question: 'Where are orders kept?', context });
  await ask({ agent: 'backend-specialist', question: 'Where are orders kept?', context });
  await ask({ agent: 'backend-specialist', question: 'Where are orders kept?', context: { projectStructure: {} } });
  await ask({ agent: 'a'.repeat(2000), question: 'Who is asking?', context });
  await ask({ agent: 'backend-specialist' });
  console.log('health:', (await fetch(`${url}/health`)).status);
} finally {
  server.close(); // takes no more requests
  await system.shutdown(); // stores what waits
}
