/** The commands `cache …`: what they show and change, beside applications that use the directory. */

const fs = require('node:fs');
const { runCache } = require('../cache/support.js');
const { start } = require('../processes.js');
const { CLI, REFUSED, WELL, inTerminal, linesOf, useCommandLine } = require('./support.js');

const { cli, directory } = useCommandLine();

const ENTRIES = `
  const cache = new AdvancedCacheManager({ cacheDir: '.cache' });
  (async () => {
    await cache.set('question one', { answer: 42 }, 3600, { tags: ['faq'] });
    await cache.set('question two', 'plain text\\n\\u001b[31mred', 3600);
    await cache.set('own', 'of the agent', 3600, { agentId: 'coder', model: 'm-1' });
    await cache.set('line\\nbreak\\u001b[2J', 1);
    await cache.namespace('tools').set('search', [1, 2]);
    const other = new AdvancedCacheManager({ cacheDir: '.cache', namespace: 'other' });
    await other.set('foreign', 3);
    await Promise.all([cache.stop(), other.stop()]);
  })();`;

/** Fills `.cache` of the test's directory by a program that has ended. */
async function fill(source = ENTRIES) {
  expect(await runCache(source, directory.path())).toEqual({ ...WELL, stdout: '' });
}

async function data(args, options) {
  const { stdout, stderr, code } = await cli([...args, '--json'], options);
  return { data: stdout === '' ? undefined : JSON.parse(stdout), stderr, code };
}

const keysOf = async (...args) => (await data(['cache', 'ls', ...args])).data.map(({ key }) => key).sort();

const OWN = ['line\nbreak\u001b[2J', 'own', 'question one', 'question two', 'search'];

describe('ls', () => {
  test('prints the keys of the own project, escaped, and nothing else', async () => {
    await fill();
    const { stdout, ...rest } = await cli(['cache', 'ls']);
    expect(rest).toEqual(WELL);
    expect(linesOf(stdout).sort()).toEqual(['line\\nbreak\\u001b[2J', ...OWN.slice(1)]);
    expect(await keysOf()).toEqual(OWN);
  });

  test('chooses by prefix, tag, owner, layer, namespace and number', async () => {
    await fill();
    expect(await keysOf('question')).toEqual(['question one', 'question two']);
    expect(await keysOf('--tag', 'faq')).toEqual(['question one']);
    expect(await keysOf('--agent', 'coder')).toEqual(['own']);
    expect(await keysOf('--model', 'm-1')).toEqual(['own']);
    expect(await keysOf('--layer', 'L2')).toEqual(OWN);
    expect(await keysOf('--layer', 'L3')).toEqual([]);
    expect(await keysOf('--namespace', 'tools')).toEqual(['search']);
    expect(await keysOf('--project', 'other')).toEqual(['foreign']);
    expect(await keysOf('--all')).toEqual(['foreign', ...OWN]);
    const { data: all } = await data(['cache', 'ls']);
    const { data: first } = await data(['cache', 'ls', '--limit', '2']);
    expect(first).toEqual(all.slice(0, 2));
    const { data: rest } = await data(['cache', 'ls', '--after', first[1].cursor]);
    expect(rest.map(({ key }) => key)).toEqual(all.slice(2).map(({ key }) => key));
  });

  test('--long says where, how large, how long and whose', async () => {
    await fill();
    const { stdout } = await cli(['cache', 'ls', '--long', '--all']);
    const [head, ...lines] = linesOf(stdout);
    expect(head).toMatch(/^LAYER +SIZE +STORED +USES +LIFE LEFT +NAMESPACE +KEY$/);
    expect(lines).toHaveLength(6);
    expect(lines.find((line) => line.includes('own'))).toMatch(
      /^L2 +12 B +\d+ B +0 +59 min \d+ s +\(default\) +own {2}\(agent coder, model m-1\)$/,
    );
    expect(lines.find((line) => line.includes('foreign'))).toMatch(/ other {2}foreign$/);
  });

  test('where nothing of the project is, it says that there is more', async () => {
    await fill();
    const { stdout, stderr, code } = await cli(['cache', 'ls', '--project', 'nobody']);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^warning: .*6 entries.*--all\n$/);
    expect(stderr).not.toContain('foreign');
    expect((await data(['cache', 'ls', '--project', 'nobody', '-q'])).data).toEqual([]);
  });

  test('is quiet where nobody reads on', async () => {
    await fill(`
      const cache = new AdvancedCacheManager({ cacheDir: '.cache' });
      cache.setMany(Array.from({ length: 5000 }, (_, at) => ({ key: 'key '.repeat(20) + at, value: at })))
        .then(() => cache.stop());`);
    for (const more of [[], ['--json'], ['--long']]) {
      const args = ['-c', '"$0" "$@" | head -n 2', process.execPath, CLI, 'cache', 'ls', ...more];
      const { stdout, stderr } = await start('sh', args, { cwd: directory.path() });
      expect([stderr, linesOf(stdout).length]).toEqual(['', 2]);
    }
    expect(await keysOf()).toHaveLength(5000);
  });
});

