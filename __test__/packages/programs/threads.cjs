/** Two worker threads and the main thread, each with a system of its own over one cache directory. */

const { isMainThread, parentPort, Worker } = require('node:worker_threads');
const { ProductionOptimizationSystem } = require('agentwise-optimization');

async function work(name) {
  const system = await ProductionOptimizationSystem.create({ environment: 'development', finalReport: false });
  const { currentTask } = await system.optimizeAgentContext(name, { currentTask: name });
  await system.cacheResponse(name, name);
  const cached = await system.getCachedResponse(name);
  await system.shutdown();
  if (currentTask !== name || cached !== name) throw new Error(`wrong results in ${name}`);
  return name;
}

function inThread() {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename);
    let answer;
    worker.on('message', (message) => {
      answer = message;
    });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      code === 0 && answer ? resolve(answer) : reject(new Error(`the thread ended with ${code}`)),
    );
  });
}

if (isMainThread) {
  Promise.all([work('main'), inThread(), inThread()]).then((all) => console.log(`threads: ${all.join(', ')}`));
} else {
  work('worker').then((name) => parentPort.postMessage(name));
}
