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
trap 'rm -rf "$work"' EXIT

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
npm_install() { quiet npm install --no-audit --no-fund --no-package-lock "$@"; }

packages=${1:-$work/packages}
[ $# -gt 0 ] || quiet node npm/pack.mjs "$packages"
version=$(node -p 'require("./package.json").version')
main=$packages/agentwise-optimization-$version.tgz
platform=$(find "$packages" -name "agentwise-optimization-*-$version.tgz")

# The package of the platform is in no registry before a release: it is given beside the main one.
# What `npx` does: the command comes from a package of its own, outside of the checkout.
mkdir "$work/npx"
(cd "$work/npx" && npm_install --ignore-scripts "$platform" "$main")
tool=$work/npx/node_modules/.bin/agentwise-optimization

cp -r "$root/__test__/fixtures/agentwise" "$work/agentwise"
cd "$work/agentwise"
mv ignored .gitignore
git init --quiet
git add --all
git -c user.name=ci -c user.email=ci@localhost commit --quiet --message 'An Agentwise'
npm_install
quiet npm run typecheck
quiet npm test
echo 'the original passes its type check and its tests'

quiet "$tool" migrate --package "file:$main"
[ -z "$(git diff --name-only -- tests examples src/agents config tsconfig.json jest.config.js)" ] || fail 'callers were changed'
"$tool" migrate --json >"$work/second.json"
node -e '
  const { state, warnings } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  if (state !== "unchanged" || warnings.length > 0) throw new Error(`${state} ${warnings}`);' "$work/second.json"
echo 'migrated; again there is nothing to do'

npm_install --no-save "$platform"
quiet npm run typecheck
quiet npm run build
[ -z "$(find dist -name '*.orig*')" ] || fail 'an original was compiled'
grep -q "agentwise-optimization/memory" dist/optimization/MemoryManager.js || fail 'the build has the original'
quiet npm test
quiet npx jest --config '{"roots": ["<rootDir>/tests"], "transform": {"^.+\\.ts$": ["ts-jest", {"isolatedModules": true}]}}'
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

quiet "$tool" migrate --undo
[ -z "$(git status --porcelain)" ] || fail "undo leaves $(git status --porcelain)"
echo 'undone: git finds no difference'
