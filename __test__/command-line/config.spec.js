'use strict';

/** The commands `config check`, `config explain` and `config schema`. */

const fs = require('node:fs');
const path = require('node:path');
const { nearest } = require('../../js/cli/nearest.js');
const { REFUSED, ROOT, WELL, linesOf, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

describe('config check', () => {
  test('has no problem with built-in defaults', async () => {
    const { stdout, ...rest } = await cli(['config', 'check']);
    expect(rest).toEqual(WELL);
    expect(linesOf(stdout)).toEqual(['built-in defaults: no problems']);
  });

  test('names the file of the environment', async () => {
    const file = configure('optimization.staging.json', { cache: { l1MaxSize: 7 } });
    const { stdout, ...rest } = await cli(['config', 'check', '--environment', 'staging', '--json']);
    expect(rest).toEqual(WELL);
    expect(JSON.parse(stdout)).toEqual({ file, problems: [], warnings: [] });
  });

  test('tells every problem at once, with its setting', async () => {
    configure('optimization.development.json', { cache: { ttlSeconds: -1, l1MaxSiz: 5 }, memory: { gcInterval: 'x' } });
    const { code, stdout, stderr } = await cli(['config', 'check']);
    expect([code, stderr]).toEqual([2, '']);
    const lines = linesOf(stdout);
    expect(lines.at(-1)).toMatch(/optimization\.development\.json: 3 problems$/);
    for (const word of ['cache.ttlSeconds', 'l1MaxSiz', 'memory.gcInterval']) {
      expect(lines.filter((line) => line.startsWith('problem') && line.includes(word))).toHaveLength(1);
    }
    const data = JSON.parse((await cli(['config', 'check', '--json'])).stdout);
    expect(data.problems).toHaveLength(3);
    for (const problem of data.problems) expect(problem.message).toEqual(expect.any(String));
  });

  test('looks at another file', async () => {
    fs.writeFileSync('other.json', '{ "cache": { "ttlSeconds": "soon" } }');
    const { code, stdout } = await cli(['config', 'check', 'other.json']);
    expect([code, stdout]).toEqual([2, expect.stringContaining('cache.ttlSeconds')]);
    const missing = await cli(['config', 'check', 'nowhere.json']);
    expect(missing).toEqual({
      ...REFUSED,
      stderr: 'E_CONFIG_MISSING: the configuration file nowhere.json does not exist\n',
    });
  });

  test('starts nothing and leaves nothing', async () => {
    configure('optimization.production.json', { monitoring: { metricsPort: 1 } });
    const { code } = await cli(['config', 'check', '--environment', 'production']);
    expect(code).toBe(0);
    expect(fs.readdirSync(directory.path())).toEqual(['config']);
  });
});

describe('config explain', () => {
  test('shows what is not a default, and how many are', async () => {
    const file = configure('optimization.development.json', { cache: { l1MaxSize: 7 } });
    const { stdout, ...rest } = await cli(['config', 'explain'], { env: { CACHE_DIR: 'elsewhere' } });
    expect(rest).toEqual(WELL);
    const lines = linesOf(stdout);
    expect(lines[0]).toBe(`configuration: ${file}`);
    expect(lines).toContainEqual(expect.stringMatching(/^cache\.l1MaxSize +7 +file /));
    expect(lines).toContainEqual(
      expect.stringMatching(/^cache\.cacheDir +".*elsewhere" +environment variable CACHE_DIR$/),
    );
    expect(lines.at(-1)).toMatch(/^\d+ settings are as built in; see --all$/);
    expect(stdout).not.toContain('cache.ttlSeconds');
  });

  test('shows one setting, or all of a part', async () => {
    const one = await cli(['config', 'explain', 'cache.ttlSeconds']);
    expect(one.stdout).toMatch(/^cache\.ttlSeconds +3600 +default$/m);
    const all = await cli(['config', 'explain', 'cache', '--json']);
    const { settings } = JSON.parse(all.stdout);
    expect(Object.keys(settings).every((name) => name.startsWith('cache.'))).toBe(true);
    expect(settings['cache.ttlSeconds']).toMatchObject({ value: 3600, source: 'default' });
  });

  test('--all and --json show all of them', async () => {
    const { stdout } = await cli(['config', 'explain', '--all']);
    expect(stdout).toMatch(/^memory\.gcInterval +60000 +default$/m);
    const data = JSON.parse((await cli(['config', 'explain', '--json'])).stdout);
    expect(data.settings['memory.gcInterval']).toMatchObject({ value: 60000, source: 'default' });
  });

  test('knows the nearest name', async () => {
    const { stderr, ...rest } = await cli(['config', 'explain', 'cache.ttlSecond']);
    expect(rest).toEqual(REFUSED);
    expect(stderr).toBe('E_INVALID_ARGUMENT: there is no setting cache.ttlSecond; the nearest is cache.ttlSeconds\n');
  });

  test.each([
    ['cache.ttl', 'the nearest is cache.ttlSeconds'],
    ['ttlsec', 'the nearest is cache.ttlSeconds'],
    ['cahce', 'the nearest is cache'],
    ['foo.bar', 'config explain --all has all of them'],
    ['', 'config explain --all has all of them'],
  ])('says how to go on after %j', async (wanted, hint) => {
    const { stderr, ...rest } = await cli(['config', 'explain', wanted]);
    expect(rest).toEqual(REFUSED);
    expect(stderr).toBe(`E_INVALID_ARGUMENT: there is no setting ${wanted}; ${hint}\n`);
  });

  test('shows no secret', async () => {
    const env = { SLACK_WEBHOOK_URL: 'https://hooks.slack.com/services/secretPart', METRICS_TOKEN: 'secretPart' };
    for (const flags of [['--all'], ['--json']]) {
      const { stdout, stderr } = await cli(['config', 'explain', ...flags], { env });
      expect(stdout + stderr).not.toContain('secretPart');
    }
  });
});

test.each([[[]], [['--json']]])('config schema %j prints the schema as it is', async (flags) => {
  const { stdout, ...rest } = await cli(['config', 'schema', ...flags]);
  expect(rest).toEqual(WELL);
  expect(stdout).toBe(fs.readFileSync(path.join(ROOT, 'config', 'optimization.schema.json'), 'utf8'));
});

test.each([
  [['config'], /a command is missing/],
  [['config', 'chek'], /unknown command 'chek' \(Did you mean check\?\)/],
  [['config', 'check', 'a', 'b'], /too many arguments: config check a b/],
])('%j is wrong usage', async (args, message) => {
  const { stderr, ...rest } = await cli(args);
  expect(rest).toEqual(REFUSED);
  expect(linesOf(stderr)[0]).toMatch(message);
});

test.each([
  ['cache.ttlSecond', 'cache.ttlSeconds'],
  ['ttlseconds', 'cache.ttlSeconds'],
  ['memory.gcIntervla', 'memory.gcInterval'],
  ['nothing of the kind', null],
  ['', null],
  ['x'.repeat(1000), null],
])('the nearest name to %j is %s', (text, name) => {
  expect(nearest(text, ['cache.ttlSeconds', 'memory.gcInterval', 'environment'])).toBe(name);
});
