#!/usr/bin/env bash
# What a monitor of this checkout sends by OTLP is read strictly by the message types that OpenTelemetry publishes for Python: an
# unknown field, a wrong type or a wrong enumeration is an error. Not part of .ci/run: it needs a download.
#
#   .ci/otlp.sh              starts a monitor of this checkout
#   .ci/otlp.sh < file.json  reads a request from a file
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet opentelemetry-proto==1.45.2

if [ -t 0 ] || [ ! -s /dev/stdin ]; then
  "$work/python/bin/python" .ci/otlp.py
else
  "$work/python/bin/python" .ci/otlp.py - </dev/stdin
fi
