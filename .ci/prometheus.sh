#!/usr/bin/env bash
# A real Prometheus reads the metrics of a monitor, and takes the alert rules and every query of the dashboard.
#
#   .ci/prometheus.sh                 starts a monitor of this checkout
#   .ci/prometheus.sh <url> [token]   reads that of a running one: http://127.0.0.1:9464
#
# Needs prometheus and promtool. Root gets Debian's package where they are missing; else it says SKIPPED.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
  [ "$(id -u)" -ne 0 ] || echo 'prometheus is not installed: that of Debian is, if apt-get has it'
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null ||
    ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus; } >/dev/null; then
    echo 'SKIPPED: prometheus is not installed'
    exit 0
  fi
fi

prometheus --version 2>&1 | head -n 1
promtool check rules docs/operations/prometheus-alerts.yml
promtool test rules .ci/prometheus-alerts.test.yml
node .ci/prometheus.mjs "$@"
