'use strict';

/** A configuration that is named or broken, while the answer comes from a system that has one already. */

const fs = require('node:fs');
const { usePrograms, systems } = require('../live/support.js');
const { linesOf, onUnix, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();
const run = usePrograms();

const COMMANDS = ['health', 'status', 'stats', 'tuning'];

/** A system of this directory, with the file of its environment. */
async function started() {
  const program = await run(`
    await create({ environment: 'development', cache: { cacheDir: '.cache' } });
    setInterval(() => {}, 1000);
    ready();`);
  await systems(1);
  return program;
}

async function ended() {
  const { pid, kill, ended: end } = await started();
  kill('SIGTERM');
  await end;
  return pid;
}

const dataOf = async (args) => JSON.parse((await cli([...args, '--json'])).stdout);

describe.each([
  ['live', started],
  ['stored', ended],
])('an answer that is %s', (source, begin) => {
  onUnix('is refused where the file of --config is not right', async () => {
    await begin();
    fs.mkdirSync(directory.path('directory'));
    configure('bad.json', { cache: { l1MaxSize: -5, ttlSeconds: -1 } });
    configure('text.json', 'no JSON');
    for (const [file, code] of [
      ['directory', 'E_CONFIG_UNREADABLE'],
      ['/dev/null', 'E_CONFIG_UNREADABLE'],
      ['config/text.json', 'E_CONFIG_UNREADABLE'],
      ['config/bad.json', 'E_CONFIG_INVALID'],
      ['nowhere.json', 'E_CONFIG_MISSING'],
    ]) {
      const { code: exitCode, stdout, stderr } = await cli(['health', '--config', file]);
      expect([exitCode, stdout, linesOf(stderr)]).toEqual([3, '', [expect.stringMatching(`^${code}: `)]]);
    }
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await cli([command, '--config', 'config/bad.json']);
      expect([code, stdout]).toEqual([3, '']);
      expect(stderr).toMatch(/^E_CONFIG_INVALID: cache\.\w+: .*; 2 problems, see config check\n$/);
      expect(stderr).toContain('bad.json');
    }
  });

  onUnix('says that it comes with another file than the one of --config', async () => {
    const own = configure('optimization.development.json', { cache: { l1MaxSize: 70 } });
    await begin();
    const other = configure('other.json', { cache: { l1MaxSize: 5 } });
    fs.symlinkSync(own, directory.path('link.json'));
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await cli([command, '--config', 'config/other.json', '--json']);
      const [line, ...more] = linesOf(stderr);
      expect([code, more]).toEqual([0, []]);
      expect(line).toMatch(/^warning: process \d+ \(development\) (runs|ran) with /);
      expect(line.endsWith(`${fs.realpathSync(own)}, not with ${fs.realpathSync(other)}`)).toBe(true);
      expect(JSON.parse(stdout)).toMatchObject({
        source,
        warnings: expect.arrayContaining([{ path: 'configuration', message: line.slice('warning: '.length) }]),
      });
      expect((await cli([command, '--config', 'config/other.json', '--quiet'])).stderr).toBe('');
      for (const same of ['config/optimization.development.json', 'link.json']) {
        expect(await cli([command, '--config', same])).toMatchObject({ code: 0, stderr: '' });
      }
    }
  });

  onUnix('says that it comes with no file at all', async () => {
    await begin();
    configure('other.json', {});
    const { code, stderr } = await cli(['status', '--config', 'config/other.json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: process \d+ \(development\) (runs|ran) with built-in defaults, not with .*other\.json\n$/,
    );
  });

  onUnix('stands where the configuration here is broken by now, and says so once', async () => {
    await begin();
    const file = configure('optimization.development.json', { cache: { l1MaxSize: -5, ttlSeconds: -1 } });
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await cli([command, '--json']);
      expect([code, linesOf(stderr)]).toEqual([
        0,
        [
          expect.stringMatching(
            /^warning: a system that starts here will fail: cache\.\w+: .*; 2 problems, see config check$/,
          ),
        ],
      ]);
      expect(stderr).toContain(fs.realpathSync(file));
      const { warnings } = JSON.parse(stdout);
      expect(warnings.filter(({ path }) => path === 'configuration')).toHaveLength(1);
    }
    // What it is not to start with does not count.
    expect(await cli(['health', '--config', configure('right.json', {}), '--quiet'])).toMatchObject({ code: 0 });
    expect((await dataOf(['doctor'])).checks).toContainEqual(
      expect.objectContaining({ area: 'configuration', state: 'problem', check: 'cache.l1MaxSize' }),
    );
  });
});
