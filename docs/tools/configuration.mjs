/**
 * Writes docs/configuration.md from config/optimization.schema.json.
 *
 *   npm run docs:configuration             writes the file
 *   npm run docs:configuration -- --check  exit code 1 if the file is not what it would write
 *
 * Tables come from the schema, which a Rust test compares with the settings themselves.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { aligned } from './text.mjs';

const SCHEMA = new URL('../../config/optimization.schema.json', import.meta.url);
const TARGET = new URL('../configuration.md', import.meta.url);

/** Names that are accepted and ignored wherever they stand. */
const IGNORED = /(^\$schema|^configFile|\.environment)$/;

const VARIABLES = aligned([
  ['Variable', 'Meaning'],
  ['`OPTIMIZATION_CONFIG`', 'A configuration file, see above.'],
  ['`AGENTWISE_OPTIMIZATION_…`', 'Any setting, see [below](#variables-of-settings).'],
  [
    '`CACHE_DIR`',
    'Overrides `cache.cacheDir`, wherever that was given but in `AGENTWISE_OPTIMIZATION_CACHE_CACHE_DIR`.',
  ],
  ['`SLACK_WEBHOOK_URL`', 'Secret. Incoming webhook that `monitoring.enableSlackAlerts` needs.'],
  [
    '`EMAIL_SERVICE_API`',
    'Secret. Where `monitoring.enableEmailAlerts` sends to: `https://` or `http://` of an API, `smtp://` or `smtps://` with user and password.',
  ],
  ['`EMAIL_SERVICE_TOKEN`', 'Secret. Bearer token of that API.'],
  ['`ALERT_WEBHOOK_URL`', 'Secret. Address that `monitoring.enableWebhookAlerts` needs.'],
  ['`ALERT_WEBHOOK_SECRET`', 'Secret. Key with which what goes there is signed (HMAC-SHA256).'],
  ['`PAGERDUTY_ROUTING_KEY`', 'Secret. Key that `monitoring.enablePagerDutyAlerts` needs.'],
  ['`PAGERDUTY_EVENTS_URL`', "Another address of PagerDuty's events, for example that of a region."],
  [
    '`METRICS_TOKEN`',
    'Secret. What `/metrics` asks for as `Authorization: Bearer <token>`; needed where `monitoring.metricsHost` is reached by other machines.',
  ],
  [
    '`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`',
    'Where metrics go while `monitoring.otlpEndpoint` is not set.',
  ],
  ['`OTEL_EXPORTER_OTLP_HEADERS`', 'Secret. Headers of these requests.'],
  ['`OTEL_SERVICE_NAME`', 'Name of the service in them. Default `agentwise-optimization`.'],
  ['`NODE_EXTRA_CA_CERTS`', 'Certificates that alerts and exports trust besides.'],
  ['`DEBUG`', '`DEBUG=agentwise-optimization` writes log lines to standard error.'],
  ['`NODE_ENV`', 'The environment of the command line tool, if `--environment` is not given.'],
]);

const OPTIONS = aligned([
  ['Option', 'Type', 'Default', 'Meaning'],
  ['`environment`', '`"development"`, `"staging"`, `"production"`', 'required', 'Chooses the file and the defaults.'],
  ['`configFile`', 'text', 'none', 'A configuration file, see above.'],
  [
    '`watchConfig`',
    'true, false',
    '`true`',
    'Whether changes of the configuration file are taken over while the system runs.',
  ],
  [
    '`finalReport`',
    'true, false',
    '`true`',
    'Whether `shutdown()` writes `optimization-report-<ms>.json` into the working directory.',
  ],
  ['`projectId`', 'text', 'none', 'Root of the keys of the cache, unless `cache.namespace` is set.'],
  ['`enableSharedContext`', 'true, false', '`false`', 'Whether agents share a context through a server.'],
  ['`sharedContextUrl`', '`http://` or `https://` address', '`"http://localhost:3003"`', 'Where that server is.'],
]);

