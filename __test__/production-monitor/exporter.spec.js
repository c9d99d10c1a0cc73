/** The server of `/metrics`, `/healthz` and `/readyz`, and what is sent by OTLP. */

const http = require('node:http');
const net = require('node:net');
const { ProductionMonitor } = require('../../index.js');
const { failureOf, useOwnDirectory } = require('../support.js');
const { QUICK, memoryOf, next, sample, until, useMonitors } = require('./support.js');
const { useServers } = require('./servers.js');

useOwnDirectory();
const { open, own } = useMonitors();
const servers = useServers();

const urlOf = (monitor) => monitor.getStatus().exporter.url;

/** One request, with headers as they are: `fetch` would set some of its own. */
function ask(url, { method = 'GET', headers = {}, path = '/metrics' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, url), { method, headers, agent: false }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') });
    });
    request.on('error', reject).end();
  });
}

async function serving(config, ...components) {
  const monitor = open({ metricsPort: 0, ...config }, ...components);
  await sample(monitor);
  return { monitor, url: urlOf(monitor) };
}

describe('the server', () => {
  test('is on the loopback, on a free port, and gone after stop()', async () => {
    const { monitor, url } = await serving();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/?$/);
    expect((await ask(url)).status).toBe(200);
    await monitor.stop();
    expect((await failureOf(ask(url))).code).toBe('ECONNREFUSED');
  });

  test('is not there unless it is asked for', () => {
    expect(urlOf(open())).toBeNull();
    expect(urlOf(open({ metricsPort: null }))).toBeNull();
  });

  test('comes and goes with updateConfig', async () => {
    const monitor = open();
    monitor.updateConfig({ metricsPort: 0 });
    await until(() => urlOf(monitor) !== null);
    const url = urlOf(monitor);
    expect((await ask(url)).status).toBe(200);
    monitor.updateConfig({ metricsPort: null });
    await until(() => urlOf(monitor) === null);
    await until(() => failureOf(ask(url)).then(({ code }) => code === 'ECONNREFUSED'));
  });

  test('on a port that is taken is told, and everything else works', async () => {
    const { url } = await serving();
    const metricsPort = Number(new URL(url).port);
    const monitor = open({ metricsPort });
    const warning = await next(monitor, 'warning');
    expect(warning).toEqual({ path: 'monitoring.metricsPort', message: expect.stringContaining(String(metricsPort)) });
    await sample(monitor);
    expect(urlOf(monitor)).toBeNull();
  });

  test.each(['0.0.0.0', '::', '192.0.2.1'])('on %s without a token is refused', async (metricsHost) => {
    const monitor = open({ metricsPort: 0, metricsHost });
    const { path, message } = await next(monitor, 'warning');
    expect([path, message]).toEqual(['monitoring.metricsPort', expect.stringContaining('METRICS_TOKEN')]);
    await sample(monitor);
    expect(urlOf(monitor)).toBeNull();
  });

  test.each(['a host', '', '127.0.0.1\r\nX: 1'])('on the host %j is refused or told', async (metricsHost) => {
    let monitor;
    try {
      monitor = open({ metricsPort: 0, metricsHost });
    } catch (error) {
      expect(error.problems.map(({ path }) => path)).toEqual(['metricsHost']);
      return;
    }
    await next(monitor, 'warning');
    expect(urlOf(monitor)).toBeNull();
  });

  test('with a token other machines may reach it, who have that', async () => {
    process.env.METRICS_TOKEN = 'a-token-that-is-long-enough';
    const { monitor } = await serving({ metricsHost: '0.0.0.0' });
    const url = `http://127.0.0.1:${new URL(urlOf(monitor)).port}`;
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer another' },
      { authorization: 'Bearer a-token-that-is-long-enoug' },
      { authorization: 'Basic a-token-that-is-long-enough' },
    ]) {
      const { status, headers: answered, body } = await ask(url, { headers });
      expect([status, body.includes('agentwise_')]).toEqual([401, false]);
      expect(answered['www-authenticate']).toMatch(/^Bearer/);
    }
    const authorization = 'Bearer a-token-that-is-long-enough';
    expect((await ask(url, { headers: { authorization } })).status).toBe(200);
    // Probes have none.
    expect((await ask(url, { path: '/healthz' })).status).toBe(200);
  });

  test('knows three paths, and reads only', async () => {
    const { url } = await serving();
    for (const path of ['/', '/metrics/', '/metrics2', '/../etc/passwd', '/%2e%2e/', '/debug']) {
      expect([path, (await ask(url, { path })).status]).toEqual([path, 404]);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect([method, (await ask(url, { method })).status]).toEqual([method, 405]);
    }
    const { status, body } = await ask(url, { method: 'HEAD' });
    expect([status, body]).toEqual([200, '']);
    expect((await ask(url, { path: '/metrics?name[]=up' })).status).toBe(200);
  });

  test('answers no name that is not its own', async () => {
    const { url } = await serving();
    const { status, body } = await ask(url, { headers: { host: 'evil.example.com' } });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toContain('agentwise_');
    expect((await ask(url, { headers: { host: `localhost:${new URL(url).port}` } })).status).toBe(200);
  });

  test('is not held up by clients that say nothing', async () => {
    const { url } = await serving();
    const { port } = new URL(url);
    const silent = Array.from({ length: 60 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
    try {
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.on('connect', resolve))));
      silent[0].write('GET /metrics HTTP/1.1\r\nHos');
      expect((await ask(url)).status).toBe(200);
    } finally {
      for (const socket of silent) socket.destroy();
    }
  });
});

