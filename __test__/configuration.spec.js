const fs = require('node:fs');
const path = require('node:path');
const { ProductionOptimizationSystem: System } = require('../index.js');
const { ROOT, useOwnDirectory, useSystems, failureOf, effectiveConfiguration } = require('./support.js');

const directory = useOwnDirectory();
const { own, open } = useSystems();

const BASE = { environment: 'development', finalReport: false };

function write(name, settings) {
  const file = directory.path(name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof settings === 'string' ? settings : JSON.stringify(settings));
  return file;
}

/** A file that is told by its L1 size. */
const sized = (l1MaxSize) => ({ cache: { l1MaxSize, persistToDisk: false } });
const sizeOf = (system) => system.getStatus().components.cacheManager.l1.maxSize;

describe('the first file that is there counts', () => {
  test('without any, the defaults', async () => {
    const config = await effectiveConfiguration(await open(BASE));
    expect(config).toMatchObject({
      environment: 'development',
      enableMemoryManagement: true,
      enableAdvancedCaching: true,
      enableContextFiltering: true,
      enableProductionMonitoring: false,
      autoTuning: false,
      memory: {
        maxMemoryUsage: 2048,
        alertThreshold: 80,
        gcInterval: 60_000,
        contextRetentionTime: 1_800_000,
        agentMemoryLimit: 256,
        enableDetailedLogging: false,
      },
      cache: {
        l1MaxSize: 1000,
        l2MaxSizeMB: 500,
        l3MaxSizeMB: 1000,
        ttlSeconds: 3600,
        compressionThreshold: 1024,
        similarityThreshold: 0.8,
        enableCompression: true,
        enableSimilarityDetection: true,
        persistToDisk: true,
      },
      contextFilter: {
        maxContextPerAgent: 50,
        globalMaxContext: 500,
        adaptiveReduction: true,
        contextImportanceThreshold: 0.3,
        enableSpecializationFiltering: true,
        memoryAwareFiltering: true,
      },
      monitoring: {
        alertsEnabled: true,
        alertThresholds: {
          memoryWarning: 80,
          memoryCritical: 95,
          cacheHitRateWarning: 60,
          cpuWarning: 80,
          cpuCritical: 95,
          diskUsageWarning: 85,
        },
        healthCheckInterval: 30_000,
        metricsRetention: 7,
        enableSlackAlerts: false,
        enableEmailAlerts: false,
      },
    });
  });

  test('monitoring and auto-tuning are on by default in production only', async () => {
    for (const [environment, on] of [
      ['development', false],
      ['staging', false],
      ['production', true],
    ]) {
      const config = await effectiveConfiguration(await open({ ...BASE, environment }));
      expect(config).toMatchObject({ environment, enableProductionMonitoring: on, autoTuning: on });
    }
  });

  test('configFile, OPTIMIZATION_CONFIG, config/optimization.<environment>.json, config/optimization.json', async () => {
    write('config/optimization.json', sized(11));
    expect(sizeOf(await open({ ...BASE, environment: 'production' }))).toBe(11);
    write('config/optimization.production.json', sized(12));
    expect(sizeOf(await open({ ...BASE, environment: 'production' }))).toBe(12);
    process.env.OPTIMIZATION_CONFIG = write('by-variable.json', sized(13));
    expect(sizeOf(await open({ ...BASE, environment: 'production' }))).toBe(13);
    const configFile = write('by-code.json', sized(14));
    expect(sizeOf(await open({ ...BASE, environment: 'production', configFile }))).toBe(14);
  });

  test.each(['development', 'staging'])('%s reads its own file and not that of production', async (environment) => {
    write('config/optimization.json', sized(11));
    expect(sizeOf(await open({ ...BASE, environment }))).toBe(1000);
    write(`config/optimization.${environment}.json`, sized(12));
    expect(sizeOf(await open({ ...BASE, environment }))).toBe(12);
  });

  test('relative paths are under the working directory', async () => {
    write('sub/settings.json', sized(15));
    expect(sizeOf(await open({ ...BASE, configFile: 'sub/settings.json' }))).toBe(15);
    process.env.OPTIMIZATION_CONFIG = 'sub/settings.json';
    expect(sizeOf(await open(BASE))).toBe(15);
  });

  test('a file gives only what it names', async () => {
    write('config/optimization.development.json', sized(16));
    const config = await effectiveConfiguration(await open(BASE));
    expect(config.cache).toMatchObject({ l1MaxSize: 16, ttlSeconds: 3600 });
    expect(config.memory.maxMemoryUsage).toBe(2048);
  });
});

describe('what code gives wins over the file', () => {
  test('setting by setting', async () => {
    write('config/optimization.development.json', { cache: { l1MaxSize: 16, ttlSeconds: 17 } });
    const config = await effectiveConfiguration(await open({ ...BASE, cache: { ttlSeconds: 18 } }));
    expect(config.cache).toMatchObject({ l1MaxSize: 16, ttlSeconds: 18 });
  });

  test('the environment, too', async () => {
    write('config/optimization.staging.json', { environment: 'production' });
    const system = await open({ ...BASE, environment: 'staging' });
    expect(system.getStatus().environment).toBe('staging');
    expect((await effectiveConfiguration(system)).autoTuning).toBe(false);
  });
});

