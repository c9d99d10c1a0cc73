/**
 * Opens damaged copies of a cache directory, one after the other, and prints what it found in each, a line of JSON. A line
 * before each names it, so that whoever dies is known. Arguments: a file with the work, written by the spec.
 */

const fs = require('node:fs');
const { AdvancedCacheManager } = require('../../../index.js');

const { keys, expected, directories } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const print = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

/** How many of the keys are there; a value that is not the one that was stored is told. */
async function found(cache, problems) {
  const values = await cache.getMany(keys);
  let present = 0;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    present++;
    if (JSON.stringify(value) !== expected[keys[index]]) problems.push(`${keys[index]} has a wrong value`);
  }
  for await (const key of cache.keys()) {
    if (!(key in expected) && key !== 'new') problems.push(`keys() has ${key}, which was never stored`);
  }
  return present;
}

async function tryOne(cacheDir) {
  const problems = [];
  const step = async (name, work) => {
    try {
      return await work();
    } catch (error) {
      problems.push(`${name}: ${error.code ?? ''} ${error.message}`);
    }
  };
  const started = performance.now();
  const config = { cacheDir };
  const cache = new AdvancedCacheManager(config);
  const present = await step('reading', () => found(cache, problems));
  // What is stored now must not be lost, whatever is damaged.
  await step('writing', async () => {
    for (const key of keys.slice(0, 40)) await cache.set(key, JSON.parse(expected[key]));
    await cache.set('new', 'value', 0, { durable: true });
  });
  const { state, reason } = cache.getStats().disk;
  if (state !== 'ok') problems.push(`the disk is ${state}: ${reason}`);
  await step('stopping', () => cache.stop());
  const again = new AdvancedCacheManager(config);
  await step('reading again', async () => {
    await found(again, problems);
    if ((await again.get('new')) !== 'value') problems.push('what was flushed is lost');
    const rewritten = await again.getMany(keys.slice(0, 40));
    const lost = rewritten.filter((value) => value === null).length;
    if (lost > 0) problems.push(`${lost} of 40 that were flushed are lost`);
  });
  await step('deleting', async () => {
    await again.delete('new');
    if ((await again.get('new')) !== null) problems.push('what was deleted is there');
    await again.deleteByTag('tag');
    await again.clear();
    await again.flush();
  });
  await step('stopping again', () => again.stop());
  return { present, problems, ms: Math.round(performance.now() - started) };
}

(async () => {
  for (const directory of directories) {
    print({ begins: directory });
    print({ directory, ...(await tryOne(directory)) });
  }
})();
