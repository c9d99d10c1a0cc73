#!/usr/bin/env bash
# A real Prometheus reads the metrics of a monitor, and takes the alert rules and every query of the dashboard.
#
#   .ci/prometheus.sh                 starts a monitor of this checkout
#   .ci/prometheus.sh <url> [token]   reads that of a running one: http://127.0.0.1:9464
#
# Needs prometheus and promtool. Where they are missing they are those of Debian's package, unpacked into a temporary directory; what
# cannot be had so is SKIPPED.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT

# The package is not installed: that would start a server, and wait for whoever else installs something.
unpack() {
  local options=(-qq -o Acquire::Retries=3 -o APT::Sandbox::User=root)
  cd "$work" &&
    { apt-get "${options[@]}" download prometheus ||
      { apt-get "${options[@]}" update && apt-get "${options[@]}" download prometheus; }; } &&
    dpkg -x prometheus_*.deb . &&
    usr/bin/prometheus --version && usr/bin/promtool --version
}

if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
  if ! command -v apt-get >/dev/null || ! (unpack) >"$work/unpack" 2>&1; then
    echo 'SKIPPED: prometheus is not installed, and not to be had from Debian'
    exit 0
  fi
  PATH=$work/usr/bin:$PATH
fi

prometheus --version 2>&1 | head -n 1
promtool check rules docs/operations/prometheus-alerts.yml
promtool test rules .ci/prometheus-alerts.test.yml
node .ci/prometheus.mjs "$@"
