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

/** Those of `env` that are set and are a system's, by name. */
function systemVariables(env = process.env) {
  const found = {};
  for (const name of [...SYSTEM_VARIABLES, ...MONITOR_VARIABLES]) if (env[name]) found[name] = env[name];
  for (const name of Object.keys(env)) if (name.startsWith(SETTINGS_PREFIX)) found[name] = env[name];
  return found;
}

module.exports = { SETTINGS_PREFIX, SYSTEM_VARIABLES, MONITOR_VARIABLES, systemVariables };