describe('environment variables', () => {
  test('CACHE_DIR wins over the cacheDir of a file', async () => {
    write('config/optimization.development.json', { cache: { cacheDir: 'by-file' } });
    process.env.CACHE_DIR = directory.path('by-variable');
    expect((await effectiveConfiguration(await open(BASE))).cache.cacheDir).toBe(directory.path('by-variable'));
  });

  test('secrets are in no report and no status', async () => {
    process.env.SLACK_WEBHOOK_URL = 'https://hooks.example/secret-a';
    process.env.EMAIL_SERVICE_API = 'https://mail.example/secret-b';
    const system = await open(BASE);
    const report = fs.readFileSync(await system.generateSystemReport(), 'utf8');
    expect(report + JSON.stringify(system.getStatus())).not.toMatch(/secret-[ab]/);
  });
});

describe('a file that is missing', () => {
  test('as configFile warns and the lookup goes on', async () => {
    write('config/optimization.development.json', sized(17));
    const system = own(new System({ ...BASE, configFile: 'nowhere.json' }));
    const warnings = [];
    system.on('warning', (event) => warnings.push(event));
    await system.initialize();
    expect(sizeOf(system)).toBe(17);
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings[0])).toContain('nowhere.json');
  });

  test('as OPTIMIZATION_CONFIG is an error', async () => {
    process.env.OPTIMIZATION_CONFIG = directory.path('nowhere.json');
    const error = await failureOf(System.create(BASE));
    expect([error.name, error.code]).toEqual(['AgentwiseError', 'E_CONFIG_MISSING']);
    expect(error.message).toContain(directory.path('nowhere.json'));
  });
});

describe('a file that is there but of no use is an error that names it', () => {
  test.each([
    ['broken JSON', '{"cache": {"l1MaxSize": 5,}'],
    ['an empty file', ''],
    ['text', 'l1MaxSize = 5'],
    ['two values', '{} {}'],
  ])('%s', async (_, content) => {
    for (const name of ['config/optimization.development.json', 'by-code.json']) {
      const file = write(name, content);
      const error = await failureOf(System.create({ ...BASE, configFile: name }));
      expect(error.code).toBe('E_CONFIG_UNREADABLE');
      expect(error.message).toContain(file);
    }
  });

  test('bytes that are no UTF-8', async () => {
    fs.writeFileSync(directory.path('by-code.json'), Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
    const error = await failureOf(System.create({ ...BASE, configFile: 'by-code.json' }));
    expect(error.code).toBe('E_CONFIG_UNREADABLE');
  });

  test('a directory in place of a file', async () => {
    fs.mkdirSync(directory.path('config', 'optimization.development.json'), { recursive: true });
    const found = await failureOf(System.create(BASE));
    process.env.OPTIMIZATION_CONFIG = directory.path('config');
    const named = await failureOf(System.create(BASE));
    expect([found.code, named.code]).toEqual(['E_CONFIG_UNREADABLE', 'E_CONFIG_UNREADABLE']);
    expect(found.message).toContain(directory.path('config', 'optimization.development.json'));
    expect(named.message).toContain(directory.path('config'));
  });

  test.each([['null'], ['[]'], ['5'], ['"text"']])('JSON that is no object: %s', async (content) => {
    write('by-code.json', content);
    const error = await failureOf(System.create({ ...BASE, configFile: 'by-code.json' }));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.message).toContain('by-code.json');
  });
});

test("undefined is absent, and the caller's object is not changed", async () => {
  const config = Object.freeze({
    ...BASE,
    cache: Object.freeze({ l1MaxSize: undefined, ttlSeconds: 5 }),
    configFile: undefined,
  });
  expect((await effectiveConfiguration(await open(config))).cache).toMatchObject({ l1MaxSize: 1000, ttlSeconds: 5 });
});

describe('the shipped files', () => {
  test.each([
    ['development', 'optimization.development.json'],
    ['staging', 'optimization.staging.json'],
    ['production', 'optimization.json'],
  ])('load as configFile and by lookup for %s', async (environment, name) => {
    const text = fs.readFileSync(path.join(ROOT, 'config', name), 'utf8');
    const shipped = JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
    const { $schema, ...settings } = shipped;
    const named = own(new System({ ...BASE, environment, configFile: path.join(ROOT, 'config', name) }));
    const warnings = [];
    named.on('warning', (event) => warnings.push(event));
    await named.initialize();
    expect(warnings).toEqual([]);
    expect(await effectiveConfiguration(named)).toMatchObject(settings);
    fs.cpSync(path.join(ROOT, 'config'), directory.path('config'), { recursive: true });
    expect(await effectiveConfiguration(await open({ ...BASE, environment }))).toMatchObject(settings);
    expect(fs.existsSync(path.join(ROOT, 'config', $schema))).toBe(true);
  });
});
