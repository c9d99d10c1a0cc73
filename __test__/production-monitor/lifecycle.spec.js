/** Processes with monitors: they end by themselves, and are watched while they are stuck. */

const fs = require('node:fs');
const http = require('node:http');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { unlessStoodStill } = require('../stand-still.js');
const { ROOT, useOwnDirectory } = require('../support.js');
const { QUICK, outputOf, runMonitor, until } = require('./support.js');
const { useServers } = require('./servers.js');

const directory = useOwnDirectory();
const servers = useServers();

const onLinux = process.platform === 'linux' ? test : test.skip;
const ENDED_WELL = { code: 0, signal: null, stderr: '' };

/** A second is what it takes on an idle machine; the timers of a monitor would hold it for ten or thirty. */
const PROMPTLY_MS = 8000;

const inOwnDirectory = (options) => ({ cwd: directory.path(), ...options });

describe('a process ends by itself after it made and forgot', () => {
  test.each([
    ['a monitor', 'new ProductionMonitor();'],
    ['ten monitors', 'for (let at = 0; at < 10; at++) new ProductionMonitor(QUICK);'],
    ['a monitor with a server', 'new ProductionMonitor({ ...QUICK, metricsPort: 0 });'],
    [
      'a monitor with listeners',
      `const monitor = new ProductionMonitor(QUICK);
       for (const name of ['metricsCollected', 'alertCreated', 'healthCheckCompleted', 'warning']) monitor.on(name, () => {});`,
    ],
    [
      'a monitor with components, requests and alerts',
      `const monitor = new ProductionMonitor({ ...QUICK, alertRules: [ALWAYS] }, new MemoryManager());
       monitor.recordRequest('chat', 5);
       monitor.measure('chat', () => {});
       monitor.createAlert({ type: 'info', component: 'cpu', title: 'title', message: 'message' });
       monitor.silence({ component: 'cpu', durationMs: 5000 });`,
    ],
    [
      'a monitor that exports and has alerts that nobody takes',
      `process.env.ALERT_WEBHOOK_URL = 'http://127.0.0.1:9/';
       const monitor = new ProductionMonitor({ ...QUICK, enableWebhookAlerts: true, enableOtlpExport: true, otlpEndpoint: 'http://127.0.0.1:9' });
       monitor.createAlert({ type: 'info', component: 'cpu', title: 'title', message: 'message' });`,
    ],
    ['a stopped monitor', 'const monitor = new ProductionMonitor(QUICK); void monitor.stop(); void monitor.stop();'],
    [
      'a monitor that was stopped while it worked',
      'const monitor = new ProductionMonitor(QUICK); void monitor.exportReport(); void monitor.stop();',
    ],
    [
      'a system with a monitor',
      `void ProductionOptimizationSystem.create({ environment: 'production', finalReport: false, monitoring: { ...QUICK, metricsPort: 0 } });`,
    ],
  ])('%s', async (_, source) => {
    const { stdout, ...ended } = await runMonitor(
      `${source}
       const before = performance.now();
       process.on('exit', () => console.log(JSON.stringify(performance.now() - before)));`,
      inOwnDirectory(),
    );
    expect(ended).toEqual(ENDED_WELL);
    expect(JSON.parse(stdout)).toBeLessThan(PROMPTLY_MS);
  });
});

test('a message under way does not keep a process, and is there after the next start', async () => {
  const server = await servers.open('silent', 'ok');
  const options = inOwnDirectory({ env: { ALERT_WEBHOOK_URL: server.url() } });
  const program = (rest) => `
    const monitor = new ProductionMonitor({ ...QUICK, enableWebhookAlerts: true });
    ${rest}`;
  await outputOf(
    program(`
    const alert = monitor.createAlert({ type: 'critical', component: 'cpu', title: 'Not told yet', message: 'message' });
    setTimeout(async () => { await monitor.stop(); console.log(JSON.stringify(alert.id)); }, 1500);`),
    options,
  );
  const delivered = await outputOf(
    program(`
    const held = setInterval(() => {}, 100);
    monitor.on('alertDelivered', async ({ ids }) => { clearInterval(held); console.log(JSON.stringify(ids)); await monitor.stop(); });`),
    options,
  );
  expect(delivered).toHaveLength(1);
  expect(server.requests.at(-1).body).toContain('Not told yet');
});

test('process.exit() in mid-work ends the process with its code', async () => {
  const ended = await runMonitor(
    `const monitor = new ProductionMonitor({ ...QUICK, metricsPort: 0 });
     monitor.on('metricsCollected', () => process.exit(3));
     setInterval(() => {}, 1000);`,
    inOwnDirectory(),
  );
  expect(ended).toEqual({ code: 3, signal: null, stdout: '', stderr: '' });
});

