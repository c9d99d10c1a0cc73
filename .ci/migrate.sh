#!/usr/bin/env bash
# An Agentwise is migrated and used: installed, type checked, built, its Jest tests, its example and its four scripts. The
# checkout is a small one of our own with the layout and the callers of a real one; the package is the packed one.
#
# usage: .ci/migrate.sh [directory of tarballs]     without one, they are packed here
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
# What this repository's own scripts set means nothing to the checkout.
unset NODE_OPTIONS NODE_ENV
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT

# quiet <command…>: shows what it printed only if it fails.
quiet() {
  if ! "$@" >"$work/log" 2>&1; then
    cat "$work/log"
    printf 'failed: %s\n' "$*"
    return 1
  fi
}
fail() {
  printf 'failed: %s\n' "$*"
  exit 1
}
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

# Jest gets more time for a test than it gives by itself: a machine may stand still for longer.
PATIENT=--testTimeout=60000

# Beside the checkout, as README.md makes them.
if [ $# -gt 0 ]; then
  mkdir "$work/packages"
  cp "$1"/agentwise-optimization-*.tgz "$work/packages"
else
  quiet node npm/pack.mjs "$work/packages"
fi

cp -r "$root/__test__/fixtures/agentwise" "$work/agentwise"
cd "$work/agentwise"
mv ignored .gitignore
git init --quiet
quiet npm install
# The lock file too must be as before in the end.
git add --all
git add --force package-lock.json
git -c user.name=ci -c user.email=ci@localhost commit --quiet --message 'An Agentwise'
quiet npm run typecheck
quiet npm test -- $PATIENT
echo 'the original passes its type check and its tests'

# From here on line by line what docs/migration.md and README.md say, while the package is in no registry.
quiet npm install --no-save ../packages/*.tgz
quiet npx --no-install agentwise-optimization migrate --dry-run
[ -z "$(git status --porcelain)" ] || fail "before the migration there is $(git status --porcelain)"
npx --no-install agentwise-optimization migrate >"$work/told"
[ "$(sed -n '/^Next:/{n;p}' "$work/told")" = "  npm install $(echo ../packages/*.tgz)" ] || fail "the next step is: $(cat "$work/told")"
[ -z "$(git diff --name-only -- tests examples src/agents config tsconfig.json jest.config.js)" ] || fail 'callers were changed'
npx --no-install agentwise-optimization migrate --json >"$work/second.json"
node -e '
  const { state, warnings } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  if (state !== "unchanged" || warnings.length > 0) throw new Error(`${state} ${warnings}`);' "$work/second.json"
echo 'migrated; again there is nothing to do'

quiet npm install ../packages/*.tgz
quiet npm run typecheck
quiet npm run build
[ -z "$(find dist -name '*.orig*')" ] || fail 'an original was compiled'
grep -q "agentwise-optimization/memory" dist/optimization/MemoryManager.js || fail 'the build has the original'
quiet npm test -- $PATIENT
quiet npx jest $PATIENT --config '{"roots": ["<rootDir>/tests"], "transform": {"^.+\\.ts$": ["ts-jest", {"isolatedModules": true}]}}'
echo 'type check, build, tests (also with isolatedModules) pass'

npm run --silent optimization:example >"$work/example"
grep -q 'example completed' "$work/example" || fail 'the example does not run to its end'
npm run --silent optimization:health >/dev/null
npm run --silent optimization:status >/dev/null
report=$(npm run --silent optimization:report)
[ -f "$report" ] || fail 'there is no report'
quiet npx ts-node -e "require('./src/optimization/ProductionOptimizationSystem').default.getInstance({ environment: 'development' }).then((system: any) => system.getStatus())"
node -e 'require("./dist").ProductionOptimizationSystem.create({ environment: "development", finalReport: false }).then((system) => system.shutdown())'
echo 'the example and the four scripts run to the end'

quiet npx --no-install agentwise-optimization migrate --undo
quiet npm install
[ -z "$(git status --porcelain)" ] || fail "undo leaves $(git status --porcelain; git diff)"
[ -z "$(find node_modules -maxdepth 1 -name 'agentwise-optimization*')" ] || fail 'the package is still installed'
echo 'undone: git finds no difference'