describe('get', () => {
  test('shows what is known and the value, and as data both', async () => {
    await fill();
    const { stdout, ...rest } = await cli(['cache', 'get', 'question one']);
    expect(rest).toEqual(WELL);
    expect(stdout).toMatch(/^key +question one\nnamespace +\(default\)\nbelongs to +tags faq\nlayer +L2\n/);
    expect(stdout).toMatch(/\n\n\{\n {2}"answer": 42\n\}\n$/);
    const { data: found } = await data(['cache', 'get', 'question one']);
    expect(found).toMatchObject({ key: 'question one', value: { answer: 42 }, tags: ['faq'], hitCount: 0 });
  });

  test('escapes a value on its lines, and --raw gives it as it is', async () => {
    await fill();
    const { stdout } = await cli(['cache', 'get', 'question two']);
    expect(stdout).toMatch(/\n\nplain text\n\\u001b\[31mred\n$/);
    expect((await cli(['cache', 'get', 'question two', '--raw'])).stdout).toBe('plain text\n\u001b[31mred');
    expect((await cli(['cache', 'get', 'question one', '--raw'])).stdout).toBe('{"answer":42}');
  });

  test('finds the only entry of a key, whosever it is; of several it names the owners', async () => {
    await fill();
    expect((await data(['cache', 'get', 'own'])).data).toMatchObject({ value: 'of the agent', agentId: 'coder' });
    expect((await data(['cache', 'get', 'own', '--agent', 'coder', '--model', 'm-1'])).data.value).toBe('of the agent');
    expect((await data(['cache', 'get', 'own', '--agent', 'other'])).code).toBe(1);
    await fill(`
      const cache = new AdvancedCacheManager({ cacheDir: '.cache' });
      cache.set('own', 2, 60, { agentId: 'tester' }).then(() => cache.stop());`);
    const { code, stderr } = await cli(['cache', 'get', 'own']);
    expect(code).toBe(3);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_INVALID_ARGUMENT: 2 entries .*(coder|tester)/)]);
  });

  test('one that is not there is said, with exit code 1', async () => {
    await fill();
    expect(await cli(['cache', 'get', 'no\nkey'])).toEqual({
      ...WELL,
      code: 1,
      stdout: 'no entry no\\nkey in (default)\n',
    });
    expect(await data(['cache', 'get', 'none'])).toEqual({ data: null, stderr: '', code: 1 });
  });
});

describe('rm and clear', () => {
  test('remove what is named, and say how many', async () => {
    await fill();
    const removed = async (...args) => (await data(['cache', ...args])).data;
    expect(await removed('rm', 'own', 'question two', 'none')).toEqual({ removed: 2 });
    expect(await removed('rm', '--tag', 'faq')).toEqual({ removed: 1 });
    expect(await removed('rm', '--prefix', 'line\n')).toEqual({ removed: 1 });
    expect(await keysOf('--all')).toEqual(['foreign', 'search']);
    expect((await cli(['cache', 'rm', 'search'])).stdout).toBe('1 entry removed\n');
    expect(await removed('clear', '--yes')).toEqual({ removed: 0 });
    expect(await keysOf('--all')).toEqual(['foreign']);
    expect(await removed('clear', '--all', '--yes')).toEqual({ removed: 1 });
    expect(await keysOf('--all')).toEqual([]);
  });

  test('an application sees at once that an entry was removed', async () => {
    const source = `
      const { execFileSync } = require('node:child_process');
      const cache = new AdvancedCacheManager({ cacheDir: '.cache' });
      (async () => {
        await cache.set('key', 'value', 0, { durable: true });
        await cache.set('other', 'value', 0, { durable: true });
        console.log(await cache.get('key'));
        console.log(execFileSync(process.execPath, [${JSON.stringify(CLI)}, 'cache', 'rm', 'key'], { encoding: 'utf8' }).trim());
        console.log(await cache.get('key'), await cache.get('other'));
        execFileSync(process.execPath, [${JSON.stringify(CLI)}, 'cache', 'clear', '--yes']);
        console.log(await cache.get('other'));
        await cache.stop();
      })();`;
    const { stdout, ...rest } = await runCache(source, directory.path());
    expect(rest).toEqual(WELL);
    expect(linesOf(stdout)).toEqual(['value', '1 entry removed', 'null value', 'null']);
  });

  test('clear asks on a terminal and refuses without one', async () => {
    await fill();
    const refused = await cli(['cache', 'clear']);
    expect(refused).toEqual({ ...REFUSED, stderr: expect.stringMatching(/^E_USAGE: .*--yes\n/) });
    const [command, args] = inTerminal([process.execPath, CLI, 'cache', 'clear']);
    const has = fs.existsSync('/usr/bin/script');
    if (!has) return;
    const ask = (answer) =>
      start('sh', ['-c', `printf '${answer}\\n' | ${command} "$@"`, 'sh', ...args], { cwd: directory.path() });
    expect((await ask('n')).stdout).toMatch(/Remove everything of namespace \(default\) .*nothing was removed/s);
    expect(await keysOf()).toEqual(OWN);
    expect((await ask('y')).stdout).toContain('5 entries removed');
    expect(await keysOf('--all')).toEqual(['foreign']);
  });
});