const HEAD = `<!-- Generated from config/optimization.schema.json by \`npm run docs:configuration\`. Do not edit. -->

# Configuration

A configuration file is JSON or YAML in UTF-8 of at most 1 MB. Everything in it is optional. Unknown settings, wrong types
and values out of range are refused with \`E_CONFIG_INVALID\`, and all problems are listed at once, in \`err.message\` and as
\`err.problems\` (\`{ path, message }\`; the first hundred, then a count).

- \`.json\`, \`.jsonc\` and any other ending: JSON, in which comments and commas after a last item are allowed.
- \`.yaml\`, \`.yml\`: one document of YAML 1.2. Only \`true\` and \`false\` are flags. Anchors may be used, within limits.

A key that stands twice is refused. For completion and checks in an editor, let \`$schema\` name
\`config/optimization.schema.json\` of this package; in YAML, a first line \`# yaml-language-server: $schema=<path>\`.

## Where it comes from

One file is read, the first that is there. Relative paths are relative to the working directory.

1. \`configFile\`, given in code. If it is not there, a \`warning\` is emitted and the search goes on.
2. The file that \`OPTIMIZATION_CONFIG\` names. If it is not there: \`E_CONFIG_MISSING\`.
3. \`config/optimization.<environment>\` with the first of the endings \`.json\`, \`.jsonc\`, \`.yaml\`, \`.yml\`. Another one beside it is
   a \`warning\`.
4. In production also \`config/optimization\` with one of them.
5. None: the built-in defaults.

A file that is there but cannot be read or parsed is an error (\`E_CONFIG_UNREADABLE\`, with line and column), never a reason
to look further.

Later wins: built-in defaults, the file, what code passes, environment variables, \`updateConfiguration\`, and what the
auto-tuner found. The \`environment\` given in code wins over the file's. An update of a setting ends its tuning, and so does
another value in the file. \`explainConfig()\` says of each setting its value, its default, where the value is from (\`source\`,
\`name\`) and which variable sets it.

## While a system runs

\`updateConfiguration(partial)\` is checked as a whole and applied: all of it or nothing, also when a part fails. The file stays
as it is. With \`{ save: true }\` the given settings, and no others, are written into the file in use, or into a new
\`config/optimization.<environment>.json\`:

- Comments, order and layout of a JSON file stay; the result is read again and compared before it is written.
- It is written beside the file and renamed over it; mode and owner stay, and a symbolic link goes on to name what is written.
- If the file was changed since it was read, nothing happens: \`E_CONFIG_CHANGED\`. YAML files are not written: \`E_NOT_AVAILABLE\`.

The file is looked at once a second (\`watchConfig: false\` switches that off), which also sees files that are replaced, made again,
swapped by a link, or new. What is written in steps is waited for. A sound file is applied as an update is, with the event
\`configurationUpdated\` and \`source: 'file'\`. One that is not sound, or gone, changes nothing; \`configurationError\`
(\`{ file, code, error, problems }\`) is emitted once for each content. \`reloadConfiguration()\` reads the file at once.

Not taken over before the next start, with a \`warning\`: \`cache.namespace\`; the directory of the monitor's history, when
\`cache.cacheDir\` changes; the monitor's \`environment\`.

\`checkConfiguration({ environment, configFile, cwd, code })\` finds all problems without a system; \`configurationSchema()\` gives the
schema.

## Environment variables

${VARIABLES}

An empty variable counts as unset. One that begins with \`AGENTWISE_OPTIMIZATION_\` and names no setting is refused. Those of channels and exports are read when a monitor is made; a channel that is switched on
without its secret gives a \`warning\`.

## Only in code

\`new ProductionOptimizationSystem(config)\` and \`create(config)\` take every setting below and:

${OPTIONS}

## Settings

MB are 2^20 bytes. Ranges are inclusive.
`;

const number = (value) => value.toLocaleString('en-US', { maximumFractionDigits: 10 });

/** The unit that the description names; the same test that compares the schema with the settings requires it. */
function unitOf(description) {
  return /\bin (MB|ms|%|bytes|seconds|days)/.exec(description)?.[1] ?? '';
}

