'use strict';

/** The package in the first process of a container, to which the kernel gives no signal that nobody handles. */

const { spawnSync } = require('node:child_process');
const { ROOT, useOwnDirectory } = require('../support.js');
const { CLI, start } = require('../processes.js');

const NAMESPACE = ['--pid', '--fork', '--kill-child', '--mount-proc'];

/** A process namespace of its own needs root, which some containers keep from it. */
const isRoot = process.platform === 'linux' && process.getuid() === 0;
const canUnshare = isRoot && spawnSync('unshare', [...NAMESPACE, process.execPath, '--version']).status === 0;
if (!canUnshare) console.warn('skipped: a process namespace of its own is for root to make, on Linux');
const asRoot = canUnshare ? test : test.skip;

const directory = useOwnDirectory();

/** Runs `node` with `args` as the first process of a namespace. */
const first = (...args) =>
  start('unshare', [...NAMESPACE, process.execPath, ...args], {
    cwd: directory.path(),
  });

asRoot.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
])('a system ends on %s, although the signal cannot end the process', async (signal, code) => {
  const script = `
    const { ProductionOptimizationSystem } = require(${JSON.stringify(ROOT)});
    ProductionOptimizationSystem.create({ environment: 'development', finalReport: false }).then((system) => {
      system.on('shutdown', () => console.log('shut down as', process.pid));
      setInterval(() => {}, 1000);
      process.kill(process.pid, '${signal}');
    });`;
  expect(await first('-e', script)).toEqual({ code, signal: null, stdout: 'shut down as 1\n', stderr: '' });
});

asRoot('a command ends well when it is asked to', async () => {
  const script = `
    process.argv.splice(1, 0, ${JSON.stringify(CLI)});
    const write = process.stdout.write;
    process.stdout.write = function (text, ...rest) {
      setImmediate(() => process.kill(process.pid, 'SIGTERM'));
      return write.call(this, text, ...rest);
    };
    require(${JSON.stringify(CLI)});`;
  const { code, stdout } = await first('-e', script, '--', 'shared-context', '--port', '0');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^shared context on http:/)]);
});
