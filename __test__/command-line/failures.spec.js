'use strict';

/** What goes wrong outside of the command line: one line, with a code. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { copyPackage, moduleName, node, start } = require('../processes.js');
const { CLI, REFUSED, linesOf, onUnix, useCommandLine } = require('./support.js');

const { cli, configure, directory } = useCommandLine();

describe('a failure has exit code 3 and one line on standard error, with the code', () => {
  test.each(['health', 'status', 'report'])('%s with a broken configuration file names the file', async (command) => {
    const file = configure('optimization.development.json', '{ "cache": ');
    const { stderr, ...rest } = await cli([command, '--json']);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/^E_CONFIG_UNREADABLE: /);
    expect(stderr).toContain(file);
  });

  test('a configuration file with wrong values names every setting and the file', async () => {
    const file = configure('optimization.development.json', '{"cache":{"ttlSeconds":-1},"memory":{"gcInterval":"x"}}');
    const { stderr, ...rest } = await cli(['status']);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_INVALID: .*2 problems/)]);
    for (const word of ['cache.ttlSeconds', 'memory.gcInterval', file]) expect(stderr).toContain(word);
  });

  test('a configuration file with more problems than anybody reads', async () => {
    const keys = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`unknown${at}`, 1]));
    configure('optimization.development.json', keys);
    const { stderr, ...rest } = await cli(['health']);
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_INVALID: .*… all of them: config check$/)]);
    expect(stderr.length).toBeLessThan(2100);
  });

  test('a file of OPTIMIZATION_CONFIG that is not there', async () => {
    const { stderr, ...rest } = await cli(['health'], { env: { OPTIMIZATION_CONFIG: 'nowhere.json' } });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_CONFIG_MISSING: .*nowhere\.json/)]);
  });

  test('report into a directory that takes no file', async () => {
    // Nothing is unwritable for root: the directory is removed once the process runs in it.
    const preload = path.join(os.tmpdir(), `agentwise-preload-${process.pid}.cjs`);
    fs.writeFileSync(preload, "require('node:fs').rmdirSync(process.cwd());");
    try {
      const inside = directory.path('gone');
      fs.mkdirSync(inside);
      const { stderr, ...rest } = await node(['--require', preload, CLI, 'report'], { cwd: inside });
      expect(rest).toEqual(REFUSED);
      expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_IO: cannot write optimization-report.*gone/)]);
    } finally {
      fs.rmSync(preload);
    }
  });

  onUnix.each(['health', 'report'])('%s in a directory that was removed before', async (command) => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" "$2"';
    const { stderr, ...rest } = await start('sh', ['-c', script, process.execPath, CLI, command], {
      cwd: directory.path(),
    });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toHaveLength(1);
    // The code is told once.
    expect(stderr).toMatch(/^E(NOENT|_[A-Z]+): (?!ENOENT)/);
  });

  test.each(['health', '--help'])('%s with a native module that does not load', async (argument) => {
    copyPackage(directory.path());
    const cwd = directory.path('work');
    fs.mkdirSync(cwd);
    const name = moduleName();
    fs.writeFileSync(directory.path('js', name), 'this is no module');
    const { stdout, stderr, code } = await node([directory.path('js', 'cli', 'main.js'), argument], { cwd });
    if (argument === '--help') {
      // Help needs no module.
      expect([code, stderr, stdout.split('\n')[0]]).toEqual([0, '', expect.stringContaining('Usage')]);
      return;
    }
    expect([code, stdout]).toEqual([3, '']);
    const lines = linesOf(stderr);
    expect(lines).toEqual([expect.stringMatching(/^E_NOT_AVAILABLE: .*could not be loaded: .*npm install/)]);
    expect(lines[0]).toContain(name);
    expect(lines[0]).not.toMatch(/Cannot find|npm has a bug/);
  });

  test('a native module that is not there', async () => {
    copyPackage(directory.path(), { withModule: false });
    const { stderr, ...rest } = await node([directory.path('js', 'cli', 'main.js'), 'status'], {
      cwd: directory.path(),
    });
    expect(rest).toEqual(REFUSED);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(/^E_NOT_AVAILABLE: .*npm install/)]);
  });
});
