/** How a memory manager is made and set. */

const { EventEmitter } = require('node:events');
const { MemoryManager } = require('../../index.js');
const entry = require('../../entry/memory.js');
const { failureOf } = require('../support.js');
const { CALM, heardBy, useManagers } = require('./support.js');

const { open, own } = useManagers();

const DEFAULTS = {
  maxMemoryUsage: 2048,
  alertThreshold: 80,
  gcInterval: 60_000,
  contextRetentionTime: 1_800_000,
  agentMemoryLimit: 256,
  enableDetailedLogging: false,
};

/** Settings that are wrong, each in its own way. */
const WRONG = [
  ['maxMemoryUsage', 0],
  ['maxMemoryUsage', -1],
  ['maxMemoryUsage', '2048'],
  ['maxMemoryUsage', Number.NaN],
  ['maxMemoryUsage', 10_000_001],
  ['alertThreshold', 0],
  ['alertThreshold', 101],
  ['alertThreshold', null],
  ['gcInterval', 0],
  ['gcInterval', 10.5],
  ['gcInterval', 2 ** 31],
  ['contextRetentionTime', 0],
  ['contextRetentionTime', Infinity],
  ['contextRetentionTime', 1n],
  ['agentMemoryLimit', 0],
  ['agentMemoryLimit', -5],
  ['agentMemoryLimit', []],
  ['enableDetailedLogging', 'yes'],
  ['enableDetailedLogging', 0],
  ['environment', 'test'],
  ['maxMemory', 2048],
];

/** The settings in force. */
function configOf(memory) {
  let found;
  memory.once('configUpdated', ({ newConfig }) => {
    found = newConfig;
  });
  memory.updateConfig({});
  return found;
}

test('the class is that of the entry, by name and as default', () => {
  expect(entry.MemoryManager).toBe(MemoryManager);
  expect(entry.default).toBe(MemoryManager);
});

test.each([
  ['nothing', () => new MemoryManager()],
  ['undefined', () => new MemoryManager(undefined)],
  ['no settings', () => new MemoryManager({})],
  ['an environment', () => new MemoryManager({ environment: 'production' })],
  ['settings that are undefined', () => new MemoryManager({ maxMemoryUsage: undefined })],
])('made of %s it has the defaults', (_, make) => {
  const memory = own(make());
  expect(configOf(memory)).toMatchObject(DEFAULTS);
  expect(memory.getMemoryStats().config).toEqual({ maxMemory: 2048, alertThreshold: 80, agentLimit: 256 });
});

test('it takes all its settings', () => {
  const config = {
    maxMemoryUsage: 512.5,
    alertThreshold: 60,
    gcInterval: 10,
    contextRetentionTime: 1,
    agentMemoryLimit: 0.001,
    enableDetailedLogging: true,
  };
  const memory = open({ ...config, environment: 'staging' });
  expect(configOf(memory)).toMatchObject(config);
  expect(memory.getMemoryStats().config).toEqual({ maxMemory: 512.5, alertThreshold: 60, agentLimit: 0.001 });
});

test('it does not keep or change the object that it was given', () => {
  const config = Object.freeze({ ...CALM, agentMemoryLimit: 8 });
  const memory = own(new MemoryManager(config));
  memory.updateConfig({ agentMemoryLimit: 9 });
  expect(config.agentMemoryLimit).toBe(8);
});

describe('a configuration', () => {
  test.each(WRONG)('with %s: %p is refused by the constructor and by updateConfig', async (name, value) => {
    const memory = open();
    const heard = heardBy(memory, 'configUpdated');
    const construct = () => new MemoryManager({ [name]: value });
    const update = () => memory.updateConfig({ gcInterval: 77, [name]: value });
    for (const action of [construct, update]) {
      const error = await failureOf(action);
      expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
      expect(error.problems.map(({ path }) => path)).toEqual([name]);
      expect(error.message).toContain(name);
    }
    expect(heard).toEqual([]);
    expect(configOf(memory).gcInterval).toBe(60_000);
  });

  test('lists all that is wrong with it', async () => {
    const wrong = Object.fromEntries(WRONG);
    const error = await failureOf(() => new MemoryManager(wrong));
    expect(error.problems.map(({ path }) => path).sort()).toEqual(Object.keys(wrong).sort());
  });

  test.each([[null], [5], ['text'], [[]]])('%p is refused', async (config) => {
    const memory = open();
    for (const action of [() => new MemoryManager(config), () => memory.updateConfig(config)]) {
      expect((await failureOf(action)).code).toBe('E_CONFIG_INVALID');
    }
  });
});

test('updateConfig changes what is given only, and says what was and is', () => {
  const memory = open({ agentMemoryLimit: 8 });
  const heard = heardBy(memory, 'configUpdated');
  memory.updateConfig({ alertThreshold: 70 });
  expect(heard).toHaveLength(1);
  const { oldConfig, newConfig } = heard[0][1];
  expect(oldConfig).toMatchObject({ ...DEFAULTS, ...CALM, agentMemoryLimit: 8 });
  expect(newConfig).toMatchObject({ ...DEFAULTS, ...CALM, agentMemoryLimit: 8, alertThreshold: 70 });
});

test('it is a real EventEmitter, and may be subclassed', () => {
  class Watched extends MemoryManager {
    throttled = [];
    constructor() {
      super({ ...CALM, agentMemoryLimit: 1 });
      this.on('agentThrottled', ({ agentId }) => this.throttled.push(agentId));
    }
    shouldThrottleAgent(agentId) {
      return agentId !== 'important' && super.shouldThrottleAgent(agentId);
    }
  }
  const memory = own(new Watched());
  expect(memory).toBeInstanceOf(EventEmitter);
  expect(memory).toBeInstanceOf(MemoryManager);
  for (const name of ['agent', 'important']) memory.registerAgentMemory(name, 2 ** 21, 0);
  expect(memory.throttled).toEqual(['agent', 'important']);
  expect(['agent', 'important'].map((name) => memory.shouldThrottleAgent(name))).toEqual([true, false]);
});

test('it is made with new', async () => {
  expect(await failureOf(() => MemoryManager())).toBeInstanceOf(TypeError);
});
