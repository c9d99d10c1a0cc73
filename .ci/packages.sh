#!/usr/bin/env bash
# The packages: put together as they are published, measured, linted, installed and used as users do. Needs what `npm ci`
# installed and, for the linters and compilers, the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT

# Fails over 15 MB for a platform.
npm run --silent pack:local -- "$work"
if readelf --version >/dev/null 2>&1; then
  # A module that was built here asks for the glibc of this machine. The workflow builds against 2.17, and checks that.
  node npm/libraries.mjs js/agentwise-optimization.linux-*-gnu.node --glibc own
else
  echo 'SKIPPED: readelf is not installed'
fi

node __test__/packages/smoke.mjs "$work"
node __test__/packages/publishing.mjs

npm ci --prefix __test__/consumers --no-audit --no-fund --loglevel=error
main=("$work"/agentwise-optimization-[0-9]*.tgz)
__test__/consumers/node_modules/.bin/publint --strict "${main[0]}"
attw() { __test__/consumers/node_modules/.bin/attw --format ascii "${main[0]}" "$@" >"$work/attw" || { cat "$work/attw"; exit 1; }; }
attw --exclude-entrypoints testing/vitest
# Vitest itself can only be imported.
attw --entrypoints testing/vitest --ignore-rules cjs-resolves-to-esm
echo 'attw: no problems'
npm run --silent test:consumers -- --packed "$work"
node __test__/consumers/bundlers.mjs --packed "$work"
node __test__/consumers/vitest.mjs --packed "$work"

node .ci/workflows.mjs
if zizmor --version >/dev/null 2>&1; then
  zizmor --offline --quiet --min-severity medium .github
else
  echo 'SKIPPED: zizmor is not installed'
fi
