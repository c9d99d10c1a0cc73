/**
 * Worker threads with one cache directory. Prints what they saw as JSON. Arguments: what they do, directory.
 * The main thread tells a worker `[method, ...args]` and gets `{ value }` or `{ error }`.
 */

const path = require('node:path');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { AdvancedCacheManager } = require('../../../index.js');

const ROUNDS = 20;

class Thread {
  constructor(workerConfig, mode) {
    this.worker = new Worker(path.resolve(__filename), { workerData: { config: workerConfig, mode } });
    this.ended = new Promise((resolve) => {
      let error;
      this.worker.on('error', (thrown) => {
        error = thrown.message;
      });
      this.worker.on('exit', (code) => resolve(error ?? code));
    });
  }

  said() {
    return new Promise((resolve) => this.worker.once('message', resolve));
  }

  async call(...asked) {
    this.worker.postMessage(asked);
    const { value, error } = await this.said();
    if (error) throw new Error(error);
    return value;
  }
}

const SCENARIOS = {
  /** What one thread stores, others have in memory. */
  share: async (config) => {
    const [one, other] = [new Thread(config), new Thread(config)];
    const main = new AdvancedCacheManager(config);
    await one.call('set', 'key', { of: 'one' });
    const values = [await other.call('get', 'key'), await main.get('key')];
    const { l1, l2, l3 } = await other.call('getStats');
    await other.call('set', 'key', { of: 'other' });
    values.push(await one.call('get', 'key'), await main.get('key'));
    await other.call('delete', 'key');
    values.push(await one.call('get', 'key'));
    return { values, hits: { l1: l1.hits, l2: l2.hits, l3: l3.hits }, ...(await ends([one, other], main)) };
  },

  apart: async (config) => {
    const [one, other] = [new Thread({ ...config, namespace: 'a' }), new Thread({ ...config, namespace: 'b' })];
    await one.call('set', 'key', 1);
    const values = [await one.call('get', 'key'), await other.call('get', 'key')];
    return { values, ...(await ends([one, other])) };
  },

  /** The object is the same for each thread, until any of them replaces it. */
  reference: async (config) => {
    const shared = { ...config, valueMode: 'reference' };
    const [one, other] = [new Thread(shared), new Thread(shared)];
    const seen = [];
    for (let version = 0; version < ROUNDS; version++) {
      await one.call('set', 'key', { version });
      for (const thread of [one, other, one, other]) seen.push((await thread.call('get', 'key')).version === version);
      await other.call('set', 'key', { version: -version });
      for (const thread of [one, other, one, other]) seen.push((await thread.call('get', 'key')).version === -version);
      await one.call('delete', 'key');
      for (const thread of [one, other]) seen.push((await thread.call('get', 'key')) === null);
    }
    return { seen: seen.every(Boolean), ...(await ends([one, other])) };
  },

  /** The end of one thread's use is not the end of the others'. */
  stop: async (config) => {
    const [one, other] = [new Thread(config), new Thread(config)];
    await one.call('set', 'of one', 1);
    await other.call('set', 'of the other', 2);
    await one.call('stop');
    const values = [await other.call('get', 'of one'), await other.call('get', 'of the other')];
    await other.call('set', 'later', 3, 0, { durable: true });
    values.push(await other.call('get', 'later'));
    return { values, ...(await ends([one, other])) };
  },

  'terminated in mid-work': async (config) => {
    const main = new AdvancedCacheManager(config);
    const codes = [];
    for (let round = 0; round < ROUNDS; round++) {
      const thread = new Thread(config, 'work');
      await thread.said();
      await new Promise((resolve) => setTimeout(resolve, (round * 7) % 30));
      void thread.worker.terminate();
      await main.set('of main', round);
      codes.push(await thread.ended);
    }
    await main.flush();
    const values = [await main.get('of main'), (await main.get('shared'))?.text?.length];
    return { values, codes, ...(await ends([], main)) };
  },

  'terminated all at once': async (config) => {
    const threads = Array.from({ length: 8 }, () => new Thread(config, 'work'));
    await Promise.all(threads.map((thread) => thread.said()));
    const codes = await Promise.all(
      threads.map((thread) => {
        void thread.worker.terminate();
        return thread.ended;
      }),
    );
    const main = new AdvancedCacheManager(config);
    await main.set('of main', 1, 0, { durable: true });
    return { values: [await main.get('of main')], codes, ...(await ends([], main)) };
  },

  /** A thread that holds the lease of a computation ends; its heartbeat with it. */
  'terminated while it computes': async (config) => {
    const main = new AdvancedCacheManager(config);
    const thread = new Thread(config, 'compute');
    await thread.said();
    void thread.worker.terminate();
    await thread.ended;
    const value = await main.getOrCompute('computed', () => 'of main', { leaseSeconds: 1 });
    return { values: [value], ...(await ends([], main)) };
  },
};

async function ends(threads, main) {
  for (const thread of threads) thread.worker.postMessage(['end']);
  const ended = await Promise.all(threads.map((thread) => thread.ended));
  await main?.stop();
  return { ended };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const MODES = {
  /** Everything at once, for ever, with events on their way. */
  work: async (cache) => {
    for (const name of ['cacheHit', 'cacheMiss', 'cacheSet', 'l1Eviction']) cache.on(name, () => {});
    const text = 'x'.repeat(50_000);
    for (let round = 0; ; round++) {
      const key = `key-${round % 30}`;
      void cache.set('shared', { text });
      void cache.set(key, { text }, 0, { tags: ['tag'] });
      void cache.getMany([key, 'shared', `nothing ${round}`]);
      void cache.getOrCompute(`computed ${round}`, () => sleep(1));
      if (round % 10 === 0) void cache.deleteByTag('tag');
      if (round % 7 === 0) void cache.flush();
      if (round === 20) parentPort.postMessage('at work');
      await sleep(0);
    }
  },
  compute: (cache) =>
    cache.getOrCompute(
      'computed',
      () => {
        parentPort.postMessage('at work');
        return sleep(600_000);
      },
      { leaseSeconds: 1 },
    ),
};

if (isMainThread) {
  const [scenario, cacheDir] = process.argv.slice(2);
  SCENARIOS[scenario]({ cacheDir }).then((result) => console.log(JSON.stringify(result)));
} else {
  const cache = new AdvancedCacheManager(workerData.config);
  if (workerData.mode) void MODES[workerData.mode](cache);
  parentPort.on('message', async ([method, ...args]) => {
    if (method === 'end') return parentPort.close();
    try {
      parentPort.postMessage({ value: await cache[method](...args) });
    } catch (error) {
      parentPort.postMessage({ error: error.message });
    }
  });
}
