const fs = require('node:fs');
const path = require('node:path');
const { ProductionOptimizationSystem: System } = require('../index.js');
const { useOwnDirectory, useSystems, failureOf } = require('./support.js');

const directory = useOwnDirectory();
useSystems();

const BASE = { environment: 'development', finalReport: false };

function write(name, settings) {
  const file = directory.path(name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof settings === 'string' ? settings : JSON.stringify(settings));
  return file;
}

describe('problems', () => {
  const paths = (error) => error.problems.map((problem) => problem.path).sort();

  test('of every kind are listed at once', async () => {
    const error = await failureOf(
      System.create({
        environment: 'prod',
        finalReport: 'no',
        enableMemoryManagement: 1,
        memory: { maxMemoryUsage: '2048', alertThreshold: 101, gcInterval: 1.5, agentMemoryLimit: 10n },
        cache: {
          l1MaxSize: Number.NaN,
          ttlSeconds: -1,
          similarityThreshold: Number.POSITIVE_INFINITY,
          enableCompression: 'yes',
          cacheDir: 5,
        },
        contextFilter: { maxContextPerAgent: null, contextImportanceThreshold: 1.5, adaptiveReduction: () => true },
        monitoring: { alertThresholds: { cpuWarning: -5, memoryWarnin: 1 }, healthCheckInterval: Symbol('s') },
        unknownSetting: 1,
      }),
    );
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_INVALID']);
    expect(paths(error)).toEqual(
      [
        'cache.cacheDir',
        'cache.enableCompression',
        'cache.l1MaxSize',
        'cache.similarityThreshold',
        'cache.ttlSeconds',
        'contextFilter.adaptiveReduction',
        'contextFilter.contextImportanceThreshold',
        'contextFilter.maxContextPerAgent',
        'enableMemoryManagement',
        'environment',
        'finalReport',
        'memory.agentMemoryLimit',
        'memory.alertThreshold',
        'memory.gcInterval',
        'memory.maxMemoryUsage',
        'monitoring.alertThresholds.cpuWarning',
        'monitoring.alertThresholds.memoryWarnin',
        'monitoring.healthCheckInterval',
        'unknownSetting',
      ].sort(),
    );
    for (const { path: where, message } of error.problems) {
      expect(message.length).toBeGreaterThan(0);
      expect(error.message).toContain(where);
    }
  });

  test.each([
    [{ cache: { ttlSecs: 5 } }, 'cache.ttlSecs', 'ttlSeconds'],
    [{ memory: { maxMemoryUsag: 5 } }, 'memory.maxMemoryUsag', 'maxMemoryUsage'],
    [{ cach: {} }, 'cach', 'cache'],
    [{ contextfilter: {} }, 'contextfilter', 'contextFilter'],
    [{ autotuning: true }, 'autotuning', 'autoTuning'],
    [
      { monitoring: { alertThresholds: { memoryWarnng: 5 } } },
      'monitoring.alertThresholds.memoryWarnng',
      'memoryWarning',
    ],
  ])('of an unknown key offer the nearest name: %j', async (wrong, where, nearest) => {
    const error = await failureOf(System.create({ ...BASE, ...wrong }));
    expect(paths(error)).toEqual([where]);
    expect(error.problems[0].message).toContain(nearest);
  });

  test.each([
    ['NaN', Number.NaN, /NaN/],
    ['Infinity', Number.POSITIVE_INFINITY, /Infinity/],
    ['a negative number', -5, /-5/],
    ['a string', '5', /"5"/],
    ['a BigInt', 5n, /BigInt/],
    ['a function', () => 5, /function/],
    ['a symbol', Symbol('s'), /symbol/],
    ['an array', [5], /array|\[/],
    ['an object', { a: 5 }, /object|\{/],
    ['null', null, /null/],
    ['true', true, /true/],
    ['a Date', new Date(0), /1970|date/i],
  ])('say the value: %s', async (_, value, shown) => {
    const error = await failureOf(System.create({ ...BASE, cache: { ttlSeconds: value } }));
    expect(paths(error)).toEqual(['cache.ttlSeconds']);
    expect(error.problems[0].message).toMatch(shown);
  });

  test('of a cycle are listed with the others', async () => {
    const cache = { l1MaxSize: -1 };
    cache.self = cache;
    const error = await failureOf(System.create({ ...BASE, environment: 'prod', cache }));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(paths(error)).toEqual(expect.arrayContaining(['cache.l1MaxSize', 'cache.self', 'environment']));
  });

  test('of a getter that throws are told', async () => {
    const config = {
      ...BASE,
      get cache() {
        throw new Error('no way');
      },
    };
    const error = await failureOf(System.create(config));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.length).toBeGreaterThan(0);
  });

  test('of a file name the file', async () => {
    const file = write('config/optimization.development.json', { cache: { l1MaxSize: -1, x: 1 }, memory: 5 });
    const error = await failureOf(System.create(BASE));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(paths(error).map((where) => where.replace(/^.*: ?/, ''))).toEqual(['cache.l1MaxSize', 'cache.x', 'memory']);
    expect(error.message).toContain(file);
  });

  test('of file and code come together', async () => {
    write('config/optimization.development.json', { cache: { l1MaxSize: -1 } });
    const error = await failureOf(System.create({ ...BASE, memory: { maxMemoryUsage: -1 } }));
    expect(error.problems).toHaveLength(2);
  });

  test.each([
    ['a section that is no object', { cache: 5 }, 'cache'],
    ['an array as section', { memory: [] }, 'memory'],
    ['null as section', { cache: null }, 'cache'],
  ])('of %s are told', async (_, wrong, where) => {
    expect(paths(await failureOf(System.create({ ...BASE, ...wrong })))).toEqual([where]);
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'production'],
    ['an array', []],
    ['no environment', {}],
  ])('of a configuration that is %s are told', async (_, config) => {
    const error = await failureOf(System.create(config));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.length).toBeGreaterThan(0);
  });

  test('keys named __proto__ are unknown keys and pollute nothing', async () => {
    const error = await failureOf(
      System.create(JSON.parse('{"environment":"development","__proto__":{"polluted":1}}')),
    );
    expect(paths(error)).toEqual(['__proto__']);
    expect({}.polluted).toBeUndefined();
  });
});
