const fs = require('node:fs');
const path = require('node:path');
const { checkConfiguration, configurationSchema } = require('../../index.js');
const { ROOT, useOwnDirectory, useSystems, failureOf } = require('../support.js');

const directory = useOwnDirectory();
const { open } = useSystems();

const BASE = { environment: 'development', finalReport: false };
const TTL = 'AGENTWISE_OPTIMIZATION_CACHE_TTL_SECONDS';

function write(name, content) {
  const file = directory.path(name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('explainConfig', () => {
  test('says of each value where it is from', async () => {
    const file = write('config/optimization.development.json', { cache: { ttlSeconds: 60, l1MaxSize: 70 } });
    process.env.AGENTWISE_OPTIMIZATION_CACHE_L2_MAX_SIZE_MB = '12';
    const system = await open({ ...BASE, cache: { l1MaxSize: 71, persistToDisk: false } });
    await system.updateConfiguration({ contextFilter: { contextImportanceThreshold: 0.5 } });
    const { settings, layers, file: used } = system.explainConfig();
    expect(used).toBe(file);
    expect(layers).toEqual([
      { source: 'default' },
      { source: 'file', name: file },
      { source: 'code' },
      { source: 'variable', name: 'AGENTWISE_OPTIMIZATION_CACHE_L2_MAX_SIZE_MB' },
      { source: 'update' },
    ]);
    expect(settings['cache.ttlSeconds']).toEqual({
      value: 60,
      source: 'file',
      name: file,
      default: 3600,
      variable: TTL,
    });
    expect(settings['cache.l1MaxSize']).toMatchObject({ value: 71, source: 'code', default: 1000 });
    expect(settings['cache.l2MaxSizeMB']).toMatchObject({ value: 12, source: 'variable' });
    expect(settings['contextFilter.contextImportanceThreshold']).toMatchObject({ value: 0.5, source: 'update' });
    expect(settings['memory.gcInterval']).toMatchObject({ value: 60000, source: 'default' });
    expect(settings.environment).toMatchObject({ value: 'development', source: 'code' });
    expect(system.getStatus().components.cacheManager.l2.maxSizeMB).toBe(12);
  });

  test('shows no credentials', async () => {
    const system = await open({
      ...BASE,
      sharedContextUrl: 'https://user:hunter2@example.com',
      monitoring: { otlpEndpoint: 'https://example.com/hunter2' },
    });
    expect(JSON.stringify(system.explainConfig())).not.toContain('hunter2');
  });

  test('names the variables that the documentation lists', async () => {
    const system = await open(BASE);
    const rows = fs
      .readFileSync(path.join(ROOT, 'docs', 'configuration.md'), 'utf8')
      .split('## Variables of settings')[1];
    const documented = [...rows.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|$/gm)].map(([, ...row]) => row);
    const { environment, ...settable } = system.explainConfig().settings;
    expect(documented).toEqual(Object.entries(settable).map(([name, { variable }]) => [name, variable]));
    expect(environment.variable).toBeUndefined();
  });

  test('needs a running system', async () => {
    const system = await open(BASE);
    await system.shutdown();
    expect((await failureOf(() => system.explainConfig())).code).toBe('E_SHUT_DOWN');
    expect((await failureOf(system.reloadConfiguration())).code).toBe('E_SHUT_DOWN');
  });
});

describe('environment variables of settings', () => {
  test('win over code and file', async () => {
    write('config/optimization.development.json', { cache: { ttlSeconds: 60 } });
    process.env[TTL] = '61';
    process.env.AGENTWISE_OPTIMIZATION_ENABLE_CONTEXT_FILTERING = 'off';
    process.env.AGENTWISE_OPTIMIZATION_CONTEXT_FILTER_TASK_FIELDS = 'aim, wish';
    const system = await open({ ...BASE, cache: { ttlSeconds: 62 } });
    const { settings } = system.explainConfig();
    expect(settings['cache.ttlSeconds'].value).toBe(61);
    expect(settings['contextFilter.taskFields'].value).toEqual(['aim', 'wish']);
    expect(system.getStatus().components.contextFilter).toBeNull();
  });

  test('are refused with their names, all at once', async () => {
    process.env[TTL] = 'soon';
    process.env.AGENTWISE_OPTIMIZATION_CACHE_TTL = '1';
    process.env.AGENTWISE_OPTIMIZATION_MONITORING_ALERT_RULES = '[{]';
    const error = await failureOf(open({ ...BASE, autoTuning: 5 }));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.problems.map(({ path: name }) => name).sort()).toEqual([
      'AGENTWISE_OPTIMIZATION_CACHE_TTL',
      'autoTuning',
      'cache.ttlSeconds',
      'monitoring.alertRules',
    ]);
    expect(error.message).toContain(`got "soon" (from ${TTL})`);
    expect(error.message).toContain(`did you mean "${TTL}"?`);
    expect(error.message).toContain('line 1 column 3');
  });

  test('that are empty count as unset', async () => {
    process.env[TTL] = '';
    expect((await open(BASE)).explainConfig().settings['cache.ttlSeconds'].source).toBe('default');
  });
});

