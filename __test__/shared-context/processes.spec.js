'use strict';

/** The command, and programs that end by themselves. */

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { once } = require('node:events');
const net = require('node:net');
const { ROOT, useOwnDirectory } = require('../support.js');
const { CLI, linesOf, node, untilEnd } = require('../processes.js');
const { ask, useSharedContext } = require('./support.js');

const directory = useOwnDirectory();
const { connect, hostile, own, serve } = useSharedContext();

/** The command, once it has said its URL; on any free port unless told otherwise. */
async function command(args = [], env = {}, port = ['--port', '0']) {
  const child = spawn(process.execPath, [CLI, 'shared-context', ...port, ...args], {
    cwd: directory.path(),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  own(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  const ended = untilEnd(child, args, output);
  const early = ended.then((how) => ({ ...how, ...output }));
  while (!output.stdout.includes('\n')) {
    const how = await Promise.race([once(child.stdout, 'data').then(() => null), early]);
    if (how !== null) throw new Error(`it ended early: ${JSON.stringify(how)}`);
  }
  return { child, output, ended, url: /http:\/\/[^\s"]+/.exec(output.stdout)[0] };
}

/** A port that nobody listens on just now, and that nobody is given who asks for any: systems give those from 32768 on. */
async function freePort() {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = net.createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

const onUnix = process.platform === 'win32' ? test.skip : test;

describe('the command', () => {
  onUnix.each(['SIGTERM', 'SIGINT'])('serves until %s', async (signal) => {
    const { child, output, ended, url } = await command();
    expect(linesOf(output.stdout)).toEqual([`shared context on ${url}`]);
    const client = connect({ url });
    expect(await client.setContext({ a: 1 })).toMatchObject({ isNew: true });
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(output.stderr).toBe('');
    expect(linesOf(output.stdout)).toHaveLength(1);
    expect(fs.readdirSync(directory.path())).toEqual([]);
  });

  test('--json prints the URL as data', async () => {
    const { output, url } = await command(['--json']);
    expect(JSON.parse(output.stdout)).toEqual({ url, port: Number(new URL(url).port) });
  });

  test.each([
    ['a file', ['--token-file', 'token'], {}],
    ['the environment', [], { SHARED_CONTEXT_TOKEN: 'a-secret' }],
  ])('takes its token from %s', async (_, args, env) => {
    fs.writeFileSync('token', 'a-secret\n');
    const { output, url } = await command(args, env);
    expect((await ask({ url }, 'GET', '/metrics')).status).toBe(401);
    expect((await ask({ url }, 'GET', '/metrics', { headers: { Authorization: 'Bearer a-secret' } })).status).toBe(200);
    expect(output.stdout).not.toContain('a-secret');
  });

  test('takes its port from the environment, where the health check of the image finds it', async () => {
    const port = await freePort();
    const env = { SHARED_CONTEXT_PORT: `${port}` };
    const { url } = await command([], env, []);
    expect(new URL(url).port).toBe(`${port}`);
    const check = [`${ROOT}/docker/healthcheck.js`, 'shared-context'];
    expect(await node(check, { cwd: directory.path(), env })).toMatchObject({
      code: 0,
      stdout: 'healthy: status 200\n',
    });
  });

  test('a port that is given goes before that of the environment, whatever that is', async () => {
    for (const SHARED_CONTEXT_PORT of [`${await freePort()}`, 'x', 'tcp://10.0.0.7:3003']) {
      const { url } = await command([], { SHARED_CONTEXT_PORT });
      expect(url).not.toContain(SHARED_CONTEXT_PORT);
    }
  });

  test.each(['70000', '-1', 'x', '3003.5', ' 3003', '0x10'])('refuses the port %j of the environment', async (port) => {
    const env = { SHARED_CONTEXT_PORT: port };
    const { code, stdout, stderr } = await node([CLI, 'shared-context'], { cwd: directory.path(), env });
    expect([code, stdout]).toEqual([3, '']);
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^E_INVALID_ARGUMENT: the variable SHARED_CONTEXT_PORT must/),
    ]);
  });

  test.each(['', 'tcp://10.0.0.7:1'])('takes %j of the environment for none', async (port) => {
    const env = { SHARED_CONTEXT_PORT: port };
    // On an address that is not there: that says which port it is, and the usual one may be in use.
    const args = ['shared-context', '--host', '192.0.2.1'];
    const { stderr } = await node([CLI, ...args], {
      cwd: directory.path(),
      env: { ...env, SHARED_CONTEXT_TOKEN: 'a-secret' },
    });
    expect(stderr).toMatch(/^E_SHARED_CONTEXT: .*192\.0\.2\.1:3003: /);
  });

  test('help names the variable', async () => {
    const { stdout } = await node([CLI, 'help', 'shared-context'], { cwd: directory.path() });
    expect(stdout.replace(/\s+/g, ' ')).toContain('SHARED_CONTEXT_PORT');
  });

  test.each([
    [
      'a host of other machines without a token',
      ['--host', '0.0.0.0'],
      /^E_INVALID_ARGUMENT: --host .* a token \(--token-file, or the variable SHARED_CONTEXT_TOKEN\), so [^.]*$/,
    ],
    ['a bad port', ['--port', '70000'], /^E_INVALID_ARGUMENT: --port/],
    ['a port that is text', ['--port', 'x'], /^E_INVALID_ARGUMENT: --port/],
    ['a token file that is not there', ['--token-file', 'nowhere'], /^E_IO: .*nowhere/],
  ])('%s has exit code 3 and one line', async (_, args, message) => {
    const { code, stdout, stderr } = await node([CLI, 'shared-context', ...args], { cwd: directory.path() });
    expect([code, stdout]).toEqual([3, '']);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(message)]);
  });

  test('a port in use has exit code 3 and one line', async () => {
    const { port } = await serve();
    const { code, stderr } = await node([CLI, 'shared-context', '--port', `${port}`], { cwd: directory.path() });
    expect(code).toBe(3);
    expect(linesOf(stderr)).toEqual([expect.stringMatching(`^E_SHARED_CONTEXT: .*:${port}: the port is in use$`)]);
  });

  test.each([
    [['shared-context', '--environment', 'staging'], '--environment'],
    [['health', '--port', '1'], '--port'],
    [['shared-context', 'now'], 'shared-context now'],
  ])('%j is wrong usage', async (args, word) => {
    const { code, stdout, stderr } = await node([CLI, ...args], { cwd: directory.path() });
    expect([code, stdout, stderr.split('\n')[0].includes(word)]).toEqual([3, '', true]);
  });
});

describe('a program with a client ends by itself within a second', () => {
  /** Runs a program; gives what it printed and how long it went on after its last line. */
  async function run(url, source) {
    const script = `
      const { SharedContextClient } = require(${JSON.stringify(`${ROOT}/index.js`)});
      const client = new SharedContextClient({ projectId: 'project', url: ${JSON.stringify(url)}, retryDelayMs: 20 });
      (async () => { ${source}; console.log(Date.now()); })();`;
    let lines;
    let least = Number.POSITIVE_INFINITY;
    // A machine that stands still makes one run long; what keeps a process keeps each.
    for (let attempt = 0; attempt < 3 && least >= 1000; attempt++) {
      const { code, stdout, stderr } = await node(['-e', script], { cwd: directory.path() });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      lines = linesOf(stdout);
      least = Math.min(least, Date.now() - Number(lines.at(-1)));
    }
    expect(least).toBeLessThan(1000);
    return lines.slice(0, -1);
  }

  test('while it is connected', async () => {
    const { url } = await serve();
    const lines = await run(
      url,
      `await client.setContext({ a: 1 });
       if (!client.getStats().wsConnected) await new Promise((resolve) => client.once('connected', resolve));
       console.log(JSON.stringify(await client.getContext()), client.isConnected())`,
    );
    expect(lines).toEqual(['{"a":1} true']);
  });

  test('while it tries to connect again', async () => {
    const server = await serve();
    const { url } = server;
    await server.close();
    const lines = await run(
      url,
      `console.log(await client.setContext({ a: 1 }));
       await new Promise((resolve) => setTimeout(resolve, 100));
       console.log(client.getStats().reconnectAttempts > 0, client.getStats().pending)`,
    );
    expect(lines).toEqual(['null', 'true true']);
  });

  test('while the server does not answer', async () => {
    const { url } = await hostile(() => {});
    expect(await run(url, 'await new Promise((resolve) => setTimeout(resolve, 50))')).toEqual([]);
  });

  test('but not before a call that it waits for', async () => {
    const { url } = await hostile(() => {});
    const lines = await run(url, 'console.log(await client.getContext())');
    expect(lines).toEqual(['null']);
  });
});