test('stats tells of the directory, not of this process', async () => {
  await fill();
  const { data: found, ...rest } = await data(['cache', 'stats']);
  expect(rest).toEqual({ stderr: '', code: 0 });
  expect(found).toMatchObject({
    directory: directory.path('.cache'),
    exists: true,
    l2: { entries: 6, storedBytes: expect.any(Number) },
    l3: { entries: 0, compressionRatio: expect.any(Number) },
    fileBytes: expect.any(Number),
    generations: ['v1-000001'],
  });
  expect(JSON.stringify(found)).not.toMatch(/hit|miss/i);
  expect((await cli(['cache', 'stats'])).stdout).toMatch(/^directory .*\nL2 +6 entries, /);
});

test('verify and compact tell what they found and did', async () => {
  await fill();
  expect(await cli(['cache', 'verify'])).toEqual({
    ...WELL,
    stdout: expect.stringMatching(/^6 entries \([\d.]+ KB\) checked: 0 damaged, 0 removed\n$/),
  });
  expect((await data(['cache', 'compact'])).data).toEqual({
    before: expect.any(Number),
    after: expect.any(Number),
    expired: 0,
  });
  expect((await cli(['cache', 'compact'])).stdout).toMatch(/^[\d.]+ KB → [\d.]+ KB, 0 entries expired\n$/);
});

describe('where nothing was ever stored', () => {
  const CALLS = [
    [['ls'], 0],
    [['get', 'key'], 1],
    [['rm', 'key'], 0],
    [['clear', '--yes'], 0],
    [['clear'], 0],
    [['stats'], 0],
    [['verify'], 0],
    [['compact'], 0],
  ];

  test.each(CALLS)('cache %j works, and makes nothing', async (args, code) => {
    const { signal, stderr, ...rest } = await cli(['cache', ...args]);
    expect([rest.code, signal]).toEqual([code, null]);
    expect(stderr).toMatch(args[0] === 'ls' ? /^warning: nothing was stored in .*\n$/ : /^$/);
    expect(fs.readdirSync(directory.path())).toEqual([]);
    fs.mkdirSync(directory.path('full/of'), { recursive: true });
    expect((await cli(['cache', ...args, '--dir', 'full'])).code).toBe(code);
    expect(fs.readdirSync(directory.path('full'))).toEqual(['of']);
  });
});

test.each([
  ['ls', '--limit', '0'],
  ['ls', '--layer', 'L1'],
  ['ls', '--layer', 'L9'],
  ['ls', '--all', '--project', 'p'],
  ['ls', '--namespace', ''],
  ['ls', '--dir', ''],
  ['get'],
  ['get', 'a', 'b'],
  ['get', 'a', '--raw', '--json'],
  ['rm'],
  ['rm', 'a', '--tag', 'b'],
  ['rm', '--tag', 'a', '--prefix', 'b'],
  ['rm', '--prefix', ''],
  ['clear', 'L1', '--yes'],
  ['nothing'],
])('cache %s %s %s %s is a usage error', async (...given) => {
  const args = given.filter((text) => typeof text === 'string');
  const { stderr, ...rest } = await cli(['cache', ...args]);
  expect(rest).toEqual(REFUSED);
  expect(stderr).toMatch(/^E_USAGE: /);
  expect(fs.readdirSync(directory.path())).toEqual([]);
});
