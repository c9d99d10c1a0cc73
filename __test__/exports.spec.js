const { EventEmitter } = require('node:events');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const addon = require('../index.js');
const { ROOT, runNode } = require('./support.js');

const NAMES = [
  'ProductionOptimizationSystem',
  'OptimizationOrchestrator',
  'AdvancedCacheManager',
  'AgentContextFilter',
  'MemoryManager',
  'ProductionMonitor',
  'SharedContextClient',
  'TokenOptimizer',
  'AgentwiseError',
  'checkConfiguration',
  'configurationSchema',
  'applyDelta',
  'applyDeltaAsync',
  'toMessage',
  'renderForPrompt',
  'countTokens',
  'countTokensAsync',
  'startSharedContextServer',
];
const ESM = JSON.stringify(pathToFileURL(path.join(ROOT, 'index.mjs')).href);
const CJS = JSON.stringify(path.join(ROOT, 'index.js'));

test.each(NAMES)('require gives %s by name', (name) => {
  expect(typeof addon[name]).toBe('function');
});

test('require(pkg).default is the system, and interop sees an ES module', () => {
  expect(addon.default).toBe(addon.ProductionOptimizationSystem);
  expect(addon.__esModule).toBe(true);
});

test('import gives the same objects as require, by name and as default', async () => {
  const found = await runNode(
    `import { createRequire } from 'node:module';
     import standard, * as all from ${ESM};
     const cjs = createRequire(${ESM})(${CJS});
     const names = Object.keys(all).filter((name) => name !== 'default').sort();
     const same = names.filter((name) => all[name] === cjs[name]);
     console.log(JSON.stringify({ names, same, standard: standard === cjs.ProductionOptimizationSystem }));`,
    { module: true },
  );
  expect(found).toEqual({ names: [...NAMES].sort(), same: [...NAMES].sort(), standard: true });
});

test('ESM and CJS export the same names', () => {
  expect(
    Object.keys(addon)
      .filter((name) => name !== 'default')
      .sort(),
  ).toEqual([...NAMES].sort());
});

test('the package resolves by its own name, from require and import', async () => {
  const found = await runNode(
    `import { createRequire } from 'node:module';
     import standard from 'agentwise-optimization';
     const cjs = createRequire(${ESM})('agentwise-optimization');
     console.log(JSON.stringify([standard === cjs.default, typeof cjs.AgentContextFilter]));`,
    { module: true },
  );
  expect(found).toEqual([true, 'function']);
});

test.each([
  ['ProductionOptimizationSystem', () => new addon.ProductionOptimizationSystem({ environment: 'development' })],
  ['AgentContextFilter', () => new addon.AgentContextFilter()],
  ['MemoryManager', () => new addon.MemoryManager()],
  ['ProductionMonitor', () => new addon.ProductionMonitor({ console: false })],
  ['SharedContextClient', () => new addon.SharedContextClient({ projectId: 'project', liveUpdates: false })],
])('%s is a real EventEmitter', (_, make) => {
  const emitter = make();
  const heard = [];
  const listener = (value) => heard.push(value);
  expect(emitter).toBeInstanceOf(EventEmitter);
  expect(emitter.on('mine', listener)).toBe(emitter);
  expect(emitter.once('mine', listener)).toBe(emitter);
  expect(emitter.listenerCount('mine')).toBe(2);
  expect(emitter.emit('mine', 1)).toBe(true);
  expect(emitter.emit('mine', 2)).toBe(true);
  expect(emitter.off('mine', listener)).toBe(emitter);
  expect(emitter.emit('mine', 3)).toBe(false);
  expect(heard).toEqual([1, 1, 2]);
});

test.each([
  ['cache', 'AdvancedCacheManager', ['AdvancedCacheManager', 'AgentwiseError']],
  ['context', 'AgentContextFilter', ['AgentContextFilter', 'AgentwiseError']],
  ['orchestrator', 'OptimizationOrchestrator', ['AgentwiseError', 'OptimizationOrchestrator']],
  ['memory', 'MemoryManager', ['AgentwiseError', 'MemoryManager']],
  ['monitor', 'ProductionMonitor', ['AgentwiseError', 'ProductionMonitor']],
  ['shared-context', 'SharedContextClient', ['AgentwiseError', 'SharedContextClient', 'startSharedContextServer']],
  [
    'tokens',
    'TokenOptimizer',
    [
      'AgentwiseError',
      'TokenOptimizer',
      'applyDelta',
      'applyDeltaAsync',
      'countTokens',
      'countTokensAsync',
      'renderForPrompt',
      'toMessage',
    ],
  ],
])('the entry %s has %s as default', async (entry, standard, names) => {
  const found = await runNode(
    `import { createRequire } from 'node:module';
     import standard, * as all from 'agentwise-optimization/${entry}';
     const cjs = createRequire(${ESM})('agentwise-optimization/${entry}');
     const main = createRequire(${ESM})(${CJS});
     const names = Object.keys(all).filter((name) => name !== 'default').sort();
     const same = names.filter((name) => all[name] === cjs[name] && all[name] === main[name]);
     console.log(JSON.stringify({ names, same, standard: standard === cjs.default && standard === main.${standard} }));`,
    { module: true },
  );
  expect(found).toEqual({ names, same: names, standard: true });
});

test('AgentwiseError is an Error with a code', () => {
  const error = new addon.AgentwiseError('E_IO', 'what failed');
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.code, error.message]).toEqual(['AgentwiseError', 'E_IO', 'what failed']);
});