describe('/metrics', () => {
  test('is what metricsText() gives', async () => {
    const { monitor, url } = await serving();
    monitor.recordRequest('chat', 5);
    await sample(monitor);
    const names = (text) => [...new Set(text.match(/^[a-z_0-9]+(?=[ {])/gm))].sort();
    let headers;
    let body;
    let before;
    // Some figures come and go with a sample, as those of pauses for garbage: it has to be the same one.
    await until(async () => {
      before = names(monitor.metricsText());
      ({ headers, body } = await ask(url));
      return before.join() === names(monitor.metricsText()).join();
    });
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(names(body)).toEqual(before);
    expect(body).toContain('operation="chat"');
  });

  test('is OpenMetrics where that is asked for', async () => {
    const { url } = await serving();
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    const { headers, body } = await ask(url, { headers: { accept } });
    expect(headers['content-type']).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
    expect(body.endsWith('# EOF\n')).toBe(true);
  });

  test('has no figure that is not one, and bounded labels', async () => {
    const { monitor, url } = await serving({ metricsInterval: 1000 });
    for (let at = 0; at < 10_000; at++) monitor.recordRequest(`of agent ${at}`, 5);
    await sample(monitor);
    await sample(monitor);
    const { body } = await ask(url);
    expect(body).not.toMatch(/ (NaN|[+-]?Inf)$/m);
    expect(new Set([...body.matchAll(/operation="([^"]*)"/g)].map(([, name]) => name)).size).toBeLessThanOrEqual(65);
    expect(body.length).toBeLessThan(1_000_000);
  });
});

describe('probes', () => {
  test('say that all is well, as JSON', async () => {
    const { monitor, url } = await serving();
    await next(monitor, 'healthCheckCompleted');
    for (const path of ['/healthz', '/readyz']) {
      const { status, headers, body } = await ask(url, { path });
      expect([path, status]).toEqual([path, 200]);
      expect(headers['content-type']).toMatch(/^application\/json/);
      expect(JSON.parse(body)).toMatchObject({ status: expect.any(String) });
    }
  });

  test('/readyz says when it is not, and /healthz that the process lives', async () => {
    const stats = memoryOf().getMemoryStats();
    const agents = [{ agentId: 'a', totalMemory: 1 }];
    const getMemoryStats = () => ({ ...stats, agents, throttledAgents: ['a'] });
    const { monitor, url } = await serving({}, memoryOf({ getHealthScore: () => 0, getMemoryStats }));
    await next(monitor, 'healthCheckCompleted');
    expect((await ask(url, { path: '/readyz' })).status).toBe(503);
    expect((await ask(url, { path: '/healthz' })).status).toBe(200);
  });
});

describe('OTLP', () => {
  const CONFIG = { enableOtlpExport: true, otlpInterval: 1000 };
  const names = (request) =>
    request
      .json()
      .resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .map(({ name }) => name);

  test('is sent as JSON, with the names of the conventions', async () => {
    const server = await servers.open();
    process.env.OTEL_EXPORTER_OTLP_HEADERS = 'x-api-key=theKey';
    process.env.OTEL_SERVICE_NAME = 'shop';
    const monitor = open({ ...CONFIG, otlpEndpoint: server.url('') });
    const [request] = await server.got(1);
    expect([request.method, request.url]).toEqual(['POST', '/v1/metrics']);
    expect(request.headers).toMatchObject({ 'content-type': 'application/json', 'x-api-key': 'theKey' });
    expect(names(request)).toEqual(expect.arrayContaining(['process.memory.usage', 'process.cpu.time']));
    const { attributes } = request.json().resourceMetrics[0].resource;
    expect(attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'shop' } });
    await until(() => monitor.getStatus().exporter.otlp.exported > 0);
    expect(monitor.getStatus().exporter.otlp).toMatchObject({ failed: 0 });
  });

  test('goes where the environment says', async () => {
    const server = await servers.open();
    process.env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = server.url('/own/path');
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:9';
    open(CONFIG);
    const [request] = await server.got(1);
    expect(request.url).toBe('/own/path');
  });

  test('that fails is told in the status, and disturbs nothing', async () => {
    const server = await servers.open('refused');
    const monitor = own(new ProductionMonitor({ ...QUICK, ...CONFIG, otlpEndpoint: server.url('') }));
    await until(() => monitor.getStatus().exporter.otlp.failed > 0);
    expect(monitor.getStatus().exporter.otlp).toMatchObject({ exported: 0, lastError: expect.stringMatching(/400/) });
    await sample(monitor);
  });
});
