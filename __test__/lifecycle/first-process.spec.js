'use strict';

/** The package in the first process of a container, to which the kernel gives no signal that nobody handles. */

const { ROOT, useOwnDirectory } = require('../support.js');
const { CLI, start } = require('../processes.js');

/** A process namespace of its own needs root. */
const asRoot = process.platform === 'linux' && process.getuid() === 0 ? test : test.skip;

const directory = useOwnDirectory();

/** Runs `node` with `args` as the first process of a namespace. */
const first = (...args) =>
  start('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, ...args], {
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