test('the console has one line for each alert, on standard error, and none that is forged', async () => {
  const { code, stdout, stderr } = await runMonitor(
    `const monitor = new ProductionMonitor({ ...QUICK, console: true });
     const alert = monitor.createAlert({ type: 'critical', component: 'disk', title: 'Disk full', message: 'a\\nforged: line' });
     const told = (count) => until(() => monitor.getStatus().channels.find(({ name }) => name === 'console').delivered >= count);
     (async () => {
       await told(1);
       monitor.resolveAlert(alert.id);
       await told(2);
       await monitor.stop();
     })();`,
    inOwnDirectory(),
  );
  expect([code, stdout]).toEqual([0, '']);
  const lines = stderr.split('\n').slice(0, -1);
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toContain('Disk full');
  expect(lines.some((line) => line.startsWith('forged'))).toBe(false);
});

onLinux(
  'monitors that nobody holds go on until they are stopped, and are collected then with their threads',
  async () => {
    const { during, held, alive, after } = await outputOf(
      `const fs = require('node:fs');
     const v8 = require('node:v8');
     v8.setFlagsFromString('--expose-gc');
     const gc = require('node:vm').runInNewContext('gc');
     const threads = () => fs.readdirSync('/proc/self/task')
       .map((id) => { try { return fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(); } catch { return ''; } })
       .filter((name) => name === 'agentwise-mon' || name === 'agentwise-net').length;
     const make = () => Array.from({ length: 10 }, () => {
       const monitor = new ProductionMonitor({ ...QUICK, metricsPort: 0 });
       monitor.on('metricsCollected', () => monitor.getOverallHealth());
       return new WeakRef(monitor);
     });
     (async () => {
       const made = make();
       await until(() => threads() > 0);
       const during = threads();
       const alive = () => made.filter((reference) => reference.deref()).length;
       for (let at = 0; at < 5; at++) { gc(); await sleep(20); }
       const held = alive();
       await Promise.all(made.map((reference) => reference.deref().stop()));
       await until(async () => { gc(); await sleep(20); return alive() === 0 && threads() === 0; });
       console.log(JSON.stringify({ during, held, alive: alive(), after: threads() }));
     })();`,
      inOwnDirectory(),
    );
    expect(during).toBeGreaterThan(0);
    expect([held, alive, after]).toEqual([10, 0, 0]);
  },
);

