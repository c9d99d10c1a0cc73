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

/** Those of a system that are set. */
function handedVariables() {
  const names = [...SYSTEM_VARIABLES, ...MONITOR_VARIABLES].filter((name) => process.env[name]);
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

module.exports = { SYSTEM_VARIABLES, MONITOR_VARIABLES, handedVariables };
