'use strict';

/**
 * Every error code: the one place where its meaning is written down. `npm run docs:errors` makes `docs/troubleshooting.md` of it, in
 * which each example is run by `npm run docs:blocks`; `__test__/error-codes.spec.js` compares it with what the sources throw and
 * with `ErrorCode` in `index.d.ts`.
 *
 * A row has `code`; `when` it comes, as half a sentence; `cause`, what is usually behind it; `remedy`, what to do; `js` or `sh`, an
 * example that raises it, in which `system` is there if `system: true`; `setUp`, what comes before it: lines of `js`, or of `sh` what readers have anyway; `prints`, what comes
 * of it (`…` stands for any text). `cli: true`: only commands have it, and it is not in `ErrorCode`.
 */

module.exports = [
  {
    code: 'E_CONFIG_INVALID',
    when: 'wrong types, values out of range or unknown keys; `err.problems` lists all of them',
    cause:
      'A configuration file, an environment variable or an argument of a constructor or of `updateConfiguration` has a setting that is not one, or a value that it cannot have. Nothing of it was applied.',
    remedy:
      'Correct what `err.problems` names. `npx agentwise-optimization config check` lists the problems of all files and variables with their places; [configuration.md](configuration.md) has every setting with its range.',
    js: `
const cache = { ttlSeconds: -1, l1MaxSise: 500 };
try {
  await ProductionOptimizationSystem.create({ environment: 'development', cache });
} catch (error) {
  console.log(error.code);
  for (const { path, message } of error.problems) console.log(path, '-', message);
}`,
    prints:
      'E_CONFIG_INVALID\ncache.ttlSeconds - must be a number from 0.001 to 3153600000 (seconds), got -1\ncache.l1MaxSise - unknown setting; did you mean "l1MaxSize"?',
  },
  {
    code: 'E_CONFIG_MISSING',
    when: 'the file that `OPTIMIZATION_CONFIG` or `--config` names is not there',
    cause:
      'The name is relative to the working directory, and that is another one than you think; or the file was not deployed.',
    remedy:
      'Give an absolute path, or take the variable away: then `config/optimization.<environment>.json` is looked for. A `configFile` in code that is missing is only a `warning`.',
    sh: 'OPTIMIZATION_CONFIG=nowhere.json npx agentwise-optimization status',
    prints: 'E_CONFIG_MISSING: OPTIMIZATION_CONFIG names …/nowhere.json, which is not there; correct or unset it',
  },
  {
    code: 'E_CONFIG_UNREADABLE',
    when: 'a configuration file is there but cannot be read, or is no JSON or YAML',
    cause:
      'A comma or a quote is missing, a key stands twice, the file is no UTF-8 or over 1 MB, or this user may not read it.',
    remedy:
      'The message has line and column. An editor that knows the schema shows them as you type: see [configuration.md](configuration.md).',
    sh: `echo '{ "cache": { "ttlSeconds": 60 ' > broken.json; npx agentwise-optimization status --config broken.json`,
    prints: 'E_CONFIG_UNREADABLE: …broken.json…',
  },
  {
    code: 'E_CONFIG_CHANGED',
    when: 'a configuration file was changed since it was read, so that it is not written over',
    cause:
      'Somebody, or another process, has written into the file between the last look at it and `updateConfiguration(…, { save: true })`.',
    remedy: 'Call `reloadConfiguration()`, look whether your change still makes sense, and make it again.',
    system: "{ environment: 'development', configFile: 'shop.json', watchConfig: false, finalReport: false }",
    setUp: "writeFileSync('shop.json', '{}');",
    js: `
writeFileSync('shop.json', '{ "cache": { "ttlSeconds": 60 } }'); // another program
try {
  await system.updateConfiguration({ cache: { ttlSeconds: 600 } }, { save: true });
} catch (error) {
  console.log(error.code);
}
await system.reloadConfiguration();
await system.updateConfiguration({ cache: { ttlSeconds: 600 } }, { save: true });
console.log(readFileSync('shop.json', 'utf8'));`,
    prints: 'E_CONFIG_CHANGED\n{ "cache": { "ttlSeconds": 600 } }',
  },
  {
    code: 'E_CONFIG_REQUIRED',
    when: 'the first `getInstance()` got no configuration',
    cause: 'The system of the process is asked for before the place that makes it has run.',
    remedy: 'Pass a configuration, at least `{ environment }`, in the first call; later ones ignore theirs.',
    js: 'await ProductionOptimizationSystem.getInstance().catch((error) => console.log(error.code));',
    prints: 'E_CONFIG_REQUIRED',
  },
  {
    code: 'E_INVALID_ARGUMENT',
    when: 'an argument has the wrong type or is out of range, or a value has no JSON',
    cause: 'The message names the argument, the value and what is allowed.',
    remedy:
      'Correct the call. Values for the cache must be such that `JSON.stringify` says what they are: no function, no BigInt, no cycle.',
    js: `
import { countTokens } from 'agentwise-optimization';

try {
  countTokens('How many?', { encoding: 'klingon' });
} catch (error) {
  console.log(error.code, '-', error.message);
}`,
    prints: 'E_INVALID_ARGUMENT - …',
  },
  {
    code: 'E_CONTEXT_INVALID',
    when: 'a context holds what JSON cannot (BigInt, a cycle, a getter that throws) or is too deep or large; the message names the path',
    cause: 'Usually an object of a library, or a reference back to a parent, got into the context.',
    remedy: 'Leave out what the message names, or put in what of it an agent is to read.',
    system: true,
    js: `
const task = { currentTask: 'Show an error' };
task.parent = { child: task };
await system.optimizeAgentContext('frontend-specialist', task).catch((error) => console.log(error.code, '-', error.message));`,
    prints: 'E_CONTEXT_INVALID - …parent.child…',
  },
  {
    code: 'E_NOT_INITIALIZED',
    when: 'the system was used before `initialize()`',
    cause:
      '`new ProductionOptimizationSystem(…)` builds nothing yet; or an orchestrator could not start, and `err.cause` says why.',
    remedy: 'Await `initialize()`, or use `ProductionOptimizationSystem.create()`.',
    js: `
const system = new ProductionOptimizationSystem({ environment: 'development' });
await system.optimizeAgentContext('frontend-specialist', {}).catch((error) => console.log(error.code));`,
    prints: 'E_NOT_INITIALIZED',
  },
  {
    code: 'E_SHUT_DOWN',
    when: 'a system was used after `shutdown()`, or a cache changed after `stop()`',
    cause: 'Something still works while the program ends, often a timer or a request that came late.',
    remedy:
      'End what uses the system first. `getCachedResponse` and `cacheResponse` of a system do not reject then, so that late requests go on without a cache.',
    system: true,
    js: `
await system.shutdown();
await system.optimizeAgentContext('frontend-specialist', {}).catch((error) => console.log(error.code));`,
    prints: 'E_SHUT_DOWN',
  },
  {
    code: 'E_NOT_AVAILABLE',
    when: 'the native module could not be loaded, or what was asked for is switched off or not in this version',
    cause:
      'Without a native module nothing works: the platform has no prebuilt one, the platform package was not installed (`--omit=optional`), it was built for another C library, or the platform package has another version than this one (half an upgrade). Else the message names what is off, or what cannot be done, such as saving into a YAML file.',
    remedy:
      '`npx agentwise-optimization doctor` says what is wrong with the native module, and how to get one. Platforms: [README](../README.md#platforms).',
    system: "{ environment: 'development', configFile: 'shop.yaml', finalReport: false }",
    setUp: "writeFileSync('shop.yaml', 'cache: { ttlSeconds: 60 }\\n');",
    js: `
const change = { cache: { ttlSeconds: 600 } };
await system.updateConfiguration(change, { save: true }).catch((error) => console.log(error.code, '-', error.message));`,
    prints: 'E_NOT_AVAILABLE - …',
  },
  {
    code: 'E_CACHE_ENTRY_TOO_LARGE',
    when: 'a value with its key is over `maxEntrySizeMB`; the key has no value then',
    cause: 'Whole files or transcripts are stored as one answer.',
    remedy: 'Store it in parts, or raise `cache.maxEntrySizeMB`. A system tells it by a `warning` and does not reject.',
    js: `
import AdvancedCacheManager from 'agentwise-optimization/cache';

const cache = new AdvancedCacheManager({ maxEntrySizeMB: 1, persistToDisk: false });
await cache.set('transcript', 'x'.repeat(2_000_000)).catch((error) => console.log(error.code));
await cache.stop();`,
    prints: 'E_CACHE_ENTRY_TOO_LARGE',
  },
  {
    code: 'E_CACHE_DISK',
    when: "the cache's disk could not do what `flush()`, `durable`, `clear`, `deleteByTag` or a command asked for",
    cause:
      'The directory cannot be made or written, the disk is full, or the file system cannot be shared safely. The cache goes on in memory; `getStats().disk` says what is the matter.',
    remedy:
      'Look up the reason in [cache.md](cache.md#failures). A cache that should not use the disk at all has `persistToDisk: false`.',
    js: `
import AdvancedCacheManager from 'agentwise-optimization/cache';

const cache = new AdvancedCacheManager({ cacheDir: 'package.json/cache' }); // no directory, and no place for one
await cache.set('question', 'answer');
await cache.flush().catch((error) => console.log(error.code));
console.log(await cache.get('question'));
await cache.stop();`,
    prints: 'E_CACHE_DISK\nanswer',
  },
  {
    code: 'E_CACHE_FILE_INVALID',
    when: '`load` was given a file that is no whole, unchanged dump of this version',
    cause: 'The file was cut off, edited, or comes from a newer version.',
    remedy: 'Make a new one by `dump`. Nothing of a refused file is taken.',
    js: `
import AdvancedCacheManager from 'agentwise-optimization/cache';

const cache = new AdvancedCacheManager({ persistToDisk: false });
await cache.load('package.json').catch((error) => console.log(error.code));
await cache.stop();`,
    prints: 'E_CACHE_FILE_INVALID',
  },
  {
    code: 'E_CANCELLED',
    when: 'a call was ended by its caller; one with a `signal` rejects with the reason of the signal instead',
    cause:
      'As all calls of this version that can be ended take a `signal`, their callers see its reason, usually an `AbortError` or a `TimeoutError`.',
    remedy: 'Nothing has to be done: what was done until then is whole.',
    js: `
import AdvancedCacheManager from 'agentwise-optimization/cache';

const cache = new AdvancedCacheManager({ persistToDisk: false });
await cache.dump('answers.dump', { signal: AbortSignal.abort() }).catch((error) => console.log(error.name));
await cache.stop();`,
    prints: 'AbortError',
  },
  {
    code: 'E_REFERENCE_UNKNOWN',
    when: 'what was left out under this reference was never left out here, or is forgotten (`contextFilter.referenceStoreMB`)',
    cause: 'Another process has filtered that context, the text has changed since, or newer ones took its room.',
    remedy: 'Read the file itself, or give the context again. A larger `contextFilter.referenceStoreMB` keeps more.',
    js: `
import { AgentContextFilter } from 'agentwise-optimization';

const filter = new AgentContextFilter();
await filter.resolveReference('0123456789abcdef').catch((error) => console.log(error.code));`,
    prints: 'E_REFERENCE_UNKNOWN',
  },
  {
    code: 'E_DELTA_MISMATCH',
    when: 'a delta is for another base, or is not what was sent',
    cause: 'The receiver has lost a message, or has another context than the sender thinks.',
    remedy: 'Reset the agent (`resetAgent`), so that its next context comes in full.',
    js: `
import TokenOptimizer, { applyDelta, toMessage } from 'agentwise-optimization/tokens';

const optimizer = new TokenOptimizer();
await optimizer.optimizeContext('backend-specialist', { currentTask: 'one' });
const message = toMessage(await optimizer.optimizeContext('backend-specialist', { currentTask: 'another' }));
try {
  applyDelta({ currentTask: 'something else' }, message);
} catch (error) {
  console.log(error.code);
}
await optimizer.close();`,
    prints: 'E_DELTA_MISMATCH',
  },
  {
    code: 'E_SHARED_CONTEXT',
    when: 'the server of a shared context refuses, a context is too large for it, or a server cannot listen',
    cause:
      'The port is in use, the token is wrong, or the context is over `maxContextBytes`. A server that is away is no error: the client goes on with its copy.',
    remedy: 'The message says which. [shared-context.md](shared-context.md) has the limits of both ends.',
    js: `
import { startSharedContextServer } from 'agentwise-optimization/shared-context';

const server = await startSharedContextServer({ port: 0 });
const { port } = new URL(server.url);
await startSharedContextServer({ port: Number(port) }).catch((error) => console.log(error.code));
await server.close();`,
    prints: 'E_SHARED_CONTEXT',
  },
  {
    code: 'E_TIMEOUT',
    when: '`whenUnthrottled` waited for longer than its `timeout`, or a token optimizer or a running process did not answer',
    cause: 'The agent still holds more than `agentMemoryLimit`, or memory of the process is short.',
    remedy:
      '`throttleReason(agentId)` says what the agent waits for. Report what an agent has dropped by `registerAgentMemory`, and `forgetAgent` when it is done.',
    js: `
import MemoryManager from 'agentwise-optimization/memory';

const memory = new MemoryManager({ agentMemoryLimit: 8 });
memory.registerAgentMemory('backend-specialist', 9 * 2 ** 20, 0);
await memory.whenUnthrottled('backend-specialist', { timeout: 50 }).catch((error) => console.log(error.code));
console.log(memory.throttleReason('backend-specialist').code);
memory.stop();`,
    prints: 'E_TIMEOUT\nagentLimit',
  },
  {
    code: 'E_NOT_OWNED',
    when: 'a directory of running systems belongs to another user, or others can write to it',
    cause: 'The cache directory is shared between users, or was made by root.',
    remedy: 'Ask as the user of the system (`sudo -u <user>`), or give it a directory of its own with mode 0700.',
    sh: 'mkdir -p -m 777 shared/live; CACHE_DIR=shared npx agentwise-optimization status',
    prints: 'E_NOT_OWNED: …live…',
  },
  {
    code: 'E_EXISTS',
    when: 'there is something at the `path` of a report, and `overwrite` was not asked for',
    cause: 'The same name was used before. Of a migration: a file that it would make is there already.',
    remedy: 'Take another name, or pass `overwrite: true` (commands: `--force`).',
    system: true,
    js: `
await system.generateSystemReport({ path: 'today.json' });
await system.generateSystemReport({ path: 'today.json' }).catch((error) => console.log(error.code));`,
    prints: 'E_EXISTS',
  },
  {
    code: 'E_IO',
    when: 'a file could not be read or written',
    cause:
      'The directory is not there, this user may not write to it, or the disk is full. The message has the path and what the system said.',
    remedy: 'Make the directory, or give another path.',
    system: true,
    js: `
await system.generateSystemReport({ path: 'no/such/directory/report.json' }).catch((error) => console.log(error.code));`,
    prints: 'E_IO',
  },
  {
    code: 'E_INTERNAL',
    when: 'a defect in this package, or in a part that it was given; the process goes on',
    cause:
      'A stage has failed that should not. What is sent is then what there was before that stage, and `optimizationError` tells it.',
    remedy:
      'If the failing part is yours, `err.message` has its error. Else please report it with the message, the version and what led there.',
    js: `
import OptimizationOrchestrator from 'agentwise-optimization/orchestrator';

const optimizer = { optimizeContext: () => Promise.reject(new Error('out of ideas')) };
const orchestrator = new OptimizationOrchestrator({ environment: 'development' }, optimizer);
orchestrator.on('optimizationError', ({ error }) => console.log(error.code, error.stage));
const sent = await orchestrator.optimizeAgentContext('backend-specialist', { currentTask: 'one' });
console.log(sent.currentTask);
await orchestrator.shutdown();`,
    prints: 'E_INTERNAL tokenOptimizer\none',
  },
  {
    code: 'E_USAGE',
    cli: true,
    when: 'a command or an option is not one, or is used wrongly',
    cause: 'A word is misspelt, or a value is missing.',
    remedy: 'The message has the nearest right name, and how to get help.',
    sh: 'npx agentwise-optimization helth',
    prints: 'E_USAGE: …\n…',
  },
  {
    code: 'E_NOT_AGENTWISE',
    cli: true,
    when: '`migrate` found no Agentwise in the directory',
    cause: 'It runs in another directory, or none of the seven modules is there.',
    remedy: 'Name the directory: `npx agentwise-optimization migrate <directory>`.',
    sh: 'npx agentwise-optimization migrate',
    prints: 'E_NOT_AGENTWISE: … has none of the seven modules …',
  },
  {
    code: 'E_GIT_DIRTY',
    cli: true,
    when: '`migrate` would replace files while git has changes that are not committed',
    cause:
      '`shop` is the checkout of an Agentwise here. With changes of your own among those of the migration, neither could be looked at by itself.',
    remedy: 'Commit or stash them. `--force` goes on all the same.',
    setUp: `mkdir -p shop/src/optimization
echo '{ "name": "agentwise" }' > shop/package.json
echo 'export default class MemoryManager {}' > shop/src/optimization/MemoryManager.ts
git init --quiet shop`,
    sh: 'npx agentwise-optimization migrate shop',
    prints:
      'E_GIT_DIRTY: 2 files with changes that are not committed (package.json, src/optimization/MemoryManager.ts): …',
  },
  {
    code: 'E_EDITED',
    cli: true,
    when: '`migrate --undo` would overwrite files that were changed since the migration',
    cause: 'A module that the migration wrote, here into the checkout `shop`, has other text now.',
    remedy: 'Keep what you need of it elsewhere, then `--undo --force`.',
    setUp: `npx agentwise-optimization migrate shop --force
echo '// my own' >> shop/src/optimization/MemoryManager.ts`,
    sh: 'npx agentwise-optimization migrate shop --undo',
    prints: 'E_EDITED: src/optimization/MemoryManager.ts was edited since: …',
  },
];
