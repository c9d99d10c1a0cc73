/**
 * Has a Prometheus read a monitor, and looks at what it says. `prometheus.sh` calls it.
 *
 *   node .ci/prometheus.mjs [url] [token]
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const OPERATIONS = '../docs/operations/';
/** How long Prometheus may take to start and to read twice. */
const LIMIT_MS = 120_000;
/** A port that is free may be somebody else's a moment later. */
const MOST_PORTS = 5;
const ACCEPTS = { prometheus: 'text/plain', openmetrics: 'application/openmetrics-text;version=1.0.0' };

const children = [];
const work = await mkdtemp(path.join(tmpdir(), 'agentwise-prometheus-'));

/** A monitor of this checkout: its address, once it has said it. */
async function startMonitor(token) {
  const env = { ...process.env, METRICS_TOKEN: token };
  const child = spawn(process.execPath, [here('monitor-for-prometheus.mjs')], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = once(child, 'exit').then(([code]) => assert.fail(`the monitor ended with exit code ${code}`));
  const [url] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  return url;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startPrometheus(target, token) {
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [here(`${OPERATIONS}prometheus-alerts.yml`)],
    scrape_configs: [
      {
        job_name: 'agentwise',
        static_configs: [{ targets: [new URL(target).host] }],
        ...(token && { authorization: { credentials_file: path.join(work, 'token') } }),
      },
    ],
  };
  await writeFile(path.join(work, 'token'), token, { mode: 0o600 });
  // JSON is YAML.
  await writeFile(path.join(work, 'prometheus.yml'), JSON.stringify(config));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const options = [
      `--config.file=${path.join(work, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(work, `data-${attempt}`)}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ];
    const child = spawn('prometheus', options, { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    if (await isReady(child, `http://127.0.0.1:${port}/-/ready`)) return `http://127.0.0.1:${port}/api/v1/`;
    assert.ok(attempt < MOST_PORTS, `Prometheus ended with ${child.exitCode ?? child.signalCode}, ${attempt} times`);
  }
}

/** Whether it takes requests; false where it ended instead, as it does when its port is taken. */
async function isReady(child, url) {
  const end = Date.now() + LIMIT_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return child.exitCode === null;
    if (Date.now() > end) throw new Error('Prometheus does not get ready');
    await sleep(250);
  }
  return false;
}

/** What Prometheus answers, or an error with its words. */
async function api(base, what, parameters = {}) {
  const response = await fetch(`${base}${what}?${new URLSearchParams(parameters)}`);
  const answer = await response.json();
  if (answer.status !== 'success') throw new Error(`${what} ${JSON.stringify(parameters)}: ${answer.error}`);
  return answer.data;
}

const query = async (base, expression) => (await api(base, 'query', { query: expression })).result;

/** Both texts of the metrics; the plain one has to please promtool. */
async function checkTexts(url, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  for (const [name, accept] of Object.entries(ACCEPTS)) {
    const response = await fetch(`${url}/metrics`, { headers: { ...headers, accept } });
    assert.equal(response.status, 200);
    assert.ok(response.headers.get('content-type').startsWith(accept.split(';')[0]), name);
    const input = await response.text();
    console.log(`${name}: ${input.split('\n').length} lines`);
    if (name === 'prometheus') {
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
      assert.equal(status, 0, `promtool check metrics: ${stdout}${stderr}`);
      assert.equal(`${stdout}${stderr}`, '', 'promtool check metrics has nothing to say');
    }
  }
  if (token) assert.equal((await fetch(`${url}/metrics`)).status, 401);
  for (const probe of ['healthz', 'readyz']) {
    const response = await fetch(`${url}/${probe}`);
    console.log(`/${probe}: ${response.status} ${JSON.stringify(await response.json())}`);
    if (probe === 'healthz') assert.equal(response.status, 200);
  }
}

async function scraped(base) {
  const end = Date.now() + LIMIT_MS;
  let lastError = 'it was not read often enough';
  for (;;) {
    const targets = await api(base, 'targets').catch(() => ({ activeTargets: [] }));
    const [target] = targets.activeTargets;
    // One that comes too late for its second is no failure: on a machine with much to do the next one is in time.
    if (target?.lastError) {
      lastError = target.lastError;
      assert.match(lastError, /deadline exceeded|timeout/i);
    }
    // Two scrapes, so that there are rates.
    const counts = target?.health === 'up' ? await query(base, 'count_over_time(up{job="agentwise"}[1m])') : [];
    if (Number(counts[0]?.value[1]) >= 3) return;
    if (Date.now() > end) throw new Error(`Prometheus has not read it in time: ${lastError}`);
    await sleep(250);
  }
}

/** Prometheus takes no sample silently: those that it read are those that there were. */
async function checkSamples(base) {
  // Of one and the same reading: the next one may have a sample more.
  const time = (Date.now() - 1000) / 1000;
  const at = async (name) => (await api(base, 'query', { query: `${name}{job="agentwise"}`, time })).result;
  const [{ value: read }] = await at('scrape_samples_scraped');
  const [{ value: kept }] = await at('scrape_samples_post_metric_relabeling');
  const names = (await api(base, 'label/__name__/values')).filter((name) => name.startsWith('agentwise_'));
  assert.equal(read[1], kept[1]);
  assert.ok(names.length >= 30, `${names.length} names`);
  const metadata = await api(base, 'metadata');
  const strays = names.filter(
    (name) => !metadata[name] && !metadata[name.replace(/_(total|info|bucket|sum|count)$/, '')],
  );
  assert.deepEqual(strays, [], 'names without a type');
  console.log(`scraped: ${read[1]} samples, ${names.length} names`);
}

async function checkRules(base) {
  const { groups } = await api(base, 'rules');
  const rules = groups.flatMap((group) => group.rules);
  const bad = rules.filter((rule) => rule.lastError || rule.health === 'err');
  assert.deepEqual(bad, []);
  console.log(
    `rules: ${rules.length}, firing: ${rules.filter((rule) => rule.state === 'firing').map((rule) => rule.name)}`,
  );
}

async function checkDashboard(base) {
  const dashboard = JSON.parse(await readFile(here(`${OPERATIONS}grafana-dashboard.json`), 'utf8'));
  const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);
  const expressions = [...targets, ...dashboard.annotations.list].map((target) => target.expr);
  let answered = 0;
  for (const expression of expressions) {
    const filled = expression.replaceAll('$instance', '.*').replace(/\$__(rate_interval|range)/g, '1m');
    assert.ok(!filled.includes('$'), filled);
    if ((await query(base, filled)).length > 0) answered++;
  }
  console.log(`dashboard: ${expressions.length} queries, ${answered} with an answer`);
  assert.ok(answered * 2 > expressions.length);
}

try {
  const given = process.argv[2];
  const token = given ? (process.argv[3] ?? '') : 'a-token-for-this-run';
  const url = (given ?? (await startMonitor(token))).replace(/\/$/, '');
  await checkTexts(url, token);
  const base = await startPrometheus(url, token);
  await scraped(base);
  await checkSamples(base);
  await checkRules(base);
  await checkDashboard(base);
} finally {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  await rm(work, { recursive: true, force: true });
}