describe('while the event loop is stuck', () => {
  const STUCK_MS = 3000;

  /** A process that prints its URL, is stuck, and prints what it saw then. */
  function stuckProcess(env, cwd) {
    const program = `
      const { ProductionMonitor } = require(${JSON.stringify(path.join(ROOT, 'index.js'))});
      const config = ${JSON.stringify({
        ...QUICK,
        metricsPort: 0,
        metricsInterval: 200,
        enableWebhookAlerts: true,
        alertRules: [{ id: 'stuck', metric: 'eventLoop.max', above: 1000, level: 'critical', title: 'It is stuck' }],
      })};
      const monitor = new ProductionMonitor(config);
      const seen = [];
      monitor.on('metricsCollected', ({ eventLoop }) => seen.push(eventLoop.max));
      setTimeout(() => {
        require('node:fs').writeSync(1, JSON.stringify({ url: monitor.getStatus().exporter.url, begins: Date.now() }) + '\\n');
        const end = performance.now() + ${STUCK_MS};
        while (performance.now() < end);
        const ends = Date.now();
        setTimeout(async () => {
          const { channels } = monitor.getStatus();
          await monitor.stop();
          console.log(JSON.stringify({ ends, max: Math.max(...seen), history: monitor.getMetricsHistory().length, channels }));
        }, 1000);
      }, 1000);`;
    const child = spawn(process.execPath, ['-e', program], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = [];
    let waiting = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      waiting += text;
      const complete = waiting.split('\n');
      waiting = complete.pop();
      lines.push(...complete.map((line) => JSON.parse(line)));
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    return { lines, ended };
  }

  /** What probes, the process itself and a server of alerts saw. */
  async function stuckOnce(number) {
    const server = await servers.open();
    // Of its own: an alert that is known is not told again.
    const cwd = directory.path(`attempt-${number}`);
    fs.mkdirSync(cwd);
    const { lines, ended } = stuckProcess({ ALERT_WEBHOOK_URL: server.url() }, cwd);
    await until(() => lines.length === 1);
    const [{ url, begins }] = lines;
    const answers = [];
    const ask = () =>
      new Promise((resolve) => {
        const started = performance.now();
        const answered = (answer) => {
          answers.push({ ...answer, ms: performance.now() - started });
          resolve();
        };
        const request = http.get(new URL('/healthz', url), { agent: false }, (response) => {
          response.resume().on('end', () => answered({ status: response.statusCode }));
        });
        request.on('error', ({ code }) => answered({ error: code }));
      });
    while (Date.now() - begins < STUCK_MS - 500) {
      await ask();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await ended).toBe(0);
    const [, report] = lines;
    const [alert] = server.requests;
    return { answers, report, alert };
  }

  test('that is told, probes answer, and the alert goes out', async () => {
    const attempt = async (number) => {
      const { answers, report, alert } = await stuckOnce(number);
      expect(alert.body).toContain('It is stuck');
      // One that is refused, reset or not answered well is what restarts a container: not in any attempt.
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      return {
        answers: answers.length > 5 && answers.every(({ ms }) => ms < 1000),
        max: report.max >= 2500 && report.max < STUCK_MS * 2,
        history: report.history > 10,
        alert: alert.at < report.ends,
      };
    };
    const seen = await unlessStoodStill(attempt, (each) => Object.values(each).every(Boolean));
    expect(seen).toEqual({ answers: true, max: true, history: true, alert: true });
  });
});

test('in a worker thread it works as in the main one, and ends with it', async () => {
  const said = await outputOf(
    `const { Worker } = require('node:worker_threads');
     const source = 'const { ProductionMonitor } = require(' + ${JSON.stringify(JSON.stringify(path.join(ROOT, 'index.js')))} + ');'
       + 'const { parentPort, workerData } = require("node:worker_threads");'
       + 'const monitor = new ProductionMonitor(workerData);'
       + 'monitor.recordRequest("chat", 5);'
       + 'const held = setInterval(() => {}, 1000);'
       + 'monitor.once("metricsCollected", ({ operations }) => { parentPort.postMessage(Object.keys(operations)); clearInterval(held); });';
     const worker = new Worker(source, { eval: true, workerData: QUICK });
     const said = [];
     worker.on('message', (message) => said.push(message));
     worker.on('exit', (code) => console.log(JSON.stringify({ said, code })));`,
    inOwnDirectory(),
  );
  expect(said).toEqual({ said: [['chat']], code: 0 });
});

test('what a listener throws is the exception of the application, and others are told all the same', async () => {
  const said = await outputOf(
    `const monitor = new ProductionMonitor(QUICK);
     const thrown = [];
     let samples = 0;
     process.on('uncaughtException', (error) => thrown.push(error.message));
     monitor.once('metricsCollected', () => { throw new Error('of the application'); });
     monitor.on('metricsCollected', () => samples++);
     const timer = setInterval(async () => {
       if (samples < 2) return;
       clearInterval(timer);
       await monitor.stop();
       console.log(JSON.stringify({ thrown }));
     }, 20);`,
    inOwnDirectory(),
  );
  expect(said).toEqual({ thrown: ['of the application'] });
});

test('a program that does nothing has an event loop that is never late, whoever listens', async () => {
  const latenesses = () =>
    outputOf(
      `const monitor = new ProductionMonitor({ console: false, persistMetrics: false, metricsInterval: 1000 });
     setInterval(() => {}, 200).unref();
     setTimeout(async () => {
       const late = monitor.getMetricsHistory().map(({ eventLoop }) => eventLoop.max);
       await monitor.stop();
       console.log(JSON.stringify(late));
     }, 9500);`,
      inOwnDirectory(),
    );
  // A loaded machine is late now and then, or stands still; a question that was lost is answered with the next sample, nearly
  // every time.
  const tries = [];
  const isNeverLate = (late) => late.length > 6 && late.filter((ms) => ms > 300).length < 3;
  while (tries.length < 3 && !tries.some(isNeverLate)) tries.push(await latenesses());
  expect(tries.some(isNeverLate) ? 'never late' : tries).toBe('never late');
});

test('an alert of the last moment is kept, however the process ends', async () => {
  const attempt = async (number) => {
    const options = { cwd: directory.path(`attempt-${number}`) };
    fs.mkdirSync(options.cwd);
    const { code } = await runMonitor(
      `const monitor = new ProductionMonitor(QUICK);
       setTimeout(() => {
         monitor.createAlert({ type: 'critical', component: 'cpu', title: 'The last one', message: 'message' });
         process.exit(7);
       }, 500);`,
      options,
    );
    expect(code).toBe(7);
    return outputOf(
      `const monitor = new ProductionMonitor(QUICK);
       console.log(JSON.stringify(monitor.getRecentAlerts().map(({ title }) => title)));
       monitor.stop();`,
      options,
    );
  };
  expect(await unlessStoodStill(attempt, (titles) => titles.length > 0)).toEqual(['The last one']);
});