function kindOf({ type, enum: names, minimum, maximum, maxLength, maxItems, items, description }) {
  if (names) return names.map((name) => `\`"${name}"\``).join(', ');
  if (Array.isArray(type)) {
    const [kind] = type.filter((each) => each !== 'null');
    return `${kindOf({ type: kind, minimum, maximum, maxLength, maxItems, items, description })}, or null`;
  }
  switch (type) {
    case 'boolean':
      return 'true, false';
    case 'string':
      return `text, 1 to ${number(maxLength)} characters`;
    case 'integer':
      return `whole, ${number(minimum)} to ${number(maximum)} ${unitOf(description)}`.trim();
    case 'number':
      return `${number(minimum)} to ${number(maximum)} ${unitOf(description)}`.trim();
    case 'object':
      return 'object of objects';
    case 'array':
      if (items.type === 'object') return maxItems ? `list of at most ${number(maxItems)} objects` : 'list of objects';
      return `list of texts, each 1 to ${number(items.maxLength)} characters`;
    default:
      throw new Error(`no words for a setting of type ${type}`);
  }
}

/** A list would make its column wider than all others: it stands behind the meaning. */
function fallbackOf({ default: fallback }) {
  if (Array.isArray(fallback)) return fallback.length === 0 ? 'none' : 'see there';
  return fallback === undefined ? '–' : `\`${JSON.stringify(fallback)}\``;
}

function meaningOf(path, { default: fallback, description }) {
  const isTold = !IGNORED.test(path) || /\bignored\b/.test(description);
  const text = isTold ? description : `Ignored. ${description}`;
  if (!Array.isArray(fallback) || fallback.length === 0) return text;
  return `${text} Default: ${fallback.map((text) => `\`${text}\``).join(', ')}.`;
}

function table(path, { description, properties }) {
  const rows = [];
  const sections = [];
  for (const [key, property] of Object.entries(properties)) {
    const name = path ? `${path}.${key}` : key;
    if (property.properties) {
      sections.push(table(name, property));
      continue;
    }
    rows.push([`\`${key}\``, kindOf(property), fallbackOf(property), meaningOf(name, property)]);
  }
  const title = path ? `### \`${path}\`\n\n${description}` : '### Top level';
  const head = ['Setting', 'Type and range', 'Default', 'Meaning'];
  return [`${title}\n\n${aligned([head, ...rows])}\n`, ...sections].join('\n');
}

/** `cache.l1MaxSizeMB` as `AGENTWISE_OPTIMIZATION_CACHE_L1_MAX_SIZE_MB`, as `src/orchestrator/settings/variables.rs` has it. */
function variableOf(path) {
  const words = path
    .split('.')
    .map((key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2'));
  return `AGENTWISE_OPTIMIZATION_${words.join('_').toUpperCase()}`;
}

const VARIABLES_HEAD = `## Variables of settings

Numbers, \`true\` and \`false\` (also \`1\`, \`0\`, \`yes\`, \`no\`, \`on\`, \`off\`), names and texts are written as they are, lists of
texts with commas or as JSON, everything else as JSON.
`;

/** The variable of every setting but those that are ignored, and `environment`, which is given in code. */
function variables({ properties }, above = '') {
  return Object.entries(properties).flatMap(([key, property]) => {
    const path = `${above}${key}`;
    if (property.properties) return variables(property, `${path}.`);
    return IGNORED.test(path) || path === 'environment' ? [] : [[`\`${path}\``, `\`${variableOf(path)}\``]];
  });
}

function page(schema) {
  return `${HEAD}\n${table('', schema)}\n${VARIABLES_HEAD}\n${aligned([['Setting', 'Variable'], ...variables(schema)])}\n`;
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const text = page(JSON.parse(await readFile(SCHEMA, 'utf8')));
if (!values.check) {
  await writeFile(TARGET, text);
} else if (text !== (await readFile(TARGET, 'utf8').catch(() => ''))) {
  console.error('docs/configuration.md is out of date: run `npm run docs:configuration`');
  process.exitCode = 1;
}