describe('files', () => {
  const JSONC = '\ufeff// why\n{ "cache": { "ttlSeconds": 60, /* a minute */ }, }\n';
  test.each([
    ['json', JSONC],
    ['jsonc', JSONC],
    ['yaml', 'cache:\n  ttlSeconds: 60 # a minute\n'],
    ['yml', '---\ncache: { ttlSeconds: 60 }\n'],
  ])('.%s is read', async (...[ending, content]) => {
    const file = write(`config/optimization.development.${ending}`, content);
    const { settings } = (await open(BASE)).explainConfig();
    expect(settings['cache.ttlSeconds']).toMatchObject({ value: 60, source: 'file', name: file });
  });

  test('of two the first counts, with a warning', async () => {
    write('config/optimization.development.yml', 'cache: { ttlSeconds: 61 }');
    const used = write('config/optimization.development.jsonc', JSONC);
    const system = await open(BASE);
    expect(system.explainConfig().file).toBe(used);
    expect(system.getStatus().warnings).toEqual([
      { path: 'configuration', message: expect.stringContaining('optimization.development.yml is not read') },
    ]);
  });

  test.each([
    ['json', '{\n  "cache": { "ttlSeconds": 1, "ttlSeconds": 2 } }', /twice.* line 2 column 31/],
    ['json', '{ "cache": { ttlSeconds: 1 } }', /line 1 column 14/],
    ['yaml', 'cache:\n  ttlSeconds: 1\ncache: {}\n', /line 3/],
    ['yaml', 'a: &a [*a, *a]\n', /YAML/],
  ])('%s that is broken is told with its place: %s', async (...[ending, content, place]) => {
    const file = write(`config/optimization.development.${ending}`, content);
    const error = await failureOf(open(BASE));
    expect(error.code).toBe('E_CONFIG_UNREADABLE');
    expect(error.message).toContain(file);
    expect(error.message).toMatch(place);
  });

  test('__proto__ is an unknown setting', async () => {
    write('config/optimization.development.json', '{ "__proto__": { "autoTuning": true } }');
    expect((await failureOf(open(BASE))).problems).toEqual([
      { path: '__proto__', message: expect.stringContaining('unknown setting') },
    ]);
  });
});

describe('checkConfiguration', () => {
  test('finds everything without a system', () => {
    const file = write('config/optimization.staging.json', { cache: { ttlSeconds: -1 }, memory: { gcInterval: 1 } });
    const found = checkConfiguration({
      environment: 'staging',
      code: { autoTuning: 'yes' },
      env: { [TTL]: 'soon', HOME: '/' },
    });
    expect(found).toMatchObject({ file, settings: null, warnings: [] });
    expect(found.problems.map(({ path: name, source }) => [source, name])).toEqual([
      ['file', 'memory.gcInterval'],
      ['file', 'cache.ttlSeconds'],
      ['code', 'autoTuning'],
      ['variable', 'cache.ttlSeconds'],
    ]);
    expect(fs.existsSync(directory.path('.cache'))).toBe(false);
  });

  test('gives the settings of a sound one', () => {
    write('elsewhere/config/optimization.json', { cache: { ttlSeconds: 60 } });
    const cwd = directory.path('elsewhere');
    const found = checkConfiguration({ environment: 'production', cwd });
    expect(found).toMatchObject({ problems: [], warnings: [], settings: { cache: { ttlSeconds: 60 } } });
    expect(found.file).toBe(path.join(cwd, 'config', 'optimization.json'));
  });

  test('tells of a file that is broken or not there', () => {
    const file = write('own.json', '{');
    const broken = checkConfiguration({ environment: 'staging', configFile: 'own.json' });
    expect(broken).toMatchObject({ file, settings: null });
    expect(broken.problems).toEqual([
      { path: 'configuration', source: 'file', message: expect.stringContaining('line 1 column 1') },
    ]);
    const missing = checkConfiguration({ environment: 'staging', configFile: 'none.json' });
    expect(missing).toMatchObject({ file: null, problems: [], warnings: [{ path: 'configFile' }] });
  });

  test.each([[null], [{}], [{ environment: 'live' }]])('tells what is wrong with the environment in %j', (given) => {
    expect(checkConfiguration(given).problems).toEqual([expect.objectContaining({ path: 'environment' })]);
  });

  test.each([[5], [{ code: 5 }], [{ cwd: 5 }], [{ env: 5 }]])('refuses %j', async (given) => {
    expect((await failureOf(() => checkConfiguration(given))).code).toBe('E_INVALID_ARGUMENT');
  });

  test('shipped files are sound', () => {
    for (const environment of ['development', 'staging', 'production']) {
      const found = checkConfiguration({ environment, cwd: ROOT });
      expect(found).toMatchObject({ problems: [], warnings: [], settings: { environment } });
      expect(found.file).toContain('optimization');
    }
  });
});

test('configurationSchema gives a copy', () => {
  const schema = configurationSchema();
  expect(schema.properties.cache.properties.ttlSeconds.type).toBe('number');
  schema.properties = null;
  expect(configurationSchema().properties).not.toBeNull();
});
