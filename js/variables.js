'use strict';

/** Names of the environment variables that are handed to the core. */

/** Of a system. */
const SYSTEM_VARIABLES = ['CACHE_DIR', 'OPTIMIZATION_CONFIG'];

/** Of its monitor: where alerts and metrics go, and the secrets of that. */
const MONITOR_VARIABLES = [
  'SLACK_WEBHOOK_URL',
  'EMAIL_SERVICE_API',
  'EMAIL_SERVICE_TOKEN',
  'ALERT_WEBHOOK_URL',
  'ALERT_WEBHOOK_SECRET',
  'PAGERDUTY_ROUTING_KEY',
  'PAGERDUTY_EVENTS_URL',
  'METRICS_TOKEN',
  'NODE_EXTRA_CA_CERTS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
  'OTEL_SERVICE_NAME',
];

/** What the names of variables for settings begin with; the core knows which there are. */
const SETTINGS_PREFIX = 'AGENTWISE_OPTIMIZATION_';

/** Those of a system that are set, by name. */
function handedVariables(env = process.env) {
  const own = Object.keys(env).filter((name) => name.startsWith(SETTINGS_PREFIX));
  const names = [...SYSTEM_VARIABLES, ...MONITOR_VARIABLES, ...own].filter((name) => env[name]);
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

module.exports = { SETTINGS_PREFIX, MONITOR_VARIABLES, handedVariables };
