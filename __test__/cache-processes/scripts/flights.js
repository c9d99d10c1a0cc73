/**
 * One key computed by four at once in one process: worker threads, managers of one thread, or handles of one namespace.
 * Prints `[{ ms, values }]`. Arguments: who, directory, file in which each computation leaves a line.
 */

const fs = require('node:fs');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { AdvancedCacheManager } = require('../../../index.js');

/** So long that whoever waits for its end is seen. */
const OPTIONS = { leaseSeconds: 40 };
const COUNT = 4;

async function ask(cache, { log, fails }, name) {
  const started = performance.now();
  const work = async () => {
    fs.appendFileSync(log, `${process.pid}\n`);
    const isFirst = fs.readFileSync(log, 'utf8').split('\n').length === 2;
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (fails && isFirst) throw new Error('of the computation');
    return { by: name };
  };
  const value = await cache.getOrCompute('key', work, OPTIONS).catch((error) => error.message);
  return { ms: performance.now() - started, values: [value] };
}

async function main([scenario, cacheDir, log]) {
  const fails = scenario.endsWith('that fail');
  const names = Array.from({ length: COUNT }, (_, index) => `asker ${index}`);
  const config = { cacheDir };
  if (scenario.startsWith('threads')) {
    const ended = names.map((name) => {
      const worker = new Worker(__filename, { workerData: { config, log, fails, name } });
      return new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
    });
    return Promise.all(ended);
  }
  const first = new AdvancedCacheManager(config);
  const caches = names.map(() =>
    scenario.startsWith('managers') ? new AdvancedCacheManager(config) : first.namespace('name'),
  );
  const outcomes = await Promise.all(caches.map((cache, index) => ask(cache, { log, fails }, names[index])));
  await first.stop();
  return outcomes;
}

if (isMainThread) {
  main(process.argv.slice(2)).then((outcomes) => console.log(JSON.stringify(outcomes)));
} else {
  const { config, name, ...options } = workerData;
  const cache = new AdvancedCacheManager(config);
  ask(cache, options, name).then((outcome) => parentPort.postMessage(outcome));
}
