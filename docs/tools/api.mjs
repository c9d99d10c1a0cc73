/**
 * Writes the API reference, docs/api/, from index.d.ts and entry/testing.d.ts by TypeDoc.
 *
 *   npm run docs:api             writes the pages
 *   npm run docs:api -- --check  exit code 1 if they are not what it would write
 *
 * Whatever TypeDoc warns of is an error: what is exported and not described, types that are used and not exported, links that lead
 * nowhere. Fields of types that are written inline may do without a description.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Application, Logger, LogLevel } from 'typedoc';

const OPTIONS = fileURLToPath(new URL('typedoc.json', import.meta.url));
const TARGET = fileURLToPath(new URL('../api', import.meta.url));

const NOTE = '<!-- Generated from declarations by `npm run docs:api`. Do not edit. -->\n\n';

class Collected extends Logger {
  problems = [];

  log(message, level) {
    const isInline = message.includes('__type') && message.includes('does not have any documentation');
    if (level >= LogLevel.Warn && !isInline) this.problems.push(message);
  }
}

/** Pages of `docs/` that comments name, as links. */
function linked(text, depth) {
  const [beginning, ...blocks] = text.split(/^(?=```)/m);
  const link = (part) =>
    part.replace(/(?<![[(/\w])docs\/([\w-]+\.md)/g, (_, page) => `[${page}](${'../'.repeat(depth)}${page})`);
  // Every other piece begins with the fence that opens a block.
  return link(beginning) + blocks.map((part, at) => (at % 2 === 0 ? part : link(part))).join('');
}

/** All pages below `directory`, by their path. */
const pagesIn = (directory) =>
  new Map(
    readdirSync(directory, { recursive: true })
      .filter((name) => name.endsWith('.md'))
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );

async function write(directory) {
  const app = await Application.bootstrapWithPlugins({ options: OPTIONS });
  const logger = new Collected();
  app.logger = logger;
  const project = await app.convert();
  if (project) {
    app.validate(project);
    app.options.setValue('out', directory);
    await app.generateOutputs(project);
  }
  for (const [name, text] of pagesIn(directory)) {
    writeFileSync(join(directory, name), NOTE + linked(text, name.split('/').length));
  }
  return logger.problems;
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const made = mkdtempSync(join(tmpdir(), 'agentwise-api-'));
try {
  // A page of something that is not exported any more goes.
  if (!values.check) rmSync(TARGET, { recursive: true, force: true });
  const problems = await write(values.check ? made : TARGET);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  if (values.check) {
    const [wanted, found] = [pagesIn(made), pagesIn(TARGET)];
    const stale = [...new Set([...wanted.keys(), ...found.keys()])].filter(
      (name) => wanted.get(name) !== found.get(name),
    );
    if (stale.length > 0) {
      console.error(`not up to date: ${stale.map((name) => `docs/api/${name}`).join(', ')}; run npm run docs:api`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
