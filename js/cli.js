#!/usr/bin/env node
'use strict';

const { parseArgs } = require('node:util');
const { messageOf } = require('./errors.js');

const HELP = `Usage: agentwise-optimization <command> [--environment <name>] [--json]
       agentwise-optimization alert-test [--channel <name>] [--environment <name>] [--json]
       agentwise-optimization shared-context [--port <number>] [--host <name>] [--token-file <path>] [--json]

Commands:
  health   health of a system with this directory's configuration; exit code 0 healthy, 1 warning, 2 critical, 3 unknown
  status   its components, figures and effective settings
  report   writes optimization-report-<ms>.json into this directory and prints its path
  alert-test
           sends a test message by every alert channel that is switched on; exit code 0 all arrived, 2 one did not
  shared-context
           serves contexts that agents share, until SIGINT or SIGTERM; prints its URL

Options:
  --environment <name>  development, staging or production; default: NODE_ENV if it is one of them, else development
  --json                the same as data, on standard output
  --channel <name>      only by this channel: console, slack, email, webhook or pagerduty
  --port <number>       where shared-context listens; default 3003, 0 for any free one
  --host <name>         address that it listens on; default 127.0.0.1; any other machine's needs a token
  --token-file <path>   file with the token that clients must have; default: the variable SHARED_CONTEXT_TOKEN, if set
  --help                this text

Examples:
  agentwise-optimization health --json
  agentwise-optimization status --environment production
  agentwise-optimization alert-test --environment production --channel slack
  agentwise-optimization shared-context --port 3003
`;

/** Exit codes of monitoring plug-ins. */
const UNKNOWN = 3;
const HEALTH_CODES = { healthy: 0, warning: 1, critical: 2 };

const ENVIRONMENTS = ['development', 'staging', 'production'];

const ALERT_TEST = 'alert-test';

const COMMANDS = {
  async health(system) {
    const health = system.getHealthStatus();
    const parts = Object.entries(health.components).map(([name, part]) => [name, part ? `${part.score}` : 'off']);
    const lines = table([['health', `${health.overall}, score ${health.score} of 100`], ...parts]);
    return { data: health, text: [...lines, ...health.recommendations].join('\n'), code: HEALTH_CODES[health.overall] };
  },

  async status(system) {
    const status = system.getStatus();
    const { memoryManager: memory, cacheManager: cache, contextFilter: filter } = status.components;
    const lines = table([
      ['environment', status.environment],
      ['configuration', status.configFile ?? 'built-in defaults'],
      ['score', `${status.overallScore} of 100`],
      ['memory', memory ? memoryText(memory) : 'off'],
      ['cache', cache ? `${cache.l1.entries} of ${cache.l1.maxSize} entries, ${cache.l1.sizeMB} MB` : 'off'],
      ['context filter', filter ? `${filter.agentSpecializations.length} specializations` : 'off'],
      ['not available', status.unavailable.join(', ') || 'nothing that is asked for'],
    ]);
    return { data: status, text: lines.join('\n'), code: 0 };
  },

  async report(system) {
    const path = await system.generateSystemReport();
    return { data: { path }, text: path, code: 0 };
  },

  [ALERT_TEST]: (system, { channel }) => require('./alert-test.js').testAlerts(system, channel),
};

/** What the system does not say is not shown as a figure. */
function memoryText({ process: { rss }, limits, percentage }) {
  return rss === null ? 'unknown' : `${rss} MB of ${limits.effective} MB (${percentage} %)`;
}

function table(rows) {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

class UsageError extends Error {}

const SERVER = 'shared-context';
const SERVER_OPTIONS = ['port', 'host', 'token-file'];

/** Options that not all commands have: whose they are. */
const OWN_OPTIONS = {
  environment: (name) => name !== SERVER,
  channel: (name) => name === ALERT_TEST,
  ...Object.fromEntries(SERVER_OPTIONS.map((option) => [option, (name) => name === SERVER])),
};

function parse(argv) {
  const options = {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    ...Object.fromEntries(Object.keys(OWN_OPTIONS).map((option) => [option, { type: 'string' }])),
  };
  let parsed;
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help || (positionals.length === 0 && argv.length === 0)) return { help: true };
  const [name, ...rest] = positionals;
  const isServer = name === SERVER && rest.length === 0;
  const foreign = Object.keys(OWN_OPTIONS).find((option) => values[option] !== undefined && !OWN_OPTIONS[option](name));
  if (foreign) throw new UsageError(`--${foreign} is not an option of ${isServer ? SERVER : 'this command'}`);
  if (isServer) {
    const { port, host, json, 'token-file': tokenFile } = values;
    return { name, server: { port, host, tokenFile, json: json === true } };
  }
  if (!Object.hasOwn(COMMANDS, name ?? '') || rest.length > 0) {
    throw new UsageError(name === undefined ? 'a command is missing' : `unknown command: ${positionals.join(' ')}`);
  }
  const environment =
    values.environment ?? (ENVIRONMENTS.includes(process.env.NODE_ENV) ? process.env.NODE_ENV : ENVIRONMENTS[0]);
  return { name, environment, channel: values.channel, json: values.json === true };
}

async function run({ name, environment, channel, json, server }) {
  if (name === SERVER) return require('./shared-context/command.js').serve(server);
  // Loaded here, so that a native module that does not load is told like any other failure.
  const { ProductionOptimizationSystem } = require('./production-optimization-system.js');
  const own = name === ALERT_TEST ? require('./alert-test.js').CONFIG : {};
  const system = new ProductionOptimizationSystem({ ...own, environment, finalReport: false });
  system.on('warning', (warning) => process.stderr.write(`warning: ${warning.path}: ${warning.message}\n`));
  await system.initialize();
  try {
    const { data, text, code } = await COMMANDS[name](system, { channel });
    process.stdout.write(json ? `${JSON.stringify(data, null, 2)}\n` : `${text}\n`);
    return code;
  } finally {
    await system.shutdown();
  }
}

/** One line, with the code once: Node's own messages begin with theirs. */
function failureText(error) {
  const [line] = messageOf(error).split('\n');
  return error?.code && !line.startsWith(error.code) ? `${error.code}: ${line}` : line;
}

async function main() {
  // `| head` closes the pipe: that is no failure.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : UNKNOWN));
  try {
    const request = parse(process.argv.slice(2));
    if (request.help) process.stdout.write(HELP);
    else process.exitCode = await run(request);
  } catch (error) {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${HELP}`);
    else process.stderr.write(`${failureText(error)}\n`);
    process.exitCode = UNKNOWN;
  }
}

main();
