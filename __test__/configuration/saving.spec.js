const fs = require('node:fs');
const path = require('node:path');
const { useOwnDirectory, useSystems, failureOf } = require('../support.js');

const directory = useOwnDirectory();
const { open } = useSystems();

const BASE = { environment: 'development', finalReport: false, watchConfig: false };
const NAME = 'config/optimization.development.json';
const TEXT = '// Mine.\n{\n  "cache": {\n    "ttlSeconds": 60, // a minute\n    "l1MaxSize": 7\n  }\n}\n';

function write(name, content) {
  const file = directory.path(name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  return file;
}

const read = (name = NAME) => fs.readFileSync(directory.path(name), 'utf8');
const settingOf = (system, setting) => system.explainConfig().settings[setting].value;

describe('updateConfiguration with save', () => {
  test('writes what was given, and keeps comments and all else', async () => {
    write(NAME, TEXT);
    const system = await open(BASE);
    await system.updateConfiguration({ cache: { ttlSeconds: 90 } }, { save: true });
    expect(read()).toBe(TEXT.replace('60', '90'));
    expect(system.explainConfig().settings['cache.ttlSeconds']).toMatchObject({ value: 90, source: 'file' });
    await system.updateConfiguration({ cache: { ttlSeconds: 91 } });
    expect(read()).toBe(TEXT.replace('60', '90'));
    expect(settingOf(system, 'cache.ttlSeconds')).toBe(91);
    expect((await open(BASE)).explainConfig().settings['cache.ttlSeconds'].value).toBe(90);
  });

  test('makes the file of the environment where there is none', async () => {
    const system = await open(BASE);
    await system.updateConfiguration({ memory: { maxMemoryUsage: 999 } }, { save: true });
    expect(JSON.parse(read())).toEqual({ memory: { maxMemoryUsage: 999 } });
    expect(system.explainConfig().file).toBe(directory.path(NAME));
    expect(fs.readdirSync(directory.path('config'))).toEqual(['optimization.development.json']);
  });

  test('leaves a file alone that somebody changed', async () => {
    write(NAME, TEXT);
    const system = await open(BASE);
    write(NAME, TEXT.replace('7', '8'));
    const error = await failureOf(system.updateConfiguration({ cache: { ttlSeconds: 90 } }, { save: true }));
    expect(error.code).toBe('E_CONFIG_CHANGED');
    expect(read()).toBe(TEXT.replace('7', '8'));
    expect(settingOf(system, 'cache.ttlSeconds')).toBe(60);
    await system.reloadConfiguration();
    await system.updateConfiguration({ cache: { ttlSeconds: 90 } }, { save: true });
    expect(read()).toBe(TEXT.replace('7', '8').replace('60', '90'));
  });

  test('does not write YAML', async () => {
    const name = 'config/optimization.development.yaml';
    write(name, 'cache: { ttlSeconds: 60 } # why\n');
    const system = await open(BASE);
    const error = await failureOf(system.updateConfiguration({ cache: { ttlSeconds: 90 } }, { save: true }));
    expect(error.code).toBe('E_NOT_AVAILABLE');
    expect(read(name)).toBe('cache: { ttlSeconds: 60 } # why\n');
    expect(settingOf(system, 'cache.ttlSeconds')).toBe(60);
  });

  test('does nothing where it cannot be written', async () => {
    if (process.getuid?.() === 0) {
      // The superuser may write everywhere: a file in place of the directory stops also him.
      write('config', '');
    } else {
      fs.mkdirSync(directory.path('config'), { mode: 0o500 });
    }
    const system = await open(BASE);
    let told = 0;
    system.on('configurationUpdated', () => told++);
    const error = await failureOf(system.updateConfiguration({ cache: { ttlSeconds: 90 } }, { save: true }));
    expect(error.code).toBe('E_IO');
    expect(settingOf(system, 'cache.ttlSeconds')).toBe(3600);
    expect(told).toBe(0);
  });

  test.each([[{ save: 1 }], [5]])('refuses the options %j', async (options) => {
    const system = await open(BASE);
    expect((await failureOf(system.updateConfiguration({}, options))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('of many at once are all in the file', async () => {
    const system = await open(BASE);
    const settings = { ttlSeconds: 1, l1MaxSize: 2, l2MaxSizeMB: 3, l3MaxSizeMB: 4, compressionThreshold: 5 };
    const updates = Object.entries(settings).map(([name, value]) =>
      system.updateConfiguration({ cache: { [name]: value } }, { save: true }),
    );
    await Promise.all(updates);
    expect(JSON.parse(read())).toEqual({ cache: settings });
    expect(system.getStatus().components.cacheManager.l1.maxSize).toBe(2);
  });
});

describe('reloadConfiguration', () => {
  test('applies what the file says now, under updates', async () => {
    write(NAME, TEXT);
    const system = await open(BASE);
    const heard = [];
    system.on('configurationUpdated', (event) => heard.push(event));
    expect(await system.reloadConfiguration()).toEqual({ changed: false, file: directory.path(NAME) });
    await system.updateConfiguration({ cache: { ttlSeconds: 91 } });
    write(NAME, TEXT.replace('60', '92').replace('7', '8'));
    expect(await system.reloadConfiguration()).toEqual({ changed: true, file: directory.path(NAME) });
    expect(heard.map(({ source }) => source)).toEqual(['update', 'file']);
    expect(heard[1]).toMatchObject({ oldConfig: { cache: { l1MaxSize: 7 } }, newConfig: { cache: { l1MaxSize: 8 } } });
    expect(settingOf(system, 'cache.ttlSeconds')).toBe(91);
    expect(system.getStatus().components.cacheManager.l1.maxSize).toBe(8);
  });

  test('leaves everything as it is when the file is not sound', async () => {
    write(NAME, TEXT);
    const system = await open(BASE);
    const heard = [];
    system.on('configurationError', (event) => heard.push(event));
    write(NAME, '{ "cache": { "ttlSeconds": -1, "l1MaxSize": 8 } }');
    for (let time = 0; time < 2; time++) {
      expect((await failureOf(system.reloadConfiguration())).code).toBe('E_CONFIG_INVALID');
    }
    expect(heard).toEqual([
      {
        file: directory.path(NAME),
        code: 'E_CONFIG_INVALID',
        error: expect.stringContaining('cache.ttlSeconds'),
        problems: [{ path: 'cache.ttlSeconds', message: expect.any(String) }],
      },
    ]);
    expect(settingOf(system, 'cache.l1MaxSize')).toBe(7);
  });

  test('without any file goes back to the defaults', async () => {
    const file = write(NAME, TEXT);
    const system = await open(BASE);
    fs.rmSync(file);
    expect(await system.reloadConfiguration()).toEqual({ changed: true, file: null });
    expect(system.explainConfig().settings['cache.ttlSeconds']).toMatchObject({ value: 3600, source: 'default' });
  });

  test('switches parts on and off', async () => {
    write(NAME, TEXT);
    const system = await open(BASE);
    write(NAME, '{ "enableProductionMonitoring": true, "enableAdvancedCaching": false }');
    await system.reloadConfiguration();
    expect(system.productionMonitor).not.toBeNull();
    expect(system.getStatus().components.cacheManager).toBeNull();
    write(NAME, '{}');
    await system.reloadConfiguration();
    expect(system.productionMonitor).toBeNull();
    expect(system.getStatus().components.cacheManager).not.toBeNull();
  });
});
