/** A file is the subject here, and so is the second in which it is looked at: these wait. */

const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { ROOT, useOwnDirectory, useSystems, runNode } = require('../support.js');

const directory = useOwnDirectory();
const { open } = useSystems();

const BASE = { environment: 'development', finalReport: false, cache: { persistToDisk: false } };
const NAME = 'config/optimization.development.json';

function write(name, content) {
  const file = directory.path(name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  return file;
}

/** As editors and deployments do it. */
function replace(name, content) {
  fs.renameSync(write('next', content), directory.path(name));
}

const ttl = (seconds) => `{ "cache": { "ttlSeconds": ${seconds} } } // ${'x'.repeat(seconds % 7)}\n`;
const ttlOf = (system) => system.explainConfig().settings['cache.ttlSeconds'].value;

/** What the file then makes of the system. */
async function after(system, change) {
  const updated = once(system, 'configurationUpdated');
  change();
  const [{ source }] = await updated;
  expect(source).toBe('file');
  return ttlOf(system);
}

test('a file that is written, replaced, made again or swapped by a link is taken over', async () => {
  write(NAME, ttl(1));
  const system = await open(BASE);
  expect(await after(system, () => write(NAME, ttl(2)))).toBe(2);
  expect(await after(system, () => replace(NAME, ttl(3)))).toBe(3);
  expect(
    await after(system, () => {
      fs.rmSync(directory.path(NAME));
      setTimeout(() => write(NAME, ttl(4)), 50);
    }),
  ).toBe(4);
  write('next/own.json', ttl(5));
  expect(
    await after(system, () => {
      fs.symlinkSync(directory.path('next/own.json'), directory.path('link'));
      fs.renameSync(directory.path('link'), directory.path(NAME));
    }),
  ).toBe(5);
});

test('a file that comes later is taken over', async () => {
  const system = await open(BASE);
  expect(await after(system, () => write('config/optimization.development.yaml', 'cache: { ttlSeconds: 6 }'))).toBe(6);
  expect(system.getStatus().configFile).toBe(directory.path('config/optimization.development.yaml'));
});

test('a broken file changes nothing and is told once; a removed one too', async () => {
  const file = write(NAME, ttl(1));
  const system = await open(BASE);
  const heard = [];
  system.on('configurationError', (event) => heard.push(event.code));
  const told = once(system, 'configurationError');
  // At once: of one that is written a look may see the beginning, which is broken in another way.
  replace(NAME, '{ "cache": ');
  const [event] = await told;
  expect(event).toMatchObject({ file, code: 'E_CONFIG_UNREADABLE', problems: [] });
  await sleep(1500);
  expect(heard).toHaveLength(1);
  const gone = once(system, 'configurationError');
  fs.rmSync(file);
  expect((await gone)[0]).toMatchObject({ code: 'E_CONFIG_MISSING' });
  expect(ttlOf(system)).toBe(1);
  expect(await after(system, () => write(NAME, ttl(2)))).toBe(2);
});

test('its own writing is no change, and another one after it is', async () => {
  write(NAME, ttl(1));
  const system = await open(BASE);
  await system.updateConfiguration({ cache: { ttlSeconds: 9 } }, { save: true });
  let told = 0;
  system.on('configurationUpdated', () => told++);
  await sleep(2000);
  expect(told).toBe(0);
  expect(await after(system, () => replace(NAME, ttl(3)))).toBe(3);
});

test('watchConfig: false leaves the file alone', async () => {
  write(NAME, ttl(1));
  const system = await open({ ...BASE, watchConfig: false });
  write(NAME, ttl(2));
  await sleep(2500);
  expect(ttlOf(system)).toBe(1);
});

test('a program that only watches ends, and leaves nothing open', async () => {
  write(NAME, ttl(1));
  const cwd = directory.path('.');
  const found = await runNode(
    `const { ProductionOptimizationSystem } = require(${JSON.stringify(path.join(ROOT, 'index.js'))});
     const create = () => ProductionOptimizationSystem.create(${JSON.stringify(BASE)});
     (async () => {
       await create();
       // Threads have a file open for a moment now and then: the least of some counts.
       const open = async () => {
         let least = Number.POSITIVE_INFINITY;
         for (let look = 0; look < 10; look++) {
           least = Math.min(least, require('node:fs').readdirSync('/proc/self/fd').length);
           await new Promise((resolve) => setTimeout(resolve, 10));
         }
         return least;
       };
       const before = await open();
       for (let time = 0; time < 5; time++) await (await create()).shutdown();
       await create();
       console.log(JSON.stringify({ leaked: (await open()) - before }));
     })();`,
    { cwd },
  );
  expect(found.leaked).toBeLessThanOrEqual(0);
});
