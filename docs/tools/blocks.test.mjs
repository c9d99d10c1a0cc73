import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ROOT } from './markdown.mjs';

/** Runs the tool over a page with these lines. */
function over(t, ...lines) {
  const directory = mkdtempSync(join(tmpdir(), 'agentwise-docs-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const page = join(directory, 'page.md');
  writeFileSync(page, `${lines.join('\n')}\n`);
  const tool = fileURLToPath(new URL('blocks.mjs', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [tool, relative(ROOT, page)], { encoding: 'utf8' });
  return { status, stdout };
}

test('blocks that do what the page says', (t) => {
  const { status, stdout } = over(
    t,
    ...[
      '```js',
      "import { countTokens } from 'agentwise-optimization';",
      "console.log(countTokens('hello world'));",
      '```',
      '',
    ],
    ...['```text output', '2', '```', '', '```sh exit=3', 'npx agentwise-optimization no-such-command', '```', ''],
    ...[
      '```ts',
      "import type { Environment } from 'agentwise-optimization';",
      "const one: Environment = 'staging';",
      'console.log(one);',
      '```',
    ],
  );
  assert.equal(status, 0, stdout);
  assert.match(stdout, /3 run, 1 compared, 0 exceptions/);
});

for (const [name, lines, says] of [
  ['a program that throws', ['```js', "import 'node:fs';", '', "throw new Error('oh');", '```'], /page-1\.mjs:4/],
  [
    'a name that no block above makes',
    ['```js', "import 'node:fs';", '```', '', '```js', 'console.log(context);', '```'],
    /page-1\.mjs:6[\s\S]*context is not defined/,
  ],
  [
    'a name that two blocks make',
    ['```js', "import 'node:fs';", 'const a = 1;', '```', '', '```js', 'const a = 2;', '```'],
    /page-1\.mjs:7[\s\S]*'a' has already been declared/,
  ],
  ['a program that is not compiled', ['```ts', "import 'node:fs';", "const one: number = 'a';", '```'], /TS2322/],
  ['another output', ['```sh', 'echo a', '```', '', '```text output', 'b', '```'], /page\.md:5 line 1 printed instead/],
  ['a command that fails', ['```sh', 'true', 'false', '```'], /page\.md:3 ended with 1 instead of 0/],
  ['a setting that is none', ['```json', '{ "cache": { "ttl": 1 } }', '```'], /is no configuration: cache\.ttl/],
  ['no JSON', ['```json', '{', '```'], /is no JSON/],
  ['a command that nothing runs', ['```sh', 'npm run build:everything', '```'], /\.ci\/run does not call it/],
  ['files that stay', ['```sh', 'touch "$TMPDIR/left"', '```'], /left behind in tmp: left/],
]) {
  test(`${name} is found`, (t) => {
    const { status, stdout } = over(t, ...lines);
    assert.equal(status, 1, stdout);
    assert.match(stdout, says);
  });
}
