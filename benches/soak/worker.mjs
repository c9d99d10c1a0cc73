/** A worker thread of the soak: systems that come and go, over the cache directory that it is given. */

import { parentPort, workerData } from 'node:worker_threads';
import { ProductionOptimizationSystem } from '../../index.mjs';
import { random } from '../bench/random.mjs';
import { context, dice } from './contexts.mjs';

const die = dice(random(workerData.seed));
for (let round = 0; ; round++) {
  const system = await ProductionOptimizationSystem.create(workerData.config);
  for (let turn = 0; turn < 5; turn++) {
    const given = context(die);
    const result = await system.optimizeAgentContext('agent of a thread', given);
    if (result.hash === undefined) throw new Error('no result');
    await system.cacheResponse(`key ${turn}`, { round, turn });
    const answer = await system.getCachedResponse(`key ${turn}`);
    if (answer !== null && answer.turn !== turn) throw new Error('a wrong answer');
  }
  await system.shutdown();
  parentPort.postMessage(round);
  if (round >= workerData.rounds) break;
}
